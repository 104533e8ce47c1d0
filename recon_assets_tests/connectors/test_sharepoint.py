"""A SharePoint or OneDrive folder in the landing zone: what follows it, what is verified, what is never touched."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from recon_assets.cli import main
from recon_assets.connectors.sharepoint import FetchedFolder, FolderMirror, open_sharepoint
from recon_assets.connectors.sharepoint_settings import SharePointSettings, load_sharepoint_settings
from recon_assets.defs.downloads import sharepoint_download_asset
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError
from recon_assets.settings import Settings
from recon_assets.transport import quickxor
from recon_assets_tests.connectors.conftest import Time, error_text, graph_settings
from recon_assets_tests.connectors.quickxor import quick_xor_hash
from recon_assets_tests.connectors.service import Fault, Service

SITE = "https://contoso.sharepoint.com/sites/finance"
NCE = "partner_center/reconciliation/2025-03/nce"
Fetch = Callable[..., FetchedFolder]


def sharepoint_settings(**changes: object) -> SharePointSettings:
    chosen = {"site": SITE, "folder": "Recon/landing", **changes}
    return SharePointSettings(_env_file=None, **chosen)  # type: ignore[arg-type, call-arg]


@pytest.fixture
def fetch(settings: Settings, service: Service, time: Time) -> Fetch:
    """Follows the folder once, with settings for `sharepoint` and, by `graph`, for Graph."""

    def once(graph: dict[str, object] | None = None, **changes: object) -> FetchedFolder:
        with ExitStack() as stack:
            chosen = graph_settings(service, **(graph or {}))
            opened = open_sharepoint(settings, sharepoint_settings(**changes), chosen, time.sleep, time.clock)
            mirror: FolderMirror = stack.enter_context(opened)
            return mirror.fetch()

    return once


def landed(settings: Settings) -> dict[str, bytes]:
    files = (path for path in settings.landing.rglob("*") if path.is_file())
    return {path.relative_to(settings.landing).as_posix(): path.read_bytes() for path in files}


def done(fetched: FetchedFolder) -> tuple[list[str], list[str], dict[str, str], list[str], int]:
    return fetched.new, fetched.changed, fetched.renamed, fetched.removed, fetched.unchanged


@pytest.mark.parametrize("size", [0, 1, 159, 160, 161, 5000])
def test_the_quick_xor_hash_is_that_of_an_independent_reading(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(content)
    import base64

    assert quickxor.quick_xor_hash(tmp_path / "file") == base64.b64encode(quick_xor_hash(content)).decode()


def test_chunks_of_a_long_file_add_up_to_its_quick_xor_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(random.Random(7).randbytes(5000))
    whole = quickxor.quick_xor_hash(tmp_path / "file")
    monkeypatch.setattr(quickxor, "_CHUNK", 320)
    assert quickxor.quick_xor_hash(tmp_path / "file") == whole
    (tmp_path / "file").write_bytes(b"hello world")  # a public example
    assert quickxor.quick_xor_hash(tmp_path / "file") == "aCgDG9jwBhDc4Q1yawMZAAAAAAA="


@pytest.mark.prism
@pytest.mark.xdist_group("prism")
def test_a_folder_is_mirrored_and_followed(drive_contract: Service, fetch: Fetch, settings: Settings) -> None:
    """New, changed, renamed, moved with its folder, and deleted; what lies beside the folder is none of it."""
    drive = drive_contract.drive
    first = drive.put(f"Recon/landing/{NCE}/march.csv", b"one")
    second = drive.put("Recon/landing/bss/invoices/2025-03/bss.csv", b"two" * 1000)
    third = drive.put("Recon/landing/erp/old/2025-03/a b.csv", b"")
    drive.put("Recon/elsewhere/other.csv", b"not this one")
    fetched = fetch()
    paths = sorted([f"{NCE}/march.csv", "bss/invoices/2025-03/bss.csv", "erp/old/2025-03/a b.csv"])
    assert (sorted(fetched.new), landed(settings).keys()) == (paths, set(paths))
    assert landed(settings)["bss/invoices/2025-03/bss.csv"] == b"two" * 1000

    assert done(fetch()) == ([], [], {}, [], 3)
    assert drive_contract.count("file") == 3

    drive.put(f"Recon/landing/{NCE}/march.csv", b"one, corrected")
    drive.move(drive.items[drive.items[third].parent].parent, "sales_register")  # the folder `old`
    drive.remove(second)
    fetched = fetch()
    moved = {"erp/old/2025-03/a b.csv": "sales_register/2025-03/a b.csv"}
    moved = {before: f"erp/{now}" for before, now in moved.items()}
    assert done(fetched) == ([], [f"{NCE}/march.csv"], moved, ["bss/invoices/2025-03/bss.csv"], 0)
    assert landed(settings) == {f"{NCE}/march.csv": b"one, corrected", "erp/sales_register/2025-03/a b.csv": b""}
    assert drive.items[first].changes == 2
    assert not list((settings.home / "downloads").rglob("*.csv"))


@pytest.mark.prism
@pytest.mark.xdist_group("prism")
def test_a_lost_token_lists_the_folder_anew_and_downloads_nothing_again(
    drive_contract: Service, fetch: Fetch, settings: Settings
) -> None:
    drive = drive_contract.drive
    for number in range(5):
        drive.put(f"Recon/landing/erp/{number}.csv", b"x" * number)
    fetch(library="Documents")
    drive.remove(next(item_id for item_id, item in drive.items.items() if item.name == "3.csv"))
    drive.lost_before = len(drive.log) + 1
    fetched = fetch(library="Documents")
    assert fetched.began_anew
    assert done(fetched) == ([], [], {}, ["erp/3.csv"], 4)
    assert drive_contract.count("file") == 5


@pytest.mark.prism
@pytest.mark.xdist_group("prism")
def test_a_persons_onedrive_is_mirrored_below_a_folder_of_the_landing_zone(
    drive_contract: Service, fetch: Fetch, settings: Settings
) -> None:
    drive_contract.drive.put("march.csv", b"one")
    fetched = fetch(site=None, user="ana@contoso.com", folder="", target="erp/sales_register/2025-03")
    assert fetched.new == ["erp/sales_register/2025-03/march.csv"]
    assert landed(settings) == {"erp/sales_register/2025-03/march.csv": b"one"}


def test_names_that_change_places_keep_their_contents(service: Service, fetch: Fetch, settings: Settings) -> None:
    first, second = (service.drive.put(f"Recon/landing/{name}.csv", name.encode()) for name in ("a", "b"))
    fetch()
    service.drive.move(first, "c.csv")
    service.drive.move(second, "a.csv")
    service.drive.move(first, "b.csv")
    assert fetch().renamed == {"a.csv": "b.csv", "b.csv": "a.csv"}
    assert landed(settings) == {"a.csv": b"b", "b.csv": b"a"}
    assert done(fetch()) == ([], [], {}, [], 2)


@pytest.mark.parametrize("hashes", ["quickXorHash", "sha1Hash", "sha256Hash"])
def test_a_file_that_is_not_as_announced_does_not_land_and_the_others_do(
    service: Service, fetch: Fetch, settings: Settings, hashes: str
) -> None:
    service.drive.hashes = hashes
    service.drive.put("Recon/landing/sound.csv", b"sound")
    damaged = service.drive.put("Recon/landing/damaged.csv", b"damaged")
    service.drive.items[damaged].hash = service.drive._hash(b"another")
    fetched = fetch()
    assert (fetched.new, list(fetched.failed)) == (["sound.csv"], ["damaged.csv"])
    assert f"the {hashes.lower()} that was announced" in fetched.failed["damaged.csv"]
    service.drive.items[damaged].hash = None
    service.drive.put("Recon/landing/damaged.csv", b"damaged")
    assert fetch().new == ["damaged.csv"]


def test_a_file_that_is_refused_keeps_no_other_from_landing(service: Service, fetch: Fetch, settings: Settings) -> None:
    infected, *others = (service.drive.put(f"Recon/landing/{name}.csv", name.encode()) for name in ("a", "b", "c", "d"))
    service.drive.refused.add(infected)
    fetched = fetch({"parallelism": 1})
    assert (fetched.new, list(fetched.failed)) == (["b.csv", "c.csv", "d.csv"], ["a.csv"])
    assert "SharePoint refuses" in fetched.failed["a.csv"]
    assert len(others) == len(landed(settings))
    service.drive.refused.clear()
    assert fetch().new == ["a.csv"]


def test_a_download_that_breaks_off_is_resumed_with_a_new_address(
    service: Service, fetch: Fetch, settings: Settings
) -> None:
    content = random.Random(1).randbytes(20_000)
    service.drive.put("Recon/landing/big.csv", content)
    service.plant("file", Fault(drop_after=6000))
    fetch()
    assert landed(settings) == {"big.csv": content}
    assert service.ranges == ["", "bytes=6000-"]


def test_what_a_fetch_that_ended_early_has_landed_is_not_fetched_again(
    service: Service, fetch: Fetch, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends while its second file is put into the landing zone: the changes were read, and one file is there."""
    from recon_assets.landing.writer import FolderWriter

    for name in ("a", "b", "c"):
        service.drive.put(f"Recon/landing/{name}.csv", name.encode())
    put = FolderWriter.put

    def ends(writer: FolderWriter, path: str, content: Path | bytes) -> None:
        if path == "b.csv":
            raise KeyboardInterrupt
        put(writer, path, content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FolderWriter, "put", ends)
        fetch()
    assert landed(settings) == {"a.csv": b"a"}
    fetched = fetch()
    assert (sorted(fetched.new + fetched.changed), fetched.unchanged) == (["b.csv", "c.csv"], 1)
    assert landed(settings) == {f"{name}.csv": name.encode() for name in ("a", "b", "c")}
    assert service.count("file") == 3  # those that were downloaded and had not landed are taken from the scratch folder
    assert service.drive.calls.count("first") == 1


