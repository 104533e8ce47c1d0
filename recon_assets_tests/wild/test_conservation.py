"""Nothing is left out in silence: every file below a source's folder, and every record of it, ends in one place."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from recon_assets.cli.console import show_intake
from recon_assets.lakehouse.raw import LoadedFile
from recon_assets.landing.discovery import discover
from recon_assets.landing.unread import unread_files
from recon_assets_tests.landed import load_all, platform_in, table_rows
from recon_assets_tests.wild.folders import CASES, land_case

FOLDERS = sorted(path for subject in ("einvoices", "microsoft") for path in (CASES / subject).iterdir())
NO_COUNT = ("r11c", "c01")  # records of other encodings and marks are counted by their own tests


def records_of(path: Path) -> int | None:
    """Lines of a plain CSV with anything in them, the heading not counted; None for what has to be read to count."""
    if path.suffix.lower() != ".csv" or any(path.as_posix().find(f"/{case}") >= 0 for case in NO_COUNT):
        return None
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if not line.lower().startswith(("sep=", "#type"))]
    delimiter = max(",;\t", key=lines[0].count)
    return len(list(csv.reader(lines, delimiter=delimiter))) - 1


def accounted(file: LoadedFile) -> int:
    return file.rows + file.quarantined + sum(file.ignored.values())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_and_every_record_is_somewhere(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder / "landing", tmp_path / "landing")
    platform = platform_in(tmp_path, company_tins="C20830570210")
    unread = {found.path for found in unread_files(platform.landing)}
    seen: dict[str, int] = {}
    refused = set()
    for (source, month), load in load_all(platform).items():
        files = load.raw_month.files if load.raw_month else []
        if load.outcome == "failed":  # the whole month is as it was, and said so
            refused |= {file.path for file in discover(platform.landing, source)[month]}
        for file in files:
            whole = file.duplicate_of or (file.set_aside if not file.rows else None)
            seen[file.path] = seen.get(file.path, 0) + accounted(file) if whole is None else -1
        stored = [
            row
            for table in ("rows", "quarantine")
            for row in (table_rows(platform.raw, source, month, table) if files else [])
        ]
        assert len(stored) == sum(file.rows + file.quarantined for file in files), (source, month)
        named = {
            row["source_file"].split("#")[0]
            for row in (table_rows(platform.raw, source, month, "intake") if files else [])
        }
        assert all(any(name.startswith(file.path) for name in named) for file in files)
    assert unread | set(seen) | refused == set(_landed(tmp_path))
    for path, count in seen.items():
        physical = records_of(tmp_path / "landing" / path)
        if count >= 0 and physical is not None and "c06" not in folder.name:
            assert count == physical, path


def _landed(home: Path) -> list[str]:
    landing = home / "landing"
    return [path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file()]


def test_a_run_tells_what_was_ignored_and_set_aside(tmp_path: Path) -> None:
    for subject, case in (("einvoices", "r03b_totals_and_footer_xlsx"), ("microsoft", "c10_aggregated")):
        land_case(subject, case, tmp_path / "landing")
    (tmp_path / "landing" / "notes.txt").write_text("x")
    platform = platform_in(tmp_path)
    load_all(platform)
    out = io.StringIO()
    show_intake(Console(file=out, width=200), platform, ["einvoices", "usage"], ["2025-03", "2025-05"])
    ignored, register, aside, aggregated, unread = out.getvalue().splitlines()
    assert (ignored, register.strip()) == (
        "ignored 3 rows", "erp/sales_register/2025-03/sales.xlsx: blank 1, footer 1, subtotal 1",
    )  # fmt: skip
    assert aside == "set aside 2 files, sheets or members"
    assert (
        "G202505_BilledUsageAggregated.csv: aggregated billed usage" in aggregated and "notes.txt is not read" in unread
    )
