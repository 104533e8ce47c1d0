"""What screens are put together from: filters, grids, tables, totals, badges. Shows values; reads nothing."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

import dash_ag_grid as dag
from dash import dcc, html

from recon_assets.app.address import Address
from recon_assets.app.format import instant, number, shown, tone, words
from recon_assets.app.glossary import meaning, term
from recon_assets.app.queries import MAX_CHOICES
from recon_assets.app.tables import NUMERIC, Column, Filter, Row, Table
from recon_assets.currencies import decimals
from recon_assets.lakehouse.log import Closing

_ROW_HEIGHT = 34
_FLEXIBLE = 130  # text columns from this width on share what is left of the page
_MOST_ROWS = 14  # visible at once; the rest is scrolled to


def badge(status: str | None, text: str | None = None) -> html.Span:
    """A status as symbol and words, never by colour alone; what it means is its tooltip."""
    return html.Span(text or words(status), className=f"badge {tone(status)}", title=meaning(status or "") or None)


def closing_badge(closing: Closing | None) -> list[Any]:
    """That a month is closed, and by whom; nothing of a month that is open."""
    if closing is None or closing.action != "close":
        return []
    said = f"Closed by {closing.recorded_by} at {instant(closing.recorded_at)}"
    return [" ", html.Span("Closed", className="badge good", title=said)]


def closing_note(closing: Closing | None) -> str:
    """Who closed or reopened a month, when and why; nothing of a month that was never closed."""
    if closing is None:
        return ""
    done = "closed" if closing.action == "close" else "reopened"
    reason = f": {closing.reason}" if closing.reason else ""
    return f", {done} by {closing.recorded_by} at {instant(closing.recorded_at)}{reason}"


def time(value: dt.datetime) -> html.Time:
    """An instant: in UTC, which the browser writes in the reader's own time zone (assets/desk.js)."""
    return html.Time(instant(value), dateTime=value.astimezone(dt.UTC).isoformat(timespec="seconds"))


def message(text: str, kind: str = "note") -> html.Div:
    """A sentence instead of content: `error` is announced at once, `empty` says why there is nothing."""
    return html.Div(text, className=f"message {kind}", role="alert" if kind == "error" else "status")


def facts(values: Mapping[str, Any]) -> html.Dl:
    return html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in values.items()], className="facts")


def data_table(
    title: str, columns: tuple[Column, ...], rows: list[Row], href: Callable[[Row], str] | None = None
) -> html.Div:
    """A few rows as a plain table, scrolled sideways where it is wide; with `href` the first cell leads there."""
    first = columns[0].name
    head = html.Thead(html.Tr([html.Th(column.title, scope="col", className=_alignment(column)) for column in columns]))
    body = html.Tbody(
        [
            html.Tr(
                [
                    html.Td(
                        dcc.Link(text, href=href(row)) if href and c.name == first else text,
                        className=_alignment(c),
                        title=meaning(row[c.name]) or None if c.kind == "status" and row[c.name] else None,
                    )
                    for c in columns
                    for text in [shown(row[c.name], c.kind, row.get("currency"))]
                ]
            )
            for row in rows
        ]
    )
    return scrolled(title, html.Table([head, body], className="data"))


def scrolled(title: str, content: Any, width: str = "") -> html.Div:
    """A region that can be scrolled with the keyboard; `fit` is as wide as its content."""
    return html.Div(content, className=f"scroll {width}".strip(), role="region", tabIndex=0, **{"aria-label": title})


def _alignment(column: Column) -> str:
    if column.kind in NUMERIC:
        return "number"
    return "date" if column.kind == "date" else "text"


