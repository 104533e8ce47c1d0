"""What callbacks share: where they are asked, who may change something, and a message where something is wrong."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from dash import State, html

from recon_assets.app import identity, pages
from recon_assets.app.pages import Site
from recon_assets.app.parts import message
from recon_assets.app.screens import Context
from recon_assets.app.tables import Table
from recon_assets.errors import InputError, ReconError

_log = logging.getLogger("recon.app")
T = TypeVar("T")
PLACE = (State("url", "pathname"), State("url", "search"), State("shown", "data"))  # of `decided_place`


def editor(site: Site) -> identity.User:
    user = identity.current_user(site.app)
    if not user.is_editor:
        raise InputError(f"{user.name} may read, not change. Ask for the editor's role.")
    return user


def decided_place(
    site: Site, path: str, search: str, shown: dict[str, str] | None, otherwise: str
) -> tuple[Context, Table]:
    """The look of a page, and the table about whose rows it can be decided; InputError `otherwise`."""
    screen = site.screen(path)
    if screen is None or screen.decided is None:
        raise InputError(otherwise)
    return site.context(screen, search, (shown or {}).get("moment")), screen.decided


def require_same_count(found: int, asked: int) -> None:
    """InputError when a filter leaves another number of rows than its reader was told."""
    if found != asked:
        raise InputError(f"{found:,} rows are shown now, not {asked:,}. Look at them again.")


def answered(answer: Callable[[], T], instead: Callable[[html.Div], Any]) -> Any:
    """The answer, or a message in its place when something a person can act on is wrong."""
    try:
        return answer()
    except pages.NothingPublished as nothing:
        return instead(message(str(nothing), "empty"))
    except ReconError as error:
        _log.warning("%s", error)
        return instead(message(str(error), "error"))
