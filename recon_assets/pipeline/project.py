"""The dbt project on disk: where it is, and its manifest, parsed once per version of the project's files and of dbt.

Parsing takes seconds and needs no data, so the manifest is kept under target/ by a fingerprint of the files.
"""

import contextlib
import hashlib
import marshal
import os
import pickle
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

import yaml

from recon_assets.errors import ReconError
from recon_assets.transport.locks import lock_file

PROJECT_DIR = Path(__file__).resolve().parents[2] / "dbt_project"
# The manifest names the database, so every build file has the same name.
DATABASE_NAME = "build.duckdb"
# The manifest for whoever reads it, and as the object that dbt runs, in a third of the time that its own format takes;
# and its templates as Jinja compiles them.
_OUTPUTS = ("manifest.json", "manifest.pickle", "templates.marshal")
_MARKER = "complete"
_PARSED = ("dbt_project.yml", "profiles.yml", "models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*")


def manifest_folder(target: str = "duckdb") -> Path:
    """Folder with what dbt has parsed of the project as it is now; parsed when not there yet.

    `target` is that of profiles.yml for which it is parsed. A folder of which something is missing is made anew.
    """
    folder = _folder(target)
    if not _is_whole(folder):
        folder.parent.mkdir(exist_ok=True)
        with (folder.parent / "parsing.lock").open("w", encoding="utf-8") as lock:
            lock_file(lock.fileno(), wait=True)  # another process may be parsing the same files
            if not _is_whole(folder):
                _parse_into(folder, target)
    return folder


def is_parsed(target: str) -> bool:
    """Whether `manifest_folder` has nothing to parse."""
    return _is_whole(_folder(target))


def _folder(target: str) -> Path:
    # Compiled templates are of one version of Python and of Jinja.
    compiled_by = f"{sys.implementation.cache_tag}-jinja{version('jinja2')}"
    return PROJECT_DIR / "target" / f"parsed-{target}-{compiled_by}-{_fingerprint()}"


def _fingerprint() -> str:
    digest = hashlib.sha256(f"dbt-core {version('dbt-core')}\0".encode())
    for pattern in _PARSED:
        for path in sorted(PROJECT_DIR.glob(pattern)):
            if path.is_file():
                digest.update(f"{path.relative_to(PROJECT_DIR).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def rules() -> dict[str, Any]:
    """What decides numbers in the project as it is: a fingerprint of its files, its vars, and its seeds as they are."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    seeds = {path.name: path.read_text(encoding="utf-8") for path in sorted((PROJECT_DIR / "seeds").glob("*.csv"))}
    return {"fingerprint": _fingerprint(), "vars": project["vars"], "seeds": seeds}


def _is_whole(folder: Path) -> bool:
    """Whether what was parsed is there as it was written: the marker, which is written last, has the files' sizes."""
    try:
        return (folder / _MARKER).read_text(encoding="utf-8") == _sizes(folder)
    except FileNotFoundError:
        return False


def _sizes(folder: Path) -> str:
    return "".join(f"{name} {(folder / name).stat().st_size}\n" for name in _OUTPUTS)


def _parse_into(folder: Path, target: str) -> None:
    """Parse beside `folder` and put the result in its place; only who holds the lock does.

    So whatever else is there is of killed parses, of earlier versions of the project, or broken.
    """
    temporary = folder.with_name(f".{folder.name}")
    for left in [*folder.parent.glob(".parsed-*"), *folder.parent.glob(f"parsed-{target}-*")]:
        shutil.rmtree(left)
    with quiet_dbt_environment(temporary / DATABASE_NAME, temporary):
        manifest = invoke_dbt(["parse", "--no-partial-parse", "--target", target, *dbt_paths(temporary)])
    manifest.build_flat_graph()
    # By field: dbt's own way of pickling it mixes its fields up (1.11), and what it keeps for look-ups is made anew.
    parts = {field.name: getattr(manifest, field.name) for field in fields(manifest) if not field.name.startswith("_")}
    (temporary / "manifest.pickle").write_bytes(pickle.dumps(parts, pickle.HIGHEST_PROTOCOL))
    (temporary / "templates.marshal").write_bytes(marshal.dumps(_compiled(manifest)))
    (temporary / _MARKER).write_text(_sizes(temporary), encoding="utf-8")
    temporary.rename(folder)


def dbt_paths(target: Path) -> list[str]:
    """Command line options that keep dbt's outputs in `target` and its chatter out of ours."""
    return [
        "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
        "--target-path", str(target), "--log-path", str(target), "--log-level", "none",
    ]  # fmt: skip


@contextlib.contextmanager
def quiet_dbt_environment(
    database: Path, home: Path, memory_limit: str = "1600MB", engine: Mapping[str, str] | None = None
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

    # Written by this process or one like it, beside the code: who can change it can change the code.
    return Manifest(**pickle.loads((folder / "manifest.pickle").read_bytes()))  # noqa: S301


def take_compiled_templates(folder: Path) -> None:
    """Have Jinja compile no template of a parsed project again while this process lives: half a second, to dbt."""
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    # As above; and the folder is of this version of Python.
    compiled = marshal.loads((folder / "templates.marshal").read_bytes())  # noqa: S302
    compile_anew = MacroFuzzEnvironment.compile

    def compile_once(self: Any, source: Any, *arguments: Any, **options: Any) -> Any:
        known = compiled.get(source) if type(self) is MacroFuzzEnvironment else None  # not of those that inherit it
        return known or compile_anew(self, source, *arguments, **options)

    MacroFuzzEnvironment.compile = compile_once  # type: ignore[method-assign]


def _compiled(manifest: Any) -> dict[str, CodeType]:
    """Macros, models and tests, by their text."""
    from dbt_common.clients.jinja import get_environment

    texts = [macro.macro_sql for macro in manifest.macros.values()]
    texts += [node.raw_code for node in manifest.nodes.values()]
    environment = get_environment()
    return {text: environment.compile(text) for text in texts}
