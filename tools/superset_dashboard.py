"""A dashboard for Apache Superset as the files that it exports and imports, over a file of `recon export duckdb`.

    python -m tools.superset_dashboard               writes deploy/superset/ anew; a test holds it up to date
    python -m tools.superset_dashboard compare FILE  compares what Superset's charts show, which
                                                     tools/superset_figures.py wrote, to the published tables

Datasets are the contracts of the dbt project; titles, words and the sign of differences are those of the app.
"""

import csv
import io
import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from recon_assets.app import einvoices, subscriptions, usage
from recon_assets.app.format import RECONCILIATIONS, words
from recon_assets.app.glossary import term
from recon_assets.app.tables import Table
from recon_assets.landing.cost_exports import COMPARISONS
from recon_assets.pipeline.marts import published_marts
from recon_assets.query import connect_published
from tools.written import write_folder

FOLDER = Path(__file__).parents[1] / "deploy" / "superset"
VERSION = "1.0.0"  # of the form of the files
DATABASE = "reconciliation"
URI = "duckdb:////data/published.duckdb?access_mode=read_only"
MONTH = "billing_month"
_NAMESPACE = uuid.UUID("5d6c7e0c-3f5e-4b57-9f0e-3d1d6d8f4b6a")  # ids follow from names: a new import replaces the last
_SIGN = "Differences are right less left, as everywhere on screens: "


@dataclass(frozen=True)
class Dataset:
    """A mart with `metrics` (name to title and SQL) and `codes`, columns in words (name to title and column)."""

    mart: str
    metrics: dict[str, tuple[str, str]]
    codes: dict[str, tuple[str, str]]
    table: Table | None = None  # the app's, whose titles of columns count

    def titles(self) -> dict[str, str]:
        """Titles of columns: those of the app's grid, where it shows the column."""
        shown = self.table.columns if self.table else ()
        return {**_TITLES, **{column.name: column.title for column in shown}}


@dataclass(frozen=True)
class Chart:
    """A chart: bars by month and `columns`, or a table of `columns`.

    `answer` is what it must show, asked of the marts: columns, then metrics; the comparison puts in the words of codes.
    """

    title: str
    text: str
    mart: str
    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    answer: str
    is_table: bool = False
    is_stacked: bool = False
    order: tuple[str, ...] = ()  # the first descending, the others ascending
    without: tuple[str, str] | None = None  # a column and its value that is left out
    limit: int = 10_000
    height: int = 50
    width: int = 6  # of the dashboard's 12 columns


