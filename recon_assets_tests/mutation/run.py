"""Puts every mutant of the rules into a copy of the project and runs the tests of the rules on it: who is not noticed?

    python -m recon_assets_tests.mutation.run [--only coverage] [--report FILE]

Ends with 1 when a mutant survives that docs/mutation.md does not explain. Each runs in a process forked from one that
has imported everything, so one costs as long as the tests that notice it.
"""

import argparse
import itertools
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from recon_assets.pipeline.project import PROJECT_DIR
from recon_assets_tests.dbt.rules import BUCKETS, VERDICTS, render, run, use_changed
from recon_assets_tests.mutation.mutants import mutants

TESTS = Path(__file__).parents[1] / "dbt"
EXPLAINED = Path(__file__).parents[2] / "docs" / "mutation.md"
# File -> macros of it (None: the whole file, up to the cte named after it).
RULES: dict[str, tuple[str, ...] | str | None] = {
    BUCKETS: "missing",
    VERDICTS: None,
    "macros/einvoice_fields.sql": ("magnitude", "signed", "type_key", "einvoice_document_columns", "participation"),
    "macros/usage.sql": ("usage_id", "azure_subscription_id", "usage_tolerance", "equal_quantities", "usage_status", "usage_explanation", "duckdb__exact_percent", "cost_scope"),
    "macros/einvoice_pairing.sql": ("identifier_differs", "same_currency", "in_ringgit", "difference_myr", "amount_differs", "field_tolerance", "is_alike", "compare_documents", "ringgit_key"),
    "macros/coverage.sql": ("c30", "c30_before", "d30", "duckdb__days_inclusive", "coverage_numerator", "coverage_denominator", "coverage_class"),
    "macros/exact_ratio.sql": ("duckdb__exact_ratio",),
}  # fmt: skip
# Beginnings of the names of the tests that look at a file's rules.
TESTS_OF: dict[str, tuple[str, ...]] = {
    BUCKETS: ("test_buckets",),
    VERDICTS: ("test_the_verdict_on", "test_a_side_of", "test_each_subscription_is", "test_currencies_of_another"),
    "macros/einvoice_fields.sql": ("test_the_magnitude", "test_a_note_takes", "test_the_rate_of", "test_whether_an_einvoice"),
    "macros/usage.sql": (
        "test_usage_verdicts", "test_the_tolerance_of_usage", "test_a_percentage", "test_a_subscription_is", "test_what_a_cost",
    ),
    "macros/einvoice_pairing.sql": ("test_documents_are", "test_documents_in", "test_a_difference_of", "test_differences_in"),
    "macros/coverage.sql": (
        "test_the_coverage_class", "test_every_worked", "test_days_over", "test_numerators", "test_the_factors", "test_a_monthly",
    ),
    "macros/exact_ratio.sql": ("test_ratios_at", "test_a_ratio", "test_every_worked"),
}  # fmt: skip
_CPU_SECONDS = 120  # tests of a mutant that take more have noticed it


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


class Loop:
    """A pytest plugin that runs the collected tests once per mutant, each time in a process forked from this one."""

    def __init__(self, folder: Path, only: str) -> None:
        self._folder, self._only = folder, only
        self.counted = 0
        self.survived: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        run(render("select * from a"), a=[{"b": 1}])  # what this imports and compiles, no mutant does again
        for file in (file for file in RULES if self._only in file):
            items = [item for item in session.items if item.name.startswith(TESTS_OF[file])]
            assert items, f"no test looks at {file}"
            items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)  # the slow ones last
            if noticed_by(session, items, self._folder) is not None:
                raise pytest.UsageError(f"The tests of {file} fail on the project as it is.")
            self._change(session, items, file)
        return True

    def _change(self, session: pytest.Session, items: list[pytest.Item], file: str) -> None:
        original = (PROJECT_DIR / file).read_text(encoding="utf-8")
        found = {one for first, last in spans(original, RULES[file]) for one in mutants(original, first, last)}
        for mutant in sorted(found, key=lambda one: (one.start, one.becomes)):
            (self._folder / file).write_text(mutant.of(original), encoding="utf-8")
            self.counted += 1
            test = noticed_by(session, items, self._folder)
            if test is None:
                self.survived.append(f"{file}:{mutant.described(original)}")
                print(f"survived: {self.survived[-1]}", file=sys.stderr, flush=True)
            else:  # The next mutant is likely to be noticed by the same.
                items.insert(0, items.pop(test))
        (self._folder / file).write_text(original, encoding="utf-8")
        print(f"{file}: {len(found)} mutants", file=sys.stderr, flush=True)


def noticed_by(session: pytest.Session, items: list[pytest.Item], folder: Path) -> int | None:
    """Index of the first test that fails on the project in `folder`; those after it are not run."""
    child = os.fork()
    if child == 0:
        use_changed(folder)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 10))
        os._exit(_run(session, items))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGXCPU:
            raise pytest.UsageError(f"A test was ended by signal {os.WTERMSIG(status)}.")
        return 0
    return os.WEXITSTATUS(status) - 1 if os.WEXITSTATUS(status) else None


def _run(session: pytest.Session, items: list[pytest.Item]) -> int:
    """Number of the test that failed, from 1 on; 0 if none did."""
    for number, (item, following) in enumerate(itertools.zip_longest(items, items[1:]), start=1):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return number
    return 0


def same_examples_unshrunk() -> None:
    """Random tests look at the same examples for every mutant, and do not look for the smallest one that fails."""
    found = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=found, database=None, derandomize=True)
    hypothesis.settings.load_profile("mutants")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the path of the files to change")
    parser.add_argument("--report", type=Path, help="where survivors are written, one a line")
    given = parser.parse_args()
    started = time.monotonic()
    same_examples_unshrunk()
    with tempfile.TemporaryDirectory(prefix="recon-mutation-") as temporary:
        folder = Path(temporary, "project")
        shutil.copytree(PROJECT_DIR, folder, ignore=shutil.ignore_patterns("target", "logs"))
        loop = Loop(folder, given.only)
        wanted = [file for file in RULES if given.only in file]
        modules = ["test_rules.py", *(["test_coverage.py"] if any("macros/" in file for file in wanted) else [])]
        files = [str(TESTS / name) for name in modules]
        options = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "no:warnings", "-o", "timeout=0"]
        code = pytest.main([*files, *options, "--capture", "no"], plugins=[loop])
    if code != pytest.ExitCode.OK:
        return int(code)
    if given.report:
        given.report.write_text("".join(f"{line}\n" for line in loop.survived), encoding="utf-8")
    explained = EXPLAINED.read_text(encoding="utf-8") if EXPLAINED.is_file() else ""
    left = [line for line in loop.survived if _place(line) not in explained]
    noticed, minutes = loop.counted - len(loop.survived), (time.monotonic() - started) / 60
    print(
        f"{loop.counted} mutants, {noticed} noticed, {len(loop.survived)} survived, of which "
        f"{len(loop.survived) - len(left)} are explained in docs/mutation.md; {minutes:.1f} minutes"
    )
    return int(bool(left))


def _place(line: str) -> str:
    """What docs/mutation.md names a mutant by: the change and its line, without the number, which moves."""
    return line.split(" ", 1)[1]


if __name__ == "__main__":
    sys.exit(main())
