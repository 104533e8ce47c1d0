"""Subscriptions over any days, not whole months: days, totals, the largest rows and their items. spec/bridge.md, 7."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import dcc, html

from recon_assets.app.address import Address
from recon_assets.app.format import words
from recon_assets.app.pages import NothingPublished, Site
from recon_assets.app.parts import data_table, message, totals_table
from recon_assets.app.queries import Query
from recon_assets.app.subscriptions import SIDES, TABLE
from recon_assets.app.tables import Column
from recon_assets.errors import InputError
from recon_assets.months import add_months, first_day, last_day, month_of
from recon_assets.period import MACROS, MOST_MONTHS, Period, parse_period, period_items_sql, period_sql
from recon_assets.query import parse_instant

PATH = "/period"
TITLE = "Any days"
_MOST = 200
_SUBJECT = "subscriptions"
_STATUSES = ("discrepancy", "missing_in_ms", "missing_in_bss", "not_comparable", "match")
_ITEM_COLUMNS = (
    Column("side", "Side"),
    Column("item_start", "Start", "date"),
    Column("item_end", "End", "date"),
    Column("part_start", "Counted from", "date"),
    Column("part_end", "Counted to", "date"),
    Column("quantity", "Quantity", "quantity"),
    Column("cost", "Whole cost", "amount"),
    Column("part_cost", "Cost of these days", "amount"),
    Column("currency", "Currency"),
    Column("source_file", "File"),
    Column("source_row", "Row", "count"),
)
_COLUMNS = (
    Column("customer", "Customer"),
    Column("right_minus_left", "MS \N{MINUS SIGN} BSS", "money"),
    Column("currency", "Currency"),
    Column("status", "Result", "status"),
    Column("bss_total_cost", "BSS total cost", "money"),
    Column("ms_total_cost", "MS total cost", "money"),
    Column("product", "Product"),
    Column("partner_name", "Partner"),
    Column("ms_subscription_id", "Subscription id"),
)


@dataclass(frozen=True)
class Asked:
    """What an address asks for: days (None: the newest published month), a status, a subscription whose items are
    shown, and a moment of the log."""

    period: Period | None = None
    status: str | None = None
    subscription: str | None = None
    as_of: str | None = None

    @property
    def search(self) -> str:
        pairs = {} if self.period is None else {"from": str(self.period.first), "to": str(self.period.last)}
        pairs |= {"status": self.status} if self.status else {}
        pairs |= {"subscription": self.subscription} if self.subscription else {}
        pairs |= {"asof": self.as_of} if self.as_of else {}
        return f"?{urlencode(pairs, safe=':')}" if pairs else ""


def parse_asked(search: str | None) -> Asked:
    """The address of the page; InputError says what is wrong with it."""
    asked = dict(parse_qsl((search or "").removeprefix("?")))
    if not asked.keys() <= {"from", "to", "status", "subscription", "asof"} or ("from" in asked) != ("to" in asked):
        raise InputError("A period has a first and a last day: from=2025-03-10&to=2025-04-09.")
    if asked.get("status", _STATUSES[0]) not in _STATUSES:
        raise InputError(f"'{asked['status'][:40]}' is no result. Choose {' or '.join(_STATUSES)}.")
    if "asof" in asked:
        parse_instant(asked["asof"])
    period = parse_period(asked["from"], asked["to"]) if "from" in asked else None
    return Asked(period, asked.get("status"), asked.get("subscription"), asked.get("asof"))


def chosen(search: str | None, first: str, value: list[int]) -> str:
    """The address after the slider was moved to two days, counted from `first`."""
    start = dt.date.fromisoformat(first)
    days = (str(start + dt.timedelta(days=number)) for number in value)
    return replace(parse_asked(search), period=parse_period(*days)).search


def typed(search: str | None, first: str, last: str) -> str:
    """The address after two days were written; InputError when they are no period."""
    return replace(parse_asked(search), period=parse_period(first.strip(), last.strip())).search


def render(site: Site, search: str | None) -> list[Any]:
    asked = parse_asked(search)
    moment, months = _published(site, asked)
    period = asked.period or Period(first_day(months[-1]), last_day(months[-1]))
    asked = replace(asked, period=period)
    head = [
        html.H1(f"Subscriptions, {period.first} to {period.last}"),
        html.P("Every item takes part with its days of the period; one verdict per subscription.", className="note"),
        _slider(period, months),
    ]
    lacking = [month for month in period.months if month not in months]
    if lacking:
        head.append(message(f"Not published, so in no sum: {', '.join(lacking)}.", "warning"))
    lines = site.reader.rows(moment, verdicts_query(period, months, asked.status))
    totals = [line for line in lines if line["part"] == "total"]
    rows = [line for line in lines if line["part"] == "row"]
    links = [_status_link(asked, status) for status in (None, *_STATUSES)]
    csv = html.A("Download as CSV", href=f"{PATH}.csv{asked.search}", className="button")
    return [
        *head,
        totals_table(TABLE, totals) if totals else None,
        *(_items(site, asked, moment, months) if asked.subscription else []),
        html.P([part for link in links for part in (link, " ")], className="links"),
        data_table(
            TITLE, _COLUMNS, rows, lambda row: PATH + replace(asked, subscription=row["ms_subscription_id"]).search
        )
        if rows
        else message("No subscription is such.", "empty"),
        html.P(f"The {_MOST} with the largest difference; the download has all of them.", className="note"),
        html.P(csv),
    ]


def verdicts_query(period: Period, months: list[str], status: str | None) -> Query:
    """Totals by status and currency for `totals_table`, and the largest rows: all but matches, or those of a status."""
    condition = f"status = '{status}'" if status else "status <> 'match'"
    return (
        f"{MACROS} with verdicts as materialized ({period_sql(period, months)}) "
        "select * from (select 'total' as part, status, currency, count(*) as row_count, sum(bss_total_cost) as sum_0, "
        "sum(ms_total_cost) as sum_1, sum(-cost_difference) as sum_2 from verdicts group by all "
        "union all by name (select 'row' as part, * exclude (partner_name), -cost_difference as right_minus_left, "
        "coalesce(partner_name, csp_partner) as partner_name, "
        "coalesce(customer_name, account_id, ms_subscription_id) as customer from verdicts "
        f"where {condition} order by abs(cost_difference) desc nulls last, ms_subscription_id limit {_MOST})) "
        "order by part, abs(cost_difference) desc nulls last, ms_subscription_id, currency, status",
        [],
    )


def items_query(period: Period, months: list[str], subscription: str) -> Query:
    """The items of a subscription that take part in a period, the largest first."""
    return (
        f"{MACROS} select *, cast(cost_sign * coalesce(total_cost, subtotal) as decimal(38, 6)) as cost "
        f"from ({period_items_sql(period, months)}) where ms_subscription_id = ? "
        f"order by side, abs(part_cost) desc nulls last, source_file, source_row, part_start limit {_MOST}",
        [subscription],
    )


def _items(site: Site, asked: Asked, moment: dt.datetime, months: list[str]) -> list[Any]:
    """What a row is made of, and where the same subscription stands in the months of the period."""
    assert asked.period is not None and asked.subscription is not None
    rows = site.reader.rows(moment, items_query(asked.period, months, asked.subscription))
    shown = [{**row, "side": SIDES[row["side"]]} for row in rows]
    own = [month for month in asked.period.months if month in months]
    address = Address((own[0], own[-1]), {"q": (asked.subscription,)}, as_of=asked.as_of)
    title = f"Items of {asked.subscription}"
    return [
        html.H2(title, id="items"),
        data_table(title, _ITEM_COLUMNS, shown) if shown else message("It has no item in these days.", "empty"),
        html.P(
            [
                dcc.Link("Its rows in these months", href=f"/subscriptions{address.search}"),
                " ",
                dcc.Link("Close the items", href=PATH + replace(asked, subscription=None).search),
            ],
            className="links",
        ),
    ]


def download(site: Site, search: str | None) -> tuple[str, dt.datetime, Query]:
    """Name of the file, moment and query of a whole period."""
    asked = parse_asked(search)
    if asked.period is None:
        raise InputError("Name the first and the last day: from=2025-03-10&to=2025-04-09.")
    moment, months = _published(site, asked)
    name = f"subscriptions_{asked.period.first}_{asked.period.last}.csv"
    return name, moment, (MACROS + period_sql(asked.period, months), [])


def _published(site: Site, asked: Asked) -> tuple[dt.datetime, list[str]]:
    published = site.reader.published(parse_instant(asked.as_of) if asked.as_of else None)
    if published is None or not published.months(_SUBJECT):
        raise NothingPublished("Nothing of subscriptions was published.")
    return published.moment, published.months(_SUBJECT)


def _slider(period: Period, months: list[str]) -> html.Div:
    """Days of 12 months: up to the newest published one, or from the period's first month where that is earlier."""
    begin = min(month_of(period.first), add_months(max(months[-1], month_of(period.last)), 1 - MOST_MONTHS))
    first = first_day(begin)
    last = max(last_day(add_months(begin, MOST_MONTHS - 1)), period.last)
    marks = {
        (first_day(month) - first).days: month for month in (add_months(begin, n) for n in range(0, MOST_MONTHS, 2))
    }
    slider = dcc.RangeSlider(
        id="days",
        min=0,
        max=(last - first).days,
        step=1,
        value=[(day - first).days for day in (period.first, period.last)],
        marks=marks,
        allow_direct_input=False,
    )
    label = html.Span(f"Days: {period.first} to {period.last}", className="label")
    fields = [
        html.Label(
            [
                title,
                dcc.Input(id=name, value=str(day), type="text", maxLength=10, placeholder="YYYY-MM-DD", debounce=True),
            ],
            className="day",
        )
        for title, name, day in (("First day", "day-first", period.first), ("Last day", "day-last", period.last))
    ]
    return html.Div(
        [
            label,
            slider,
            html.Div([*fields, html.Div(id="days-answer", role="status")], className="day-fields"),
            dcc.Store(id="days-first", data=str(first)),
        ],
        className="field wide days",
    )


def _status_link(asked: Asked, status: str | None) -> Any:
    title = words(status) if status else "All that do not match"
    if status == asked.status:
        return html.Strong(title)
    return dcc.Link(title, href=PATH + replace(asked, status=status).search)