def grid(table: Table, address: Address, sort: str, row_count: int, measure: str | None, mark: str) -> dag.AgGrid:
    """The grid of a table; rows are asked for block by block. `mark` tells grids of different contents apart."""
    columns = table.shown(measure, address.columns.get(table.name, ()))
    height = (min(max(row_count, 1), _MOST_ROWS) + 1) * _ROW_HEIGHT + 20
    return dag.AgGrid(
        id={"type": "grid", "table": table.name, "mark": _hash(mark)},
        className="grid",
        style={"height": f"{height}px"},
        rowModelType="infinite",
        columnDefs=[
            _column_definition(columns[0], table, sort) | {"pinned": "left", "lockPinned": True},
            _MARKS,
            *(_column_definition(column, table, sort) for column in columns[1:]),
        ],
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "minWidth": 80},
        getRowId="params.data.id",
        dashGridOptions={
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "rowHeight": _ROW_HEIGHT,
            "headerHeight": _ROW_HEIGHT,
            "cacheBlockSize": 100,
            "maxBlocksInCache": 20,
            "maxConcurrentDatasourceRequests": 1,
            "infiniteInitialRowCount": min(row_count, 100),
            "tooltipShowDelay": 400,
            "ensureDomOrder": True,
            "animateRows": False,
        },
    )


_MARKS: dict[str, Any] = {
    "field": "marks",
    "headerName": "Marks",
    "width": 130,
    "sortable": False,
    "tooltipField": "marks",
}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _column_definition(column: Column, table: Table, sort: str) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "field": column.name,
        "headerName": column.title,
        "width": column.width,
        "sortingOrder": ["desc", "asc"] if column.kind in NUMERIC else ["asc", "desc"],
    }
    if column.kind in NUMERIC:
        definition |= {"type": "rightAligned", "cellClass": ["ag-right-aligned-cell", "number"]}
    elif column.width >= _FLEXIBLE:
        definition |= {"flex": 1, "minWidth": column.width}
    told = term(table.mart, column.name)
    if told is not None:
        definition["headerTooltip"] = told.text
    if column.kind == "verdict":
        definition["cellRenderer"] = "Verdict"
    elif column.expression == table.status and (told is None or not told.values):
        definition["cellRenderer"] = "Badge"
    elif told is not None and told.values:
        said = {words(code): text for code, text in told.values.items()}
        definition |= {
            "cellRenderer": "Badge" if column.expression == table.status else "Told",
            "cellRendererParams": {"told": said},
        }
        return definition | _sorted(column, sort)
    if table.tooltip is not None:
        definition["tooltipField"] = "tooltip"
    return definition | _sorted(column, sort)


def _sorted(column: Column, sort: str) -> dict[str, Any]:
    for place, part in enumerate(sort.split(",")):
        if part.removeprefix("-") == column.name:
            return {"sort": "desc" if part.startswith("-") else "asc", "sortIndex": place}
    return {}


def row_marks(table: Table, row: Row, issues: int, decision: str = "") -> str:
    """What marks a row: how many `issues` are open on it, its decision, and what its columns say."""
    marks = [f"{issues} issue{'s' if issues > 1 else ''}"] if issues else []
    marks += [decision] if decision else []
    return ", ".join([*marks, *(said for column, said in table.marks.items() if row[column])])


def grid_row(table: Table, row: Row, marks: str) -> dict[str, Any]:
    """A row for the grid, every value as text: a browser's numbers are no decimals."""
    cells = {c.name: shown(row[c.name], c.kind, row.get("currency")) for c in table.columns}
    more = {"id": row["reconciliation_key"], "tone": tone(row["status"]), "said": words(row["status"])}
    return cells | more | {"marks": marks} | ({"tooltip": table.tooltip(row)} if table.tooltip else {})


def totals_table(table: Table, rows: list[Row]) -> html.Div:
    """Rows of `queries.totals`: per currency the statuses and their total, then what cannot be compared."""
    named = ["Status", "Currency"] if table.is_compared else ["Status"]
    cells = [html.Th(text, scope="col") for text in named]
    cells += [html.Th(text, scope="col", className="number") for text in ("Rows", *table.sums.values())]
    bodies = [html.Tbody([_totals_row(table, line) for line in part]) for part in footing(table, rows)]
    content = html.Table([html.Thead(html.Tr(cells)), *bodies], className="data totals")
    return scrolled(f"Totals of {table.title.lower()}", content, "fit")


