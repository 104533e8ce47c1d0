"""JSON Lines of e-invoices in declared columns, as lists and programs write them, read by Arrow piece by piece.

Whatever else lines may hold (documents, envelopes, metadata, what is damaged) is for `einvoices` to read; a piece that
has any of it is refused as a whole.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from recon_assets.catalogue import columns_of
from recon_assets.sources.blocks import BOM
from recon_assets.sources.convert import raw_rows
from recon_assets.sources.json_lines import NUMBER, read_objects
from recon_assets.sources.json_values import json_value
from recon_assets.sources.myinvois import column_of, may_hold_documents, record_fields, spelled
from recon_assets.sources.stream import Block
from recon_assets.sources.ubl import MAX_NODES
from recon_assets.sources.values import are_within

_PIECE = 16 << 20  # bytes
_LONGEST = MAX_NODES  # characters of a line: it holds no more values than a document may
_DECIMALS = frozenset(column.name for column in columns_of("einvoices") if column.kind == "decimal")


@dataclass(frozen=True)
class Reached:
    """How many records and lines of a file are read."""

    records: int = 0
    lines: int = 0


NOTHING = Reached()


@dataclass
class PlainLines:
    """Pieces of one file; `bound` is the position of each column. What is seen of its keys holds for later pieces."""

    bound: Mapping[str, int]
    _kinds: dict[str, pa.DataType] = field(default_factory=dict)  # of keys, as they are spelled
    _plain: set[str] = field(default_factory=set)  # columns whose texts do not repeat: without a dictionary

    def piece(self, stream: BinaryIO) -> bytes:
        """The next lines of a file; nothing at its end."""
        piece = stream.read(_PIECE)
        return piece + stream.readline(_LONGEST) if piece else piece

    def block(self, piece: bytes, first: int, line: int) -> Block | None:
        """The records of a piece, numbered from `first`, its lines from `line`; None when it holds anything else."""
        text = piece.removeprefix(BOM) if line == 1 else piece
        text = text.replace(b"\r\n", b"\n") if b"\r" in text else text
        found = self._read(text)
        if found is None:
            return None
        count = len(found)
        columns = {column_of(key): found[key].combine_chunks() for key in found.column_names}
        numbers = columns.get("document_number")
        if numbers is None or numbers.null_count or not all(are_within(columns[n]) for n in _DECIMALS & columns.keys()):
            return None
        nothing = pa.nulls(count, pa.string()).dictionary_encode()
        texts = {position: self._encoded(name, columns.get(name, nothing)) for name, position in self.bound.items()}
        return Block(
            texts,
            pa.array(np.arange(first, first + count)),
            pa.array(np.arange(line, line + count)),
            raw_rows=lambda rows: self._raw_rows(text.splitlines(), rows),
        )

    def _read(self, text: bytes) -> pa.Table | None:
        """The lines by key, if every key is that of one column or of none; asked again for columns that are new."""
        if not self._kinds:
            self._look_at(text.partition(b"\n")[0])
        while self._kinds:
            found = read_objects(text, pa.schema(list(self._kinds.items())), _LONGEST)
            if found is None:
                return None
            new = [key for key in found.column_names if key not in self._kinds]
            if not self._may_have(new):
                return None
            if not any(map(column_of, new)):
                return found
        return None

    def _look_at(self, line: bytes) -> None:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(content, dict) and self._may_have(content):
            texts = (key for key, value in content.items() if isinstance(value, str))
            self._kinds = dict.fromkeys(texts, pa.string()) | self._kinds

    def _may_have(self, keys: Sequence[str] | Mapping[str, object]) -> bool:
        """Whether records with these keys too are plain; then the kinds of those of columns are known."""
        declared = {key: name for key in (*self._kinds, *keys) if (name := column_of(key)) is not None}
        if any(map(may_hold_documents, keys)) or len(set(declared.values())) < len(declared):
            return False
        self._kinds |= {key: NUMBER if name in _DECIMALS else pa.string() for key, name in declared.items()}
        return True

    def _encoded(self, name: str, texts: pa.Array) -> pa.Array:
        if name in self._plain or not pa.types.is_string(texts.type):
            return texts
        encoded = texts.dictionary_encode()
        if len(encoded.dictionary) > len(texts) // 2:
            self._plain.add(name)
        return encoded

    def _raw_rows(self, lines: list[bytes], rows: Sequence[int]) -> list[str]:
        """Records as they are kept of rejected rows: numbers as they are written."""
        records = [record_fields(json_value(lines[row].decode())) or {} for row in rows]
        texts = {
            position: spelled(name, pa.array([record.get(name) for record in records], pa.string()))
            for name, position in self.bound.items()
        }
        nothing = pa.nulls(len(rows), pa.int64())
        return raw_rows(Block(texts, nothing, nothing), list(self.bound), list(range(len(rows))))


class Behind(io.RawIOBase):
    """What was read of a stream already, and the stream behind it."""

    def __init__(self, begun: bytes, stream: BinaryIO) -> None:
        self._begun, self._stream = io.BytesIO(begun), stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._begun.read(len(buffer)) or self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
