"""One direction for people, right less left, whatever sign a mart's rules give its difference (spec/bridge.md, 3)."""

from decimal import Decimal

from recon_assets.app import einvoices, pages
from recon_assets.catalogue import SUBJECTS, right_less_left


def test_a_difference_is_shown_as_right_less_left() -> None:
    assert right_less_left("subscription_reconciliation", Decimal(5)) == Decimal(-5)
    assert right_less_left("subscription_reconciliation", None) is None
    assert right_less_left("usage_cost_reconciliation", Decimal(5)) == Decimal(5)


def test_screens_and_what_is_said_beside_them_turn_the_same_marts() -> None:
    turned = {mart for subject in SUBJECTS.values() for mart, told in subject.marts.items() if told.is_left_less_right}
    tables = [table for screen in pages._SCREENS if screen.is_compared for table in screen.all_tables]
    assert turned == {table.mart for table in tables if table.right_minus_left == f"-{table.difference}"}


def test_a_field_shows_what_the_e_invoice_has_more_than_the_register() -> None:
    """The mart's difference is register less e-invoice."""
    field = {"equal": False, "difference": Decimal("-15.00")}
    assert einvoices._more(field) == "15.00"
    assert einvoices._more(field | {"equal": True}) == ""