def footing(table: Table, rows: list[Row]) -> list[list[Row]]:
    """Per currency the lines of its totals, rounded so that they foot: statuses, their total, what cannot be compared.

    Right - left is that of the two as they are shown. A line without it is in no total. The total has status None.
    """
    if not table.is_compared:
        return [[*rows, _sum(rows, len(table.sums))]] if rows else []
    found = []
    for currency in sorted({row["currency"] or "" for row in rows}):
        lines = [_rounded(row, len(table.sums)) for row in rows if (row["currency"] or "") == currency]
        compared = [line for line in lines if line["sum_2"] is not None]
        total = _sum(compared, len(table.sums)) | {"currency": currency}
        others = [line for line in lines if line["sum_2"] is None]
        found.append([*compared, *([total] if compared else []), *others])
    return found


def _sum(lines: list[Row], count: int) -> Row:
    total: Row = {"status": None, "currency": None, "row_count": sum(line["row_count"] for line in lines)}
    sums = (f"sum_{n}" for n in range(count))
    return total | {name: sum((line[name] or Decimal(0) for line in lines), Decimal(0)) for name in sums}


def _rounded(row: Row, count: int) -> Row:
    step = Decimal(1).scaleb(-decimals(row["currency"]))
    sums = {f"sum_{n}": row[f"sum_{n}"] for n in range(count)}
    rounded = {name: None if v is None else v.quantize(step, ROUND_HALF_UP) for name, v in sums.items()}
    if rounded["sum_2"] is not None:
        rounded["sum_2"] = (rounded["sum_1"] or Decimal(0)) - (rounded["sum_0"] or Decimal(0))
    return row | rounded


def _totals_row(table: Table, line: Row) -> html.Tr:
    is_total = line["status"] is None
    names: list[Any] = [total_title(table) if is_total else badge(line["status"])]
    names += [line["currency"]] if table.is_compared else []
    sums = [number(line[f"sum_{n}"], table.places(line["currency"])) for n in range(len(table.sums))]
    values = [html.Td(text, className="number") for text in (f"{line['row_count']:,}", *sums)]
    return html.Tr([*map(html.Td, names), *values], className="total" if is_total else "")


def total_title(table: Table) -> str:
    return "All that compare" if table.is_compared else "All"


def filter_bar(
    filters: tuple[Filter, ...],
    values: Mapping[str, tuple[str, ...]],
    options: Mapping[str, list[str]],
    months: list[str],
    chosen_months: tuple[str, str],
    moments: list[dt.datetime],
    address: Address,
) -> html.Form:
    controls = [_months_control(months, chosen_months)]
    controls += [_control(f, values.get(f.name, ()), options.get(f.name, [])) for f in filters]
    controls.append(_as_of_control(moments, address))
    return html.Div(controls, className="filters", role="search", **{"aria-label": "Filters"})


def _identify(name: str) -> dict[str, str]:
    return {"type": "filter", "name": name}


def field(title: str, control: Any, wide: bool = False) -> html.Label:
    """A control of a form or filter under its name."""
    return html.Label([html.Span(title, className="label"), control], className="field wide" if wide else "field")


def _control(filter_: Filter, values: tuple[str, ...], found: list[str]) -> html.Label:
    if filter_.kind in ("text", "below"):
        value = values[0] if values else ""
        control: Any = dcc.Input(
            id=_identify(filter_.name),
            value=value,
            debounce=True,
            type="search",
            maxLength=200,
            placeholder="contains" if filter_.kind == "text" else "for example 5",
        )
        return field(filter_.title, control)
    names = list(filter_.groups) if filter_.groups is not None else sorted({*found, *values})
    title = filter_.title if len(found) < MAX_CHOICES else f"{filter_.title} (first {MAX_CHOICES})"
    single = filter_.is_single
    return field(
        title,
        dcc.Dropdown(
            id=_identify(filter_.name),
            options=[{"label": choice_text(filter_, name), "value": name} for name in names],
            value=(values[0] if values else None) if single else list(values),
            multi=not single,
            debounce=not single,  # several are chosen before the page is drawn anew
            clearable=not single,
            placeholder="All",
        ),
    )


def choice_text(filter_: Filter, value: str) -> str:
    """A code in words; a value of the files, or what a person typed, as it is."""
    return words(value) if filter_.is_code or filter_.groups is not None else value


