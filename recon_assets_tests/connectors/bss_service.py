"""A stateful service in place of the BSS: users, tokens that run out, and invoices that change. Faults can be planted."""

import base64
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from recon_assets_tests.connectors.service import Fault

USER, PASSWORD = "api-user", "CANARY-password-of-the-api-user"
CLIENT_ID, CLIENT_SECRET = "an-application", "CANARY-secret-of-the-application"


class BssService:
    """The state behind the server; `reset` between tests."""

    def __init__(self) -> None:
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.reset()

    def reset(self) -> None:
        self.invoices: dict[int, str] = {}  # id -> its JSON as it is sent
        self.faults: deque[Fault] = deque()  # of the next requests for pages
        self.asked: list[dict[str, str]] = []  # queries of the pages
        self.tokens = 0
        self.expires_in = 3600
        self.refused_tokens: set[int] = set()
        self.before_page: dict[int, Callable[[], object]] = {}  # done once, before this page is answered
        self.is_allowed = True

    def put(self, invoice: Mapping[str, Any], text: str | None = None) -> None:
        self.invoices[invoice["id"]] = text or json.dumps(invoice)

    def change(self, invoice_id: int, updated_at: str, **changes: Any) -> None:
        self.put({**json.loads(self.invoices[invoice_id]), "updatedAt": updated_at, **changes})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def page(self, query: Mapping[str, str]) -> str:
        since = query["$filter"].split("'")[1]
        index, size = int(query["pageIndex"]), int(query["pageSize"])
        if index in self.before_page:
            self.before_page.pop(index)()
        found = sorted(
            (json.loads(text)["updatedAt"], text)
            for text in self.invoices.values()
            if json.loads(text)["updatedAt"].rstrip("Z") > since
        )
        shown = [text for _, text in found][(index - 1) * size : index * size]
        pages = -(-len(found) // size)
        paging = {"page": index, "size": size, "totalPages": pages, "totalRecords": len(found)}
        return f'{{"links": {{}}, "data": [{", ".join(shown)}], "paging": {json.dumps(paging)}}}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: BssService

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        basic = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if form.get("username") != [USER] or form.get("password") != [PASSWORD]:
            self._answer(400, {"error": f"invalid_grant {form}"})
        elif self.headers.get("Authorization") != basic:
            self._answer(401, {"error": f"invalid_client {self.headers.get('Authorization')}"})
        else:
            self.service.tokens += 1
            token = f"CANARY-bss-token-{self.service.tokens}"
            self._answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.service.expires_in})

    def do_GET(self) -> None:
        service = self.service
        service.asked.append({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})
        fault = service.faults.popleft() if service.faults else None
        number = int((self.headers.get("Authorization") or "-0").rpartition("-")[2])
        if fault and fault.drop_after is not None:
            self.close_connection = True
            self.connection.close()
        elif fault:
            self._answer(fault.status or 500, {"message": f"said with {self.headers}"}, fault.headers)
        elif not service.is_allowed:
            self._answer(403, {"message": "not allowed"})
        elif number != service.tokens or number in service.refused_tokens:
            self._answer(401, {"message": f"token {number} is not valid"})
        else:
            self._send(200, service.page(service.asked[-1]))

    def _answer(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(content), headers)

    def _send(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
