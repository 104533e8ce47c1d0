"""The forms with which editors decide: about the selected row, and about all rows of a filter; and who said what.

Shows and reads forms; what a row may take, and who is told what, is decided where `recon decide` decides it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dash import dcc, html

from recon_assets.app.decided import comes_with_next_run, shown_decision
from recon_assets.app.format import instant, words
from recon_assets.app.parts import field
from recon_assets.app.screens import Context, Pairing
from recon_assets.app.tables import Row, Table
from recon_assets.errors import InputError
from recon_assets.issues.decisions import ACTIONS, LONGEST_REASON, MOST_AT_ONCE, VERDICTS, Action, Decision, standing
from recon_assets.pipeline.deciding import Choice, parse_day

_SAID = {
    "accept": "Accept: right as it is",
    "ignore": "Ignore: not ours to reconcile",
    "pending": "Pending: waits for somebody, until a day",
    "approve": "Approve what was decided",
    "unpair": "Part the pair: the two do not belong together",
    "clear": "Clear: take the decisions back",
}
BULK = (*VERDICTS, "approve", "clear")


def history(decisions: Sequence[Decision]) -> html.Ol | html.P:
    """Every decision of a row, oldest first."""
    if not decisions:
        return html.P("None on this row.", className="note")
    return html.Ol([html.Li(_entry(decision)) for decision in decisions], className="history")


def _entry(decision: Decision) -> list[Any]:
    until = f" until {decision.until}" if decision.until else ""
    waits = ", above the limit: needs approval" if decision.needs_approval else ""
    chosen = f", with all rows of {decision.chosen_by}" if decision.chosen_by else ""
    who = f"{decision.by}, {instant(decision.at)} (decision {decision.decision_id}{chosen})"
    what = f"{words(decision.action)}{until}{waits}: {decision.reason or 'no reason given'}"
    return [html.Span(who, className="note"), html.P(what, className="description")]


def row_part(
    context: Context, row: Row, decisions: Sequence[Decision], newest: Decision | None, is_editor: bool
) -> list[Any]:
    """What was decided about the selected row, and when the newest decision is shown in its numbers."""
    content: list[Any] = [html.H3("Decisions"), history(decisions)]
    if comes_with_next_run(shown_decision(row), row, newest):
        content.append(html.P(_when_shown(context, row, is_editor), className="note"))
    return content


def _when_shown(context: Context, row: Row, is_editor: bool) -> list[Any]:
    month = f"{row['billing_month']:%Y-%m}"
    closing = context.published.closings.get((month, context.screen.reconciliation))
    if closing is not None and closing.action == "close":
        return [f"{month} is closed: its numbers stay as they were published; the newest decision stands here."]
    run: Any = dcc.Link("run", href=f"/run?month={month}") if is_editor else "run"
    return ["The next ", run, f" of {month} shows the newest decision in its numbers."]


def _offered(
    context: Context, table: Table, row: Row, decisions: Sequence[Decision], possible: Sequence[Pairing]
) -> dict[str, str]:
    """The actions that the row can take, by the value that stands for each, in words."""
    settled = context.screen.subject.decided.settled
    held = standing(decisions).get((context.screen.reconciliation, row["reconciliation_key"]))
    actions = [action for action in VERDICTS if action != "accept" or row[table.status] not in settled]
    found = {action: _SAID[action] for action in actions}
    if held is not None and held.awaits_approval:
        found["approve"] = _SAID["approve"]
    found |= {value_of(pairing): pairing.text or _SAID["unpair"] for pairing in possible}
    return found | ({"clear": _SAID["clear"]} if held is not None else {})


def pairings(context: Context, row: Row) -> list[Pairing]:
    return context.screen.pairings(context, row) if context.screen.pairings else []


def value_of(pairing: Pairing) -> str:
    return f"pair:{pairing.key}:{pairing.other_key}" if pairing.other_key else "unpair"


def row_form(
    context: Context,
    table: Table,
    row: Row,
    decisions: Sequence[Decision],
    newest: Mapping[str, Decision],
    possible: Sequence[Pairing],
) -> html.Details:
    """The form that decides about a row; `newest` by key are the decisions that its reader sees."""
    choices = _offered(context, table, row, decisions, possible)
    seen = {key: decision.decision_id for key, decision in newest.items()}
    return html.Details(
        [
            html.Summary("Decide"),
            dcc.Store(id="decide-seen", data=seen),
            html.Div(
                [*_controls("decide", choices), html.Button("Decide", id="decide-send", className="button")],
                className="form",
            ),
            html.Div(id="decide-answer"),
        ],
        className="report chooser",
        id="decide",
    )


def bulk_part(table: Table, count: int) -> html.Details:
    """The form that decides about all rows of the filter; the server asks for the count before it decides."""
    told = "Filter first, so that only the rows you mean are left. All of them are decided, or none."
    content: list[Any] = [html.P(told, className="note")]
    if count > MOST_AT_ONCE:
        content.append(html.P(f"{count:,} rows are more than the {MOST_AT_ONCE:,} that can be decided at once."))
    else:
        ask = html.Button(f"Decide about all {count:,} rows", id="bulk-ask", className="button")
        content.append(html.Div([*_controls("bulk", {name: _SAID[name] for name in BULK}), ask], className="form"))
    summary = html.Summary(f"Decide about all {table.title.lower()} shown")
    return html.Details([summary, *content, html.Div(id="bulk-answer")], className="report chooser", id="bulk")


def _controls(form: str, choices: Mapping[str, str]) -> list[Any]:
    options = [{"label": text, "value": value} for value, text in choices.items()]
    action = dcc.Dropdown(id=f"{form}-action", options=options, value=next(iter(choices)), clearable=False)
    reason = dcc.Input(id=f"{form}-reason", value="", maxLength=LONGEST_REASON, type="text")
    until = dcc.Input(id=f"{form}-until", value="", maxLength=10, type="text", placeholder="YYYY-MM-DD")
    return [
        field("Decision", action),
        field("Reason", reason),
        field("Until (of pending)", until),
    ]


def question(action: str, count: int, where: str, since: Sequence[Decision]) -> html.Div:
    """What is asked before a filter's rows are decided: how many rows of what, and who decided about some since."""
    people = ", ".join(sorted({decision.by for decision in since}))
    told = f" {len(since):,} of them were decided since they were published, by {people}." if since else ""
    newest = max((decision.decision_id for decision in since), default=0)
    return html.Div(
        [
            dcc.Store(id="bulk-asked", data={"count": count, "newest": newest}),
            html.P(f"{words(action)} all {count:,} rows of {where}?{told}"),
            html.Button(f"Yes, decide about {count:,} rows", id="bulk-confirm", className="button"),
        ],
        className="message asof",
        role="status",
    )


