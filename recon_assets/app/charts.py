"""Charts as text and boxes: columns over months with an axis and a zero line, and waterfalls as tables.

Every mark is a link, every value is text, so that they are read aloud, printed and clicked like the rest of a page.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from dash import dcc, html

from recon_assets.app.format import money, short

_TICKS = 4
_SEEN = {"aria-hidden": "true"}  # drawn; what is read aloud says the same in words
_CUT = Decimal("0.3")  # of the largest total: where all that happens is less, the axis does not begin at zero


@dataclass(frozen=True)
class Point:
    """A month of a chart; `value` is None where there is none. `note` stands below the month."""

    label: str
    value: Decimal | None
    href: str
    note: str = ""


@dataclass(frozen=True)
class Step:
    """A line of a waterfall: a total, or what leads from the total above it to the next."""

    title: str
    amount: Decimal
    row_count: int
    href: str
    is_total: bool


def columns(caption: str, currency: str, points: list[Point]) -> html.Figure:
    """Signed values over months: columns from a zero line, with ticks beside and the value at each."""
    ticks = axis([point.value for point in points if point.value is not None])
    low, high = ticks[0], ticks[-1]
    lines = [_tick(tick, low, high) for tick in ticks]
    marks = [_column(point, low, high, currency) for point in points]
    return html.Figure(
        [
            html.Figcaption(caption),
            html.Div([html.Div(lines, className="ticks", **_SEEN), html.Ol(marks)], className="plot"),
        ],
        className="trend",
    )


def _tick(value: Decimal, low: Decimal, high: Decimal) -> html.Div:
    kind = "tick" if value else "tick zero"
    return html.Div(html.Span(short(value)), className=kind, style={"bottom": _at(value, low, high)})


def axis(values: list[Decimal]) -> list[Decimal]:
    """Round ticks that hold all values and zero, ascending."""
    low, high = min([*values, Decimal(0)]), max([*values, Decimal(0)])
    if low == high:
        return [Decimal(0), Decimal(1)]
    rough = (high - low) / _TICKS
    unit = Decimal(10) ** rough.adjusted()
    step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= rough)
    first, last = (low / step).to_integral_value(ROUND_FLOOR), (high / step).to_integral_value(ROUND_CEILING)
    return [step * n for n in range(int(first), int(last) + 1)]


def _column(point: Point, low: Decimal, high: Decimal, currency: str) -> html.Li:
    said = "not published" if point.value is None else f"{money(point.value, currency)} {currency}"
    foot = [html.Span(point.label, className="foot"), html.Span(point.note, className="foot note")]
    if point.value is None:
        return html.Li([html.Div(className="stack"), *foot], title=f"{point.label}: {said}")
    bottom, top = min(point.value, Decimal(0)), max(point.value, Decimal(0))
    kind = "over" if point.value >= 0 else "under"
    box = {"bottom": _at(bottom, low, high), "height": _at(low + top - bottom, low, high)}
    place = _at(top, low, high) if kind == "over" else f"calc({_at(bottom, low, high)} - 16px)"
    value = html.Span(short(point.value), className="value", style={"bottom": place})
    stack = html.Div([html.Div(className=f"fill {kind}", style=box), value], className="stack", **_SEEN)
    told = f"{point.label}: {said}"
    label = [html.Span(told, className="unseen"), html.Span(point.label, className="foot", **_SEEN)]
    return html.Li(
        [dcc.Link([stack, *label], href=point.href, title=told), html.Span(point.note, className="foot note")]
    )


def waterfall(caption: str, currency: str, steps: list[Step], counted: str) -> html.Table:
    """A table whose last column draws each line; the bar of a step begins where the one above it ends."""
    ends = _ends(steps)
    low, high, is_cut = _range(ends)
    axis_text = f"{money(low, currency)} to {money(high, currency)}" + (", does not begin at zero" if is_cut else "")
    titles = (("Step", "text"), (counted, "number"), (f"Amount, {currency}", "number"))
    head = [html.Th(text, scope="col", className=kind) for text, kind in titles]
    head.append(html.Th(axis_text, scope="col", className="axis"))
    rows = [_line(step, end, low, high, currency) for step, end in zip(steps, ends, strict=True)]
    table = [html.Caption(caption, className="unseen"), html.Thead(html.Tr(head)), html.Tbody(rows)]
    return html.Table(table, className="data waterfall")


def _ends(steps: list[Step]) -> list[tuple[Decimal, Decimal]]:
    """Where the bar of each line begins and ends."""
    found = []
    at = Decimal(0)
    for step in steps:
        before, at = (Decimal(0), step.amount) if step.is_total else (at, at + step.amount)
        found.append((before, at))
    return found


def _range(ends: list[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal, bool]:
    """What the bars are drawn over; beside small steps large totals are cut, so that the steps can be seen."""
    after = [end for _, end in ends]
    low, high = min(after), max(after)
    room = (high - low) / 6
    if low > 0 and high - low < _CUT * high and room:
        return low - room, high + room, True
    low, high = min(low, Decimal(0)), max(high, Decimal(0))
    return low, high if high > low else low + 1, False


def _line(step: Step, end: tuple[Decimal, Decimal], low: Decimal, high: Decimal, currency: str) -> html.Tr:
    first, last = sorted(min(max(value, low), high) for value in end)
    kind = "total" if step.is_total else ("over" if step.amount >= 0 else "under")
    box = {"left": _at(first, low, high), "width": _at(low + last - first, low, high)}
    sign = "" if step.is_total or step.amount <= 0 else "+"
    cells = [
        html.Th(dcc.Link(step.title, href=step.href), scope="row"),
        html.Td(f"{step.row_count:,}", className="number"),
        html.Td(f"{sign}{money(step.amount, currency)}", className="number"),
        html.Td(html.Div(html.Div(className=f"fill {kind}", style=box), className="track"), className="axis"),
    ]
    return html.Tr(cells, className="total" if step.is_total else "")


def _at(value: Decimal, low: Decimal, high: Decimal) -> str:
    return f"{float(100 * (value - low) / (high - low)):.2f}%"


def legend(items: dict[str, str]) -> Any:
    """What the colours mean, as words beside boxes."""
    return html.P([html.Span(text, className=f"key {kind}") for kind, text in items.items()], className="keys")