def test_a_file_that_something_else_landed_is_never_replaced_or_removed(
    service: Service, fetch: Fetch, settings: Settings
) -> None:
    (settings.landing / "own.csv").write_bytes(b"of somebody")
    (settings.landing / "same.csv").write_bytes(b"same")
    (settings.landing / "alone.csv").write_bytes(b"alone")
    own = service.drive.put("Recon/landing/own.csv", b"of SharePoint")
    service.drive.put("Recon/landing/same.csv", b"same")
    fetched = fetch()
    assert (fetched.new, list(fetched.failed)) == (["same.csv"], ["own.csv"])
    assert "move one of the two" in fetched.failed["own.csv"]
    service.drive.remove(own)
    assert done(fetch()) == ([], [], {}, [], 1)
    assert landed(settings) == {"own.csv": b"of somebody", "same.csv": b"same", "alone.csv": b"alone"}


def test_a_file_that_somebody_took_out_of_the_landing_zone_comes_back(
    service: Service, fetch: Fetch, settings: Settings
) -> None:
    service.drive.put("Recon/landing/a.csv", b"a")
    fetch()
    (settings.landing / "a.csv").unlink()
    fetch()
    assert landed(settings) == {"a.csv": b"a"}


def test_a_folder_that_is_gone_is_an_error_and_removes_nothing(
    service: Service, fetch: Fetch, settings: Settings
) -> None:
    service.drive.put("Recon/landing/a.csv", b"a")
    fetch()
    folder = next(item_id for item_id, item in service.drive.items.items() if item.name == "landing")
    service.drive.move(folder, "renamed")
    with pytest.raises(InputError, match=r"'Recon/landing' is not in the library\. Correct RECON_SHAREPOINT_FOLDER"):
        fetch()
    assert landed(settings) == {"a.csv": b"a"}