def _months_control(months: list[str], chosen: tuple[str, str]) -> html.Label:
    listed = sorted({*months, *chosen})
    first, last = listed.index(chosen[0]), listed.index(chosen[1])
    step = max(1, len(listed) // 6)
    marks = {n: month for n, month in enumerate(listed) if n % step == 0 or n == len(listed) - 1}
    slider = dcc.RangeSlider(
        id=_identify("month"),
        min=0,
        max=max(len(listed) - 1, 1),
        step=1,
        value=[first, last],
        marks=marks,
        allow_direct_input=False,
    )
    label = chosen[0] if first == last else f"{chosen[0]} to {chosen[1]}"
    return html.Div(
        [
            html.Span(f"Months: {label}", className="label"),
            slider,
            dcc.Store(id={"type": "months", "name": "all"}, data=listed),
        ],
        className="field wide",
    )


def _as_of_control(moments: list[dt.datetime], address: Address) -> html.Label:
    options = [{"label": "Now", "value": ""}]
    options += [
        {"label": time(moment), "value": moment.isoformat(), "search": instant(moment)}
        for moment in moments[:MAX_CHOICES]
    ]
    if address.as_of and address.as_of not in [option["value"] for option in options]:
        options.append({"label": address.as_of, "value": address.as_of})
    control = dcc.Dropdown(id=_identify("asof"), options=options, value=address.as_of or "", clearable=False)
    return field("As published", control)


def column_chooser(table: Table, measure: str | None, address: Address) -> html.Details:
    """Which columns of a grid are shown; the first always is."""
    offered = [c for c in table.columns[1:] if c.measure in (None, measure)]
    shown_ones = [column.name for column in table.shown(measure, address.columns.get(table.name, ()))[1:]]
    choice = dcc.Checklist(
        id={"type": "columns", "table": table.name},
        options=[{"label": column.title, "value": column.name} for column in offered],
        value=shown_ones,
        className="choices",
    )
    return html.Details([html.Summary("Columns"), choice], className="chooser", id=f"columns-{table.name}")


def chips(filters: tuple[Filter, ...], address: Address, path: str) -> html.Div:
    """The filters that are set, each with a link that lifts it, and one that lifts all."""
    known = {filter_.name: filter_ for filter_ in filters}
    links = []
    for name, values in sorted(address.filters.items()):
        for value in values:
            rest = tuple(other for other in values if other != value)
            text = f"{known[name].title}: {choice_text(known[name], value)}"
            href = path + address.with_filter(name, rest).search
            links.append(
                dcc.Link(
                    [text, html.Span(" \N{MULTIPLICATION SIGN}", **{"aria-hidden": "true"})],
                    href=href,
                    className="chip",
                    title=f"Remove the filter {text}",
                )
            )
    if not links:
        return html.Div("No filter is set.", className="chips note")
    clear = dcc.Link("Clear all filters", href=path + address.without_filters().search, className="clear")
    return html.Div([*links, clear], className="chips")


def downloads(table: Table, pinned: Address, address: Address) -> html.Div:
    """Links to the filtered set as files, of the moment that is `pinned`, and to the letters about it."""
    links = [
        html.A(f"{form.upper()}", href=f"/download/{table.name}.{form}{pinned.search}", className="button", download="")
        for form in ("csv", "xlsx")
    ]
    links.append(html.A("Print", href=f"/print/{table.name}{pinned.search}", className="button", target="_blank"))
    if table.addressees:
        links.append(
            html.A("Letters", href=f"/letters/{table.name}{replace(address, row=None).search}", className="button")
        )
    return html.Div([html.Span("All rows: ", className="note"), *links], className="downloads")


def dagster_links(url: str, reconciliation: str, month: str, run_id: str) -> html.Span:
    asset = f"{url}/assets/published/{reconciliation}?view=partitions&partition={month}"
    return html.Span(
        [
            html.A("asset in Dagster", href=asset),
            ", ",
            html.A("run", href=f"{url}/runs/{quote(run_id, safe='')}"),
        ]
    )
