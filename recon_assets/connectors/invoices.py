"""Which invoices of a month may hold lines of new commerce, Azure usage included, by the Partner Center REST API.

Microsoft Graph publishes no list of invoices; `GET /v1/invoices` has the shape of Microsoft's REST documentation.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from recon_assets.connectors.answers import json_object
from recon_assets.connectors.identity import TokenSource
from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import InputError, ReconError
from recon_assets.months import add_months, is_month
from recon_assets.transport.http import Http

PARTNER_CENTER = "Partner Center"
_PAGE = 100


class InvoiceApi:
    """Invoices of the partner. Raises InputError when the app is refused, ReconError for the rest."""

    def __init__(self, http: Http, settings: GraphSettings, token: TokenSource) -> None:
        self._http = http
        self._base = f"{settings.partner_center_url}/v1/invoices"
        self._token = token

    def invoices_of(self, month: str) -> list[str]:
        """Ids of the month's invoices that may hold lines of new commerce, in order.

        Those are part of OneTime invoices (whose id begins with G). A void note repeats its original with the opposite
        sign and has no lines of its own, so it is left out; other amendments are invoices like any.
        """
        found = {
            str(invoice["id"])
            for invoice in self._all()
            if _may_hold_lines(invoice) and self._month_of(invoice, month) == month
        }
        return sorted(found)

    def month_of(self, invoice_id: str) -> str:
        """Month in which the billing period of an invoice begins; without one, the month before its date."""
        invoice = self._get(f"{self._base}/{quote(invoice_id, safe='')}", {})
        invoiced = str(invoice.get("invoiceDate"))[:7]
        started = str(invoice.get("billingPeriodStartDate") or "")[:7]
        if not is_month(started) and is_month(invoiced):
            started = add_months(invoiced, -1)
        if not is_month(started):
            raise InputError(f"{PARTNER_CENTER} does not say the month of {invoice_id}. Give it: --month 2025-03.")
        return started

    def _all(self) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while True:
            page = self._get(self._base, {"size": _PAGE, "offset": offset})
            items = page.get("items") or []
            for invoice in items:
                yield invoice
                yield from invoice.get("amendments") or []
            offset += len(items)
            if not items or "next" not in (page.get("links") or {}):
                return

    def _month_of(self, invoice: Mapping[str, Any], wanted: str) -> str | None:
        """Month in which the billing period begins. Lists may leave it out; then only near invoices are opened."""
        started = invoice.get("billingPeriodStartDate")
        if started is not None:
            return str(started)[:7]
        invoiced = str(invoice.get("invoiceDate"))[:7]
        is_near = is_month(invoiced) and wanted <= invoiced <= add_months(wanted, 2)
        return self.month_of(str(invoice["id"])) if is_near else None

    def _get(self, url: str, params: Mapping[str, int]) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self._token().get_secret_value()}", "Accept": "application/json"}
        response = self._http.request(PARTNER_CENTER, "GET", url, headers=headers, params=dict(params))
        if response.status_code in (401, 403):
            raise InputError(
                f"{PARTNER_CENTER} answered {response.status_code}: the app may not list invoices. Register it in "
                "Partner Center (App management), or name the invoices."
            )
        if not response.is_success:
            raise ReconError(
                f"{PARTNER_CENTER} answered {response.status_code} for the invoices. Check "
                "RECON_GRAPH_PARTNER_CENTER_URL, or name the invoices."
            )
        return json_object(PARTNER_CENTER, response)


def _may_hold_lines(invoice: Mapping[str, Any]) -> bool:
    kind = str(invoice.get("invoiceType", "")).lower()
    return kind == "onetime" and str(invoice.get("documentType", "")).lower() != "void_note" and bool(invoice.get("id"))
