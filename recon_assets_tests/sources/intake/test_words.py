"""Words that mean codes, and the guards of spreadsheets."""

import pyarrow as pa
import pytest

from recon_assets.sources.intake.formats import shown_number
from recon_assets.sources.intake.words import currency, document_type, is_id, looks_damaged, without_guards


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Invoice", "01"), ("IV", "01"), ("Tax Invoice", "01"), ("A/R Invoice", "01"), ("Credit Note", "02"),
        ("CN", "02"), ("Nota Kredit", "02"), ("debit note", "03"), ("Refund Note", "04"), ("Self-Billed Invoice", "11"),
        ("1", "01"), ("01 - Invoice", "01"), ("Credit Note (02)", "02"), ("Batch 12", "Batch 12"), ("XYZ", "XYZ"),
    ],
)  # fmt: skip
def test_a_word_for_a_document_type_is_its_code(word: str, code: str) -> None:
    assert document_type(word) == code


def test_the_words_of_a_profile_come_first() -> None:
    assert document_type("CN", {"cn": "04"}) == "04"


def test_a_word_for_a_currency_is_its_code() -> None:
    assert [currency(word) for word in ("RM", "rm", "Ringgit Malaysia", "US$", "S$", "€", "JPY")] == [
        "MYR", "MYR", "MYR", "USD", "SGD", "EUR", "JPY",
    ]  # fmt: skip


def test_the_guards_of_spreadsheets_are_no_part_of_a_text() -> None:
    assert without_guards(pa.array(['="0012"', "'0012", '="a""b"', '=""', "O'Neil", None])).to_pylist() == [
        "0012", "0012", 'a"b', None, "O'Neil", None,
    ]  # fmt: skip


def test_a_number_in_scientific_notation_looks_damaged() -> None:
    texts = pa.array(["2.503E+11", "2,503E+11", "1001.0", "INV-1E+11", "INV1.0", "123", None])
    assert looks_damaged(texts).to_pylist() == [True, True, True, False, False, False, False]


def test_only_ids_look_damaged_and_no_rates_or_amounts_that_are_kept_as_text() -> None:
    assert is_id("ms_subscription_id") and is_id("document_number") and is_id("buyer_tin") and is_id("uuid")
    assert not is_id("pc_to_bc_exchange_rate") and not is_id("amount") and not is_id("product")


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("12", "00000", "00012"), ("12", '"INV-"0000', "INV-0012"), ("12", "\\I\\N\\V0000", "INV0012"),
        ("123456", "000-000", "123-456"), ("1234567", "000-000", "1234-567"), ("12", '"A"000"/25"', "A012/25"),
        ("12.5", "00000", None), ("-1", "00000", None), ("12", "0", None), ("12", "0.00", None), ("12", "#,##0", None),
        ("12", "General", None), ("45000", "dd/mm/yyyy", None), ("12", '00000;[Red]-00000', "00012"),
    ],
)  # fmt: skip
def test_a_number_shown_by_a_format_of_zeros_is_the_text_as_shown(value: str, code: str, text: str | None) -> None:
    assert shown_number(value, code) == text
