"""The dbt project on disk: where it is, and its manifest, parsed once per version of the project's files.

Parsing takes seconds and needs no data, so the manifest is kept under target/ by a fingerprint of the files.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recon_assets.errors import ReconError

PROJECT_DIR = Path(__file__).resolve().parents[2] / "dbt_project"
# The manifest names the database, so every build file has the same name.
DATABASE_NAME = "build.duckdb"
_PARSED = ("dbt_project.yml", "profiles.yml", "models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*")


def manifest_folder(target: str = "duckdb") -> Path:
    """Folder with manifest.json and partial_parse.msgpack of the project as it is now; parsed when not there yet.

    `target` is that of profiles.yml for which it is parsed.
    """
    folder = PROJECT_DIR / "target" / f"parsed-{target}-{_fingerprint()}"
    if not (folder / "manifest.json").is_file():
        _parse_into(folder, target)
    return folder


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for pattern in _PARSED:
        for path in sorted(PROJECT_DIR.glob(pattern)):
            if path.is_file():
                digest.update(f"{path.relative_to(PROJECT_DIR).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _parse_into(folder: Path, target: str) -> None:
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    with quiet_dbt_environment(temporary / DATABASE_NAME, temporary):
        invoke_dbt(["parse", "--no-partial-parse", "--target", target, *dbt_paths(temporary)])
    for old in folder.parent.glob(f"parsed-{target}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    # Another process may have parsed the same files meanwhile, and reads them: either result serves.
    with contextlib.suppress(OSError):
        temporary.rename(folder)
    shutil.rmtree(temporary, ignore_errors=True)


def dbt_paths(target: Path) -> list[str]:
    """Command line options that keep dbt's outputs in `target` and its chatter out of ours."""
    return [
        "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
        "--target-path", str(target), "--log-path", str(target), "--log-level", "none",
    ]  # fmt: skip


@contextlib.contextmanager
def quiet_dbt_environment(
    database: Path, home: Path, memory_limit: str = "4GB", engine: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Environment variables that profiles.yml and register_raw read, set while dbt runs in this process."""
    wanted = {
        "RECON_BUILD_PATH": str(database),
        "RECON_HOME": str(home),
        "RECON_BUILD_MEMORY_LIMIT": memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **(engine or {}),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def invoke_dbt(arguments: list[str], manifest: Any = None) -> Any:
    """Run a dbt command in this process; its result object. ReconError when dbt itself could not run."""
    from dbt.cli.main import dbtRunner  # two seconds: only who builds pays for it

    outcome = dbtRunner(manifest=manifest).invoke(arguments)
    if outcome.exception is not None:
        raise ReconError(f"dbt {arguments[0]} could not run: {outcome.exception}") from outcome.exception
    return outcome.result


def load_manifest(folder: Path) -> Any:
    """The parsed project as dbt's own Manifest object, ready to be run without parsing again."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    packed = (folder / "partial_parse.msgpack").read_bytes()
    manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    return manifest
