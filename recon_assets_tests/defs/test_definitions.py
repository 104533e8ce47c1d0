"""The code location: it loads, and its assets, jobs, schedules and sensors are the ones that are meant."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from recon_assets.catalogue import SUBJECTS, source_windows
from recon_assets.definitions import build_definitions
from recon_assets.defs.downloads import BSS_DOWNLOAD, SHAREPOINT_DOWNLOAD, USAGE_DOWNLOAD
from recon_assets.defs.issues import REPORTED_ISSUES
from recon_assets.defs.models import DECISIONS
from recon_assets.defs.partitions import month_partitions, window_mapping
from recon_assets.platform import Platform
from recon_assets_tests.landed import NOW, land_bss, land_nce, platform_in, settings_in

REPOSITORY = Path(__file__).parents[2]
RAW_KINDS = {"duckdb", "pandera", "parquet"}
DBT = {"dbt", "duckdb"}
# subject -> source -> the assets that its landed files come from
LANDED: dict[str, dict[str, set[str]]] = {
    "subscriptions": {
        "bss_invoices": {"landing/bss_invoices_download"},
        "ms_recon_legacy": set(),
        "ms_recon_nce": {"landing/ms_reconciliation_download"},
        "ms_unbilled_nce": set(),
    },
    "usage": {
        "azure_cost_export": set(),
        "azure_invoice_usage": {"landing/azure_invoice_usage_download"},
        "azure_unbilled_usage": set(),
        "azure_usage_aggregated": set(),
        "ms_invoices": set(),
    },
    "einvoices": {"einvoices": set(), "erp_purchase_register": set(), "erp_sales_register": set()},
}
DOWNLOADS = {
    "landing/azure_invoice_usage_download": {"azure"},
    "landing/bss_invoices_download": {"json"},
    "landing/ms_reconciliation_download": {"azure"},
}
# subject -> staging model -> sources it reads, and staging models
STAGING: dict[str, dict[str, set[str]]] = {
    "subscriptions": {
        "stg_bss__invoice_copies": {"bss_invoices"},
        "stg_bss__invoice_lines": {"bss_invoices"},
        "stg_partner_center__legacy_lines": {"ms_recon_legacy"},
        "stg_partner_center__nce_lines": {"ms_recon_nce"},
    },
    "usage": {"stg_azure__cost_lines": {"azure_cost_export"}, "stg_azure__usage_lines": {"azure_invoice_usage"}},
    "einvoices": {
        "stg_einvoices__files": {"erp_purchase_register", "erp_sales_register", "einvoices"},
        "stg_erp__register_documents": {"stg_erp__register_rows"},
        "stg_erp__register_rows": {"erp_purchase_register", "erp_sales_register", "stg_einvoices__files"},
        "stg_myinvois__einvoice_rows": {"einvoices", "stg_einvoices__files"},
        "stg_myinvois__einvoices": {"stg_myinvois__einvoice_rows", "stg_myinvois__superseded"},
        "stg_myinvois__superseded": {"einvoices", "stg_myinvois__einvoice_rows"},
    },
}
_DOCUMENTS = {f"staging/{model}" for model in STAGING["einvoices"] if model != "stg_einvoices__files"}
_DECIDED = "issues/decisions"
_USAGE_AND_COST = {"raw/azure_invoice_usage", "raw/azure_cost_export"}
# subject -> mart -> layers of the subject it reads all of, or the mart it reads
MARTS: dict[str, dict[str, set[str]]] = {
    "subscriptions": {
        "subscription_reconciliation": {"staging", "raw", _DECIDED},
        "subscription_reconciliation_items": {"staging"},
        "subscription_margin": {"staging", "raw", _DECIDED},
        "subscriptions/intake_files": {"raw"},
        "subscriptions/month_status": {"staging", "raw"},
        "subscriptions/quarantined_rows": {"raw"},
        "subscriptions/reconciliation_summary": {"marts/subscription_reconciliation"},
        "subscriptions/reconciliation_waterfall": {"staging", "raw", _DECIDED},
    },
    "usage": {
        "invoice_bridge": {"raw", "marts/usage_cost_out_of_scope", "marts/usage_cost_reconciliation"},
        "usage_cost_out_of_scope": _USAGE_AND_COST,
        "usage_cost_reconciliation": {"raw", _DECIDED},
        "usage_cost_summary": {"raw"},
        "usage_cost_variations": {"raw"},
        "usage/intake_files": {"raw"},
        "usage/month_status": {"raw"},
        "usage/quarantined_rows": {"raw"},
        "usage/reconciliation_summary": {*_USAGE_AND_COST, "marts/usage_cost_reconciliation"},
        "usage/reconciliation_waterfall": set(),
    },
    "einvoices": {
        "einvoice_candidates": {*_DOCUMENTS, "raw", _DECIDED},
        "einvoice_field_differences": {*_DOCUMENTS, "raw", _DECIDED},
        "einvoice_reconciliation": {*_DOCUMENTS, "raw", _DECIDED},
        "open_items": {*_DOCUMENTS, "raw", _DECIDED},
        "einvoices/intake_files": {"raw"},
        "einvoices/month_status": {*_DOCUMENTS, "raw", _DECIDED},
        "einvoices/quarantined_rows": {"raw"},
        "einvoices/reconciliation_summary": {"marts/einvoice_reconciliation"},
        "einvoices/reconciliation_waterfall": {"marts/einvoice_reconciliation"},
    },
}


def expected_assets(subject: str) -> dict[str, tuple[set[str], set[str]]]:
    """Key -> kinds and the assets it reads; the group is the first part of the key."""
    landing = {f"landing/{source}": ({"csv"}, parents) for source, parents in LANDED[subject].items()}
    raw = {f"raw/{source}": (RAW_KINDS, {f"landing/{source}"}) for source in LANDED[subject]}
    staging = {
        f"staging/{model}": (DBT, {("staging/" if name.startswith("stg_") else "raw/") + name for name in reads})
        for model, reads in STAGING[subject].items()
    }
    compared = {key for key in raw if key.removeprefix("raw/") not in SUBJECTS[subject].shown}
    layers = {"raw": compared, "staging": set(staging)}
    marts = {
        f"marts/{mart}": (DBT, {key for layer in reads for key in layers.get(layer, {layer})})
        for mart, reads in MARTS[subject].items()
    }
    downloads = {key: (DOWNLOADS[key], set[str]()) for parents in LANDED[subject].values() for key in parents}
    return landing | downloads | raw | staging | marts | {f"published/{subject}": ({"deltalake"}, set(marts))}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return platform_in(tmp_path_factory.mktemp("home"), first_month="2022-01")


@pytest.fixture(scope="module")
def definitions(platform: Platform) -> dg.Definitions:
    return build_definitions(platform)


def asset_keys(definitions: dg.Definitions) -> list[dg.AssetKey]:
    """All assets that have months and a subject: all but issues, decisions, and the folder that holds any files."""
    of_none = {REPORTED_ISSUES, DECISIONS, SHAREPOINT_DOWNLOAD}
    return sorted(definitions.resolve_asset_graph().get_all_asset_keys() - of_none)


def assets_of(definitions: dg.Definitions, subject: str) -> list[dg.AssetKey]:
    graph = definitions.resolve_asset_graph()
    return [key for key in asset_keys(definitions) if graph.get(key).tags["subject"] == subject]


def test_the_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_assets_are_these_and_read_these(subject: str, definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found = {
        key.to_user_string(): (set(graph.get(key).kinds), {p.to_user_string() for p in graph.get(key).parent_keys})
        for key in assets_of(definitions, subject)
    }
    assert found == expected_assets(subject)


def test_every_asset_has_its_layers_group_an_owner_a_subject_and_a_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in asset_keys(definitions):
        node = graph.get(key)
        assert node.group_name == key.path[0]
        assert node.owners == ["team:finops"]
        assert node.tags["subject"] in SUBJECTS
        assert len(node.description or "") > 40, key


def test_no_asset_of_a_subject_reads_one_of_another(definitions: dg.Definitions) -> None:
    """The bug this guards against: a file of one subject brought the shared marts of every subject up to date."""
    graph = definitions.resolve_asset_graph()
    for subject in SUBJECTS:
        keys = assets_of(definitions, subject)
        assert {parent for key in keys for parent in graph.get(key).parent_keys} <= {*keys, DECISIONS}


def test_the_issues_are_one_asset_without_months_that_reads_every_publication(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    grouped = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "issues"}
    assert grouped == {REPORTED_ISSUES, DECISIONS}
    node = graph.get(REPORTED_ISSUES)
    assert node.parent_keys == {dg.AssetKey(["published", subject]) for subject in SUBJECTS}
    assert (node.partitions_def, set(node.kinds), node.owners) == (None, {"deltalake"}, ["team:finops"])
    assert "One row per issue." in (node.description or "")


def test_every_mart_description_ends_with_its_grain(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in asset_keys(definitions):
        if key.path[0] == "marts":
            assert "One row per " in (graph.get(key).description or ""), key


def test_all_assets_share_one_partitions_definition(definitions: dg.Definitions, platform: Platform) -> None:
    graph = definitions.resolve_asset_graph()
    by_month = [key for key in asset_keys(definitions) if key != BSS_DOWNLOAD]  # brings changes of any month
    assert {graph.get(key).partitions_def for key in by_month} == {month_partitions(platform)}
    assert graph.get(BSS_DOWNLOAD).partitions_def is None


def test_every_check_of_raw_and_marts_is_partitioned(definitions: dg.Definitions, platform: Platform) -> None:
    graph = definitions.resolve_asset_graph()
    checks = list(graph.asset_check_keys)
    assert {graph.get(check).partitions_def for check in checks} == {month_partitions(platform)}
    by_asset = {check.asset_key for check in checks}
    assert by_asset == {key for key in asset_keys(definitions) if key.path[0] in ("raw", "marts")}


def test_audits_of_raw_months_and_dbt_tests_that_hold_back_a_month_block_and_say_what_they_are_about(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    assert all(graph.get(check).blocking for check in graph.asset_check_keys)  # every dbt test has severity error
    audits = ("schema", "row_count", "quarantine_share", "control_totals", "repeats")
    raw = [key.to_user_string() for key in asset_keys(definitions) if key.path[0] == "raw"]
    checks = {check.to_user_string() for check in graph.asset_check_keys}
    assert {f"{key}:{audit}" for key in raw for audit in audits} <= checks
    specs = [spec for asset in definitions.assets or [] for spec in getattr(asset, "check_specs", [])]
    assert len(specs) == len(checks) and all(spec.description for spec in specs)
    told = {spec.name: spec.description or "" for spec in specs}["subscriptions_waterfall_foots"]
    assert told.startswith("Subscriptions waterfall foots.") and "a month in which it fails is not published" in told


def test_jobs_schedules_and_sensors_are_these(definitions: dg.Definitions) -> None:
    jobs = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    from_files = {f"load_and_reconcile_{subject}" for subject in SUBJECTS}
    assert jobs == {"load_raw", "everything", "issues", *SUBJECTS, *from_files}
    repository = definitions.get_repository_def()
    schedules = {s.name: (s.cron_schedule, s.default_status) for s in repository.schedule_defs}
    running = dg.DefaultScheduleStatus.RUNNING
    closes = {f"close_month_{subject}": ("0 6 6 * *", running) for subject in SUBJECTS}
    refreshes = {f"refresh_open_months_{subject}": ("30 6 * * *", running) for subject in SUBJECTS}
    assert schedules == closes | refreshes
    sensors = {s.name: s.default_status for s in repository.sensor_defs}
    names = ["automation", *(f"landing_{subject}" for subject in SUBJECTS)]
    assert sensors == dict.fromkeys(names, dg.DefaultSensorStatus.RUNNING)


def test_the_jobs_hold_the_layers_they_are_named_after(definitions: dg.Definitions) -> None:
    selected = {
        name: definitions.resolve_job_def(name).asset_layer.selected_asset_keys
        for name in ("load_raw", "everything", "issues", *SUBJECTS)
    }
    assert set(selected["issues"]) == {REPORTED_ISSUES}
    assert {key.path[0] for key in selected["load_raw"]} == {"raw"}
    assert {key.path[0] for key in selected["everything"]} == {"raw", "staging", "marts", "published"}
    for subject in SUBJECTS:
        models = {key for key in assets_of(definitions, subject) if key.path[0] not in ("landing", "raw")}
        assert set(selected[subject]) == models


def test_billed_usage_is_downloaded_by_month_and_no_job_does_it_unasked(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    node = graph.get(USAGE_DOWNLOAD)
    assert (node.group_name, node.tags["subject"], node.backfill_policy) == (
        "landing", "usage", dg.BackfillPolicy.multi_run(1),
    )  # fmt: skip
    assert node.automation_condition is None
    jobs = ("load_raw", "everything", *SUBJECTS)
    assert not any(USAGE_DOWNLOAD in definitions.resolve_job_def(job).asset_layer.selected_asset_keys for job in jobs)


def test_runs_of_a_range_are_one_run_and_raw_months_one_run_each(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    policies = {
        key.path[0]: graph.get(key).backfill_policy for key in asset_keys(definitions) if key.path[0] != "landing"
    }
    single = dg.BackfillPolicy.single_run()
    assert policies == {
        "raw": dg.BackfillPolicy.multi_run(1), "staging": single, "marts": single, "published": single,
    }  # fmt: skip


def test_months_reach_from_the_first_month_of_the_settings_to_the_current_one(tmp_path: Path) -> None:
    keys = month_partitions(platform_in(tmp_path, first_month="2024-03")).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1], len(keys)) == ("2024-03", "2025-07", 17)


def test_months_reach_back_to_the_oldest_landed_one(tmp_path: Path) -> None:
    platform = platform_in(tmp_path, first_month="2024-03")
    land_nce(platform.settings.landing, "2019-11", [])
    keys = month_partitions(platform).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1]) == ("2019-11", "2025-07")


def test_without_a_setting_no_month_is_shown_that_nobody_landed(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    assert month_partitions(platform).get_partition_keys(current_time=NOW)[0] == "2024-08"  # nothing landed: a year
    land_nce(platform.settings.landing, "2025-03", [])
    keys = month_partitions(platform).get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1], len(keys)) == ("2025-03", "2025-07", 5)


def test_a_month_that_landed_ahead_of_its_time_has_a_partition(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-09", [])
    assert month_partitions(platform).get_partition_keys(current_time=NOW)[-1] == "2025-09"


def test_the_current_month_gets_its_partition_on_its_first_day(tmp_path: Path) -> None:
    partitions = month_partitions(platform_in(tmp_path))
    last_day = dt.datetime(2025, 7, 31, 23, 59, tzinfo=dt.UTC)
    assert partitions.get_partition_keys(current_time=last_day)[-1] == "2025-07"
    assert partitions.get_partition_keys(current_time=last_day + dt.timedelta(minutes=1))[-1] == "2025-08"


def test_a_month_needs_the_raw_months_of_its_selection_window(definitions: dg.Definitions) -> None:
    windows = [window for subject in SUBJECTS for window in source_windows(subject)]
    assert {w.source: (w.from_offset, w.to_offset) for w in windows} == {
        "bss_invoices": (-1, 3), "ms_recon_nce": (-1, 1), "ms_recon_legacy": (-1, 1),
        "azure_invoice_usage": (0, 0), "ms_invoices": (0, 0), "azure_usage_aggregated": (0, 0), "azure_cost_export": (0, 0),
        "erp_sales_register": (-2, 2), "erp_purchase_register": (-2, 2), "einvoices": (-2, 2),
    }  # fmt: skip
    graph = definitions.resolve_asset_graph()
    for key in asset_keys(definitions):
        for parent in graph.get(key).parent_keys:
            mapping = graph.get_partition_mapping(key, parent)
            if parent.path[0] == "raw":
                window = next(w for w in source_windows(graph.get(key).tags["subject"]) if w.source == parent.path[1])
                assert mapping == window_mapping(window)
            elif parent in (BSS_DOWNLOAD, DECISIONS):  # one fetch brings any months, decisions are of any
                assert isinstance(mapping, dg.AllPartitionMapping)
            else:
                assert (mapping.start_offset, mapping.end_offset) == (0, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "month", "raw_months"),
    [
        ("azure_invoice_usage", "2025-02", ["2025-02"]),
        ("azure_cost_export", "2025-07", ["2025-07"]),
        ("erp_sales_register", "2025-03", ["2025-01", "2025-02", "2025-03", "2025-04", "2025-05"]),
        ("einvoices", "2025-06", ["2025-04", "2025-05", "2025-06", "2025-07"]),
        ("einvoices", "2022-02", ["2022-01", "2022-02", "2022-03", "2022-04"]),
        ("bss_invoices", "2025-02", ["2025-01", "2025-02", "2025-03", "2025-04", "2025-05"]),
        ("ms_recon_nce", "2025-02", ["2025-01", "2025-02", "2025-03"]),
        ("bss_invoices", "2022-01", ["2022-01", "2022-02", "2022-03", "2022-04"]),
        ("bss_invoices", "2025-06", ["2025-05", "2025-06", "2025-07"]),
    ],
)
def test_months_of_a_window_that_do_not_exist_are_left_out(
    source: str, month: str, raw_months: list[str], definitions: dg.Definitions, platform: Platform
) -> None:
    window = next(w for subject in SUBJECTS for w in source_windows(subject) if w.source == source)
    partitions = month_partitions(platform)
    mapped = window_mapping(window).get_upstream_mapped_partitions_result_for_partitions(
        partitions.subset_with_partition_keys([month]), partitions, partitions, current_time=NOW
    )
    assert sorted(mapped.partitions_subset.get_partition_keys()) == raw_months


def test_importing_and_building_the_definitions_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = "import recon_assets.definitions as d; d.build_definitions(); print('built')"
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment | {"RECON_HOME": str(home), "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "built\n"
    assert list(tmp_path.iterdir()) == []


def test_definitions_without_a_landing_zone_have_the_months_of_the_settings(tmp_path: Path) -> None:
    platform = Platform.from_settings(settings_in(tmp_path / "nowhere", first_month="2025-02"), lambda: NOW)
    assert month_partitions(platform).get_partition_keys(current_time=NOW)[0] == "2025-02"