_TITLES = {
    MONTH: "Month",
    "comparison": "Compared with",
    "reconciliation": "Reconciliation",
    "window_status": "How far it can be trusted",
    "sources_missing": "Missing files",
    "checks_passed": "Checks passed",
    "checks_failed": "Checks failed",
    "paired_count": "Rows with both sides",
    "missing_count": "Rows with one side",
    "published_at": "Published (UTC)",
    "meter_name": "Meter",
    "invoice_number": "Invoice",
}
DATASETS = (
    Dataset(
        "subscription_reconciliation",
        {
            "subscriptions": ("Subscriptions", "count(*)"),
            **{
                name: (title, f"sum({column})")
                for name, (column, title) in zip(
                    ("bss_cost", "ms_cost", "ms_less_bss"), subscriptions.TABLE.sums.items(), strict=True
                )
            },
        },
        {"result": ("Result", "status"), "why": ("Explanation", "explanation")},
        subscriptions.TABLE,
    ),
    Dataset(
        "usage_cost_variations",
        {
            "billed_usage": ("Billed usage", "sum(usage_amount)"),
            "cost_export": ("Cost export", "sum(cost_amount)"),
            "export_less_usage": ("Export \N{MINUS SIGN} usage", f"sum({usage.VARIATIONS.right_minus_left})"),
            "size": ("Size", f"sum(abs({usage.VARIATIONS.right_minus_left}))"),
        },
        {
            "result": ("Result", "status"),
            "why": ("Explanation", "explanation"),
            "compared_with": ("Compared with", "comparison"),
        },
        usage.VARIATIONS,
    ),
    Dataset(
        "einvoice_reconciliation",
        {"documents": ("Documents", "count(*)")},
        {"bucket_shown": ("Bucket", "bucket")},
        einvoices.DOCUMENTS,
    ),
    Dataset(
        "month_status",
        {},
        {"reconciliation_shown": ("Reconciliation", "reconciliation"), "trust": ("Status", "window_status")},
    ),
)
CHARTS = (
    Chart(
        "Subscriptions by result",
        "How many subscriptions of a month have which result.",
        "subscription_reconciliation",
        ("result",),
        ("subscriptions",),
        "select billing_month, status, count(*) from marts.subscription_reconciliation group by all",
        is_stacked=True,
    ),
    Chart(
        "Microsoft less BSS by month",
        _SIGN + "what Microsoft charged less the cost in BSS, by currency. What cannot be compared has none.",
        "subscription_reconciliation",
        ("currency",),
        ("ms_less_bss",),
        "select billing_month, currency, -sum(cost_difference) from marts.subscription_reconciliation group by all",
    ),
    Chart(
        "Cost export less billed usage by month",
        _SIGN + "the cost export less the billed usage, by what usage is compared with.",
        "usage_cost_variations",
        ("compared_with", "currency"),
        ("export_less_usage",),
        "select billing_month, comparison, currency, sum(cost_amount - usage_amount)"
        " filter (where amount_variation is not null) from marts.usage_cost_variations group by all",
    ),
    Chart(
        "E-invoices by bucket",
        "How many documents of a month are in which bucket, sales and purchases together.",
        "einvoice_reconciliation",
        ("bucket_shown",),
        ("documents",),
        "select billing_month, bucket, count(*) from marts.einvoice_reconciliation group by all",
        is_stacked=True,
    ),
    Chart(
        "Largest variations of usage",
        _SIGN + "the cost export less the billed usage. The 100 largest, by meter and resource of a month.",
        "usage_cost_variations",
        (MONTH, "compared_with", "invoice_number", "currency", "meter_name", "resource_id", "result", "why"),
        ("billed_usage", "cost_export", "export_less_usage"),
        "select billing_month, comparison, invoice_number, currency, meter_name, resource_id, status, explanation,"
        " sum(usage_amount), sum(cost_amount), sum(amount_variation)"
        " from marts.usage_cost_variations where status <> 'matched' group by all"
        " order by sum(abs(amount_variation)) desc nulls last, 1, 3, 4, 5, 6, 2, 7, 8 limit 100",
        is_table=True,
        order=(
            "size", MONTH, "invoice_number", "currency", "meter_name", "resource_id", "compared_with", "result", "why",
        ),
        without=("status", "matched"),
        limit=100,
        height=70,
        width=12,
    ),
    Chart(
        "Months",
        "How far each month can be trusted: files that have not landed, checks, when it was published.",
        "month_status",
        (
            MONTH, "reconciliation_shown", "trust", "sources_missing", "checks_passed", "checks_failed", "paired_count",
            "missing_count", "published_at",
        ),
        (),
        "select billing_month, reconciliation, window_status, sources_missing, checks_passed, checks_failed,"
        " paired_count, missing_count, published_at from marts.month_status",
        is_table=True,
        order=(MONTH,),
        width=12,
    ),
)  # fmt: skip
_BY_MART = {dataset.mart: dataset for dataset in DATASETS}


def files() -> dict[Path, str]:
    """Content of every file of the dashboard, by its path."""
    return {
        FOLDER / "metadata.yaml": _yaml({"version": VERSION, "type": "Dashboard"}),
        FOLDER / "databases" / f"{DATABASE}.yaml": _yaml(_database()),
        **{FOLDER / "datasets" / DATABASE / f"{one.mart}.yaml": _yaml(_dataset(one)) for one in DATASETS},
        **{FOLDER / "charts" / f"{_slug(one)}.yaml": _yaml(_chart(one)) for one in CHARTS},
        FOLDER / "dashboards" / f"{DATABASE}.yaml": _yaml(_dashboard()),
    }  # fmt: skip


