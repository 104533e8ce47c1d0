"""`recon decide`: what people say about rows, remembered. Thin, over the store that the issues are kept in."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from recon_assets.catalogue import SUBJECTS, right_less_left
from recon_assets.errors import InputError
from recon_assets.months import parse_month
from recon_assets.settings import load_settings
from recon_assets.visible import visible

BY = click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
SUBJECT = click.option("--subject", type=click.Choice(list(SUBJECTS)), required=True, help="Of which reconciliation.")
REASON = click.option("--reason", default="", help="Why; kept with the decision.")
AFTER = click.option("--after", type=int, help="Number of somebody else's decision, to decide after it.")


@click.group()
def decide() -> None:
    """Decide about rows once; the next run of their months shows it."""


def _done(subject: str, numbers: list[int]) -> None:
    first = f"decision {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} decisions"
    click.echo(f"Kept {first} of {subject}. `recon run` of their months shows it.")


def _verdict(name: str, text: str) -> Callable[..., Any]:
    """The command of an action that any number of rows can take, by their keys or by a condition."""

    @click.argument("keys", nargs=-1)
    @SUBJECT
    @click.option("--month", help="With --where: of which month.")
    @click.option(
        "--where", default="", help="SQL condition over the columns of the mart: all rows for which it is true."
    )
    @click.option("--yes", is_flag=True, help="With --where: do not ask whether the count is right.")
    @click.option("--until", help="Of pending: last day of waiting, YYYY-MM-DD.")
    @REASON
    @AFTER
    @BY
    def command(
        keys: tuple[str, ...],
        subject: str,
        month: str | None,
        where: str,
        yes: bool,
        until: str | None,
        reason: str,
        after: int | None,
        by: str,
    ) -> None:
        from recon_assets.pipeline.deciding import Choice, parse_day, published_rows
        from recon_assets.pipeline.deciding import decide as make
        from recon_assets.platform import Platform

        if bool(keys) == bool(where):
            raise InputError("Name the rows: their keys, or --where with a condition.")
        platform = Platform.from_settings()
        choice = Choice(name, reason, parse_day(until), None, after)  # type: ignore[arg-type]
        chosen_by = None
        if where:
            found = published_rows(platform, subject, parse_month(month) if month else None, where=where)
            keys = tuple(dict.fromkeys(row.row.key for row in found))
            chosen_by = f"{month or 'every month'}: {where}"
            if not yes:
                click.confirm(f"{name} {len(keys)} rows of {subject}?", abort=True)
        _done(subject, make(platform, subject, dict.fromkeys(keys, choice), by, chosen_by))

    command.__doc__ = text
    return decide.command(name)(command)


for _name, _text in {
    "accept": "The difference is right as it is.",
    "ignore": "Not ours to reconcile.",
    "pending": "Waiting for somebody, until a day.",
    "clear": "Take the decisions of a row back.",
    "approve": "Approve the decision of somebody else above the limit.",
}.items():
    _verdict(_name, _text)


@decide.command("pair")
@click.argument("key")
@click.argument("other_key")
@REASON
@AFTER
@BY
def pair(key: str, other_key: str, reason: str, after: int | None, by: str) -> None:
    """The register document of KEY and the e-invoice of OTHER_KEY belong together."""
    _make_pairing(key, "pair", reason, other_key, after, by)


@decide.command("unpair")
@click.argument("key")
@REASON
@AFTER
@BY
def unpair(key: str, reason: str, after: int | None, by: str) -> None:
    """The two documents of KEY do not belong together; they are never paired again."""
    _make_pairing(key, "unpair", reason, None, after, by)


def _make_pairing(key: str, action: str, reason: str, other_key: str | None, after: int | None, by: str) -> None:
    from recon_assets.pipeline.deciding import Choice
    from recon_assets.pipeline.deciding import decide as make
    from recon_assets.platform import Platform

    choice = Choice(action, reason, None, other_key, after)  # type: ignore[arg-type]
    _done("einvoices", make(Platform.from_settings(), "einvoices", {key: choice}, by))


@decide.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--subject", type=click.Choice(list(SUBJECTS)), help="For a file without the column reconciliation.")
@BY
def import_(file: Path, subject: str | None, by: str) -> None:
    """Decisions out of a CSV or workbook as `recon query` or a download gives it, with `decision` filled in."""
    from recon_assets.pipeline.deciding import choices_of, read_list
    from recon_assets.pipeline.deciding import decide as make
    from recon_assets.platform import Platform

    platform = Platform.from_settings()
    named, lines = read_list(file, subject)
    choices = choices_of(platform, named, lines)
    if choices:
        _done(named, make(platform, named, choices, by, f"import of {file.name}"))
    if idle := len(lines) - len(choices):
        click.echo(f"{idle} lines say what their rows show already.")


@decide.command("list")
@click.option("--subject", type=click.Choice(list(SUBJECTS)), help="Default: all.")
@click.option("--month", help="Default: all.")
@click.option("--key", help="Of one row alone, with the issues on it.")
def list_(subject: str | None, month: str | None, key: str | None) -> None:
    """The audit trail: every decision ever made, oldest first."""
    from recon_assets.issues.decisions import open_decisions
    from recon_assets.issues.store import open_issues

    settings = load_settings()
    found = open_decisions(settings).history(subject, parse_month(month) if month else None, key)
    for decision in found:
        row = decision.row
        shown = right_less_left(SUBJECTS[row.reconciliation].decided.mart, row.difference)
        difference = "no difference" if shown is None else f"right less left {shown:f} {row.currency}"
        then = f"{row.status}, {difference}"
        click.echo(
            visible(f"{decision.decision_id} {row.reconciliation} {row.month} {row.key} ({then}) {decision.text}")
        )
    click.echo(f"{len(found)} decisions." if found else "No decision.")
    issues = open_issues(settings).find(None, reconciliation_key=key)[0] if key else []
    for issue in issues:
        click.echo(visible(f"Issue #{issue.issue_id} {issue.status}: {issue.title}"))
