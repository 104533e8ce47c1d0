"""Downloads of a manifest's files: resumed where they broke off, verified, and kept byte for byte.

A scratch folder holds `whole/<name>` (verified files) and `partial/<name>` beside `partial/<name>.json`, which says
which content the bytes belong to. A killed download leaves both, and the next one goes on from there.
"""

import gzip
import json
import re
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from recon_assets.errors import ReconError
from recon_assets.transport.arrivals import arrival_problem
from recon_assets.transport.http import Http
from recon_assets.transport.retry import TransientError

STORAGE = "Azure Storage"
_CHUNK = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class SasRefused(ReconError):
    """The token of the address is not accepted (any more): whoever gave the address gives a new one."""


class _Stopped(Exception):
    """Another file failed, so this one is left where it is."""


@dataclass(frozen=True)
class _Content:
    """Identity of what a partial file holds the beginning of, as the service's headers gave it."""

    etag: str | None
    size: int | None  # bytes
    md5: str | None  # base64, of the whole file

    @classmethod
    def of(cls, response: httpx.Response) -> "_Content":
        headers = response.headers
        partial = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        length = partial[2] if partial else headers.get("Content-Length")
        # Content-MD5 of a range is that of the range; Azure gives the whole file's beside it.
        md5 = headers.get("x-ms-blob-content-md5") or (None if partial else headers.get("Content-MD5"))
        return cls(headers.get("ETag"), int(length) if length else None, md5)


class BlobDownloads:
    """Files of one version into `scratch`. `url_of` gives the secret address of a file, anew for every attempt.

    `service` is who is asked, and `renewal` what brings new addresses, both as errors call them.
    """

    def __init__(
        self,
        http: Http,
        url_of: Callable[[str], SecretStr],
        scratch: Path,
        service: str = STORAGE,
        renewal: str = "a new export",
    ) -> None:
        self._http = http
        self._url_of = url_of
        self._service = service
        self._renewal = renewal
        self._stop = threading.Event()
        self._refused = threading.Event()
        self.whole = scratch / "whole"
        self.partial = scratch / "partial"

    def held_bytes(self) -> int:
        """Bytes of this version that are here, verified or not: what tells progress from standing still."""
        return sum(path.stat().st_size for path in self.whole.parent.rglob("*") if path.is_file())

    def fetch_all(self, names: Sequence[str], parallelism: int) -> dict[str, Path]:
        """Path of every file, whole and verified. Raises SasRefused, or ReconError when a file cannot be had."""
        self._stop.clear()
        self._refused.clear()
        with ThreadPoolExecutor(parallelism, thread_name_prefix="blob") as pool:
            futures = [pool.submit(self._fetch, name) for name in names]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:  # also when interrupted from the keyboard
                if not all(future.done() and future.exception() is None for future in futures):
                    self._give_up(futures)
        for error in _errors(futures):
            raise error
        return {name: self.whole / name for name in names}

    def _give_up(self, futures: Sequence["Future[None]"]) -> None:
        for future in futures:
            future.cancel()
        refused = any(isinstance(error, SasRefused) for error in _errors(futures))
        if not refused:  # files under way keep their connection when only the token has run out
            self._stop.set()

    def _fetch(self, name: str) -> None:
        if not (self.whole / name).is_file():
            self._http.policy.run(lambda: self._attempt(name))

    def _attempt(self, name: str) -> None:
        """One request for what is missing of a file; TransientError when more are needed."""
        if self._stop.is_set() or self._refused.is_set():
            raise _Stopped
        path = self.partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.stat().st_size if path.is_file() else 0
        content = self._known_content(path)
        if content is None or content.etag is None:
            held = 0
        headers = {"Accept-Encoding": "identity"}
        if held and content is not None and content.etag is not None:
            headers |= {"Range": f"bytes={held}-", "If-Match": content.etag}
        address = self._url_of(name).get_secret_value()
        try:
            with self._http.client.stream("GET", address, headers=headers) as response:
                whole = self._take(name, path, held, content, response)
        except httpx.RequestError as error:
            grown = path.is_file() and path.stat().st_size > held
            raise self._http.lost(self._service, error, progressed=grown) from None
        self._verify(name, path, whole)
        target = self.whole / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        _record(path).unlink(missing_ok=True)

    def _take(self, name: str, path: Path, held: int, known: _Content | None, response: httpx.Response) -> _Content:
        """Write the answer's bytes behind the `held` ones; the identity of the whole file."""
        if response.status_code == 416 and known is not None and known.size == held:
            return known  # everything was here already
        self._require_content(name, path, response)
        content = _Content.of(response)
        if response.status_code == 206:
            self._require_continuation(name, path, held, known, response)
        else:
            held = 0
        if held == 0:
            _record(path).write_text(json.dumps(asdict(content)), encoding="utf-8")
        with path.open("ab" if held else "wb") as file:
            for chunk in response.iter_raw():  # as they come: larger ones would be lost with the connection
                file.write(chunk)
                if self._stop.is_set():
                    raise _Stopped
        return known if held and known is not None else content

    def _require_content(self, name: str, path: Path, response: httpx.Response) -> None:
        self._http.raise_if_transient(self._service, response)
        status, code = response.status_code, response.headers.get("x-ms-error-code", "no code")
        if status in (412, 416):
            self._discard(path)
            raise TransientError(f"{name} is not what it was when its download began; it begins anew.")
        if status in (401, 403):
            self._refused.set()
            raise SasRefused(
                f"{self._service} refuses {name} ({status}, {code}). If {self._renewal} does not help, a firewall "
                "may be in between."
            )
        if status not in (200, 206):
            raise ReconError(
                f"{self._service} answered {status} for {name} ({code}). Run it again: {self._renewal} names its "
                "files anew."
            )

    def _require_continuation(
        self, name: str, path: Path, held: int, known: _Content | None, response: httpx.Response
    ) -> None:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        fits = match is not None and match[1] == str(held) and known is not None and known.size in (None, int(match[2]))
        if not fits:
            self._discard(path)
            raise TransientError(
                f"{self._service} sent another range or size of {name} than asked for; it begins anew."
            )

    def _verify(self, name: str, path: Path, content: _Content) -> None:
        """Size, then MD5 where given, else the check sum inside a gzip file. What fails is thrown away."""
        problem = arrival_problem(path, content.size, content.md5)
        if problem is None and content.md5 is None and name.endswith(".gz") and not _is_sound_gzip(path):
            problem = "it is not a sound gzip file"
        if problem:
            self._discard(path)
            raise TransientError(f"{name} did not arrive as it is: {problem}.")

    def _known_content(self, path: Path) -> _Content | None:
        try:
            return _Content(**json.loads(_record(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _discard(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        _record(path).unlink(missing_ok=True)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _errors(futures: Sequence["Future[None]"]) -> list[BaseException]:
    """What went wrong, the decisive first: errors of ours and defects, then a refused token."""
    found = [f.exception() for f in futures if f.done() and not f.cancelled()]
    errors = [error for error in found if error is not None and not isinstance(error, _Stopped)]
    return sorted(errors, key=lambda error: isinstance(error, SasRefused))


def _is_sound_gzip(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            while file.read(_CHUNK):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True