def _database() -> dict[str, Any]:
    return {
        "database_name": "Reconciliation",
        "sqlalchemy_uri": URI,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {},
        "uuid": _id("database"),
        "version": VERSION,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    mart = published_marts()[dataset.mart]
    titles = dataset.titles()
    columns = [
        {
            "column_name": column.name,
            "verbose_name": titles.get(column.name),
            "is_dttm": column.sql_type in ("date", "timestamp with time zone"),
            "is_active": True,
            "type": column.sql_type.upper(),
            "groupby": True,
            "filterable": True,
            "description": column.description,
        }
        for column in mart.columns
    ]
    worded = [
        {
            "column_name": name,
            "verbose_name": title,
            "is_dttm": False,
            "is_active": True,
            "type": "VARCHAR",
            "groupby": True,
            "filterable": True,
            "expression": in_words(dataset.mart, column),
        }
        for name, (title, column) in dataset.codes.items()
    ]
    return {
        "table_name": dataset.mart,
        "schema": "marts",
        "main_dttm_col": MONTH,
        "description": mart.description,
        "uuid": _id("dataset", dataset.mart),
        "database_uuid": _id("database"),
        "version": VERSION,
        "columns": columns + worded,
        "metrics": [
            {"metric_name": name, "verbose_name": title, "metric_type": None, "expression": sql}
            for name, (title, sql) in dataset.metrics.items()
        ],
    }


def in_words(mart: str, column: str) -> str:
    """SQL that shows a column's codes as the app does."""
    titles = codes(mart, column)
    cases = " ".join(
        f"when '{code}' then '{text.replace(chr(39), chr(39) * 2)}'" for code, text in titles.items() if text != code
    )
    return f"case {column} {cases} else {column} end" if cases else column


def codes(mart: str, column: str) -> dict[str, str]:
    """The codes of a column, which are listed in its description, and the app's words for them."""
    if column == "reconciliation":
        return RECONCILIATIONS
    described = term(mart, column)
    listed = COMPARISONS.values() if column == "comparison" else described.values if described else ()
    assert listed, f"the contract of {mart} lists no codes of {column}"
    return {code: words(code) for code in listed}


def _chart(chart: Chart) -> dict[str, Any]:
    kind = "table" if chart.is_table else "echarts_timeseries_bar"
    query, params = (_rows_query, _rows_params) if chart.is_table else (_bars_query, _bars_params)
    return {
        "slice_name": chart.title,
        "description": chart.text,
        "viz_type": kind,
        "params": {
            "viz_type": kind,
            **({"metrics": list(chart.metrics)} if chart.metrics else {}),
            "adhoc_filters": [_filter(*one) for one in _filters(chart)],
            "row_limit": chart.limit,
            **params(chart),
        },
        "query_context": json.dumps(
            {
                "datasource": {"id": 0, "type": "table"},  # the import puts the dataset's in
                "force": False,
                "queries": [
                    {
                        "filters": [{"col": col, "op": op, "val": val} for col, op, val in _filters(chart)],
                        **({"metrics": list(chart.metrics)} if chart.metrics else {}),
                        "row_limit": chart.limit,
                        **query(chart),
                    }
                ],
                "result_format": "json",
                "result_type": "full",
            }
        ),
        "uuid": _id("chart", chart.title),
        "version": VERSION,
        "dataset_uuid": _id("dataset", chart.mart),
    }


def _filters(chart: Chart) -> list[tuple[str, str, str]]:
    """Column, operator, value: any month, on which the dashboard's filter of months works, and what is left out."""
    return [
        (MONTH, "TEMPORAL_RANGE", "No filter"),
        *([(chart.without[0], "!=", chart.without[1])] if chart.without else []),
    ]


def _filter(column: str, operator: str, value: str) -> dict[str, str]:
    return {
        "clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": operator, "comparator": value,
    }  # fmt: skip


def _bars_params(chart: Chart) -> dict[str, Any]:
    return {
        "x_axis": MONTH,
        "time_grain_sqla": "P1M",
        "groupby": list(chart.columns),
        "stack": "Stack" if chart.is_stacked else None,
        "show_legend": True,
        "rich_tooltip": True,
        "x_axis_time_format": "%b %Y",
        "tooltipTimeFormat": "%b %Y",
        "y_axis_format": ",d" if chart.is_stacked else ",.2f",
        "color_scheme": "supersetColors",
    }


def _bars_query(chart: Chart) -> dict[str, Any]:
    month = {
        "columnType": "BASE_AXIS", "expressionType": "SQL", "label": MONTH, "sqlExpression": MONTH, "timeGrain": "P1M",
    }  # fmt: skip
    return {"columns": [month, *chart.columns], "orderby": [[MONTH, True]]}


def _rows_params(chart: Chart) -> dict[str, Any]:
    rows = (
        {"query_mode": "aggregate", "groupby": list(chart.columns), "timeseries_limit_metric": chart.order[0]}
        if chart.metrics
        else {
            "query_mode": "raw",
            "all_columns": list(chart.columns),
            "order_by_cols": [json.dumps([name, name != chart.order[0]]) for name in chart.order],
        }
    )
    return {
        **rows,
        "order_desc": True,
        "table_timestamp_format": "%Y-%m-%d %H:%M",
        "column_config": {
            MONTH: {"d3TimeFormat": "%b %Y"},
            **{metric: {"d3NumberFormat": ",.2f"} for metric in chart.metrics},
        },
        "page_length": 20,
        "show_cell_bars": False,
        "color_pn": False,
    }


def _rows_query(chart: Chart) -> dict[str, Any]:
    return {"columns": list(chart.columns), "orderby": [[name, name != chart.order[0]] for name in chart.order]}


def _dashboard() -> dict[str, Any]:
    rows: list[list[Chart]] = []
    for chart in CHARTS:
        if rows and sum(one.width for one in rows[-1]) + chart.width <= 12:
            rows[-1].append(chart)
        else:
            rows.append([chart])
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {
            "type": "GRID",
            "id": "GRID_ID",
            "parents": ["ROOT_ID"],
            "children": [f"ROW-{n}" for n, _ in enumerate(rows)],
        },
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": "Reconciliation"}},
    }  # fmt: skip
    for n, row in enumerate(rows):
        position[f"ROW-{n}"] = {
            "type": "ROW",
            "id": f"ROW-{n}",
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": [f"CHART-{_slug(chart)}" for chart in row],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart in row:
            position[f"CHART-{_slug(chart)}"] = {
                "type": "CHART",
                "id": f"CHART-{_slug(chart)}",
                "parents": ["ROOT_ID", "GRID_ID", f"ROW-{n}"],
                "children": [],
                "meta": {
                    # The number within the file; the import puts that of the imported chart in.
                    "chartId": CHARTS.index(chart) + 1,
                    "uuid": _id("chart", chart.title),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": chart.height,
                },
            }
    months = {
        "id": "NATIVE_FILTER-months",
        "name": "Months",
        "type": "NATIVE_FILTER",
        "filterType": "filter_time",
        "targets": [{}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "controlValues": {"enableEmptyFilter": False},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [],
    }
    return {
        "dashboard_title": "Reconciliation",
        "description": "What is published: see docs/bi.md.",
        "slug": "reconciliation",
        "published": True,
        "uuid": _id("dashboard"),
        "position": position,
        "metadata": {
            "color_scheme": "supersetColors",
            "cross_filters_enabled": True,
            "native_filter_configuration": [months],
        },
        "version": VERSION,
    }


def _id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


def _slug(chart: Chart) -> str:
    return chart.title.lower().replace(" ", "_").replace("-", "_")


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def compare(figures: dict[str, str]) -> list[str]:
    """What charts show that the published tables do not, a line per chart; `figures` are CSV by the chart's title."""
    wrong = []
    with connect_published() as connection:
        for chart in CHARTS:
            worded = {name: codes(chart.mart, column) for name, (_, column) in _BY_MART[chart.mart].codes.items()}
            keys = chart.columns if chart.is_table else (MONTH, *chart.columns)
            expected = [
                [
                    _text(worded.get(name, {}).get(value, value))
                    for name, value in zip((*keys, *chart.metrics), row, strict=True)
                ]
                for row in connection.execute(chart.answer).fetchall()
            ]
            shown = list(csv.reader(io.StringIO(figures.get(chart.title, ""))))[1:]
            print(f"{chart.title}: {len(shown)} rows")
            if not expected or sorted(shown) != sorted(expected):
                others = (
                    [row for row in shown if row not in expected][:3],
                    [row for row in expected if row not in shown][:3],
                )
                wrong.append(
                    f"{chart.title}: {len(expected)} rows expected; shown and not published, the reverse: {others}"
                )
    return wrong


def _text(value: Any) -> str:
    return "" if value is None else str(value)  # as pandas writes CSV, so that 0 of 12 decimals is 0E-12


if __name__ == "__main__":
    if sys.argv[1:2] == ["compare"]:
        sys.exit("\n".join(compare(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))) or None)
    write_folder(FOLDER, files(), "*.yaml")
