"""Publishing to Azure while storage throttles, hangs up and loses answers: a publication is there once, or not at all."""

from collections.abc import Callable

import pytest

from recon_assets.errors import InputError, ReconError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.azure.conftest import Reached
from recon_assets_tests.azure.faults import Fault, FaultProxy
from recon_assets_tests.lakehouse.publishing import MART, SHARED, day, publish

pytestmark = pytest.mark.azure

LOG = r"publications/_delta_log/\d+\.json"
BUSY = Fault("status", 503, (("Retry-After", "1"),))


def amounts(store: PublishedStore) -> list[tuple[str]]:
    with store.connect([MART, SHARED]) as reader:
        return reader.execute("select cast(amount as varchar) from marts.totals order by all").fetchall()


@pytest.mark.parametrize("where", [LOG, r"totals/_delta_log/\d+\.json", r"\.parquet"])
@pytest.mark.parametrize(
    "faults", [[BUSY, Fault("status", 429)], [Fault("drop")] * 2, [Fault("lose answer")]], ids=["busy", "drop", "lost"]
)
def test_a_publication_is_there_once_whatever_happens_to_its_writes(
    where: str, faults: list[Fault], reached: Reached, proxy: FaultProxy
) -> None:
    store = reached.published()
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    proxy.plant("PUT", where, *faults)
    publication = publish(store, "2025-01", "run-2", ["2.00", "3.00"], day(2))
    assert [p.run_id for p in store.publications()] == ["run-1", "run-2"]
    assert store.current() == {("2025-01", "subscriptions"): publication}
    assert amounts(store) == [("2.00",), ("3.00",)]


@pytest.mark.parametrize("where", [LOG, r"\.parquet"])
@pytest.mark.parametrize("fault", [BUSY, Fault("drop"), Fault("cut", at=50)], ids=["busy", "drop", "cut"])
def test_readers_see_the_publication_whatever_happens_to_their_reads(
    where: str, fault: Fault, reached: Reached, proxy: FaultProxy
) -> None:
    store = reached.published()
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    assert store.azure is not None
    store.azure.cache.clear()
    proxy.plant("GET", where, fault)
    assert amounts(store) == [("1.00",)]


def test_a_publisher_that_storage_cuts_off_for_good_leaves_readers_with_the_earlier_month(
    reached: Reached, proxy: FaultProxy
) -> None:
    publish(reached.published(), "2025-01", "run-1", ["1.00"], day(1))
    short = reached.published(attempts=1, longest_wait_seconds=1)
    proxy.plant("PUT", LOG, *[Fault("status", 503)] * 5)
    with pytest.raises(ReconError, match="Azure Storage failed for az://"):
        publish(short, "2025-01", "run-2", ["2.00"], day(2))
    assert amounts(reached.published()) == [("1.00",)]


def test_published_files_are_copied_once_and_read_from_there(reached: Reached, proxy: FaultProxy) -> None:
    store = reached.published()
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    assert store.azure is not None
    store.azure.cache.clear()  # as on another machine: where they were written the copies are there already
    for _ in range(3):
        assert amounts(store) == [("1.00",)]
    assert proxy.count("GET", r"\.parquet") == 3  # one per mart, and one of the log
    assert not list((store.root.parent / "pins").glob("*.json"))  # readers are gone


def wrong_key(reached: Reached) -> PublishedStore:
    return reached.published(account_key="d3Jvbmcga2V5IENBTkFSWS13cm9uZy1hY2NvdW50LWtleQ==")


def wrong_container(reached: Reached) -> PublishedStore:
    reached.container.client.delete_container()
    return reached.published()


@pytest.mark.parametrize(
    ("make", "said"), [(wrong_key, "refuses az://.*RECON_AZURE_ACCOUNT_KEY"), (wrong_container, "has no container")]
)
def test_a_wrong_setting_is_said_in_a_sentence(
    make: Callable[[Reached], PublishedStore], said: str, reached: Reached
) -> None:
    store = make(reached)
    with pytest.raises(InputError, match=said):
        publish(store, "2025-01", "run-1", ["1.00"], day(1))
