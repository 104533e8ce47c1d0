"""What is brought up to date when: months simulated with automation conditions, without running anything."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from recon_assets.catalogue import SOURCES
from recon_assets.definitions import build_definitions
from recon_assets.defs.issues import REPORTED_ISSUES
from recon_assets.months import month_range
from recon_assets.platform import Platform
from recon_assets_tests.landed import settings_in

UTC = dt.UTC
Requested = dict[dg.AssetKey, list[str]]
MONTHS = dg.MonthlyPartitionsDefinition("2025-01", fmt="%Y-%m")
PUBLISHED = dg.AssetKey(["published", "subscriptions"])


def raw(source: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", source])


@dataclass
class Simulation:
    """An instance with the platform's definitions, on which time passes and raw months are loaded."""

    instance: dg.DagsterInstance
    definitions: dg.Definitions
    now: dt.datetime
    watched: dg.AssetSelection
    cursor: Any = field(default=None)

    def load(self, source: str, *months: str) -> None:
        """Raw months were loaded."""
        self.report([dg.AssetMaterialization(raw(source), partition=month) for month in months])

    def audit(self, source: str, month: str, passed: bool) -> None:
        """A raw month was loaded with checks, as raw assets do it: it is replaced only when they passed."""

        @dg.asset(
            key=raw(source),
            partitions_def=MONTHS,
            check_specs=[dg.AssetCheckSpec("schema", asset=raw(source), blocking=True, partitions_def=MONTHS)],
            output_required=False,
        )
        def load() -> Iterator[Any]:
            if passed:
                yield dg.MaterializeResult()
            yield dg.AssetCheckResult(passed=passed)

        dg.materialize([load], partition_key=month, instance=self.instance, raise_on_error=False)

    def report(self, events: Sequence[dg.AssetMaterialization | dg.AssetCheckEvaluation]) -> None:
        """A run whose only step logs `events`."""

        @dg.op
        def step(context: dg.OpExecutionContext) -> None:
            for event in events:
                context.log_event(event)

        dg.GraphDefinition(name="reported", node_defs=[step]).execute_in_process(instance=self.instance)

    def tick(self) -> dict[str, list[str]]:
        """Requested months of every asset that is requested; their runs end well before the next tick."""
        requested = self.request()
        self.finish(requested)
        return {key.to_user_string(): months for key, months in requested.items()}

    def request(self) -> Requested:
        result = dg.evaluate_automation_conditions(
            self.definitions,
            self.instance,
            asset_selection=self.watched,
            evaluation_time=self.now,
            cursor=self.cursor,
        )
        self.cursor = result.cursor
        self.now += dt.timedelta(minutes=1)
        requested = {key: sorted(result.get_requested_partitions(key)) for key in downstream(self.definitions)}
        return {key: months for key, months in requested.items() if months}

    def finish(self, requested: Requested) -> None:
        self.report([dg.AssetMaterialization(key, partition=m) for key, months in requested.items() for m in months])


def downstream(definitions: dg.Definitions) -> list[dg.AssetKey]:
    """Assets with months that automation keeps up to date."""
    graph = definitions.resolve_asset_graph()
    keys = graph.get_all_asset_keys() - {REPORTED_ISSUES}
    return sorted(key for key in keys if graph.get(key).automation_condition is not None)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    settings = settings_in(tmp_path_factory.mktemp("home"), first_month="2025-01")
    settings.landing.mkdir()
    return build_definitions(Platform.from_settings(settings, lambda: dt.datetime(2025, 5, 20, tzinfo=UTC)))


def watching(definitions: dg.Definitions, watched: dg.AssetSelection) -> Iterator[Simulation]:
    """In the middle of May 2025, when the automation has been watching for a while."""
    with dg.DagsterInstance.ephemeral() as instance:
        simulation = Simulation(instance, definitions, dt.datetime(2025, 5, 20, tzinfo=UTC), watched)
        assert simulation.tick() == {}
        yield simulation


