"""Words that mean codes, and what spreadsheets put around texts (spec/intake.md, 4)."""

import csv
import re
from functools import cache
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc

_GUARD = re.compile(r'="(.*)"', re.DOTALL)
_CODE = re.compile(r"(?:^|[(\[])\s*(0?[1-4]|1[1-4])\s*(?:$|[)\]:.\- ])")
_SCIENTIFIC = r"^\d(\.\d+)?[eE]\+\d{2}$"


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


def status(text: str) -> str:
    """The status in the spelling of MyInvois."""
    return "Cancelled" if text.strip().lower() == "canceled" else text


def currency(text: str) -> str:
    """The code of a currency's word; the text itself when it is no known word."""
    return _words("currency").get(_key(text.replace("$", " dollar ")), text)


def without_guards(texts: pa.Array) -> pa.Array:
    """Texts without the marks that keep a spreadsheet from taking them for numbers: ="0012" and '0012."""
    guarded = pc.fill_null(pc.match_substring_regex(texts, '(?s)^(=".*"|\'.*)$'), False)
    if not pc.any(guarded).as_py():
        return texts
    bare = [_bare(text) for text in texts.filter(guarded).to_pylist()]
    return pc.replace_with_mask(texts, guarded, pa.array(bare, pa.string()))


def _bare(text: str) -> str | None:
    match = _GUARD.fullmatch(text)
    inner = match[1].replace('""', '"') if match else text[1:]
    return inner.strip() or None


def looks_damaged(texts: pa.Array) -> pa.Array:
    """Which texts a spreadsheet has turned into a number in scientific notation."""
    return pc.fill_null(pc.match_substring_regex(texts, _SCIENTIFIC), False)
