"""`recon issues`: the issue log from the shell. Thin, over the same store as the app."""

import getpass

import click

from recon_assets.app.settings import load_app_settings
from recon_assets.catalogue import SUBJECTS, right_less_left
from recon_assets.errors import InputError
from recon_assets.settings import load_settings
from recon_assets.visible import visible


@click.group()
def issues() -> None:
    """The log of reported discrepancies."""


def _show(text: str) -> None:
    """What people wrote, without acting on the terminal."""
    click.echo(visible(text))


@issues.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_issues(everything: bool, limit: int) -> None:
    """Issues, newest first."""
    from recon_assets.issues.store import OPEN, STATUSES, open_issues

    found, count = open_issues(load_settings()).find(limit, status=STATUSES if everything else OPEN)
    for issue in found:
        _show(f"#{issue.issue_id} {issue.status} {issue.about.month} {issue.about.subject}: {issue.title}")
    click.echo(f"{len(found)} of {count} issues." if count else "No issue.")


@issues.command("show")
@click.argument("number", type=int)
def show_issue(number: int) -> None:
    """One issue with its history."""
    from recon_assets.issues.store import open_issues

    store = open_issues(load_settings())
    issue = store.get(number)
    about = issue.about
    _show(f"#{number} {issue.title} ({issue.status}, assignee {issue.assignee or 'nobody'})")
    shown = right_less_left(about.mart, about.difference)
    difference = "not comparable" if shown is None else f"right less left {shown:f} {about.currency}"
    _show(f"{about.subject}, {about.month}: {about.status}, {difference} when {issue.reporter} reported it")
    _show(issue.description)
    for entry in store.history(number):
        what = entry.value_to if entry.field == "comment" else f"{entry.field}: {entry.value_from} -> {entry.value_to}"
        _show(f"{entry.at:%Y-%m-%d %H:%M} {entry.who} {what}")


@issues.command("report")
@click.argument("reconciliation", type=click.Choice(list(SUBJECTS)))
@click.option("--month", required=True, help="2025-03")
@click.option("--key", required=True, help="The row's reconciliation_key.")
@click.option("--title", required=True)
@click.option("--description", default="")
@click.option("--assignee", default="")
def report_issue(reconciliation: str, month: str, key: str, title: str, description: str, assignee: str) -> None:
    """Report the discrepancy of a published row."""
    from recon_assets.app.pages import find_discrepancy
    from recon_assets.app.server import make_site

    site = make_site(load_settings(), load_app_settings())
    about = find_discrepancy(site, reconciliation, month, key)
    if about is None:
        raise InputError(f"No row of {reconciliation} {month} has the key {key}.")
    number = site.issues.report(about, title, description, assignee, getpass.getuser())
    click.echo(f"Reported as issue #{number}.")
