"""The dbt project through the adapters of Microsoft Fabric and Databricks, without a cluster of theirs.

    python -m tools.spark_adapters MONTH

Fabric's adapter can also work on a Spark session of its own process (its `method: session`): it builds the raw months
of RECON_HOME, and every mart must be that of DuckDB, types and rows. Databricks' adapter has no such method: it parses
and compiles every model and test, and what it would send must be the SQL that Fabric's adapter has run, but for the
names of databases. Environments: `make spark-adapters`, which runs this. What stays untried: the services themselves,
Delta as the format of tables, and what the services change in Spark.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml

from recon_assets.pipeline.marts import marts_of
from recon_assets.pipeline.project import PROJECT_DIR

BUILD = Path(__file__).parents[1] / "build" / "adapters"
SUBJECTS = ("subscriptions", "usage", "einvoices")
# profiles.yml asks for these; none is used, as nothing is connected to.
CONNECTIONS = {
    "RECON_FABRIC_WORKSPACE_ID": "00000000-0000-0000-0000-000000000000",
    "RECON_FABRIC_LAKEHOUSE_ID": "00000000-0000-0000-0000-000000000000",
    "RECON_FABRIC_LAKEHOUSE": "recon",
    "DATABRICKS_HOST": "localhost",
    "DATABRICKS_HTTP_PATH": "none",
    "DBT_ENV_SECRET_DATABRICKS_TOKEN": "none",
}


def session_of(fabric: Mapping[str, Any]) -> dict[str, Any]:
    """Fabric's target on a Spark session of dbt's process, with Parquet tables (Delta's jar is in no package)."""
    conf = {
        **fabric["spark_config"]["conf"],
        "spark.master": "local[2]",
        "spark.driver.memory": "3g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.sources.default": "parquet",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(BUILD / "warehouse"),
        "spark.sql.maxPlanStringLength": "10000",
    }
    kept = {key: fabric[key] for key in ("type", "schema", "threads")}
    return {**kept, "method": "session", "spark_config": {"name": "recon_assets", "conf": conf}}


def prepared() -> Path:
    """A copy of the dbt project, with the target `session`."""
    shutil.rmtree(BUILD, ignore_errors=True)
    project = BUILD / "project"
    shutil.copytree(PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    profiles = yaml.safe_load((project / "profiles.yml").read_text(encoding="utf-8"))
    outputs = profiles["recon"]["outputs"]
    outputs["session"] = session_of(outputs["fabric"])
    (project / "profiles.yml").write_text(yaml.safe_dump(profiles), encoding="utf-8")
    # A view lives as long as the session, and is compared after it.
    for mart in (project / "models" / "marts").rglob("*.sql"):
        mart.write_text(
            mart.read_text(encoding="utf-8").replace("materialized='view'", "materialized='table'"), encoding="utf-8"
        )
    return project


def dbt(program: Path, project: Path, command: str, target: str, month: str, *options: str) -> None:
    """Run a dbt; ends with what it said last when it fails."""
    shown = {"target_months": [month], "as_of_date": "2030-01-01"}
    arguments = [
        str(program), "--no-partial-parse", command, "--target", target, "--target-path", str(BUILD / target),
        "--project-dir", str(project), "--profiles-dir", str(project), "--vars", json.dumps(shown), *options,
    ]  # fmt: skip
    environment = {**os.environ, **CONNECTIONS, "RECON_BUILD_PATH": str(BUILD / "build.duckdb")}
    done = subprocess.run(arguments, cwd=project, env=environment, text=True, capture_output=True, check=False)
    said = done.stdout.splitlines()
    if done.returncode:
        sys.exit(f"dbt {command} --target {target} failed:\n" + "\n".join(said[-40:]))
    told = [line for line in said if "Found" in line or "PASS" in line]
    print(f"dbt {command} --target {target}: {told[-1]}")


def differing() -> list[str]:
    """What differs between the marts of DuckDB and of Fabric's adapter."""
    found = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{BUILD / 'build.duckdb'}' as build (read_only)")
        connection.execute("set timezone = 'UTC'")
        for name in sorted({mart.name for subject in SUBJECTS for mart in marts_of(subject)}):
            ours, theirs = f"build.marts.{name}", f"read_parquet('{BUILD}/warehouse/marts.db/{name}/*.parquet')"
            types = [
                {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
                for relation in (ours, theirs)
            ]
            if types[0] != types[1]:
                found.append(f"{name}: types {set(types[0].items()) ^ set(types[1].items())}")
            named = f"select {', '.join(types[0])} from"
            for left, right in ((ours, theirs), (theirs, ours)):
                rows = connection.execute(f"{named} {left} except all {named} {right} limit 3").fetchall()
                found.extend(f"{name}: only in {left}: {row}" for row in rows)
            count = connection.execute(f"select count(*) from {ours}").fetchall()[0][0]
            print(f"{name}: {count} rows")
    return found


def compiled(target: str) -> dict[str, str]:
    """The compiled SQL of models and tests by path, without quotes and names of databases."""
    folder = BUILD / target / "compiled" / "recon"
    texts = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.sql")}
    return {path: re.sub(r"\b(recon|default)\.(?=\w+\.\w+)", "", text.replace("`", "")) for path, text in texts.items()}


def main(month: str) -> None:
    project = prepared()
    root = Path(__file__).parents[1]
    dbt(Path(sys.executable).parent / "dbt", project, "build", "duckdb", month, "--exclude-resource-type", "unit_test")
    dbt(root / "build/fabric/bin/dbt", project, "build", "session", month, "--exclude-resource-type", "unit_test")
    found = differing()
    # The hook reads the raw months by queries; the months are given, so no model asks for them.
    settings = project / "dbt_project.yml"
    content = yaml.safe_load(settings.read_text(encoding="utf-8")) | {"on-run-start": []}
    settings.write_text(yaml.safe_dump(content), encoding="utf-8")
    offline = ("--no-introspect", "--no-populate-cache")
    dbt(root / "build/databricks/bin/dbt", project, "compile", "databricks", month, *offline)
    ran, sent = compiled("session"), compiled("databricks")
    found += [f"{path}: Databricks compiles another text" for path in sorted(sent) if sent[path] != ran.get(path)]
    print(f"{len(sent)} models and tests compiled to the SQL that ran")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