@pytest.fixture
def simulation(definitions: dg.Definitions) -> Iterator[Simulation]:
    """Of the assets of subscriptions alone: a tick takes a third of the time."""
    yield from watching(definitions, dg.AssetSelection.tag("subject", "subscriptions"))


@pytest.fixture
def of_all_subjects(definitions: dg.Definitions) -> Iterator[Simulation]:
    yield from watching(definitions, dg.AssetSelection.all() - dg.AssetSelection.groups("issues"))


def every_asset(definitions: dg.Definitions, months: Sequence[str], staging_of: str) -> dict[str, list[str]]:
    """`months` of every mart and publication of a source's subject, and of the staging models that rest on the source."""
    graph = definitions.resolve_asset_graph()
    resting_on_it = dg.AssetSelection.assets(raw(staging_of)).downstream().resolve(graph)
    keys = [
        key
        for key in downstream(definitions)
        if graph.get(key).tags["subject"] == SOURCES[staging_of].subject
        and (key.path[0] != "staging" or key in resting_on_it)
    ]
    return {key.to_user_string(): list(months) for key in keys}


def test_assets_that_are_kept_up_to_date_are_the_models_and_the_publication(definitions: dg.Definitions) -> None:
    layers = {key.path[0] for key in downstream(definitions)}
    assert layers == {"staging", "marts", "published"}
    graph = definitions.resolve_asset_graph()
    assert all(
        graph.get(key).automation_condition is None for key in graph.get_all_asset_keys() if key.path[0] == "raw"
    )


def test_a_late_invoice_of_may_brings_february_to_may_up_to_date_in_one_tick(of_all_subjects: Simulation) -> None:
    of_all_subjects.load("bss_invoices", "2025-05")
    assert of_all_subjects.tick() == every_asset(
        of_all_subjects.definitions, month_range("2025-02", "2025-05"), "bss_invoices"
    )
    assert of_all_subjects.tick() == {}


def test_june_is_brought_up_to_date_too_once_it_exists(simulation: Simulation) -> None:
    simulation.now = dt.datetime(2025, 6, 20, tzinfo=UTC)
    assert simulation.tick() == {}
    simulation.load("bss_invoices", "2025-05")
    assert simulation.tick() == every_asset(simulation.definitions, month_range("2025-02", "2025-06"), "bss_invoices")
    assert simulation.tick() == {}


def test_a_new_month_does_nothing_before_its_files_are_loaded(simulation: Simulation) -> None:
    for month in (6, 7):
        simulation.now = dt.datetime(2025, month, 2, tzinfo=UTC)
        assert simulation.tick() == {}


@pytest.mark.parametrize("source", ["ms_recon_nce", "ms_recon_legacy"])
def test_a_replaced_microsoft_file_brings_the_neighbouring_months_up_to_date(
    source: str, simulation: Simulation
) -> None:
    simulation.load(source, "2025-02")
    assert simulation.tick() == every_asset(simulation.definitions, month_range("2025-01", "2025-03"), source)
    assert simulation.tick() == {}


@pytest.mark.parametrize("source", ["azure_invoice_usage", "azure_cost_export"])
def test_usage_of_a_month_brings_that_month_alone_up_to_date(source: str, of_all_subjects: Simulation) -> None:
    of_all_subjects.load(source, "2025-03")
    wanted = every_asset(of_all_subjects.definitions, ["2025-03"], source)
    del wanted["marts/usage/reconciliation_waterfall"]  # usage has the bridge of invoices; its waterfall reads nothing
    assert of_all_subjects.tick() == wanted
    assert of_all_subjects.tick() == {}


@pytest.mark.parametrize("source", ["erp_sales_register", "erp_purchase_register", "einvoices"])
def test_documents_of_a_month_bring_two_months_on_either_side_up_to_date(
    source: str, of_all_subjects: Simulation
) -> None:
    of_all_subjects.load(source, "2025-03")
    assert of_all_subjects.tick() == every_asset(of_all_subjects.definitions, month_range("2025-01", "2025-05"), source)
    assert of_all_subjects.tick() == {}


