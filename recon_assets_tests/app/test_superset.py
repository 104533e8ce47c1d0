"""The dashboard for Superset that is kept as files: whole, as the contracts are, and with the figures of the app.

Superset itself is not asked here: `make superset` imports the files into it and compares what its charts show.
"""

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from recon_assets.catalogue.marts import Mart
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import published_marts
from tools.superset_dashboard import FOLDER, files

MARCH = dt.date(2025, 3, 1)


def read(kind: str) -> dict[str, dict[str, Any]]:
    """Files of a kind (databases, datasets, charts, dashboards) by their id."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / kind).rglob("*.yaml"))]
    assert found and len({one["uuid"] for one in found}) == len(found)
    return {one["uuid"]: one for one in found}


def chart_sql(chart: dict[str, Any]) -> str:
    """A chart's own query, with the SQL of its dataset's metrics and columns, as Superset puts it together."""
    dataset = read("datasets")[chart["dataset_uuid"]]
    known = {one["column_name"]: one.get("expression") or one["column_name"] for one in dataset["columns"]}
    metrics = {one["metric_name"]: one["expression"] for one in dataset["metrics"]}
    (query,) = json.loads(chart["query_context"])["queries"]
    columns = [one if isinstance(one, str) else one["sqlExpression"] for one in query["columns"]]
    shown = [f"{known[name]} as {name}" for name in columns]
    shown += [f"{metrics[name]} as {name}" for name in query.get("metrics", [])]
    where = [
        f"{known[one['col']]} {one['op']} '{one['val']}'" for one in query["filters"] if one["op"] != "TEMPORAL_RANGE"
    ]
    groups = ", ".join(str(n + 1) for n in range(len(columns)))
    orders = ", ".join(
        f"{metrics.get(name) or known[name]} {'asc' if is_ascending else 'desc'}"
        for name, is_ascending in query["orderby"]
    )
    return (
        f"select {', '.join(shown)} from {dataset['schema']}.{dataset['table_name']}"
        + (f" where {' and '.join(where)}" if where else "")
        + (f" group by {groups}" if "metrics" in query else "")
        + f" order by {orders} limit {query['row_limit']}"
    )


def empty_marts(marts: list[Mart]) -> duckdb.DuckDBPyConnection:
    """A database with the published marts as their contracts have them, without rows."""
    connection = duckdb.connect()
    connection.execute("create schema marts")
    for mart in marts:
        connection.execute(
            f"create table marts.{mart.name} ({', '.join(f'{c.name} {c.sql_type}' for c in mart.columns)})"
        )
    return connection


@pytest.fixture(scope="module")
def charts() -> dict[str, str]:
    """SQL of each chart by its title."""
    return {chart["slice_name"]: chart_sql(chart) for chart in read("charts").values()}


def test_the_files_are_what_the_contracts_and_the_screens_say() -> None:
    written = files()
    kept = {path: path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.is_file()}
    assert kept == written, "run python -m tools.superset_dashboard"


def test_everything_that_a_file_refers_to_is_there() -> None:
    databases, datasets, charts = read("databases"), read("datasets"), read("charts")
    (dashboard,) = read("dashboards").values()
    assert {one["database_uuid"] for one in datasets.values()} == set(databases)
    assert {one["dataset_uuid"] for one in charts.values()} == set(datasets)
    position = {key: part for key, part in dashboard["position"].items() if isinstance(part, dict)}
    placed = [part["meta"] for part in position.values() if part["type"] == "CHART"]
    assert Counter(one["uuid"] for one in placed) == Counter(charts.keys())
    assert {one["uuid"]: one["sliceName"] for one in placed} == {key: one["slice_name"] for key, one in charts.items()}
    children = Counter(child for part in position.values() for child in part.get("children", []))
    assert children == Counter(key for key, part in position.items() if part["type"] not in ("ROOT", "HEADER"))
    assert yaml.safe_load((FOLDER / "metadata.yaml").read_text(encoding="utf-8"))["type"] == "Dashboard"


def test_every_dataset_has_the_columns_of_its_mart_with_their_types() -> None:
    marts = published_marts()
    for dataset in read("datasets").values():
        columns = {one["column_name"]: one["type"].lower() for one in dataset["columns"] if "expression" not in one}
        assert columns == {one.name: one.sql_type for one in marts[dataset["table_name"]].columns}
        assert any(kind.startswith("decimal") for kind in columns.values()) == (dataset["table_name"] != "month_status")


def test_what_browsers_are_told_to_draw_is_what_the_chart_asks_for() -> None:
    for chart in read("charts").values():
        params, (query,) = chart["params"], json.loads(chart["query_context"])["queries"]
        asked = [one if isinstance(one, str) else one["label"] for one in query["columns"]]
        drawn = params.get("all_columns") or [*([params["x_axis"]] if "x_axis" in params else []), *params["groupby"]]
        assert (drawn, params.get("metrics"), params["row_limit"]) == (asked, query.get("metrics"), query["row_limit"])
        assert [(one["subject"], one["operator"], one["comparator"]) for one in params["adhoc_filters"]] == [
            (one["col"], one["op"], one["val"]) for one in query["filters"]
        ]


def test_every_query_and_metric_runs_on_the_marts_and_on_none_whose_column_was_renamed(charts: dict[str, str]) -> None:
    marts = list(published_marts().values())
    with empty_marts(marts) as connection:
        for sql in charts.values():
            assert connection.execute(sql).fetchall() == []
        for dataset in read("datasets").values():
            for metric in dataset["metrics"]:
                connection.execute(f"select {metric['expression']} from marts.{dataset['table_name']}")
        connection.execute("alter table marts.subscription_reconciliation rename cost_difference to difference")
        with pytest.raises(duckdb.BinderException, match="cost_difference"):
            connection.execute(charts["Microsoft less BSS by month"])


def test_charts_show_the_published_amounts_right_less_left_in_the_words_of_the_app(
    published: Path, charts: dict[str, str]
) -> None:
    with PublishedStore(published).connect(published_marts().values()) as connection:
        rows = {title: connection.execute(sql).fetchall() for title, sql in charts.items()}
    # 99.75 and 70.00 are BSS less Microsoft in the mart.
    assert (MARCH, "MYR", Decimal("-169.75")) in rows["Microsoft less BSS by month"]
    results = {row[1] for row in rows["Subscriptions by result"]}
    assert {"Match", "Discrepancy", "Missing at Microsoft", "Not comparable"} <= results
    variations = rows["Largest variations of usage"]
    assert variations and all(row[-1] == row[-2] - row[-3] for row in variations if row[-1] is not None)
    sizes = [abs(row[-1]) for row in variations if row[-1] is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert {row[0] for row in rows["Months"]} >= {MARCH}
    assert all(rows.values())
