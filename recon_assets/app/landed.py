"""What lies in the landing zone and is in no publication yet: files to load, and files that no source reads.

Files are told apart by path and size alone, so that a page is drawn without opening one of them.
"""

from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from recon_assets.app.parts import message
from recon_assets.catalogue import SOURCES
from recon_assets.landing.discovery import discover
from recon_assets.landing.unread import Unread, unread_files
from recon_assets.platform import Platform

_SHOWN = 20


@dataclass(frozen=True, order=True)
class Waiting:
    """Files of a month that are not in its load."""

    month: str
    source: str
    count: int


def waiting_files(platform: Platform) -> list[Waiting]:
    """Per month and source how many landed files are new or of another size than what is loaded."""
    found = []
    for source in SOURCES:
        for month, files in discover(platform.landing, source).items():
            loaded = platform.raw.read(source, month)
            known = {(file.path, file.size) for file in loaded.files} if loaded else set()
            count = sum((file.path, file.size) not in known for file in files)
            if count:
                found.append(Waiting(month, source, count))
    return sorted(found)


def render(platform: Platform, is_editor: bool) -> list[Any]:
    """What is to be loaded, by month, and what is not read and why."""
    if not platform.landing.exists():
        return [message(f"The landing folder {platform.landing.name} is not there yet.", "empty")]
    waiting, unread = waiting_files(platform), unread_files(platform.landing)
    if not waiting and not unread:
        return [html.P("Every landed file is loaded.", className="note")]
    return [*_waiting(waiting, is_editor), *_unread(unread)]


def _waiting(waiting: list[Waiting], is_editor: bool) -> list[Any]:
    if not waiting:
        return []
    items = []
    for one in waiting[:_SHOWN]:
        source = SOURCES[one.source]
        files = "1 file" if one.count == 1 else f"{one.count:,} files"
        text = f"{files} of {source.title or source.name} for {one.month}"
        run = [", ", dcc.Link("run the month", href=f"/run?month={one.month}")] if is_editor else []
        items.append(html.Li([text, *run]))
    return [html.H3("Landed, not loaded yet"), html.Ul(items), *_more(len(waiting))]


def _unread(unread: list[Unread]) -> list[Any]:
    if not unread:
        return []
    items = [html.Li([html.Code(file.path), f": {file.why}"]) for file in unread[:_SHOWN]]
    return [html.H3("Landed, read by nothing"), html.Ul(items), *_more(len(unread))]


def _more(count: int) -> list[Any]:
    left = count - _SHOWN
    return [html.P(f"and {left:,} more; `recon status` names them all.", className="note")] if left > 0 else []
