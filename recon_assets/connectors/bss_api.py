"""The BSS API v3: tokens, and pages of invoices. What is kept of them belongs to `bss.py`.

Contract: `POST /oauth/token` (password grant, the application as HTTP Basic), `GET /api/invoices` with X-Api-Version 3.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from recon_assets.connectors.answers import json_object
from recon_assets.connectors.bss_settings import BssSettings
from recon_assets.errors import InputError, ReconError
from recon_assets.months import is_month
from recon_assets.transport.http import Http

BSS = "The BSS"
_RENEW_BEFORE = dt.timedelta(seconds=60)
_SPACE = " \t\n\r"


class PagesMoved(ReconError):
    """Invoices changed while their pages were read, so that one may be missing: read them again."""


@dataclass(frozen=True)
class Invoice:
    """One invoice. `text` is its JSON exactly as it came, `updated_at` an aware instant, `month` that of its date."""

    id: str
    month: str
    updated_at: dt.datetime
    text: str


class BssApi:
    """Raises InputError when user or application are refused, ReconError for the rest."""

    def __init__(self, http: Http, settings: BssSettings) -> None:
        self._http = http
        self._settings = settings
        self._token: SecretStr | None = None
        self._expires = dt.datetime.min.replace(tzinfo=dt.UTC)

    def invoices_since(self, instant: dt.datetime) -> list[list[Invoice]]:
        """Pages of the invoices that were updated after `instant`. PagesMoved when they are not one whole list."""
        pages: list[list[Invoice]] = []
        totals: set[object] = set()
        index, last = self._settings.first_page, self._settings.first_page
        while index <= last:
            text = self._page(index, instant)
            paging, elements = split_page(text)
            totals.add(paging.get("totalRecords"))
            last = self._settings.first_page + int(paging.get("totalPages") or 0) - 1
            pages.append([invoice_of(element) for element in elements])
            index += 1
        found = [invoice.id for page in pages for invoice in page]
        if len(totals) != 1 or len(set(found)) != len(found) or totals not in ({None}, {len(found)}):
            raise PagesMoved(
                f"{BSS} counted {', '.join(map(str, totals))} invoices over {len(pages)} pages, and {len(set(found))} "
                "different ones came. If it stays so, check RECON_BSS_FIRST_PAGE."
            )
        return pages

    def _page(self, index: int, since: dt.datetime) -> str:
        parameters = {
            "pageIndex": str(index),
            "pageSize": str(self._settings.page_size),
            "include": "items,customFields",
            "$filter": f"updatedAt gt datetime'{since:%Y-%m-%dT%H:%M:%S}'",
        }
        response = self._get("/api/invoices", parameters)
        if response.status_code == 401:  # it may have ended the token before its time
            self._token = None
            response = self._get("/api/invoices", parameters)
        if response.status_code in (401, 403):
            raise InputError(f"{BSS} answered {response.status_code} for its invoices: the API user may not read them.")
        if not response.is_success:
            raise ReconError(f"{BSS} answered {response.status_code} for its invoices. Check RECON_BSS_URL.")
        return response.content.decode("utf-8-sig")

    def _get(self, path: str, parameters: dict[str, str]) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self._valid_token().get_secret_value()}",
            "Accept": "application/json",
            "X-Api-Version": "3",
        }
        return self._http.request(BSS, "GET", f"{self._settings.url}{path}", params=parameters, headers=headers)

    def _valid_token(self) -> SecretStr:
        now = self._http.policy.clock()
        if self._token is None or now >= self._expires:
            content = self._new_token()
            token = str(content.get("access_token") or "")
            if not token:
                raise ReconError(f"{BSS} gave no access token. Check RECON_BSS_URL.")
            self._http.secrets.add(token)
            self._http.secrets.add(str(content.get("refresh_token") or ""))
            self._token = SecretStr(token)
            self._expires = now + dt.timedelta(seconds=float(content.get("expires_in") or 0)) - _RENEW_BEFORE
        return self._token

    def _new_token(self) -> dict[str, Any]:
        settings = self._settings
        response = self._http.request(
            BSS,
            "POST",
            f"{settings.url}/oauth/token",
            auth=(settings.client_id, settings.client_secret.get_secret_value()),
            data={
                "grant_type": "password",
                "username": settings.username,
                "password": settings.password.get_secret_value(),
            },
        )
        if response.status_code in (400, 401, 403):
            raise InputError(
                f"{BSS} refused the API user ({response.status_code}). Check RECON_BSS_USERNAME, RECON_BSS_PASSWORD, "
                "RECON_BSS_CLIENT_ID and RECON_BSS_CLIENT_SECRET."
            )
        if not response.is_success:
            raise ReconError(f"{BSS} answered {response.status_code} for a token. Check RECON_BSS_URL.")
        return dict(json_object(BSS, response))


def invoice_of(text: str) -> Invoice:
    """An invoice by its JSON. Its month is that of its date, or of its creation while it has none; else ReconError."""
    content = json.loads(text)
    if not isinstance(content, dict) or content.get("id") is None:
        raise ReconError(f"{BSS} sent an invoice without an id.")
    months = (str(content.get(name))[:7] for name in ("date", "createdAt"))
    month = next((month for month in months if is_month(month)), None)
    updated_at = _instant(content.get("updatedAt"))
    if month is None or updated_at is None:
        raise ReconError(
            f"{BSS} sent the invoice {content['id']} without a date or updatedAt, so it has no place. Nothing was "
            "stored; correct the invoice there."
        )
    return Invoice(str(content["id"]), month, updated_at, text)


def split_page(text: str) -> tuple[dict[str, Any], list[str]]:
    """`paging` of a page, and the JSON of each element of `data` exactly as it came (numbers as they are written)."""
    try:
        content = json.loads(text)
        data, paging = content["data"], content["paging"]
        if not isinstance(data, list) or not isinstance(paging, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise ReconError(f"{BSS} did not send a page of invoices. A proxy in between? Check RECON_BSS_URL.") from None
    return paging, list(_elements(text, _begin_of_data(text)))


def _begin_of_data(text: str) -> int:
    """Position of the list `data` in the text of a JSON object that has one."""
    decoder = json.JSONDecoder()
    position = text.index("{") + 1
    while True:
        key, position = decoder.raw_decode(text, _after(text, position, _SPACE + ","))
        position = _after(text, position, _SPACE + ":")
        if key == "data":
            return position
        _, position = decoder.raw_decode(text, position)


def _elements(text: str, position: int) -> Iterator[str]:
    decoder = json.JSONDecoder()
    position = _after(text, position + 1, _SPACE)
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        yield text[position:end]
        position = _after(text, end, _SPACE + ",")


def _after(text: str, position: int, skipped: str) -> int:
    while text[position] in skipped:
        position += 1
    return position


def _instant(value: object) -> dt.datetime | None:
    """An ISO 8601 instant, in UTC where it has no offset."""
    text = str(value).replace("Z", "+00:00")
    whole, point, fraction = text.partition(".")
    if point:  # Python before 3.11 takes only 3 or 6 digits
        digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
        text = f"{whole}.{digits[:6].ljust(6, '0')}{fraction[len(digits) :]}"
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
