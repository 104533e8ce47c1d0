"""Puts every mutant of the rules into a copy of the project and runs the tests of the rules on it: who is not noticed?

    python -m recon_assets_tests.mutation.run [--only coverage] [--report FILE]

Ends with 1 when a mutant survives that docs/mutation.md does not explain. Each runs in a process forked from one that
has imported everything, so one costs as long as the tests that notice it.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.pipeline.project import PROJECT_DIR
from recon_assets_tests.dbt.rules import BUCKETS, CHANGED, VERDICTS
from recon_assets_tests.mutation.mutants import Mutant, mutants

TESTS = Path(__file__).parents[1] / "dbt"
EXPLAINED = Path(__file__).parents[2] / "docs" / "mutation.md"
# File -> macros of it (None: the whole file, up to the cte named after it).
RULES: dict[str, tuple[str, ...] | str | None] = {
    "macros/coverage.sql": ("c30", "c30_before", "d30", "duckdb__days_inclusive", "coverage_numerator", "coverage_denominator", "coverage_class"),
    "macros/exact_ratio.sql": ("duckdb__exact_ratio",),
    "macros/usage.sql": ("usage_id", "azure_subscription_id", "usage_tolerance", "equal_quantities", "usage_status", "usage_explanation", "duckdb__exact_percent", "cost_scope"),
    "macros/einvoice_fields.sql": ("magnitude", "participation"),
    "macros/einvoice_pairing.sql": ("identifier_differs", "same_currency", "in_ringgit", "difference_myr", "amount_differs", "field_tolerance", "compare_documents"),
    BUCKETS: "missing",
    VERDICTS: None,
}  # fmt: skip
COVERAGE_TESTS = ("macros/coverage.sql", "macros/exact_ratio.sql")
_SECONDS = 180  # a test of a mutant that takes longer has noticed it


def spans(text: str, wanted: tuple[str, ...] | str | None) -> Iterator[tuple[int, int]]:
    """Where the rules of a file stand."""
    if wanted is None:
        yield 0, len(text)
    elif isinstance(wanted, str):
        yield 0, text.index(f"\n{wanted} as (")
    else:
        for macro in wanted:
            found = re.search(rf"{{% macro {macro}\(.*?{{%-? ?endmacro", text, re.DOTALL)
            assert found, f"there is no macro {macro}"
            yield text.index("%}", found.start()) + 2, found.end()


def arguments_of(file: str) -> list[str]:
    """The tests that look at a file's rules; those that compare with dbt would notice any change."""
    rules = TESTS / "test_rules.py"
    files = [str(rules), *([str(TESTS / "test_coverage.py")] if file in COVERAGE_TESTS else [])]
    quiet = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header", "-o", "timeout=0"]
    return [*files, *quiet, "--deselect", f"{rules.relative_to(TESTS.parents[1])}::test_dbt_renders_the_same_sql"]


def is_noticed(arguments: list[str], folder: Path) -> bool:
    """Whether the tests fail on the project in `folder`."""
    child = os.fork()
    if child == 0:
        os.environ[CHANGED] = str(folder)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        signal.alarm(_SECONDS)
        os._exit(int(pytest.main(arguments)))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGALRM
    code = os.WEXITSTATUS(status)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"pytest ended with {code}: the tests could not be run on {folder}")
    return code == pytest.ExitCode.TESTS_FAILED


def survivors(file: str, folder: Path) -> Iterator[tuple[str, bool]]:
    """Each mutant of a file's rules, described, and whether it survived."""
    original = (PROJECT_DIR / file).read_text(encoding="utf-8")
    arguments = arguments_of(file)
    found: set[Mutant] = set()
    for first, last in spans(original, RULES[file]):
        found.update(mutants(original, first, last))
    for mutant in sorted(found, key=lambda one: (one.start, one.becomes)):
        (folder / file).write_text(mutant.of(original), encoding="utf-8")
        yield f"{file}:{mutant.described(original)}", not is_noticed(arguments, folder)
    (folder / file).write_text(original, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the path of the files to change")
    parser.add_argument("--report", type=Path, help="where survivors are written, one a line")
    given = parser.parse_args()
    started, counted, left = time.monotonic(), 0, []
    explained = EXPLAINED.read_text(encoding="utf-8") if EXPLAINED.is_file() else ""
    with tempfile.TemporaryDirectory(prefix="recon-mutation-") as temporary:
        folder = Path(temporary, "project")
        shutil.copytree(PROJECT_DIR, folder, ignore=shutil.ignore_patterns("target", "logs"))
        for file in RULES:
            if given.only not in file:
                continue
            if is_noticed(arguments_of(file), folder):
                raise SystemExit(f"The tests of {file} fail on the project as it is.")
            for described, survived in survivors(file, folder):
                counted += 1
                if survived:
                    left.append(described)
                    print(f"survived: {described}", flush=True)
    if given.report:
        given.report.write_text("".join(f"{line}\n" for line in left), encoding="utf-8")
    unexplained = [line for line in left if _place(line) not in explained]
    minutes = (time.monotonic() - started) / 60
    print(f"{counted} mutants, {counted - len(left)} noticed, {len(left)} survived, of which "
          f"{len(left) - len(unexplained)} are explained in docs/mutation.md; {minutes:.0f} minutes")  # fmt: skip
    return int(bool(unexplained))


def _place(line: str) -> str:
    """What docs/mutation.md names a mutant by: the change and its line, without the number, which moves."""
    return line.split(" ", 1)[1]


if __name__ == "__main__":
    sys.exit(main())
