"""Words that mean codes, and what spreadsheets put around texts (spec/intake.md, 4)."""

import csv
import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.sources.values import bytes_of

_GUARD = re.compile(r'="(.*)"', re.DOTALL)
_CODE = re.compile(r"(?:^|[(\[])\s*(0?[1-4]|1[1-4])\s*(?:$|[)\]:.\- ])")
# What follows the word of a status: "Overdue by 3 days", "Cancelled on 5 March", "Void (entered twice)".
_DETAIL = re.compile(r"\s+(?:on|by|at|since|due|for|pada|oleh)\b|\s*[(:;,]|\s+[-\u2013\u2014]|\s+\d")
DocumentStatus = Literal["issued", "not_issued"]
_DAMAGED = r"^\d([.,]\d+)?[eE]\+\d{2}$|^\d+\.0$"
_IDS = ("_id", "_uid", "uuid", "_number", "_code", "_tin", "_reference")  # ends of columns of them
_SIGNS = {"€": "EUR", "£": "GBP"}


@cache
def _words(kind: str) -> dict[str, str]:
    text = files("recon_assets.sources.intake").joinpath("words.csv").read_text(encoding="utf-8")
    return {row["word"]: row["means"] for row in csv.DictReader(text.splitlines()) if row["kind"] == kind}


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def document_type(text: str, more: dict[str, str] | None = None) -> str:
    """The code of a document type's word; the text itself when it is no known word."""
    key = _key(text)
    told = {_key(word): code for word, code in (more or {}).items()}
    known = told.get(key) or _words("document_type").get(key)
    if known:
        return known
    code = _CODE.search(text)
    return code[1].zfill(2) if code else text


def status_key(text: str) -> str:
    """A word of a status as words are compared: without case, marks and what follows it, such as `Void (twice)`."""
    head = _DETAIL.split(unicodedata.normalize("NFKC", text).casefold().strip(), maxsplit=1)[0]
    return " ".join(re.findall(r"[^\W_]+", head)) or text.strip()


def document_status(text: str) -> DocumentStatus | None:
    """Whether a document of this status was issued; None for a word that is not known."""
    return cast("DocumentStatus | None", _words("document_status").get(status_key(text)))


def not_issued_words() -> list[str]:
    """Every word of a document that was never issued, or was taken back."""
    return [word for word, means in _words("document_status").items() if means == "not_issued"]


def flag(text: str) -> bool | None:
    """What a cell of a yes/no column says; None for what is neither."""
    key = _words("flag").get(text.strip().casefold())
    return None if key is None else key == "yes"


def status(text: str) -> str:
    """The status in the spelling of MyInvois."""
    return "Cancelled" if text.strip().lower() == "canceled" else text


def currency(text: str) -> str:
    """The code of a currency's word; the text itself when it is no known word."""
    return known_currency(text) or text


def known_currency(text: str) -> str | None:
    """The code of a currency's word; None when it is no known word."""
    return _words("currency").get(_key(text.replace("$", " dollar "))) or _SIGNS.get(text.strip())


def without_guards(texts: pa.Array) -> pa.Array:
    """Texts without the marks that keep a spreadsheet from taking them for numbers: ="0012" and '0012."""
    if not pc.any(pc.or_(pc.starts_with(texts, "="), pc.starts_with(texts, "'"))).as_py():  # sooner told than a pattern
        return texts
    guarded = pc.fill_null(pc.match_substring_regex(texts, '(?s)^(=".*"|\'.*)$'), False)
    bare = [_bare(text) for text in texts.filter(guarded).to_pylist()]
    return pc.replace_with_mask(texts, guarded, pa.array(bare, pa.string()))


def _bare(text: str) -> str | None:
    match = _GUARD.fullmatch(text)
    inner = match[1].replace('""', '"') if match else text[1:]
    return inner.strip() or None


def is_id(column: str) -> bool:
    """Whether a column of texts holds ids, which no program may take for numbers."""
    return column.endswith(_IDS)


def looks_damaged(texts: pa.StringArray) -> pa.Array:
    """Which ids a program has taken for numbers: in scientific notation, as spreadsheets do, or with a decimal 0."""
    # A plus or a point first: comparing bytes takes a tenth of the time that looking for a text does.
    if not any((bytes_of(texts) == sign).any() for sign in b"+."):
        return pa.repeat(False, len(texts))
    return pc.fill_null(pc.match_substring_regex(texts, _DAMAGED), False)


def is_made_of_text(texts: pa.Array) -> pa.Array:
    """Which typed cells of a column of texts are something else than what was written: numbers of more digits than a
    spreadsheet keeps, 15, and days that it made of numbers such as 3-5."""
    return pc.fill_null(pc.match_substring_regex(texts, r"^\d{16,}$|^\d{4}-\d{2}-\d{2}( |$)"), False)
