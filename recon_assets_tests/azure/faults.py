"""A small HTTP proxy that spoils answers: throttling, lost connections, cut, altered and rewritten bodies, lost ones."""

import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
Kind = Literal["status", "drop", "lose answer", "cut", "alter", "rewrite", "then"]


@dataclass(frozen=True)
class Fault:
    """What happens to one request. `drop`: before it is passed on; `lose answer`: after; `cut`: after `at` bytes."""

    kind: Kind
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    at: int = 0
    rewrite: Callable[[bytes], bytes] = bytes  # `rewrite`: of the answer's body
    happens: Callable[[], object] | None = None  # `then`: done after the answer was made, before it is sent


@dataclass
class _Plan:
    method: str
    path: "re.Pattern[str]"
    faults: list[Fault] = field(default_factory=list)


class FaultProxy:
    """In front of an emulator's URL; `url` is where clients go. `asked` lists method and path of every request."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (str(parts.hostname), int(parts.port or 80))
        self._has_tls = parts.scheme == "https"
        self.asked: list[tuple[str, str]] = []
        self.plans: list[_Plan] = []
        self._ranges: list[tuple[str, int]] = []
        self.is_stopped = False
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{parts.path}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def plant(self, method: str, path: str, *faults: Fault) -> None:
        """The next requests of this method whose path and query hold the pattern meet these faults, one each."""
        self.plans.append(_Plan(method, re.compile(path), list(faults)))

    def count(self, method: str, path: str) -> int:
        return sum(1 for asked, where in self.asked if asked == method and re.search(path, where))

    @property
    def is_used_up(self) -> bool:
        """Whether every planted fault has happened."""
        return not any(plan.faults for plan in self.plans)

    def connect(self) -> HTTPConnection:
        if self._has_tls:
            return HTTPSConnection(*self._upstream, timeout=60, context=ssl._create_unverified_context())
        return HTTPConnection(*self._upstream, timeout=60)

    def ranges(self, path: str) -> list[int]:
        """Where the ranges began that were asked for of a path, in order."""
        return [begin for where, begin in self._ranges if re.search(path, where)]

    def reset(self) -> None:
        for kept in (self.plans, self.asked, self._ranges):
            kept.clear()

    def fault_for(self, method: str, path: str, range_: str) -> Fault | None:
        with self.lock:
            self.asked.append((method, path))
            if begin := re.match(r"bytes=(\d+)-", range_):
                self._ranges.append((path, int(begin[1])))
            for plan in self.plans:
                if plan.faults and plan.method == method and plan.path.search(path):
                    return plan.faults.pop(0)
        return None

    def stop(self) -> None:
        """No more answers, on connections that are open either."""
        self.is_stopped = True
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def log_message(self, *args: Any) -> None:
        pass

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fault_for(
            self.command, self.path, self.headers.get("x-ms-range") or self.headers.get("Range") or ""
        )
        if self.proxy.is_stopped or (fault and fault.kind == "drop"):
            self._hang_up()
            return
        if fault and fault.kind == "status":
            self._answer(fault.status, [("x-ms-error-code", "ServerBusy"), *fault.headers], b"", None)
            return
        status, headers, content = self._ask(body)
        if fault and fault.kind == "lose answer":
            self._hang_up()
            return
        if fault and fault.happens:
            fault.happens()
        if fault and fault.kind == "alter":
            content = content[: fault.at] + bytes([content[fault.at] ^ 0xFF]) + content[fault.at + 1 :]
        if fault and fault.kind == "rewrite":
            content = fault.rewrite(content)
        self._answer(status, headers, content, fault.at if fault and fault.kind == "cut" else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = self.proxy.connect()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        connection.request(self.command, self.path, body or None, {**headers, "Content-Length": str(len(body))})
        response: HTTPResponse = connection.getresponse()
        content = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP]
        if self.command == "HEAD":
            kept.append(("Content-Length", response.getheader("Content-Length") or "0"))
        connection.close()
        return response.status, kept, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, cut: int | None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD" and status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content if cut is None else content[:cut])
            self.wfile.flush()
        if cut is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()
