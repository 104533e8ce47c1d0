"""The billing exports of Microsoft Graph: ask for one, wait for it, and take its manifest.

The contract is `POST /reports/partners/billing/.../export`, operations and manifests of the namespace
microsoft.graph.partners.billing. Which exports there are and where they land is told in `partner_center.py`; what a
manifest names is downloaded elsewhere (`transport/downloads.py`).
"""

import datetime as dt
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from recon_assets.connectors.answers import json_object
from recon_assets.connectors.graph_requests import GRAPH, GraphRequests
from recon_assets.connectors.identity import TokenSource
from recon_assets.connectors.settings import GraphSettings
from recon_assets.environment import is_loopback
from recon_assets.errors import InputError, ReconError
from recon_assets.months import is_month
from recon_assets.transport.http import Http

logger = logging.getLogger(__name__)

REDACTED = "REDACTED"
NO_DATA_CODE = "5000"  # "No data available" in Microsoft's description of a failed operation
PERMISSION = "PartnerBilling.Read.All"
_BILLING = "reports/partners/billing"
_SAFE_SEGMENT = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*")
_INVOICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class ExportFailed(ReconError):
    """Microsoft made no export; `code` is Graph's own, `no_data`: because there is nothing to export (yet)."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code
        self.no_data = code == NO_DATA_CODE


class StoredManifest(BaseModel):
    """What tells versions apart, in a manifest as it came and as it was stored."""

    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)

    created_date_time: AwareDatetime
    e_tag: str


class _Blob(BaseModel):
    name: str


class _Manifest(StoredManifest):
    blob_count: int
    blobs: list[_Blob]
    root_directory: str
    sas_token: SecretStr


@dataclass(frozen=True)
class ExportRequest:
    """An export to ask for: its address below reports/partners/billing, and the parameters beside attributeSet.

    `item` names it in errors, such as an invoice, and `what` says what of it; `advice` is what to check when it is
    refused. A manifest that names another invoice than `invoice_id` is refused.
    """

    path: str
    parameters: Mapping[str, str]
    item: str
    what: str
    advice: str
    invoice_id: str | None = None


@dataclass(frozen=True)
class ExportManifest:
    """One version of what was exported. `document` is the manifest as it came, but for its SAS token."""

    document: Mapping[str, Any]
    etag: str
    created: dt.datetime
    root: str
    sas: SecretStr
    blobs: tuple[str, ...]

    @property
    def invoice_id(self) -> str | None:
        return self._of_root("InvoiceId")

    @property
    def month(self) -> str | None:
        """Billing month `YYYY-MM` by the BillingMonth=YYYYMM of the root directory, when it says so."""
        value = self._of_root("BillingMonth") or ""
        month = f"{value[:4]}-{value[4:]}"
        return month if len(value) == 6 and is_month(month) else None

    @property
    def content_key(self) -> str:
        """Names this content, whenever its manifest was made: what a partial download is kept under."""
        return hashlib.sha256(self.etag.encode()).hexdigest()[:16]

    @property
    def version(self) -> str:
        """Folder name of this version: when it was made and its eTag, both as far as file names allow."""
        created = self.created.astimezone(dt.UTC)
        return f"{created:%Y%m%dT%H%M%S%f}Z-{re.sub('[^A-Za-z0-9]+', '', self.etag)[:40]}"

    def blob_url(self, name: str) -> SecretStr:
        """rootDirectory/name?sasToken: a secret, so it is only opened where the request is sent."""
        return SecretStr(f"{self.root}/{quote(name, safe='/=')}?{self.sas.get_secret_value()}")

    def _of_root(self, key: str) -> str | None:
        match = re.search(rf"(?:^|/){key}=([^/]+)", self.root)
        return match[1] if match else None


def require_invoice_id(text: str) -> str:
    """`text` itself when it can be an invoice id; InputError otherwise."""
    if _INVOICE_ID.fullmatch(text) is None:
        raise InputError(f"'{text}' is not an invoice id. Write it as Partner Center shows it, for example G012345678.")
    return text


class ExportApi:
    """Exports of billing data. Raises InputError when the app or the request is refused, ReconError for the rest."""

    def __init__(self, http: Http, settings: GraphSettings, token: TokenSource) -> None:
        self._graph = GraphRequests(http, settings, token, PERMISSION)
        self._http = http
        self._settings = settings

    def export(self, request: ExportRequest) -> ExportManifest:
        """Ask for a new export, wait until it is made, and give its manifest."""
        operation = self._wait_for(self._start(request), request)
        manifest = self._parse(self._manifest_document(operation, request), request)
        logger.info("%s: version %s with %d files", request.item, manifest.version, len(manifest.blobs))
        return manifest

    def _start(self, request: ExportRequest) -> str:
        body = {**request.parameters, "attributeSet": "full"}
        response = self._graph.ask("POST", f"{_BILLING}/{request.path}", request.item, request.advice, json=body)
        location: str | None = response.headers.get("Location")
        if location is None:  # the OpenAPI description, unlike the documentation, answers with the operation itself
            location = f"{_BILLING}/operations/{quote(str(json_object(GRAPH, response).get('id', '')), safe='')}"
        return location

    def _wait_for(self, url: str, request: ExportRequest) -> Mapping[str, Any]:
        policy = self._http.policy
        deadline = policy.clock() + dt.timedelta(seconds=self._settings.poll_timeout_seconds)
        while True:
            response = self._graph.ask("GET", url, request.item, request.advice)
            operation = json_object(GRAPH, response)
            status = operation.get("status")
            if status in ("succeeded", "completed"):  # enumeration and description of the contract differ
                return operation
            if status == "failed":
                raise self._failure(operation, request)
            if status not in ("notStarted", "running"):
                raise ReconError(f"{GRAPH} gave the export of {request.item} the status '{status}'. Run it again.")
            if policy.clock() >= deadline:
                raise ReconError(
                    f"The export of {request.item} was not made in {self._settings.poll_timeout_seconds:.0f} s. Run "
                    "it again later, or raise RECON_GRAPH_POLL_TIMEOUT_SECONDS."
                )
            policy.sleep(self._pause(policy.retry_after(response.headers)))

    def _pause(self, asked: float | None) -> float:
        wanted = self._settings.poll_seconds if asked is None else asked
        return min(max(wanted, self._settings.poll_shortest_seconds), self._settings.longest_wait_seconds)

    def _failure(self, operation: Mapping[str, Any], request: ExportRequest) -> ExportFailed:
        error = operation.get("error")
        error = error if isinstance(error, dict) else {}
        code = str(error.get("code", ""))
        reason = self._http.secrets.scrub(str(error.get("message") or "no reason given"))
        return ExportFailed(
            f"{GRAPH} could not export the {request.what} of {request.item}: {reason} (code {code or 'none'}, "
            f"operation {operation.get('id')}). Check {request.advice}; what is billed is there some days after the "
            "invoice. If it stays, give Microsoft support the operation's id.",
            code,
        )

    def _manifest_document(self, operation: Mapping[str, Any], request: ExportRequest) -> Mapping[str, Any]:
        """The manifest, given inline, or by its address (resourceLocation@odata.navigationLink), or by its id."""
        inline = operation.get("resourceLocation")
        if isinstance(inline, dict) and "blobs" in inline:
            return inline
        link = operation.get("resourceLocation@odata.navigationLink")
        if link is None and isinstance(inline, dict) and "id" in inline:
            link = f"{_BILLING}/manifests/{quote(str(inline['id']), safe='')}"
        if not isinstance(link, str):
            raise ReconError(
                f"{GRAPH} says the export is made, but not where (operation {operation.get('id')}). Run it again."
            )
        return json_object(GRAPH, self._graph.ask("GET", link, "the manifest", request.advice))

    def _parse(self, document: Mapping[str, Any], request: ExportRequest) -> ExportManifest:
        try:
            fields = _Manifest.model_validate(document)
        except ValidationError as error:
            wrong = ", ".join(".".join(str(p) for p in item["loc"]) for item in error.errors(include_input=False))
            raise ReconError(f"The manifest of {request.item} is not as published; look at: {wrong}.") from None
        sas = fields.sas_token.get_secret_value().lstrip("?")
        self._http.secrets.add(sas)
        manifest = ExportManifest(
            document={**document, "sasToken": REDACTED},
            etag=fields.e_tag,
            created=fields.created_date_time,
            root=fields.root_directory.rstrip("/"),
            sas=SecretStr(sas),
            blobs=tuple(blob.name for blob in fields.blobs),
        )
        self._require_sound(manifest, fields.blob_count, request)
        return manifest

    def _require_sound(self, manifest: ExportManifest, count: int, request: ExportRequest) -> None:
        problem = None
        names = manifest.blobs
        if count != len(names) or len({name.lower() for name in names}) != count:
            problem = f"it counts {count} files and names {len(set(names))}"
        elif unsafe := [name for name in names if not _is_safe(name)]:
            problem = f"the file name {unsafe[0]!r} cannot be stored"
        elif not self._is_safe_root(manifest.root):
            problem = "its root directory is not an https address of a folder"
        elif manifest.invoice_id not in (None, request.invoice_id):
            problem = f"it is the manifest of {manifest.invoice_id}"
        elif not self._is_known_host(manifest.root):
            problem = f"its files are on {urlsplit(manifest.root).hostname}, which is none of RECON_GRAPH_BLOB_HOSTS"
        elif not manifest.sas.get_secret_value():
            problem = "it has no SAS token"
        elif manifest.sas.get_secret_value() in str(manifest.document):
            problem = "its SAS token stands in another field too, so it cannot be stored"
        if problem:
            raise ReconError(f"The manifest of {request.item} cannot be used: {problem}. Run it again.")

    def _is_safe_root(self, root: str) -> bool:
        parts = urlsplit(root)
        local = parts.scheme == "http" and is_loopback(root) and is_loopback(self._settings.base_url)
        plain = not parts.query and not parts.fragment and parts.username is None
        return bool(parts.hostname) and plain and (parts.scheme == "https" or local)

    def _is_known_host(self, root: str) -> bool:
        """Whether an answer may lead this machine there: to storage, not to what only this machine can reach."""
        host = (urlsplit(root).hostname or "").lower()
        local = is_loopback(root) and is_loopback(self._settings.base_url)
        return host.endswith(tuple(self._settings.blob_hosts)) or local


def _is_safe(name: str) -> bool:
    """Whether a blob's name can be a path below the version's folder beside manifest.json, on every system."""
    segments = name.split("/")
    return all(_SAFE_SEGMENT.fullmatch(part) for part in segments) and name.lower() != "manifest.json"
