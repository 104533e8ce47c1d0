"""A container: list, download, upload, with the retries of every service, and errors that a person can act on.

Nothing of an answer but its status and error code gets into a text: messages of storage may repeat what was sent.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobProperties, ContainerClient, ContentSettings
from requests.exceptions import RequestException

from recon_assets.errors import FileGone, InputError, ReconError
from recon_assets.transport.arrivals import arrival_problem, digest_of
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy, TransientError

STORAGE = "Azure Storage"
_RETRIED = frozenset({408, 429})
T = TypeVar("T")


@dataclass(frozen=True)
class BlobContainer:
    client: ContainerClient
    policy: RetryPolicy
    secrets: Secrets
    page_size: int = 5000

    @property
    def name(self) -> str:
        return str(self.client.container_name)

    def exists(self) -> bool:
        return bool(self._run("the container", self.client.exists))

    def list_blobs(self, prefix: str) -> Iterator[BlobProperties]:
        """Blobs whose name begins with `prefix`, in order of name, page by page; directories of ADLS are left out."""
        token: str | None = ""
        asked: set[str] = set()
        while token is not None:
            if token in asked:
                raise ReconError(f"{STORAGE} lists {self.name} in a circle and comes to no end. Try again later.")
            asked.add(token)
            page, token = self._page(prefix, token or None)
            for blob in page:
                if not blob.name.endswith("/") and (blob.metadata or {}).get("hdi_isfolder") != "true":
                    yield blob

    def _page(self, prefix: str, token: str | None) -> tuple[list[BlobProperties], str | None]:
        def ask() -> tuple[list[BlobProperties], str | None]:
            pages: Any = self.client.list_blobs(
                name_starts_with=prefix or None, include=["metadata"], results_per_page=self.page_size
            ).by_page(token)
            return list(next(pages)), pages.continuation_token or None

        return self._run(f"the list of {prefix or 'everything'}", ask)

    def download(self, name: str, target: Path, etag: str | None = None) -> None:
        """The whole blob into the new file `target`, in chunks of which each is verified; resumed where it broke off.

        With `etag` exactly that version, else the one that is there first. Raises FileGone when it is not there.
        """
        _Download(self, name, target, etag).run()

    def read(self, name: str) -> bytes | None:
        """Content of a small blob; None when it is not there."""
        try:
            return self._run(name, lambda: self.client.download_blob(name, validate_content=True).readall())
        except FileGone:
            return None

    def upload(self, name: str, content: Path | bytes) -> None:
        """Write a blob whole, with the MD5 of its content; it appears when it is complete."""
        settings = ContentSettings(content_md5=bytearray(_md5(content)))

        def send() -> None:
            if isinstance(content, bytes):
                self.client.upload_blob(name, content, overwrite=True, content_settings=settings, validate_content=True)
                return
            with content.open("rb") as file:
                self.client.upload_blob(name, file, overwrite=True, content_settings=settings, validate_content=True)

        self._run(name, send)

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error."""
        try:
            self._run(name, lambda: self.client.delete_blob(name))
        except FileGone:
            return

    def _run(self, what: str, ask: Callable[[], T]) -> T:
        def attempt() -> T:
            with self.problems(what):
                return ask()

        return self.policy.run(attempt)

    @contextmanager
    def problems(self, what: str, progressed: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Errors of the SDK as errors of ours; `what` is what was asked for."""
        try:
            yield
        except RequestException as error:  # the SDK lets it through where it checks a body before it hands it out
            raise _lost(error, progressed()) from None
        except AzureError as error:
            raise problem_of(
                error, f"{what} in the container {self.name}", self.policy, self.secrets, progressed()
            ) from None


class _Download:
    def __init__(self, container: BlobContainer, name: str, target: Path, etag: str | None) -> None:
        self._container, self._name, self._target = container, name, target
        self._etag = etag
        self._size: int | None = None
        self._md5: str | None = None

    def run(self) -> None:
        self._target.touch()
        self._container.policy.run(self._attempt)

    def _attempt(self) -> None:
        held = self._target.stat().st_size
        with self._container.problems(self._name, lambda: self._target.stat().st_size > held):
            if held != self._size:
                self._take(held)
        self._verify()

    def _take(self, held: int) -> None:
        """One request after the other for what is missing behind the `held` bytes."""
        chosen: dict[str, Any] = {}
        if self._etag is not None:
            chosen = {"etag": f'"{self._etag}"', "match_condition": MatchConditions.IfNotModified}
        # Without an offset the SDK copes with a blob of no bytes, of which there is no range.
        offset = held or None
        stream = self._container.client.download_blob(self._name, offset=offset, validate_content=True, **chosen)
        properties = stream.properties
        self._etag = properties.etag.strip('"')
        self._size = held + stream.size
        self._md5 = _base64(properties.content_settings.content_md5)
        with self._target.open("ab") as file:
            for chunk in stream.chunks():
                file.write(chunk)

    def _verify(self) -> None:
        problem = arrival_problem(self._target, self._size, self._md5)
        if problem:
            self._target.write_bytes(b"")
            raise TransientError(f"{self._name} did not arrive as it is: {problem}.")


def problem_of(
    error: AzureError, what: str, policy: RetryPolicy, secrets: Secrets, progressed: bool = False
) -> ReconError:
    """An error of the SDK as what it means to us. It has no secret, and is not chained to one that may have."""
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return _no_token(error, secrets)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if type(error) is AzureError:  # the SDK has no kind of its own for this
        return TransientError(f"{what} did not arrive as it is: the SDK says '{secrets.scrub(error.message)}'.")
    if status is None or status < 400:  # nothing came, or less than was announced
        return _lost(error, progressed)
    code = _code(error)
    if status in _RETRIED or status >= 500:
        pause = policy.retry_after(error.response.headers) if error.response else None  # type: ignore[attr-defined]
        return TransientError(f"{STORAGE} answered {status} ({code}) for {what}.", pause, progressed)
    if code == "ContainerNotFound":
        return InputError(f"{STORAGE} has no such place: {what}. Create the container, or correct the az:// setting.")
    if status in (404, 412, 416):
        return FileGone(f"{what} is not there in the version that was asked for ({status}, {code}).")
    if status in (401, 403):
        return InputError(
            f"{STORAGE} refuses {what} ({status}, {code}). With a key: check RECON_AZURE_ACCOUNT and "
            "RECON_AZURE_ACCOUNT_KEY. With an identity: it needs the role Storage Blob Data Contributor. A firewall of "
            "the account refuses in the same way."
        )
    return ReconError(f"{STORAGE} answered {status} ({code}) for {what}. Check the az:// settings.")


def _lost(error: Exception, progressed: bool) -> TransientError:
    return TransientError(f"The connection to {STORAGE} was lost ({type(error).__name__}).", None, progressed)


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "no code")


def _no_token(error: ClientAuthenticationError, secrets: Secrets) -> ReconError:
    lines = secrets.scrub(str(error.message)).strip().splitlines()
    refused = next((line.strip() for line in lines if "AADSTS" in line), None)
    if refused:
        return InputError(f"Microsoft Entra refused the identity: {refused} Check AZURE_TENANT_ID, AZURE_CLIENT_ID, "
                          "and the secret or certificate (expired?).")  # fmt: skip
    return InputError(
        f"No credential for {STORAGE}: {lines[0].strip() if lines else 'no reason given'} Set RECON_AZURE_ACCOUNT_KEY, "
        "or give this machine a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
    )


def _base64(announced: str | bytes | bytearray | None) -> str | None:
    """An MD5 as services write it; the SDK hands out either form."""
    if not announced:
        return None
    return announced if isinstance(announced, str) else base64.b64encode(announced).decode("ascii")


def _md5(content: Path | bytes) -> bytes:
    if isinstance(content, Path):
        return digest_of(content, "md5")
    return hashlib.md5(content, usedforsecurity=False).digest()
