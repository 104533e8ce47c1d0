"""What the values of e-invoice files are: documents, the API's envelopes around them, its lists, its metadata.

Spec: intake.md, 10. Keys are compared as headings are, so camelCase, PascalCase and snake_case are one. What a UBL
document holds is read in `ubl`; files, members and lines in `einvoices`.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.catalogue import columns_of, normalize_heading
from recon_assets.sources.ubl import DocumentProblem, Fields, document_fields, looks_like_tin, parse_json, parse_xml

# Keys of lists in the answers of the API (search, recent, submission) and of what people make of them.
_LISTS = ("documents", "result", "results", "documentsummary", "data")
_DOCUMENT = "document"
_SPELLINGS = {
    normalize_heading(alias): column.name
    for column in columns_of("einvoices")
    if column.heading != "derived"
    for alias in (column.name, *column.aliases)
}
# Of the Get Document answer; the totals beside them are in MYR and never compared (rule 18).
_ENVELOPE = {
    "uuid": ("uuid",),
    "submission_uid": ("submissionuid",),
    "status": ("status",),
    "validated_at": ("datetimevalidated",),
}
# What metadata alone says of a document, by the first key that is there.
_METADATA: Mapping[str, tuple[str, ...]] = _ENVELOPE | {
    "document_number": ("internalid", "codenumber"),
    "supplier_tin": ("suppliertin", "issuertin"),
    "buyer_tin": ("buyertin", "receivertin", "receiverid"),
    "issued_at": ("datetimeissued",),
    "version": ("typeversionname",),
}
_TYPE_NAMES = {
    "invoice": "01", "creditnote": "02", "debitnote": "03", "refundnote": "04",
    "selfbilledinvoice": "11", "selfbilledcreditnote": "12", "selfbilleddebitnote": "13", "selfbilledrefundnote": "14",
}  # fmt: skip
_NO_DOCUMENT: tuple[object, ...] = ("", None, [], {})
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_MOST_ENCODINGS = 4  # a document in a string in base64 in a string


def records_of(value: Any) -> Iterator[Any]:
    """The records of one value of a file: itself, or those of the lists that it holds, however deep."""
    if isinstance(value, str):
        value = _unwrapped(value)
    if isinstance(value, list):
        for item in value:
            yield from records_of(item)
    elif isinstance(value, dict) and isinstance(value.get("Invoice"), list) and len(value["Invoice"]) > 1:
        yield from ({"Invoice": [invoice]} for invoice in value["Invoice"])
    elif isinstance(value, dict) and (parts := _parts(value)) is not None:
        for part in parts:
            yield from records_of(part)
    else:
        yield value


def _unwrapped(text: str) -> Any:
    """What a string holds that stands where a record should; itself when that is nothing."""
    try:
        return _enclosed(text)
    except DocumentProblem:
        return text


def _parts(value: dict[str, Any]) -> list[Any] | None:
    """What an object holds that is no record itself; None for a record."""
    if "Invoice" in value:
        return None
    keyed = _keyed(value)
    document = keyed.get(_DOCUMENT)
    if isinstance(document, list) and (len(document) > 1 or any(_holds_records(item) for item in document)):
        return document
    if document not in _NO_DOCUMENT or keyed.get("uuid") or _spelled(keyed).get("document_number") is not None:
        return None
    named = [keyed[key] for key in _LISTS if isinstance(keyed.get(key), list | dict)]
    return named or [item for item in keyed.values() if _holds_objects(item)] or None


def _holds_records(value: Any) -> bool:
    """Whether this element `document` of XML is an envelope, rather than a document."""
    return isinstance(value, dict) and not {"document", "uuid"}.isdisjoint(_keyed(value))


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def record_fields(record: Any) -> Fields | None:
    """The fields of one record; None for metadata of a document that is landed elsewhere or nowhere.

    DocumentProblem when it is no e-invoice. A document that was only submitted has the status Submitted, a record of
    status alone (Cancelled, Invalid) has no currency and no amounts.
    """
    if not isinstance(record, dict):
        raise DocumentProblem("is not a JSON object")
    if "Invoice" in record:
        return document_fields(record)
    keyed = _keyed(record)
    if keyed.get(_DOCUMENT) not in _NO_DOCUMENT:
        return _envelope_fields(keyed)
    fields = _spelled(keyed)
    if fields.get("document_number") is not None:
        return fields
    if not keyed.get("uuid"):
        raise DocumentProblem("holds neither a UBL Invoice nor a document in an envelope nor a document_number")
    return _status_fields(keyed)


def _envelope_fields(keyed: dict[str, Any]) -> Fields:
    own = _first_of(keyed, _ENVELOPE)
    document = keyed[_DOCUMENT]
    inner = _enclosed(document)
    fields = document_fields(inner) if "Invoice" in inner else record_fields(inner) or {}
    # The body of Submit Documents: a hash and a code number beside the document, which is in base64.
    was_submitted = not {"documenthash", "codenumber"}.isdisjoint(keyed) or _is_base64(document)
    if own["status"] is None and was_submitted:
        own["status"] = fields.get("status") or "Submitted"
    return fields | {name: text for name, text in own.items() if text is not None}


def _status_fields(keyed: dict[str, Any]) -> Fields | None:
    """A record of status alone: Cancelled and Invalid override a Valid document of the uuid (rules 8 and 9)."""
    fields = _first_of(keyed, _METADATA)
    if (fields["status"] or "VALID").strip().upper() in ("VALID", "SUBMITTED"):
        return None
    name = re.sub(r"[^a-z]", "", (_plain(keyed.get("typename")) or "").lower())
    if not looks_like_tin(fields["buyer_tin"]):  # receiverId may be a registration number
        fields["buyer_tin"] = None
    return fields | {"document_type": _TYPE_NAMES.get(name)}


def _first_of(keyed: dict[str, Any], keys: Mapping[str, tuple[str, ...]]) -> Fields:
    return {name: next((t for key in tried if (t := _plain(keyed.get(key)))), None) for name, tried in keys.items()}


def _spelled(keyed: dict[str, Any]) -> Fields:
    """The declared columns among an object's keys."""
    return {_SPELLINGS[key]: _plain(item) for key, item in keyed.items() if key in _SPELLINGS}


