"""JSON Lines: what Arrow reads is what Python reads line by line, whatever stands in between."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from recon_assets.sources import blocks, json_lines
from recon_assets.sources.json_lines import JsonLinesTable
from recon_assets.sources.unpack import UnpackLimits

HEADINGS = ["MeterName", "Quantity", "Tags"]
PLAIN = b'{"meterName": "LRS", "quantity": 1.10, "tags": "a", "other": 5}'
BESIDE = {
    "a quoted number": b'{"meterName": "LRS", "quantity": "1.10"}',
    "a number in words": b'{"meterName": "LRS", "quantity": "1.234,50"}',
    "a number in powers of ten": b'{"meterName": "LRS", "quantity": 1.5e-7}',
    "more decimals than Arrow is asked for": b'{"meterName": "LRS", "quantity": 0.1234567890123456789012345678}',
    "more digits than a decimal has": b'{"meterName": "LRS", "quantity": 123456789012345678901234567890123456789.1}',
    "a number in a column of texts": b'{"meterName": 7, "quantity": 1}',
    "an object in a column of texts": b'{"tags": {"a": "b"}, "meterName": "LRS"}',
    "a truth value": b'{"meterName": true, "quantity": 2}',
    "nothing": b'{"meterName": null, "quantity": null, "tags": null}',
    "no key that is wanted": b'{"other": 1}',
    "a key in another case": b'{"MeterName": "LRS", "Quantity": 3}',
    "two spellings of a key, one empty": b'{"meterName": "LRS", "METERNAME": null, "quantity": 3}',
    "a key twice": b'{"meterName": "LRS", "meterName": "GRS"}',
    "a new key that is wanted by no column": b'{"meterName": "LRS", "extra": [1, {"a": 2}]}',
    "a character in two halves": b'{"meterName": "\\ud83d\\ude00"}',
    "half a character": b'{"meterName": "\\ud83d"}',
    "bytes that are no UTF-8": b'{"meterName": "M\xfcller"}',
    "no UTF-8 in a column that nobody wants": b'{"meterName": "LRS", "other": "M\xfcller"}',
    "two objects on a line": PLAIN + PLAIN,
    "an object over two lines": b'{"meterName":\n"LRS"}',
    "two lines of which one holds two objects": PLAIN + PLAIN + b'\n{"tags":\n"b"}',
    "a comma behind": PLAIN + b",",
    "a list": b"[" + PLAIN + b"]",
    "a number that is none": b'{"meterName": "LRS", "quantity": NaN}',
    "a zero before": b'{"meterName": "LRS", "quantity": 01}',
    "a comment": PLAIN + b" // no",
    "a blank line": b"",
    "blanks around": b"  " + PLAIN + b" \t",
    "an end of line of its own": PLAIN + b"\r",
    "returns alone": PLAIN + b"\r" + PLAIN,
    "a mark of the byte order": b"\xef\xbb\xbf" + PLAIN,
    "a control character": b'{"meterName": "a\tb"}',
    "what is cut off": PLAIN[:-9],
}


@pytest.mark.parametrize("last", [b"", b"\n", b"\n\n"], ids=["no end of line", "an end of line", "a blank line behind"])
@pytest.mark.parametrize("line", BESIDE.values(), ids=BESIDE)
def test_a_file_is_read_alike_by_arrow_and_line_by_line(
    line: bytes, last: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n".join([PLAIN, line, PLAIN]) + last)
    monkeypatch.setattr(blocks, "_PIECE", 5)  # what is sought lies over the ends of what is looked at in one go
    fast = records(path)
    monkeypatch.setattr(json_lines, "_plain_block", lambda *given: None)
    assert fast == records(path)


def test_arrow_reads_what_programs_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\r\n".join([PLAIN, BESIDE["nothing"], BESIDE["a quoted number"], PLAIN]))
    monkeypatch.setattr(json_lines, "_block", None)
    found = records(path)
    assert [line for line, *_ in found["rows"]] == [1, 2, 3, 4]
    assert [quantity for *_, quantity, _ in found["rows"]] == [Decimal("1.10"), None, Decimal("1.10"), Decimal("1.10")]


@pytest.mark.parametrize(("number", "is_read"), [("1E+0002", False), ("1.e-0002", False), ("1E+002", True)])
def test_powers_of_ten_of_four_digits_are_left_to_python(
    number: str, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_PIECE", 5)
    text = f'{{"id": "1e0005", "quantity": {number}}}\n'.encode()
    found = json_lines.read_objects(text, pa.schema([("quantity", json_lines.NUMBER)]))
    assert (found is not None) == is_read


def test_numbers_and_lines_go_on_from_piece_to_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n".join([PLAIN, b"", b"no JSON", PLAIN, *[PLAIN] * 20]))
    whole = records(path)
    monkeypatch.setattr(json_lines, "_PIECE", 100)
    assert records(path) == whole
    assert [(line, number) for line, number, *_ in whole["rows"]][:3] == [(1, 1), (4, 3), (5, 4)]


def records(path: Path) -> dict[str, Any]:
    """Lines, numbers and values of the records, those that cannot be read, and the keys found."""
    keys: list[set[str]] = []
    table = JsonLinesTable(path, path.name, UnpackLimits(1000, 1 << 30), HEADINGS, {1}, keys.append)
    rows, unreadable = [], []
    for block in table.blocks({0, 1, 2}):
        names, numbers, tags = (block.texts[n].to_pylist() for n in range(3))
        quantities = [_number(text) for text in numbers]
        told = zip(block.lines.to_pylist(), block.numbers.to_pylist(), names, quantities, tags, strict=True)
        raw = block.raw_rows(range(len(names))) if block.raw_rows else []
        rows += [(*row, text.strip()) for row, text in zip(told, raw, strict=True)]
        unreadable += block.unreadable
    return {"rows": [row[:-1] for row in rows], "raw": [row[-1] for row in rows], "not": unreadable, "keys": keys}


def _number(text: Any) -> Any:
    try:
        number = None if text is None else Decimal(text)
    except ArithmeticError:
        return text
    return text if number is not None and number.is_nan() else number  # no NaN equals another
