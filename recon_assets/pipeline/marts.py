"""The published marts: names, columns and descriptions, as the dbt contracts state them."""

import json
from dataclasses import dataclass
from functools import cache

from recon_assets.pipeline.project import manifest_folder


@dataclass(frozen=True)
class MartColumn:
    name: str
    sql_type: str
    description: str


@dataclass(frozen=True)
class Mart:
    """A published table. `grain` orders its rows; `status` and `difference` name the columns that changes compare."""

    name: str
    description: str
    columns: tuple[MartColumn, ...]
    grain: tuple[str, ...]
    subjects: tuple[str, ...]  # empty: shared by all
    status: str | None = None
    difference: str | None = None

    @property
    def is_shared(self) -> bool:
        return any(column.name == "reconciliation" for column in self.columns)


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
        MartColumn("published_before_at", "timestamp", "When the version compared with was published, UTC."),
        MartColumn("published_at", "timestamp", "When this version of the month was published, UTC."),
        MartColumn("run_id", "varchar", "Run that published it."),
    )
    text = "What the newest publication of a month changed. One row per billing_month, reconciliation and changed key."
    return Mart("reconciliation_changes", text, columns, ("reconciliation_key", "change"), ())


CHANGES = _changes()


@cache
def published_marts() -> dict[str, Mart]:
    """Every mart by name: the models of schema `marts`, and reconciliation_changes, which the publication computes."""
    manifest = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))
    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == "marts"]
    marts = {model["name"]: _mart(model) for model in sorted(models, key=lambda model: model["name"])}
    return marts | {CHANGES.name: CHANGES}


def marts_of(subject: str) -> list[Mart]:
    """Marts that a publication of `subject` writes, without reconciliation_changes."""
    return [m for m in published_marts().values() if m is not CHANGES and (not m.subjects or subject in m.subjects)]


def _mart(model: dict) -> Mart:  # type: ignore[type-arg]
    columns = tuple(MartColumn(c["name"], c["data_type"], c["description"]) for c in model["columns"].values())
    meta = model["config"]["meta"]
    subjects = tuple(tag for tag in model["tags"] if tag != "shared")
    return Mart(
        model["name"],
        model["description"].strip(),
        columns,
        tuple(meta["grain"]),
        subjects,
        meta.get("status"),
        meta.get("difference"),
    )