def _keyed(value: dict[str, Any]) -> dict[str, Any]:
    return {_key(key): item for key, item in value.items()}


def column_of(key: str) -> str | None:
    """The declared column that a key of a record holds."""
    return _SPELLINGS.get(_key(key))


def may_hold_documents(key: str) -> bool:
    """Whether what has this key may be more than a record in declared columns."""
    return key == "Invoice" or _key(key) == _DOCUMENT


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    return normalize_heading(key)


def _enclosed(document: Any) -> Any:
    """The document itself: UBL, or an object that holds it; out of text, base64, or text in either."""
    for _ in range(_MOST_ENCODINGS):
        if isinstance(document, list) and len(document) == 1:
            document = document[0]
        if isinstance(document, dict) and set(document) == {"_"}:  # an element of XML
            document = document["_"]
        if isinstance(document, dict):
            return document
        if not isinstance(document, str):
            break
        document = _decoded(document)
    raise DocumentProblem("holds a document that is neither JSON nor XML nor base64 of them")


def _decoded(text: str) -> Any:
    text = text.strip("\ufeff \t\r\n")
    if text.startswith("<"):
        return parse_xml(text)
    if not _is_base64(text):
        return parse_json(text)
    try:
        content = base64.b64decode(text)
        return content.decode(json.detect_encoding(content)).lstrip("\ufeff")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise DocumentProblem(f"holds a document whose base64 cannot be read ({error})") from error


def _is_base64(document: Any) -> bool:
    return isinstance(document, str) and len(document) >= 16 and _BASE64.fullmatch(document) is not None


def _plain(value: Any) -> str | None:
    """A scalar as text; of an element of XML its text."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("_", value)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def is_portal_list(headings: list[str]) -> bool:
    """Whether a list comes from the MyInvois portal, whose times are Malaysia's."""
    return any(normalize_heading(heading).startswith(("e-invoice", "einvoice")) for heading in headings)


def spelled(column: str, texts: pa.Array) -> pa.Array:
    """Texts of a declared column in the spelling of the API: `01 - Invoice`, `Canceled`."""
    if pa.types.is_dictionary(texts.type):
        return spelled(column, texts.dictionary).take(texts.indices)
    if column == "document_type":
        return pc.replace_substring_regex(texts, r"^\s*([0-9]{1,2})\s*[-\x{2013}:].*$", r"\1")
    if column == "status":
        return pc.replace_substring_regex(texts, r"(?i)^\s*canceled\s*$", "Cancelled")
    return texts
