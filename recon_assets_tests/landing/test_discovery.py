"""Which landed files belong to which source and month."""

import errno
from pathlib import Path
from typing import Any

import pytest

from recon_assets.errors import InputError, NotListed
from recon_assets.landing.discovery import discover
from recon_assets.landing.reconciliation import reconciliation_file_month
from recon_assets.landing.store import FolderStore
from recon_assets_tests.landed import land

FOLDER = "partner_center/reconciliation"


def found(root: Path, source: str) -> dict[str, list[str]]:
    return {month: [file.path for file in files] for month, files in discover(FolderStore(root), source).items()}


@pytest.mark.parametrize(
    ("name", "month"),
    [
        ("APRIL2022_MSRECON_NCE.csv", "2022-03"),
        ("April2022_MsRecon_nce.CSV", "2022-03"),
        ("december2022_msrecon_nce.csv", "2022-11"),
        ("FEBRUARY2023_MSRECON_NCE.csv.gz", "2023-01"),
        ("MAY2022_MSRECON_NCE_part2.csv", "2022-04"),
        ("MAY2022_MSRECON_NCE (1).csv", "2022-04"),
        ("MAY2022_MSRECON_NCE.csv.zip", "2022-04"),
        ("MAY2022_MSRECON_NCE.json.gz", "2022-04"),
        # January's file holds December of the year before
        ("JANUARY2023_MSRECON_NCE.csv", "2022-12"),
        ("JANUARY2000_MSRECON_NCE.csv", "1999-12"),
    ],
)
def test_a_reconciliation_file_holds_the_month_before_the_one_it_is_named_after(name: str, month: str) -> None:
    assert reconciliation_file_month(name, "nce") == month


@pytest.mark.parametrize(
    "name",
    [
        "APRIL2022_MSRECON_LEGACY.csv", "APRIL2022_MSRECON.csv", "APRL2022_MSRECON_NCE.csv", "APRIL22_MSRECON_NCE.csv",
        "APRIL2022_MSRECON_NCE.pdf", "APRIL2022_MSRECON_NCE.csv.part",
        "copy of APRIL2022_MSRECON_NCE.csv", "2022-04_MSRECON_NCE.csv", "APRIL0000_MSRECON_NCE.csv", "",
    ],
)  # fmt: skip
def test_other_names_are_no_reconciliation_files(name: str) -> None:
    assert reconciliation_file_month(name, "nce") is None


def test_legacy_and_new_commerce_files_are_told_apart(tmp_path: Path) -> None:
    land(tmp_path, f"{FOLDER}/APRIL2022_MSRECON_NCE.csv", "x")
    land(tmp_path, f"{FOLDER}/APRIL2022_MSRECON_Legacy.csv", "x")
    assert found(tmp_path, "ms_recon_nce") == {"2022-03": [f"{FOLDER}/APRIL2022_MSRECON_NCE.csv"]}
    assert found(tmp_path, "ms_recon_legacy") == {"2022-03": [f"{FOLDER}/APRIL2022_MSRECON_Legacy.csv"]}


def test_months_and_files_come_in_order(tmp_path: Path) -> None:
    names = ["MAY2022_MSRECON_NCE_b.csv", "APRIL2022_MSRECON_NCE.csv", "MAY2022_MSRECON_NCE_a.csv.gz"]
    for name in names:
        land(tmp_path, f"{FOLDER}/{name}", "x")
    months = found(tmp_path, "ms_recon_nce")
    assert list(months) == ["2022-03", "2022-04"]
    assert months["2022-04"] == [f"{FOLDER}/MAY2022_MSRECON_NCE_a.csv.gz", f"{FOLDER}/MAY2022_MSRECON_NCE_b.csv"]


def test_the_folder_is_the_month_of_an_invoice_file(tmp_path: Path) -> None:
    landed = ["2025-01/a.csv", "2025-01/pages/page-1.json", "2025-02/b.CSV.GZ", "2025-02/c.json.gz"]
    others = [
        "a.csv", "2025-13/a.csv", "2025-1/a.csv", "0000-01/a.csv", "january/a.csv", "2025-01/a.pdf", "2025-01/a.zip",
        "2025-01/.hidden.csv", "2025-01/~$a.csv", "2025-01/a.csv.part",
    ]  # fmt: skip
    for name in landed + others:
        land(tmp_path, f"bss/invoices/{name}", "x")
    assert found(tmp_path, "bss_invoices") == {
        month: [f"bss/invoices/{name}" for name in landed if name.startswith(month)] for month in ("2025-01", "2025-02")
    }


def test_reconciliation_files_in_folders_below_are_not_taken(tmp_path: Path) -> None:
    land(tmp_path, f"{FOLDER}/old/APRIL2022_MSRECON_NCE.csv", "x")
    assert found(tmp_path, "ms_recon_nce") == {}


def test_a_landing_zone_without_the_folder_of_a_source_has_no_files_of_it(tmp_path: Path) -> None:
    assert found(tmp_path, "bss_invoices") == {}


def test_a_landing_zone_that_does_not_exist_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist\. Create it, or set RECON_LANDING_URL"):
        found(tmp_path / "nowhere", "bss_invoices")


def test_a_link_out_of_the_landing_zone_is_not_followed(tmp_path: Path) -> None:
    outside = land(tmp_path, "outside/secret.csv", "x")
    inside = land(tmp_path, "landing/bss/invoices/2025-01/inside.csv", "x")
    folder = inside.parent
    (folder / "link.csv").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "alias.csv").symlink_to(inside)
    (folder / "broken.csv").symlink_to(tmp_path / "gone.csv")
    names = [path.rsplit("/", 1)[1] for path in found(tmp_path / "landing", "bss_invoices")["2025-01"]]
    assert names == ["alias.csv", "inside.csv"]


def test_a_landing_zone_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    land(tmp_path, "real/bss/invoices/2025-01/a.csv", "x")
    (tmp_path / "landing").symlink_to(tmp_path / "real")
    assert found(tmp_path / "landing", "bss_invoices") == {"2025-01": ["bss/invoices/2025-01/a.csv"]}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("azure_cost_export", "cost_management/daily/run-1/manifest.json"),
        ("ms_recon_legacy", "partner_center/reconciliation/2025-01/lines.csv"),
        ("bss_invoices", "profiles/told.toml"),
    ],
)
def test_a_file_that_tells_what_others_are_and_cannot_be_read_is_not_one_that_is_not_there(
    source: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug this fixes: months that such a file tells of counted as absent, or the command ended in a traceback."""
    closed = land(tmp_path, path, "x").resolve()
    really = Path.open

    def refused(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return really(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(NotListed, match=rf"^{path}: cannot be read \(Permission denied\)"):
        discover(FolderStore(tmp_path), source)


def test_a_profile_that_is_not_utf_8_is_said_in_a_sentence(tmp_path: Path) -> None:
    land(tmp_path, "profiles/told.toml", 'match = ["erp/*"]'.encode("utf-16"))
    with pytest.raises(InputError, match=r"^profiles/told\.toml: the text is not UTF-8; save it as UTF-8$"):
        discover(FolderStore(tmp_path), "bss_invoices")
