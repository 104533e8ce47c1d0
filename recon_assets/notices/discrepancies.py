"""Rows of a published month whose amount at stake is above the threshold that somebody wants to hear of."""

from decimal import Decimal

from recon_assets.catalogue import SUBJECTS
from recon_assets.currencies import decimals
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.notices.outbox import Fact
from recon_assets.pipeline.marts import published_marts


def large_discrepancies(published: PublishedStore, subject: str, month: str, threshold: Decimal) -> list[Fact]:
    """One fact per row with at least `threshold` at stake, largest first. A row is told once, whatever it grows to."""
    stake = SUBJECTS[subject].at_stake
    with published.connect([published_marts()[stake.mart]]) as connection:
        rows = connection.execute(
            f"select reconciliation_key, {stake.called}, {stake.amount}, {stake.currency} from marts.{stake.mart} "
            f"where billing_month = date '{month}-01' and {stake.amount} >= $1 order by 3 desc, 1",
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