def test_what_is_no_file_or_cannot_be_stored_is_left_out_by_name(
    service: Service, fetch: Fetch, settings: Settings
) -> None:
    service.drive.put("Recon/landing/..", b"a", kind="file")
    service.drive.put("Recon/landing/.incoming/x", b"a")
    service.drive.put("Recon/landing/a\\..\\..\\b.csv", b"a")
    service.drive.put("Recon/landing/Notebook", kind="package")
    fetched = fetch()
    assert landed(settings) == {}
    assert fetched.left_out.keys() == {"..", ".incoming", "a\\..\\..\\b.csv", "Notebook"}


def test_a_download_is_looked_for_on_no_other_host(service: Service, fetch: Fetch, settings: Settings) -> None:
    service.drive.put("Recon/landing/a.csv", b"a")
    service.drive.download_host = "https://169.254.169.254"
    told = fetch().failed["a.csv"]
    assert "leads to 169.254.169.254" in told and "RECON_SHAREPOINT_HOSTS" in told
    assert landed(settings) == {}


def test_a_refused_app_and_an_unknown_library_say_what_to_do(service: Service, fetch: Fetch) -> None:
    service.plant("drive", Fault(403))
    with pytest.raises(InputError, match=r"answered 403 .*Files\.Read\.All \(or Sites\.Selected") as caught:
        fetch()
    error_text(caught.value)
    with pytest.raises(InputError, match="has no library 'Dokumente', but Archive, Documents"):
        fetch(library="Dokumente")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SITE": ""}, "set either RECON_SHAREPOINT_SITE or RECON_SHAREPOINT_USER"),
        ({"SITE": "http://contoso.sharepoint.com"}, "RECON_SHAREPOINT_SITE: write the site's https:// address"),
        ({"FOLDER": "../x"}, "RECON_SHAREPOINT_FOLDER: write a folder with forward slashes"),
        ({"SITE": "", "USER": "ana@contoso.com", "LIBRARY": "x"}, "RECON_SHAREPOINT_LIBRARY belongs to"),
        ({"HOSTS": '["sharepoint.com"]'}, "RECON_SHAREPOINT_HOSTS: write the ends of host names"),
    ],
)
def test_a_wrong_setting_is_told_by_name(environment: pytest.MonkeyPatch, changes: dict[str, str], said: str) -> None:
    for name, value in {"SITE": SITE, **changes}.items():
        environment.setenv(f"RECON_SHAREPOINT_{name}", value)
    with pytest.raises(InputError, match=said):
        load_sharepoint_settings()


