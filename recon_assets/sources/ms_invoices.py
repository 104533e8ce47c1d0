"""Invoices of Partner Center, as its API answers them: one JSON document of one invoice or of several."""

import json
from pathlib import Path
from typing import Any

from recon_assets.catalogue import columns_of
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.stream import Record, RecordTable
from recon_assets.sources.unpack import UnpackLimits, open_text

_SOURCE = "ms_invoices"
_LARGEST = 16 << 20  # characters: a page of invoices has some hundred thousand


def open_ms_invoices(path: Path, file: str, limits: UnpackLimits) -> tuple[RecordTable, dict[str, int]]:
    """The invoices of a file as a table and the position of each column; FileProblem when it holds none."""
    headings = [column.aliases[0] for column in columns_of(_SOURCE)]
    records = [_record(invoice, headings, n) for n, invoice in enumerate(_invoices(path, file, limits), start=1)]
    return RecordTable(headings, lambda: iter(records)), bind_columns(_SOURCE, headings, file)[0]


def _invoices(path: Path, file: str, limits: UnpackLimits) -> list[Any]:
    with open_text(path, file, limits) as text:
        try:
            content = text.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise FileProblem(file, f"is larger than {_LARGEST} characters; fetch fewer invoices at once")
            found = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
        except json.JSONDecodeError as error:
            raise FileProblem(
                file, f"is not valid JSON ({error.msg}, line {error.lineno}); it may be cut off, fetch it again"
            ) from error
        except (RecursionError, UnicodeDecodeError) as error:
            raise FileProblem(file, f"is no invoice of Partner Center ({error}); fetch it again") from error
    if isinstance(found, dict) and isinstance(found.get("items"), list):
        return list(found["items"])
    if isinstance(found, dict) and "id" in found:
        return [found]
    if isinstance(found, list):
        return found
    raise FileProblem(file, "is no invoice of Partner Center: it has neither 'id' nor a list 'items'; fetch it again")


def _record(invoice: Any, headings: list[str], number: int) -> Record:
    if not isinstance(invoice, dict):
        return Record((), number, problem="the invoice is not an object", text=json.dumps(invoice))
    return Record([_text(invoice.get(heading)) for heading in headings], number)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
