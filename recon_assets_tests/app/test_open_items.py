"""The screen of the open items: what leaves is taken away, in the order of the statement."""

from recon_assets.app import open_items, queries
from recon_assets.app.pages import Site


def test_steps_are_shown_in_order_with_what_leaves_below_zero(site: Site) -> None:
    context = site.context(open_items.SCREEN, "?month=2025-03")
    table = open_items.TABLE
    rows = context.rows(queries.page(table, context.restriction(table), context.sort(table), 0, 10))
    shown = [(row["step"], row["documents"], row["value"]) for row in rows]
    assert shown == [("opening", 1, 1060), ("new", 1, 1060), ("decided", -1, -1060), ("closing", 1, 1060)]


def test_steps_are_chosen_by_a_filter(site: Site) -> None:
    context = site.context(open_items.SCREEN, "?month=2025-03&step=closing")
    table = open_items.TABLE
    assert [row["step"] for row in context.rows(queries.page(table, context.restriction(table), None, 0, 10))] == [
        "closing"
    ]