def test_the_command_says_what_it_did_and_fails_when_a_file_did_not_land(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    environment.setenv("RECON_SHAREPOINT_SITE", SITE)
    environment.setenv("RECON_SHAREPOINT_FOLDER", "Recon/landing")
    first = service.drive.put("Recon/landing/a.csv", b"a")
    assert "new: a.csv\n1 new, 0 changed" in CliRunner().invoke(main, ["fetch", "sharepoint"]).output
    service.drive.move(first, "b.csv")
    (settings.landing / "c.csv").write_bytes(b"of somebody")
    service.drive.put("Recon/landing/c.csv", b"c")
    service.drive.put("Recon/landing/Notebook", kind="package")
    result = CliRunner().invoke(main, ["fetch", "sharepoint"])
    assert result.exit_code == 1
    assert "renamed: a.csv is b.csv now" in result.output
    assert "left out: Notebook: it is no file" in result.output
    assert "1 files did not land. c.csv: another file is there" in result.output


def test_the_asset_mirrors_the_folder_and_fails_when_a_file_did_not_land(
    service: Service, environment: pytest.MonkeyPatch, settings: Settings
) -> None:
    environment.setenv("RECON_SHAREPOINT_SITE", SITE)
    environment.setenv("RECON_SHAREPOINT_FOLDER", "Recon/landing")
    service.drive.put("Recon/landing/a.csv", b"a")

    def materialize(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        resources = {"platform": PlatformResource()}
        asset = sharepoint_download_asset()
        return dg.materialize([asset], resources=resources, instance=instance, raise_on_error=False)

    with dg.DagsterInstance.ephemeral() as instance:
        first = materialize(instance)
        assert first.success
        (told,) = first.asset_materializations_for_node("landing__sharepoint_download")
        assert (told.metadata["new"].value, told.metadata["unchanged"].value) == (["a.csv"], 0)
        (settings.landing / "c.csv").write_bytes(b"of somebody")
        service.drive.put("Recon/landing/c.csv", b"c")
        failed = materialize(instance)
        assert not failed.success
        events = [str(entry) for entry in instance.all_logs(failed.run_id)]
    assert any("1 files did not land. c.csv: another file is there" in event for event in events)
    assert landed(settings)["c.csv"] == b"of somebody"