def verdict_of(action: str | None, reason: str | None, until: str | None) -> Choice:
    """What a form says; InputError for what is no day."""
    if action not in ACTIONS:
        raise InputError("Choose a decision first.")
    return Choice(cast(Action, action), (reason or "").strip(), parse_day((until or "").strip()))


def choices_of(
    context: Context, row: Row, action: str | None, reason: str | None, until: str | None, seen: Mapping[str, int]
) -> dict[str, Choice]:
    """What the form of a row decides, by key; `seen` are the newest decisions when it was drawn."""
    pairing = next((known for known in pairings(context, row) if value_of(known) == action), None)
    if pairing is None:
        verdict = verdict_of(action, reason, until)
        key, other = row["reconciliation_key"], None
    else:
        verdict = verdict_of("pair" if pairing.other_key else "unpair", reason, until)
        key, other = pairing.key, pairing.other_key
    return {key: Choice(verdict.action, verdict.reason, verdict.until, other, seen.get(key))}


def done(numbers: Sequence[int]) -> html.Div:
    first = f"Kept as decision {numbers[0]}" if len(numbers) == 1 else f"Kept {len(numbers):,} decisions"
    text = f"{first}. The next run of the month shows it in the numbers."
    return html.Div(text, className="message done", role="status", **{"data-decided": str(numbers[-1])})
