"""Rows of a published month whose amount at stake is above the threshold that somebody wants to hear of."""

from decimal import Decimal

from recon_assets.currencies import decimals
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.notices.outbox import Fact
from recon_assets.pipeline.marts import published_marts

# mart, amount at stake (the difference, or the amount of the side that is alone), its currency, what a person calls it
_ROWS = {
    "subscriptions": (
        "subscription_reconciliation",
        "abs(coalesce(cost_difference, bss_total_cost, ms_total_cost))",
        "currency",
        "ms_subscription_id",
    ),
    "usage": (
        "usage_cost_summary",
        "abs(coalesce(amount_variation, usage_amount, cost_amount))",
        "currency",
        "concat_ws(' ', comparison, invoice_number, azure_subscription_id)",
    ),
    "einvoices": (
        "einvoice_reconciliation",
        "coalesce(max_difference_myr, abs(coalesce(register_total_payable_amount, einvoice_total_payable_amount)))",
        "if(max_difference_myr is null, coalesce(register_currency_code, einvoice_currency_code), 'MYR')",
        "coalesce(register_document_number, einvoice_document_number)",
    ),
}


def large_discrepancies(published: PublishedStore, subject: str, month: str, threshold: Decimal) -> list[Fact]:
    """One fact per row with at least `threshold` at stake, largest first. A row is told once, whatever it grows to."""
    mart, amount, currency, name = _ROWS[subject]
    with published.connect([published_marts()[mart]]) as connection:
        rows = connection.execute(
            f"select reconciliation_key, {name}, {amount}, {currency} from marts.{mart} "
            f"where billing_month = date '{month}-01' and {amount} >= $1 order by 3 desc, 1",
            [threshold],
        ).fetchall()
    return [
        Fact(
            "discrepancy",
            f"discrepancy:{subject}:{month}:{key}",
            f"{month} {subject}: {who} differs by {by:,.{decimals(unit)}f} {unit}",
        )
        for key, who, by, unit in rows
    ]
