"""Rejected rows of the months that a run was about: how many, and the first of them in words."""

from recon_assets.platform import Platform
from recon_assets.rejected import Rejections, rejections
from recon_assets_tests.landed import land_bss, land_nce
from recon_assets_tests.reliability.homes import bss_lines, nce_lines


def test_rejected_rows_are_counted_per_source_and_the_first_three_are_told(platform: Platform) -> None:
    landing = platform.settings.landing
    january, february = nce_lines("2025-01", count=300), nce_lines("2025-02", count=300)
    for line in (january[1], january[250], february[7], february[9]):
        line["Subtotal"] = "ten"
    paths = [land_nce(landing, "2025-01", january), land_nce(landing, "2025-02", february)]
    land_bss(landing, "2025-01", bss_lines("2025-01"))
    for source, month in (("ms_recon_nce", "2025-01"), ("ms_recon_nce", "2025-02"), ("bss_invoices", "2025-01")):
        assert platform.load(source, month).outcome == "loaded"
    (found,) = rejections(platform.raw, ["subscriptions"], ["2025-01"])  # whose window ends in February
    assert (found.source, found.months) == ("ms_recon_nce", {"2025-01": 2, "2025-02": 2})
    places = [(paths[0], 2), (paths[0], 251), (paths[1], 8)]
    assert len(found.first) == 3
    for text, (path, row) in zip(found.first, places, strict=True):
        assert text.startswith(f"{path}, row {row + 1} (record {row}), column 'Subtotal': 'ten' "), text
    assert rejections(platform.raw, ["subscriptions"], ["2025-06"]) == []
    assert rejections(platform.raw, ["usage"], ["2025-01"]) == []
    (far,) = rejections(platform.raw, ["subscriptions"], ["2025-03"])
    assert far == Rejections("ms_recon_nce", {"2025-02": 2}, far.first)


def test_rows_of_a_load_that_failed_are_told_too(platform: Platform) -> None:
    lines = nce_lines("2025-01")
    for line in lines:
        line["Subtotal"] = "ten"
    land_nce(platform.settings.landing, "2025-01", lines)
    assert platform.load("ms_recon_nce", "2025-01").outcome == "failed"
    (found,) = rejections(platform.raw, ["subscriptions"], ["2025-01"])
    assert found.months == {"2025-01": 3}
