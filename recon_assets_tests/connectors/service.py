"""A stateful service in place of Microsoft's: Entra (over TLS), Graph, Partner Center and blob storage.

Graph's part is meant to stand behind the contract proxy (`proxy.py`); it knows the proxy's address for its Locations.
Faults are planted per route and used up one request at a time.
"""

import base64
import datetime as dt
import gzip
import hashlib
import ipaddress
import json
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from recon_assets_tests.connectors.drive_service import SIGNATURE, Drive

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT_SECRET = "CANARY-client-secret~0123456789"
TOKEN = "CANARY-access-token-abcdefghij"
CANARIES = (CLIENT_SECRET, TOKEN, SIGNATURE, "CANARY")
BILLING = "#microsoft.graph.partners.billing"
CREATED = "2025-04-02T06:34:34.87Z"


def usage_file(lines: int, invoice: str = "G000000001", month: str = "2025-03") -> bytes:
    """A file as an export has it: gzipped JSON Lines, hardly compressible so that it has a size."""
    rows = [
        {
            "InvoiceNumber": invoice,
            "ChargeStartDate": f"{month}-01T00:00:00Z",
            "ResourceURI": hashlib.sha256(f"{invoice}{n}".encode()).hexdigest() * 4,
        }
        for n in range(lines)
    ]
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)


def reconciliation_file(lines: int, invoice: str = "G000000001") -> bytes:
    """A file of the reconciliation export of new commerce, likewise; lines that are not billed have no invoice."""
    rows = [
        {
            "PartnerId": "6e75cca6-47f0-47a3-a928-9d5315750bd9",
            "CustomerName": "Contoso",
            "InvoiceNumber": invoice,
            "ProductName": "Microsoft 365 Business Premium",
            "ChargeType": "cycleCharge",
            "UnitPrice": "12.5",
            "Quantity": "4",
            "Subtotal": "50",
            "TaxTotal": "9.5",
            "Total": "59.5",
            "Currency": "EUR",
            "SubscriptionId": f"44444444-aaaa-4bbb-8ccc-{n:012d}",
            # A charge of a year, dated in a month before that of the invoice: it says nothing of the invoice's month.
            "ChargeStartDate": "2024-11-01T00:00:00Z",
            "ChargeEndDate": "2025-10-31T00:00:00Z",
        }
        for n in range(lines)
    ]
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)


@dataclass
class Invoice:
    """What Microsoft holds of an invoice now, or in its place of a currency's unbilled lines."""

    blobs: dict[str, bytes]
    etag: str = "WYjLro78HdMg6vUWR"
    created: str = CREATED
    month: str | None = "2025-03"  # None: the root directory does not say
    inline: bool = False  # the manifest comes inside the operation instead of by its address
    error: Mapping[str, str] | None = None  # the export fails with it
    manifest_changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Answer of one request instead of the right one; `drop_after` bytes of the right one, then a lost connection."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    drop_after: int | None = None


