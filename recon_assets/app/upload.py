"""The upload page: an editor's file, or cells that were pasted, inspected and then landed. It loads nothing.

Plain forms that the server answers with a page: a file is a part of a form, and no callback of Dash carries it.
"""

import logging
import re
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flask import Flask, Response, abort, render_template, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from recon_assets.app import identity
from recon_assets.app.dagster_api import FROM_FILES
from recon_assets.app.pages import Site, links
from recon_assets.catalogue import SOURCES
from recon_assets.errors import FileProblem, InputError, ReconError
from recon_assets.inspection import (
    Report,
    inspect_file,
    land_at,
    land_inspected,
    mending_profile,
    shown_rows,
    template,
)
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.profiles import FOLDER
from recon_assets.landing.writer import is_storable, landing_writer
from recon_assets.months import is_month
from recon_assets.platform import Platform
from recon_assets.visible import visible

PATH = "/upload"
_log = logging.getLogger("recon.app")
_MOST_KEPT = 20  # files that were inspected and have not landed
_KEPT_SECONDS = 3600
_WAIT_SECONDS = 60  # for the inspection of another file
_FIELDS = 100_000  # bytes of a form beside its file
_MOST_PARTS = 20
_TEMPLATES = {source.name: source for source in SOURCES.values() if source.example}


class _Form(BaseModel):
    """What a form of the page may say; everything else is refused."""

    model_config = ConfigDict(strict=True, extra="forbid")

    source: str = ""
    month: str = ""
    subfolder: Literal["", "issued", "received"] = ""
    pasted: str = ""
    name: str = Field("", max_length=200)
    profile: str = Field("", max_length=20_000)
    profile_name: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,60}$")
    replace: Literal["", "yes"] = ""
    act: Literal["look", "land"] = "look"

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in SOURCES:
            raise ValueError("there is no such source")
        return value


@dataclass(frozen=True)
class _Kept:
    """A file of one user between its inspection and its landing."""

    user: str
    path: Path
    at: float  # seconds of a clock that only goes forward


@dataclass
class Uploads:
    """Files that were inspected and have not landed: few, for an hour, each for the user who sent it."""

    _folder: tempfile.TemporaryDirectory[str] = field(
        # Readable by this user alone, and gone with the app.
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="recon-app-", ignore_cleanup_errors=True)
    )
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _inspecting: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, user: str, name: str, content: FileStorage | str) -> str:
        """Keep a file under its own name; the token that stands for it."""
        token = secrets.token_hex(16)
        path = Path(self._folder.name) / token / name
        path.parent.mkdir()
        if isinstance(content, str):
            path.write_bytes(content.encode("utf-8"))
        else:
            content.save(path)
        with self._lock:
            self._kept[token] = _Kept(user, path, time.monotonic())
            old = [t for t, kept in self._kept.items() if time.monotonic() - kept.at > _KEPT_SECONDS]
            over = list(self._kept)[: max(0, len(self._kept) - _MOST_KEPT)]
            for gone in {*old, *over}:
                self._drop(gone)
        return token

    def path(self, user: str, token: str) -> Path:
        with self._lock:
            kept = self._kept.get(token)
        if kept is None or kept.user != user or not kept.path.is_file():
            raise InputError("The file is not kept here any more. Choose it again.")
        return kept.path

    def forget(self, token: str) -> None:
        with self._lock:
            self._drop(token)

    def _drop(self, token: str) -> None:
        kept = self._kept.pop(token, None)
        if kept is not None:
            kept.path.unlink(missing_ok=True)
            kept.path.parent.rmdir()

    @contextmanager
    def inspecting(self) -> Iterator[None]:
        """One file at a time: an inspection takes the memory of a load."""
        if not self._inspecting.acquire(timeout=_WAIT_SECONDS):
            raise ReconError("Other files are being looked at. Try again in a minute.")
        try:
            yield
        finally:
            self._inspecting.release()


def register(server: Flask, site: Site) -> None:
    """The routes of the page. Every one of them is for editors, whom the guard of the app has named before."""
    uploads = Uploads()

    @server.get(PATH)
    def upload_page() -> Response:
        user = _editor(site)
        return _page(site, user)

    @server.post(PATH)
    def upload_file() -> Response:
        user, form, file = _editor(site), *_sent(site.app.upload_bytes)

        def look() -> Response:
            token = uploads.keep(user.name, *_content(form, file))
            return _looked_at(site, user, uploads, token, form)

        return _answered(site, user, form, look)

    @server.post(f"{PATH}/<token>")
    def upload_again(token: str) -> Response:
        user, form, _ = _editor(site), *_sent(_FIELDS)
        act = _landed if form.act == "land" else _looked_at
        return _answered(site, user, form, lambda: act(site, user, uploads, token, form), token)

    @server.get(f"{PATH}/template/<source>.csv")
    def upload_template(source: str) -> Response:
        _editor(site)
        if source not in _TEMPLATES:
            raise InputError(f"There is no template '{source[:40]}'. Choose one of the page.")
        answer = Response(template(_TEMPLATES[source]), mimetype="text/csv")
        answer.headers["Content-Disposition"] = f'attachment; filename="{source}.csv"'
        return answer