def test_a_register_that_failed_its_audit_holds_back_no_other_subject(of_all_subjects: Simulation) -> None:
    of_all_subjects.audit("erp_sales_register", "2025-05", passed=False)
    of_all_subjects.load("einvoices", "2025-02")
    of_all_subjects.load("azure_cost_export", "2025-05")
    requested = of_all_subjects.tick()
    assert requested["published/einvoices"] == ["2025-01", "2025-02"]
    assert requested["published/usage"] == ["2025-05"]
    assert of_all_subjects.tick() == {}


def test_months_of_several_files_are_requested_together(simulation: Simulation) -> None:
    simulation.load("ms_recon_nce", "2025-01")
    simulation.load("bss_invoices", "2025-05")
    requested = simulation.tick()
    assert requested[PUBLISHED.to_user_string()] == month_range("2025-01", "2025-05")
    assert simulation.tick() == {}


def test_a_month_that_failed_its_audit_holds_back_the_months_whose_window_holds_it(simulation: Simulation) -> None:
    simulation.audit("ms_recon_nce", "2025-02", passed=True)
    simulation.tick()
    simulation.audit("ms_recon_nce", "2025-02", passed=False)
    simulation.load("bss_invoices", "2025-05")
    requested = simulation.tick()
    assert requested[PUBLISHED.to_user_string()] == ["2025-04", "2025-05"]
    assert simulation.tick() == {}


def test_a_failed_dbt_test_does_not_hold_back_the_build_that_mends_it(simulation: Simulation) -> None:
    simulation.load("bss_invoices", "2025-05")
    simulation.tick()
    mart, check = dg.AssetKey(["marts", "subscription_reconciliation"]), "subscription_reconciliation_grain_is_unique"
    assert simulation.definitions.resolve_asset_graph().get(dg.AssetCheckKey(mart, check)).blocking
    failed = dg.AssetCheckEvaluation(mart, check, False, {}, blocking=True, partition="2025-05")
    simulation.report([failed])
    simulation.load("bss_invoices", "2025-05")
    assert simulation.tick()[PUBLISHED.to_user_string()] == month_range("2025-02", "2025-05")


def test_months_held_back_follow_once_the_corrected_file_passed(simulation: Simulation) -> None:
    simulation.audit("ms_recon_nce", "2025-02", passed=True)
    simulation.tick()
    simulation.audit("ms_recon_nce", "2025-02", passed=False)
    simulation.load("bss_invoices", "2025-05")
    simulation.tick()
    simulation.audit("ms_recon_nce", "2025-02", passed=True)
    assert simulation.tick()[PUBLISHED.to_user_string()] == ["2025-01", "2025-02", "2025-03"]
    assert simulation.tick() == {}


def test_months_are_brought_up_to_date_as_files_land(simulation: Simulation) -> None:
    """Each month's files land early in the next one: the months of their windows follow, once."""
    for number in (6, 7):
        simulation.now = dt.datetime(2025, number, 6, tzinfo=UTC)
        month = f"2025-{number - 1:02d}"
        simulation.load("bss_invoices", month)
        simulation.load("ms_recon_nce", month)
        requested = simulation.tick()
        assert requested[PUBLISHED.to_user_string()] == month_range(f"2025-{number - 4:02d}", f"2025-{number:02d}")
        assert simulation.tick() == {}


def test_a_file_that_lands_while_its_month_is_being_built_is_not_forgotten(simulation: Simulation) -> None:
    """The bug this guards against: the end of a run that read the earlier file counted as the answer to the later."""
    simulation.load("bss_invoices", "2025-05")
    request = simulation.request()
    simulation.load("ms_recon_nce", "2025-03")  # after the run has read its raw months, before it ends
    simulation.finish(request)
    assert simulation.tick()[PUBLISHED.to_user_string()] == ["2025-02", "2025-03", "2025-04"]
    assert simulation.tick() == {}


def test_marts_built_by_hand_or_by_schedule_are_not_built_again(simulation: Simulation) -> None:
    simulation.finish({key: ["2025-03"] for key in downstream(simulation.definitions)})
    assert simulation.tick() == {}
