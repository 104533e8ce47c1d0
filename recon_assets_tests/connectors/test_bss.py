"""Invoices of the BSS, every request and answer checked against a written contract (bss.openapi.yaml)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from recon_assets.cli.fetch import fetch
from recon_assets.connectors.bss import WATERMARK, BssDownloader, open_bss
from recon_assets.connectors.bss_api import split_page
from recon_assets.connectors.bss_settings import BssSettings, load_bss_settings
from recon_assets.defs.downloads import BSS_DOWNLOAD, bss_download_asset
from recon_assets.defs.resources import PlatformResource
from recon_assets.errors import InputError, ReconError
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets_tests.connectors import proxy
from recon_assets_tests.connectors.bss_service import CLIENT_ID, CLIENT_SECRET, PASSWORD, USER, BssService
from recon_assets_tests.connectors.conftest import Time, error_text
from recon_assets_tests.connectors.service import Fault
from recon_assets_tests.landed import json_invoice, json_item, table_rows

pytestmark = [pytest.mark.prism, pytest.mark.xdist_group("prism")]

CONTRACT = Path(__file__).with_name("bss.openapi.yaml")
WRONG = "CANARY-wrong"
Open = Callable[..., BssDownloader]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BssService, proxy.Prism]]:
    if reason := proxy.install():
        pytest.skip(f"contract proxy: {reason}")
    service = BssService()
    prism = proxy.Prism(service.url, tmp_path_factory.mktemp("bss") / "prism.log", CONTRACT)
    yield service, prism
    prism.stop()
    service.stop()


@pytest.fixture
def bss(running: tuple[BssService, proxy.Prism]) -> Iterator[BssService]:
    """The service behind the contract proxy. A test fails when a request or an answer broke the contract."""
    service, prism = running
    service.reset()
    begin = prism.position()
    yield service
    assert prism.violations(begin) == []


@pytest.fixture
def open_downloader(
    bss: BssService, running: tuple[BssService, proxy.Prism], settings: Settings, time: Time
) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(**changes: Any) -> BssDownloader:
            chosen = {
                "url": running[1].url, "username": USER, "password": PASSWORD, "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET, "page_size": 2, **changes,
            }  # fmt: skip
            wanted = BssSettings(_env_file=None, **chosen)  # type: ignore[arg-type, call-arg]
            return stack.enter_context(open_bss(settings, wanted, time.sleep, time.clock))

        yield opened


def invoice(number: int, month: str = "2025-01", updated_at: str = "2025-02-01T08:00:00Z", **changes: Any) -> Any:
    return json_invoice(
        json_item(), id=number, code=f"INV-{number}", date=f"{month}-10", updatedAt=updated_at, **changes
    )


def landed(settings: Settings) -> list[tuple[str, int, str]]:
    """(month, id, status) of every invoice copy that has landed, in the order in which they are read."""
    folder = settings.landing / "bss" / "invoices"
    return [
        (path.parent.name, copy["id"], copy["status"]["type"])
        for path in sorted(folder.rglob("*.json"), key=lambda path: path.name)
        for copy in json.loads(path.read_text(encoding="utf-8"))["data"]
    ]


def watermark(settings: Settings) -> str | None:
    path = settings.landing / WATERMARK
    return json.loads(path.read_text(encoding="utf-8"))["updated_at"] if path.is_file() else None


def test_every_page_lands_in_the_months_of_its_invoices(
    bss: BssService, open_downloader: Open, settings: Settings
) -> None:
    for number in range(1, 6):
        bss.put(invoice(number, "2025-02" if number % 2 else "2025-01"))
    fetched = open_downloader().fetch()
    assert fetched.invoices == {"2025-01": 2, "2025-02": 3}
    assert sorted(landed(settings)) == sorted(
        [("2025-02", n, "Sent") for n in (1, 3, 5)] + [("2025-01", n, "Sent") for n in (2, 4)]
    )
    assert [page["pageIndex"] for page in bss.asked] == ["1", "2", "3"]
    assert watermark(settings) == "2025-02-01T08:00:00+00:00"


def test_numbers_land_as_they_were_written(bss: BssService, open_downloader: Open, settings: Settings) -> None:
    numbers = '"unitCost": 1E+2, "total": 10.10000000000000000001'
    exact = json.dumps(invoice(6, "2025-03")).replace('"unitCost": 10, ', "").replace('"total": 12', numbers)
    bss.put(invoice(6), exact)
    open_downloader(url=bss.url).fetch()  # the contract proxy writes numbers anew
    (file,) = (settings.landing / "bss" / "invoices" / "2025-03").iterdir()
    assert split_page(file.read_text(encoding="utf-8"))[1] == [exact]


def test_a_fetch_brings_only_what_changed_since_the_one_before(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    bss.put(invoice(1))
    bss.put(invoice(2, updated_at="2025-02-03T08:00:00.123Z"))
    open_downloader().fetch()
    time.sleep(60)
    again = open_downloader().fetch()
    assert (again.invoices, again.files) == ({}, [])  # the overlap brought 2 again, which has landed
    bss.put(invoice(3, updated_at="2025-02-04T08:00:00Z"))
    assert open_downloader().fetch().invoices == {"2025-01": 1}
    assert [copy[1] for copy in landed(settings)] == [1, 2, 3]
    begins = [page["$filter"] for page in bss.asked]
    assert begins[0] == "updatedAt gt datetime'2000-01-01T00:00:00'"
    assert begins[1] == "updatedAt gt datetime'2025-02-03T07:45:00'"


def test_an_invoice_that_became_visible_late_is_not_missed(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    bss.put(invoice(1, updated_at="2025-02-01T08:00:00Z"))
    open_downloader().fetch()
    time.sleep(1)
    bss.put(invoice(2, updated_at="2025-02-01T08:00:00Z"))  # the same instant as the watermark
    bss.put(invoice(3, updated_at="2025-02-01T07:50:00Z"))  # committed after it
    assert open_downloader().fetch().invoices == {"2025-01": 2}
    assert watermark(settings) == "2025-02-01T08:00:00+00:00"


def test_an_invoice_that_is_canceled_days_later_lands_again_and_is_loaded_as_canceled(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    bss.put(invoice(1))
    bss.put(invoice(2))
    open_downloader().fetch()
    time.sleep(86_400)
    bss.change(1, "2025-02-09T12:00:00Z", status={"type": "Canceled"})
    assert open_downloader().fetch().invoices == {"2025-01": 1}
    assert landed(settings) == [("2025-01", 1, "Sent"), ("2025-01", 2, "Sent"), ("2025-01", 1, "Canceled")]
    platform = Platform.from_settings(settings, time.clock)
    assert platform.load("bss_invoices", "2025-01").outcome == "loaded"
    rows = table_rows(platform.raw, "bss_invoices", "2025-01")
    assert sorted((row["invoice_code"], row["invoice_stage"]) for row in rows) == [
        ("INV-1", "Canceled"), ("INV-1", "Sent"), ("INV-2", "Sent"),
    ]  # fmt: skip


def test_the_watermark_moves_only_past_what_was_stored(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        bss.put(invoice(number, updated_at=f"2025-02-0{number}T08:00:00Z"))
    downloader = open_downloader()
    stored = downloader._landing.put

    def put(path: str, content: Path | bytes) -> None:
        if path.endswith("00002.json"):
            raise KeyboardInterrupt
        stored(path, content)

    monkeypatch.setattr(type(downloader._landing), "put", lambda self, path, content: put(path, content))
    with pytest.raises(KeyboardInterrupt):
        downloader.fetch()
    monkeypatch.undo()
    assert watermark(settings) is None
    time.sleep(1)
    assert sum(open_downloader().fetch().invoices.values()) == 5
    assert {copy[1] for copy in landed(settings)} == {1, 2, 3, 4, 5}
    assert watermark(settings) == "2025-02-05T08:00:00+00:00"


def test_a_service_that_fails_for_good_leaves_everything_as_it_was(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    for number in range(1, 6):
        bss.put(invoice(number))
    bss.before_page[2] = lambda: bss.faults.extend([Fault(status=500)] * 3)
    with pytest.raises(ReconError, match="The BSS answered 500") as caught:
        open_downloader(attempts=3).fetch()
    error_text(caught.value)
    assert landed(settings) == []
    assert watermark(settings) is None


def test_throttling_is_waited_out_and_lost_connections_are_tried_again(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    bss.put(invoice(1))
    bss.faults.extend([Fault(status=429, headers={"Retry-After": "7"}), Fault(status=503)])
    open_downloader(first_wait_seconds=0).fetch()
    assert time.slept[0] == 7
    assert [copy[1] for copy in landed(settings)] == [1]


def test_pages_that_move_while_they_are_read_are_read_again(
    bss: BssService, open_downloader: Open, settings: Settings
) -> None:
    for number in range(1, 6):
        bss.put(invoice(number, updated_at=f"2025-02-0{number}T08:00:00Z"))
    # 1 moves behind 5, so that 3 slips from the second page to the first, which was read already
    bss.before_page[2] = lambda: bss.change(1, "2025-02-06T08:00:00Z")
    open_downloader().fetch()
    assert {copy[1] for copy in landed(settings)} == {1, 2, 3, 4, 5}
    assert [page["pageIndex"] for page in bss.asked] == ["1", "2", "3", "1", "2", "3"]


def test_a_token_is_renewed_before_it_runs_out_and_once_when_it_is_refused(
    bss: BssService, open_downloader: Open, settings: Settings, time: Time
) -> None:
    bss.expires_in = 100
    for number in range(1, 6):
        bss.put(invoice(number))
    bss.before_page[2] = lambda: time.sleep(50)
    bss.refused_tokens = {2}
    open_downloader().fetch()
    assert bss.tokens == 3  # the first ran out after page 2, the second was refused
    assert len(landed(settings)) == 5
    assert len(bss.asked) == 4


def test_a_token_that_is_refused_twice_is_an_error_with_what_to_do(bss: BssService, open_downloader: Open) -> None:
    bss.refused_tokens = {1, 2, 3}
    with pytest.raises(InputError, match=r"The BSS answered 401 .* the API user may not read them") as caught:
        open_downloader().fetch()
    error_text(caught.value)
    assert (bss.tokens, len(bss.asked)) == (2, 2)


@pytest.mark.parametrize("wrong", ["password", "client_secret"])
def test_a_wrong_secret_is_named_and_not_shown(wrong: str, bss: BssService, open_downloader: Open) -> None:
    with pytest.raises(InputError, match="RECON_BSS_CLIENT_SECRET") as caught:
        open_downloader(**{wrong: WRONG}).fetch()
    error_text(caught.value)


def test_an_invoice_without_a_date_lands_in_the_month_it_was_made(
    bss: BssService, open_downloader: Open, settings: Settings
) -> None:
    bss.put({**invoice(1), "date": None, "createdAt": "2025-04-03T08:00:00Z"})
    open_downloader().fetch()
    assert landed(settings) == [("2025-04", 1, "Sent")]


def test_missing_settings_are_named_without_the_values_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECON_BSS_URL", "http://bss.example.com")
    monkeypatch.setenv("RECON_BSS_PASSWORD", PASSWORD)
    with pytest.raises(
        InputError, match=r"RECON_BSS_URL: write an https.*RECON_BSS_USERNAME: Field required"
    ) as caught:
        load_bss_settings()
    error_text(caught.value)


@pytest.fixture
def environment(
    bss: BssService,
    running: tuple[BssService, proxy.Prism],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = {
        "RECON_HOME": str(settings.home), "RECON_BSS_URL": running[1].url, "RECON_BSS_USERNAME": USER,
        "RECON_BSS_PASSWORD": PASSWORD, "RECON_BSS_CLIENT_ID": CLIENT_ID, "RECON_BSS_CLIENT_SECRET": CLIENT_SECRET,
        "RECON_BSS_ATTEMPTS": "1",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(settings.home)


@pytest.mark.usefixtures("environment")
def test_the_console_says_what_came(bss: BssService) -> None:
    bss.put(invoice(1))
    first = CliRunner().invoke(fetch, ["bss"], catch_exceptions=False)
    assert first.output == "2025-01: 1 new or changed invoices.\nComplete up to 2025-02-01T08:00:00+00:00.\n"
    assert "No invoice is new or changed." in CliRunner().invoke(fetch, ["bss"], catch_exceptions=False).output


@pytest.mark.usefixtures("environment")
def test_the_asset_fetches_and_a_failed_fetch_shows_no_secret(bss: BssService, settings: Settings) -> None:
    bss.put(invoice(1))
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([bss_download_asset()], resources={"platform": PlatformResource()}, instance=instance)
        metadata = run.asset_materializations_for_node("landing__bss_invoices_download")[0].metadata
        assert metadata["invoices"].value == 1
        assert BSS_DOWNLOAD.path == ["landing", "bss_invoices_download"]
        bss.faults.append(Fault(status=503))
        failed = dg.materialize(
            [bss_download_asset()], resources={"platform": PlatformResource()}, instance=instance, raise_on_error=False
        )
        events = [str(entry) for entry in instance.all_logs(failed.run_id)]
    assert not failed.success
    assert any("The BSS answered 503" in event for event in events)
    assert not any("CANARY" in event for event in events)
