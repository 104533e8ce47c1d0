"""The published marts: names, columns and descriptions, as the dbt contracts state them."""

import json
from functools import cache

from recon_assets.catalogue import compared_mart
from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.pipeline.project import manifest_folder

_INSTANT = "timestamp with time zone"


def _changes() -> Mart:
    columns = (
        MartColumn("billing_month", "date", "The reconciled month, its first day."),
        MartColumn("reconciliation", "varchar", "Which reconciliation."),
        MartColumn("reconciliation_key", "varchar", "Key of the row that changed."),
        MartColumn("change", "varchar", "new, gone or changed, against the version published before."),
        MartColumn("status_from", "varchar", "Status before; null when new."),
        MartColumn("status_to", "varchar", "Status now; null when gone."),
        MartColumn("difference_from", "decimal(38, 12)", "Difference before."),
        MartColumn("difference_to", "decimal(38, 12)", "Difference now."),
        MartColumn("published_before_at", _INSTANT, "When the version compared with was published, UTC."),
        MartColumn("published_at", _INSTANT, "When this version of the month was published, UTC."),
        MartColumn("run_id", "varchar", "Run that published it."),
    )
    text = "What the newest publication of a month changed. One row per billing_month, reconciliation and changed key."
    return Mart("reconciliation_changes", text, columns, ("reconciliation_key", "change"), ())


def _reported() -> Mart:
    columns = (
        MartColumn("billing_month", "date", "Month of the row that the issue is about, its first day."),
        MartColumn("reconciliation", "varchar", "Which reconciliation."),
        MartColumn("mart", "varchar", "Mart of the row."),
        MartColumn("reconciliation_key", "varchar", "Key of the row in that mart."),
        MartColumn("subject", "varchar", "What a reader calls the row."),
        MartColumn("issue_id", "bigint", "Number of the issue."),
        MartColumn("title", "varchar", "What it is, in a line."),
        MartColumn("description", "varchar", "What its reporter wrote."),
        MartColumn("status", "varchar", "Of the issue: open, investigating, resolved or wont_fix."),
        MartColumn("assignee", "varchar", "Who looks into it; empty for nobody."),
        MartColumn("reporter", "varchar", "Who reported it."),
        MartColumn("created_at", _INSTANT, "When it was reported, UTC."),
        MartColumn("updated_at", _INSTANT, "When it was changed or commented last, UTC."),
        MartColumn("status_then", "varchar", "Status or bucket of the row when it was reported."),
        MartColumn("difference_then", "decimal(38, 12)", "Difference then; null when not comparable."),
        MartColumn("currency", "varchar", "Currency of difference_then."),
        MartColumn("status_now", "varchar", "Status or bucket of the row now; null when it has gone."),
        MartColumn("difference_now", "decimal(38, 12)", "Difference now; null when gone or not comparable."),
        MartColumn("currency_now", "varchar", "Currency of difference_now; null when the row has gone."),
        MartColumn("is_gone", "boolean", "Whether the newest publication of the month has no such row."),
        MartColumn("published_at", _INSTANT, "When the copy that first said so was made, UTC."),
        MartColumn("run_id", "varchar", "Run that made it."),
    )
    text = "Issues raised on discrepancies, each with the difference then and now, without comments. One row per issue."
    return Mart("reported_issues", text, columns, ("issue_id",), (), is_monthly=False)


CHANGES = _changes()
REPORTED = _reported()


@cache
def published_marts() -> dict[str, Mart]:
    """Every mart by name: the models of schema `marts`, and those that publishing computes."""
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == "marts"]
    marts = {model["name"]: _mart(model) for model in sorted(models, key=lambda model: model["name"])}
    return marts | {CHANGES.name: CHANGES, REPORTED.name: REPORTED}


def marts_of(subject: str) -> list[Mart]:
    """Marts that a build of `subject` makes: all that its publication writes but reconciliation_changes."""
    computed = (CHANGES.name, REPORTED.name)
    marts = published_marts().values()
    return [m for m in marts if m.name not in computed and (not m.subjects or subject in m.subjects)]


def _mart(model: dict) -> Mart:  # type: ignore[type-arg]
    columns = tuple(MartColumn(c["name"], c["data_type"], c["description"]) for c in model["columns"].values())
    compared = compared_mart(model["name"])
    subjects = tuple(tag for tag in model["tags"] if tag != "shared")
    return Mart(
        model["name"],
        model["description"].strip(),
        columns,
        tuple(model["config"]["meta"]["grain"]),
        subjects,
        compared.status if compared and compared.tells_changes else None,
        compared.difference if compared and compared.tells_changes else None,
        is_in_order=model["config"]["meta"].get("in_order", False),
        file_per=model["config"]["meta"].get("file_per"),
        is_spread=model["config"]["meta"].get("spread", False),
    )
