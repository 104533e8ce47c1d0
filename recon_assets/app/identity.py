"""Who asks, and whether the request may be answered: proxy identity, roles, origins, security headers."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from recon_assets.app.settings import AppSettings

_NAME = re.compile(r"[\w.@+-]{1,100}")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
LOCAL_USER = "local"
HEALTH = "/healthz"  # answered to everybody: whoever watches the service is nobody, and it holds no data


@dataclass(frozen=True)
class User:
    name: str
    is_editor: bool


def current_user(settings: AppSettings) -> User:
    """The user of the current request; aborts with 401 or 403 when the proxy's word is missing or not the proxy's."""
    if settings.identity_header is None:
        return User(LOCAL_USER, True)
    if not _is_proxy(request.remote_addr, settings):
        abort(403, "This app answers only to its reverse proxy.")
    name = request.headers.get(settings.identity_header, "")
    if not _NAME.fullmatch(name):
        abort(401, "The reverse proxy named no user.")
    return User(name, "*" in settings.editors or name in settings.editors)


def _is_proxy(address: str | None, settings: AppSettings) -> bool:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in settings.proxies)


def allowed_hosts(settings: AppSettings, app_url: str, host: str) -> list[str]:
    """Host names the app answers to: another name that leads here is another site's (DNS rebinding)."""
    named = urlsplit(app_url).hostname
    own = [] if host in ("0.0.0.0", "::") else [host]  # noqa: S104  compared, not bound
    return [*_LOOPBACK, *own, *settings.hosts, *([named] if named else [])]


def guard(server: Flask, settings: AppSettings, app_url: str, script_hashes: Callable[[], Iterable[str]]) -> None:
    """Check every request before it is answered, and send security headers with every answer."""
    policy = _content_policy(script_hashes())

    @server.before_request
    def check() -> None:
        if request.path != HEALTH:
            current_user(settings)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            _require_own_origin(app_url)

    @server.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if not request.path.startswith(("/_dash-component-suites/", "/assets/")):
            response.headers["Cache-Control"] = "no-store"
        return response


def _content_policy(hashes: Iterable[str]) -> str:
    # Styles: the grid positions its cells with inline styles.
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {' '.join(hashes)}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _require_own_origin(app_url: str) -> None:
    """A request that may change something comes from a page of this app, and says so."""
    origin = request.headers.get("Origin")
    own = {f"{request.scheme}://{request.host}", _origin(app_url)}
    if origin not in own or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(403, "This request does not come from a page of this app.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
