"""What callbacks share: who may change something, and a message in place of an answer when something is wrong."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from dash import html

from recon_assets.app import identity, pages
from recon_assets.app.pages import Site
from recon_assets.app.parts import message
from recon_assets.errors import InputError, ReconError

_log = logging.getLogger("recon.app")
T = TypeVar("T")


def editor(site: Site) -> identity.User:
    user = identity.current_user(site.app)
    if not user.is_editor:
        raise InputError(f"{user.name} may read, not change. Ask for the editor's role.")
    return user


def answered(answer: Callable[[], T], instead: Callable[[html.Div], Any]) -> Any:
    """The answer, or a message in its place when something a person can act on is wrong."""
    try:
        return answer()
    except pages.NothingPublished as nothing:
        return instead(message(str(nothing), "empty"))
    except ReconError as error:
        _log.warning("%s", error)
        return instead(message(str(error), "error"))