class Service:
    """The state behind the servers; `reset` between tests."""

    def __init__(self) -> None:
        self._http = _server(self, _Handler)
        self._https = _server(self, _EntraHandler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.authority = f"https://127.0.0.1:{self._https.server_port}"
        self.public_url = self.url
        self.certificate = b""
        self.token = TOKEN  # what Entra gives
        self.reset()

    def start(self, folder: Path) -> Path:
        """Start both servers; the path of the certificate to trust."""
        bundle, key = _certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bundle, key)
        self._https.socket = context.wrap_socket(self._https.socket, server_side=True)
        for server in (self._http, self._https):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return bundle

    def stop(self) -> None:
        for server in (self._http, self._https):
            server.shutdown()
            server.server_close()

    def reset(self) -> None:
        self.invoices: dict[str, Invoice] = {}
        self.listed: dict[str, Any] = {"totalCount": 0, "items": [], "links": {}, "attributes": {"objectType": "x"}}
        self.by_id: dict[str, Any] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[tuple[str, str]] = []  # route, subject
        self.exports: list[tuple[str, dict[str, str]]] = []  # address below partners/billing, and body
        self.ranges: list[str] = []
        self.breaks_contract = False
        self.polls_until_made = 1
        self.retry_after: str | None = "3"
        self.with_md5 = True
        self.hold = threading.Event()  # not set: requests of blobs in `held` wait
        self.held: set[str] = set()
        self.held_requested = threading.Event()
        self.sas_number = 0
        self.sas_valid_from = 0
        self.sas_uses_left: int | None = None
        self.drive = Drive()
        self._polls: dict[str, int] = {}
        self._manifests: dict[str, dict[str, Any]] = {}

    def plant(self, route: str, *faults: Fault) -> None:
        self.faults[route].extend(faults)

    def count(self, route: str) -> int:
        return sum(1 for asked, _ in self.requests if asked == route)

    def asked_blobs(self) -> list[str]:
        return [subject for route, subject in self.requests if route == "blob"]

    # What the handlers ask

    def start_operation(self, invoice_id: str) -> str:
        operation = f"op-{len(self._polls)}-{invoice_id}"
        self._polls[operation] = self.polls_until_made
        return f"{self.public_url}/reports/partners/billing/operations/{operation}"

    def operation(self, operation: str) -> dict[str, Any]:
        invoice = self.invoices[operation.split("-", 2)[2]]
        answer: dict[str, Any] = {"id": operation, "createdDateTime": CREATED, "lastActionDateTime": CREATED}
        self._polls[operation] -= 1
        if self._polls[operation] >= 0:
            return {"@odata.type": f"{BILLING}.runningOperation", **answer, "status": "running"}
        if invoice.error:
            return {"@odata.type": f"{BILLING}.failedOperation", **answer, "status": "failed", "error": invoice.error}
        answer |= {"@odata.type": f"{BILLING}.exportSuccessOperation", "status": "succeeded"}
        manifest_id = f"manifest-{operation}"
        if invoice.inline:
            return {**answer, "resourceLocation": self.manifest(manifest_id)}
        link = f"{self.public_url}/reports/partners/billing/manifests/{manifest_id}"
        return {**answer, "resourceLocation@odata.navigationLink": link}

    def manifest(self, manifest_id: str) -> dict[str, Any]:
        """A manifest with a new SAS token each time it is made."""
        if manifest_id not in self._manifests:
            invoice_id = manifest_id.split("-", 3)[3]
            invoice = self.invoices[invoice_id]
            self.sas_number += 1
            month = f"/BillingMonth={invoice.month.replace('-', '')}" if invoice.month else ""
            item = f"{'InvoiceId' if invoice_id.startswith('G') else 'Currency'}={invoice_id}"
            self._manifests[manifest_id] = {
                "@odata.type": f"{BILLING}.manifest",
                "id": manifest_id,
                "schemaVersion": "2",
                "dataFormat": "compressedJSONLines",
                "createdDateTime": invoice.created,
                "eTag": invoice.etag,
                "partnerTenantId": TENANT,
                "rootDirectory": f"{self.url}/blobs/PartnerTenantId={TENANT}{month}/{item}/Fragment=x",
                "sasToken": f"sv=2023-01-03&sr=d&se=2025-04-03T00%3A00%3A00Z&sp=rl&sig={SIGNATURE}-{self.sas_number}",
                "partitionType": "ItemCount",
                "blobCount": len(invoice.blobs),
                "blobs": [
                    {"@odata.type": f"{BILLING}.blob", "name": name, "partitionValue": str(n)}
                    for n, name in enumerate(invoice.blobs, start=1)
                ],
                **invoice.manifest_changes,
            }
        return self._manifests[manifest_id]

    def accepts_sas(self, query: str) -> bool:
        number = int(parse_qs(query).get("sig", ["-0"])[0].rpartition("-")[2])
        if self.sas_uses_left is not None:
            self.sas_uses_left -= 1
            if self.sas_uses_left < 0:
                self.sas_valid_from, self.sas_uses_left = self.sas_number + 1, None
        return number >= max(self.sas_valid_from, 1)


