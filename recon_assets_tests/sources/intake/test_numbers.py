"""Numbers as people write them."""

import pyarrow as pa
import pytest

from recon_assets.sources.intake.numbers import Reading, decide, look_at, parts_of, plain_number, to_plain


def plain(text: str, mark: str = ".") -> str | None:
    parts = parts_of(text)
    return None if parts is None else plain_number(parts, mark)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,23,456.78", "123456.78"),
        ("(500.00)", "-500.00"),
        ("(RM 500.00)", "-500.00"),
        ("RM (500.00)", "-500.00"),
        ("500.00-", "-500.00"),
        ("\u2212500.00", "-500.00"),
        ("-RM 500.00", "-500.00"),
        ("RM-500", "-500"),
        ("RM1,000.00", "1000.00"),
        ("1,000.00 MYR", "1000.00"),
        ("US$ 5.00", "5.00"),
        ("500.00 CR", "-500.00"),
        ("500.00 DR", "500.00"),
        ("1 234.50", "1234.50"),
        ("1\u00a0234.50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("-", "0"),
        (" \u2013 ", "0"),
        ("RM -", "0"),
        (".50", "0.50"),
        ("+3", "3"),
    ],
)
def test_a_written_number_is_the_number_that_its_marks_and_words_say(text: str, number: str) -> None:
    assert plain(text) == number


@pytest.mark.parametrize("text", ["", "abc", "1-2", "12 34", "1.2.3", "RM", "(5", "5)", "--5", "1,2,3", "12/5", "5%"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert plain(text) is None


def test_a_value_that_a_mark_does_not_explain_is_none_under_it() -> None:
    assert plain("1.234,50") is None and plain("1.234,50", ",") == "1234.50"
    assert plain("1,234.50", ",") is None
    assert plain("0.123", ",") is None  # no group of thousands begins with 0


def decided(*values: str, told: str | None = None, currencies: frozenset[str] = frozenset()) -> list[str | None]:
    """The decimal marks of columns with one value each."""
    looks = [look_at(str(n), pa.array([value])) for n, value in enumerate(values)]
    decision = decide(looks, set(currencies), told)  # type: ignore[arg-type]
    return [decision.marks.get(str(n)) for n in range(len(values))]


def test_a_column_that_is_open_follows_the_decided_columns_of_its_file() -> None:
    assert decided("1,234", "98.76") == [".", "."]
    assert decided("1,234", "98,76") == [",", ","]
    assert decided("1.234", "1.234.567") == [",", ","]


def test_a_column_that_nothing_decides_is_undecided_unless_somebody_said_the_mark() -> None:
    assert decided("1.234") == [None]
    assert decided("1.234", "100") == [None, "."]
    assert decided("1.234", told=",") == [","]
    assert decided("1.234", "98.76", "98,76") == [None, ".", ","]  # the file's columns disagree


def test_a_currency_of_three_decimals_explains_them() -> None:
    assert decided("1.234", currencies=frozenset({"KWD"})) == ["."]
    assert decided("1,234", currencies=frozenset({"KWD"})) == [","]
    assert decided("1.234", currencies=frozenset({"KWD", "MYR"})) == [None]


def test_typed_cells_never_ask() -> None:
    texts, typed = pa.array(["1.234", "2.345,50"]), pa.array([True, False])
    look = look_at("amount", texts, typed)
    assert look.readings[Reading.OPEN] == 0 and look.decided == ","
    assert to_plain(texts, typed, ",").to_pylist() == ["1.234", "2345.50"]


def test_a_value_of_the_other_dialect_does_not_convert_by_accident() -> None:
    changed = to_plain(pa.array(["1.234,50", "50.25", "7"]), None, ",").to_pylist()
    assert changed == ["1234.50", "50.25 (decimal mark ,)", "7"]
    assert to_plain(pa.array(["1,5", "abc", None]), None, ".").to_pylist() == ["1,5", "abc", None]
