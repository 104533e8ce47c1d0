"""Every code that a reader meets is explained, by the text that dbt's docs have."""

import json

from recon_assets.app.glossary import meaning, term
from recon_assets.app.help_page import render
from recon_assets.app.pages import Site
from recon_assets.app.parts import grid
from recon_assets.app.subscriptions import SCREEN, TABLE
from recon_assets.pipeline.project import manifest_folder
from recon_assets_tests.app.test_overview import text_of

EXPLAINED = {"status", "explanation", "bucket", "reason", "pass", "due_state", "window_status", "obstacle", "step"}


def allowed() -> dict[tuple[str, str], list[str]]:
    """The values that dbt tests allow of the columns of marts."""
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    found = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "known_values":
            mart = node["attached_node"].rsplit(".", 1)[1]
            found |= {(mart, c): v for c, v in node["test_metadata"]["kwargs"]["allowed"].items() if c in EXPLAINED}
    return found


def test_every_value_of_a_status_column_is_explained() -> None:
    values = {place: listed for place, listed in allowed().items() if not place[0].startswith("subscription_margin")}
    assert len(values) > 9
    missing = {
        place: sorted(set(listed) - set(found.values if (found := term(*place)) else ()))
        for place, listed in values.items()
    }
    assert {place: codes for place, codes in missing.items() if codes} == {}


def test_the_help_shows_the_texts_of_the_columns(site: Site) -> None:
    text = text_of(render())
    told = term("subscription_reconciliation", "explanation")
    assert told is not None and all(meaning in text for meaning in told.values.values())
    assert "partner_center/reconciliation/" in text


def test_headings_and_statuses_of_a_grid_carry_their_meaning(site: Site) -> None:
    context = site.context(SCREEN, "?month=2025-03")
    columns = {c["field"]: c for c in grid(TABLE, context.address, TABLE.sort, 1, None, "m").columnDefs}
    assert columns["status"]["cellRendererParams"]["told"]["Discrepancy"] == meaning("discrepancy") != ""
    assert columns["bss_total_cost"]["headerTooltip"].startswith("Sum of period costs of the BSS items")