def _editor(site: Site) -> identity.User:
    user = identity.current_user(site.app)
    if not user.is_editor:
        abort(403, f"{user.name} may read, not upload. Ask for the editor's role.")
    return user


def _sent(most: int) -> tuple[_Form, FileStorage | None]:
    """The form of the request and its file; aborts with 413 or 400 when it is too large, or not one of this page."""
    request.max_content_length = most + _FIELDS
    request.max_form_memory_size = most + _FIELDS
    request.max_form_parts = _MOST_PARTS
    try:
        fields, files = request.form, request.files
    except RequestEntityTooLarge:
        abort(413, f"A file may have {most:,} bytes here. Put a larger one into the landing zone itself.")
    try:
        names = [name for sent in (fields, files) for name, _ in sent.items(multi=True)]
        if len(names) > len(set(names)) or set(files) - {"file"}:
            raise ValueError("a field is there twice, or is none of the page")
        form = _Form.model_validate(fields.to_dict())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        abort(400, f"The form is not one of this page ({first['loc'][0]}: {first['msg'][:100]}). Reload it.")
    except ValueError as error:
        abort(400, f"The form is not one of this page ({error}). Reload it.")
    file = files.get("file")
    return form, file if file is not None and file.filename else None


def _content(form: _Form, file: FileStorage | None) -> tuple[str, FileStorage | str]:
    """Name and content of what was sent: a file, or cells that were pasted."""
    if (file is None) == (not form.pasted.strip()):
        raise InputError("Choose one file, or paste cells: one of the two.")
    name = form.name.strip() or (re.split(r"[\\/]", str(file.filename))[-1] if file else "pasted.csv")
    if not is_storable(name) or name.startswith(("~$", "_")) or is_manifest(name):
        raise InputError(f"'{visible(name)[:80]}' cannot be the name of a landed file. Give it another name.")
    return name, file if file is not None else form.pasted


def _looked_at(site: Site, user: identity.User, uploads: Uploads, token: str, form: _Form) -> Response:
    """The page with the report on a kept file."""
    platform, path = Platform.from_settings(site.settings), uploads.path(user.name, token)
    with uploads.inspecting():
        report = _inspected(platform, path, form)
        proposed = form.profile
        if not proposed and not report.is_readable and report.source:
            proposed = mending_profile(platform, path, report.source, report.month or "2000-01") or ""
    return _page(site, user, form=form, report=report, token=token, profile=proposed)


def _inspected(platform: Platform, path: Path, form: _Form) -> Report:
    if form.month and not is_month(form.month):
        raise InputError(f"'{form.month[:20]}' is not a month. Write it as YYYY-MM, for example 2025-03.")
    return inspect_file(platform, path, form.source or None, form.month or None, form.profile, form.subfolder)


def _landed(site: Site, user: identity.User, uploads: Uploads, token: str, form: _Form) -> Response:
    """Land a file as it was looked at, with the profile that makes it readable; it is inspected again before."""
    platform, path = Platform.from_settings(site.settings), uploads.path(user.name, token)
    if form.profile and not form.profile_name:
        raise InputError("Give the profile a name: it lands with the file, as profiles/<name>.toml.")
    writer = landing_writer(site.settings)
    with uploads.inspecting():
        report = _inspected(platform, path, form)
        landing = land_inspected(writer, report, bool(form.replace))
        if form.profile:
            land_at(writer, f"{FOLDER}{form.profile_name}.toml", form.profile.encode("utf-8"), bool(form.replace))
    uploads.forget(token)
    _log.info("%s: %s by %s", report.landing_path, landing, user.name)
    return _page(site, user, landed=report, landing=landing)


def _answered(site: Site, user: identity.User, form: _Form, answer: Any, token: str = "") -> Response:
    """The answer, or the page with what is wrong and the form as it was sent."""
    try:
        found: Response = answer()
    except (ReconError, FileProblem) as error:
        _log.warning("%s: %s", request.path, error)
        status = 503 if isinstance(error, ReconError) and not isinstance(error, InputError) else 400
        return _page(site, user, status, form=form, problem=str(error), token=token, profile=form.profile)
    return found


def _job(landed: Report | None) -> str:
    """The job that loads and reconciles what just landed."""
    subject = SOURCES[landed.source].subject if landed and landed.source else None
    return next((job for job, own in FROM_FILES.items() if own == subject), "")


def _page(site: Site, user: identity.User, status: int = 200, **content: Any) -> Response:
    shown = {
        "links": links(site) | {PATH: "Upload"},
        "user": f"{user.name} (editor)",
        "sources": SOURCES.values(),
        "templates": _TEMPLATES,
        "most": site.app.upload_bytes,
        "form": _Form(),
        "shown_rows": shown_rows,
        "dagster_url": site.settings.dagster_url,
        "job": _job(content.get("landed")),
        **content,
    }
    return Response(visible(render_template("upload.html", **shown)), status, mimetype="text/html")
