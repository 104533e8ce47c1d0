"""Microsoft's invoices: JSON as Partner Center's API answers them, or their lines as FOCUS 1.4 has them."""

import json
from pathlib import Path
from typing import Any

from recon_assets.catalogue import columns_of
from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_by_priority, bind_columns, has_required
from recon_assets.sources.convert import Frame, Origin
from recon_assets.sources.delimited import open_delimited
from recon_assets.sources.parquet import open_parquet
from recon_assets.sources.stream import Record, RecordTable, Table
from recon_assets.sources.unpack import UnpackLimits, open_text

_SOURCE = "ms_invoices"
_LINES = "ms_invoices.invoice_detail"
_LARGEST = 16 << 20  # characters: a page of invoices has some hundred thousand


def open_ms_invoices(path: Path, origin: Origin, limits: UnpackLimits) -> tuple[Table, Frame]:
    """The invoices of a file, or their lines, as a table; FileProblem when it holds neither."""
    if not origin.file.lower().removesuffix(".gz").endswith(".json"):
        return _open_lines(path, origin, limits)
    headings = [column.aliases[0] for column in columns_of(_SOURCE)]
    records = [_record(invoice, headings, n) for n, invoice in enumerate(_invoices(path, origin.file, limits), start=1)]
    bound = bind_columns(_SOURCE, headings, origin.file)[0]
    return RecordTable(headings, lambda: iter(records)), Frame(columns_of(_SOURCE), bound, origin)


def _open_lines(path: Path, origin: Origin, limits: UnpackLimits) -> tuple[Table, Frame]:
    if origin.file.lower().endswith(".parquet"):
        table: Table = open_parquet(path, origin.file)
    else:
        table = open_delimited(path, origin.file, limits, lambda headings: has_required(_LINES, headings, set()))
    bound = bind_by_priority(_LINES, table.headings, origin.file, set())
    kept = {column.name: column.kind for column in columns_of(_SOURCE)}
    return table, Frame(columns_of(_LINES), bound, origin, kept)


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