class _Base(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        self.answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


class _EntraHandler(_Base):
    def do_GET(self) -> None:
        base = f"{self.service.authority}/{TENANT}"
        endpoints = {"token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/authorize"}
        self.answer_json(200, {**endpoints, "issuer": f"{base}/v2.0"})

    def do_POST(self) -> None:
        form = parse_qs(self.body().decode())
        if form.get("client_secret") != [CLIENT_SECRET] and "client_assertion" not in form:
            said = "AADSTS7000215: Invalid client secret provided."
            self.answer_json(401, {"error": "invalid_client", "error_description": said})
            return
        self.answer_json(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": self.service.token})


class _Handler(_Base):
    def do_POST(self) -> None:
        content = json.loads(self.body())
        invoice_id = content.get("invoiceId") or content["currencyCode"]
        self.service.exports.append((self.path.removeprefix("/reports/partners/billing/"), content))
        if self._faulty("export", invoice_id) or not self._authorized():
            return
        if invoice_id not in self.service.invoices:
            self._error(404, "NotFound", f"Invoice {invoice_id} was not found.")
            return
        headers = {"Location": self.service.start_operation(invoice_id), "Retry-After": "0"}
        self.answer(202, headers=headers)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.rpartition("/")[2]
        if parts.path.startswith("/blobs/"):
            self._blob(name, parts.path, parts.query)
        elif parts.path.startswith("/download/"):
            self._download(name, parts.query)
        elif parts.path.startswith(("/sites/", "/users/", "/drives/")):
            if not self._faulty("drive", parts.path) and self._authorized():
                status, content, headers = self.service.drive.answer(
                    unquote(parts.path), parse_qs(parts.query), self.service.public_url, self.service.url
                )
                self.answer_json(status, content, headers)
        elif parts.path.startswith("/v1/invoices"):
            self._partner_center(name, parse_qs(parts.query))
        else:
            route = "operation" if "/operations/" in parts.path else "manifest"
            if self._faulty(route, name) or not self._authorized():
                return
            retry_after = {"Retry-After": self.service.retry_after} if self.service.retry_after else {}
            content = self.service.operation(name) if route == "operation" else self.service.manifest(name)
            self.answer_json(200, content, retry_after)

    def _partner_center(self, name: str, query: Mapping[str, list[str]]) -> None:
        if self._faulty("invoices", name) or not self._authorized():
            return
        if name != "invoices":
            self.answer_json(200, self.service.by_id[name])
            return
        offset, size = int(query["offset"][0]), int(query["size"][0])
        page = {**self.service.listed, "items": self.service.listed["items"][offset : offset + size]}
        body = b"\xef\xbb\xbf" + json.dumps(page).encode()  # Partner Center answers with a byte order mark
        self.answer(200, body, {"Content-Type": "application/json; charset=utf-8"})

    def _blob(self, name: str, path: str, query: str) -> None:
        service = self.service
        self.service.ranges.append(self.headers.get("Range", ""))
        if name in service.held:
            service.held_requested.set()
            service.hold.wait(30)
        invoice_id = next(
            part.partition("=")[2] for part in path.split("/") if part.startswith(("InvoiceId=", "Currency="))
        )
        content = service.invoices[invoice_id].blobs.get(name)
        faults = service.faults["blob"]
        fault = faults.popleft() if faults else None
        service.requests.append(("blob", name))
        if not service.accepts_sas(query):
            said = f"<Error><Code>AuthenticationFailed</Code><Message>{query}</Message></Error>".encode()
            self.answer(403, said, {"x-ms-error-code": "AuthenticationFailed"})
        elif fault and fault.status:
            self.answer(fault.status, fault.body or b"", fault.headers)
        elif content is None:
            self.answer(404, headers={"x-ms-error-code": "BlobNotFound"})
        else:
            self._send_blob(content, fault or Fault())

    def _download(self, item_id: str, query: str) -> None:
        drive, faults = self.service.drive, self.service.faults["file"]
        fault = faults.popleft() if faults else None
        self.service.requests.append(("file", item_id))
        self.service.ranges.append(self.headers.get("Range", ""))
        if item_id in self.service.held:
            self.service.held_requested.set()
            self.service.hold.wait(30)
        if "Authorization" in self.headers or f"tempauth={SIGNATURE}" not in query:
            self.answer(401)  # such an address wants no token, and to nobody else's host may one go
        elif item_id in drive.refused:
            self.answer(403)
        elif fault and fault.status:
            self.answer(fault.status, fault.body or b"", fault.headers)
        else:
            self._send_blob(drive.items[item_id].content, fault or Fault())

    def _send_blob(self, content: bytes, fault: Fault) -> None:
        etag = f'"0x{hashlib.sha256(content).hexdigest()[:15].upper()}"'
        headers = {"ETag": etag, "Content-Type": "application/gzip"}
        md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        start, status, sent = 0, 200, content
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if self.headers.get("If-Match") not in (None, etag):
                self.answer(412, headers={"x-ms-error-code": "ConditionNotMet"})
                return
            if start >= len(content):
                self.answer(416, headers={"Content-Range": f"bytes */{len(content)}"})
                return
            status, sent = 206, content[start:]
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.service.with_md5:
            headers["x-ms-blob-content-md5" if status == 206 else "Content-MD5"] = md5
        body = fault.body if fault.body is not None else sent
        headers |= fault.headers
        if fault.drop_after is None:
            self.answer(status, body, headers)
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: fault.drop_after])
        self.wfile.flush()
        self.close_connection = True

    def _faulty(self, route: str, subject: str) -> bool:
        self.service.requests.append((route, subject))
        faults = self.service.faults[route]
        fault = faults.popleft() if faults else None
        if fault is None:
            return False
        if fault.drop_after is not None:
            self.connection.close()
            self.close_connection = True
        elif fault.body is not None:
            self.answer(fault.status or 200, fault.body, {"Content-Type": "application/json", **fault.headers})
        else:
            self._error(fault.status or 500, "serviceProblem", f"Said with {TOKEN}.", fault.headers)
        return True

    def _authorized(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._error(401, "InvalidAuthenticationToken", "Access token is empty.")
        return False

    def _error(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.answer_json(status, {"error": {"code": code, "message": message}}, headers)


def _server(service: Service, handler: type[_Base]) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    return server


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this computer's own address, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    no_password = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "certificate.pem").write_bytes(public)
    (folder / "key.pem").write_bytes(private)
    (folder / "app.pem").write_bytes(private + public)  # what RECON_GRAPH_CERTIFICATE_PATH may name
    return folder / "certificate.pem", folder / "key.pem"
