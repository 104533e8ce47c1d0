"""A list of documents gives these documents, whatever details of its shape come together."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from recon_assets_tests.fuzzing.lists import OWN_TIN, Document, Layout, documents, layouts
from recon_assets_tests.landed import platform_in, table_rows
from recon_assets_tests.search import SEARCHING, examples

SOURCE, MONTH = "erp_sales_register", "2025-03"
FIELDS = ("total_excluding_tax", "total_tax_amount", "total_including_tax")


@settings(
    max_examples=examples(15, 400),
    deadline=None,
    database=None,
    derandomize=not SEARCHING,
    suppress_health_check=list(HealthCheck),
)
@given(layout=layouts(), written=documents())
def test_a_list_in_any_shape_gives_its_documents(layout: Layout, written: list[Document]) -> None:
    with tempfile.TemporaryDirectory() as home:
        platform = platform_in(Path(home), company_tins=OWN_TIN)
        folder = platform.settings.landing / f"erp/sales_register/{MONTH}"
        folder.mkdir(parents=True)
        layout.write(written, folder)
        load = platform.load(SOURCE, MONTH)
        assert load.raw_month is not None and load.raw_month.quarantined == 0, load.problems
        found = table_rows(platform.raw, SOURCE, MONTH)
    right = sorted(document.right for document in written)
    assert sorted((r["document_number"], r["document_date"], r["document_type"], *_amounts(r)) for r in found) == right


def _amounts(row: dict[str, Any]) -> list[Decimal]:
    """The amounts of a document, without their sign."""
    return [abs(row[field]) for field in FIELDS]
