"""What people decided about a row, as grids and details show it: the same column, filter and facts on every screen."""

from typing import Any

from recon_assets.app.format import instant, plain, words
from recon_assets.app.tables import Column, Filter, Row

_OPEN = (
    "case when is_open then 'open' "
    "when decision_state = 'holds' and decision in ('accept', 'ignore', 'pending') then 'decided' end"
)

# Of a decision that does not hold its state says more than what was decided.
COLUMN = Column(
    "decision", "Decision", "status", 110, "case when decision_state = 'holds' then decision else decision_state end"
)
FILTER = Filter("open", "Open or decided", _OPEN, groups={"open": ("open",), "decided": ("decided",)})


def decision_facts(row: Row) -> dict[str, Any]:
    """Facts of a row's decision; none of a row without one, or of a publication before there were any."""
    if row["decision"] is None:
        return {}
    found = {
        "Decision": f"{words(row['decision'])} by {row['decided_by']}, {instant(row['decided_at'])}",
        "Its reason": row["decision_reason"] or "none given",
    }
    if row["decision_state"] != "holds":
        found["Its state"] = words(row["decision_state"])
    if row["decision_state"] == "stale":
        found["The row then"] = (
            f"{words(row['decided_status'])}, difference {plain(row['decided_difference']) or 'none'}"
        )
    return found
