"""The audit of the dependencies: what counts as asked, as found, as allowed; and that the committed table is current."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.dependencies import (
    FINDINGS,
    LOCK,
    NOT_ASKED,
    TABLE,
    AuditError,
    Package,
    Policy,
    ask_about_vulnerabilities,
    is_allowed,
    licence_of,
    load_direct,
    load_policy,
    locked,
    vulnerabilities,
)

POLICY = Policy(frozenset({"MIT", "BSD"}), {"BSD License": "BSD"}, {"gnu": {"licence": "LGPL", "reason": "linked"}})
SOUND = {"dependencies": [{"name": "requests", "version": "2.34.2", "vulns": []}]}
SKIPPED = {"dependencies": [{"name": "requests", "skip_reason": "Dependency not found on PyPI"}]}
KNOWN = {
    "dependencies": [{"name": "requests", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}]
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (BSD OR GPL-3.0-only)", True),
        ("(MIT OR BSD) AND (GPL-3.0-only)", False),
        ("GPL-3.0-only OR MIT AND BSD", True),
        ("GPL-3.0-only AND MIT OR BSD", True),
        ("none declared", False),
        ("", False),
    ],
)
def test_an_expression_is_allowed_when_it_grants_what_is_allowed(expression: str, expected: bool) -> None:
    assert is_allowed(expression, POLICY.allowed) is expected


@pytest.mark.parametrize(
    ("package", "refused"),
    [
        (Package("new", "1", "MIT", True), False),
        (Package("new", "1", "AGPL-3.0-only", False), True),
        (Package("gnu", "1", "LGPL", True), False),
        (Package("gnu", "2", "GPL-3.0-only", True), True),
        (Package("gnu", "3", "MIT", True), True),
    ],
)
def test_a_package_needs_an_allowed_licence_or_the_one_it_was_reviewed_with(package: Package, refused: bool) -> None:
    assert (POLICY.refusal(package) is not None) is refused


def test_a_licence_is_the_expression_then_the_identifiers_then_the_names() -> None:
    identified, named = {"license": {"id": "GPL-2.0-only"}}, {"license": {"name": "BSD License"}}
    assert licence_of({"licenses": [{"expression": "MIT OR BSD"}, named]}, POLICY.names) == "MIT OR BSD"
    assert licence_of({"licenses": [named, identified, {"license": {"id": "MIT"}}]}, {}) == "GPL-2.0-only AND MIT"
    assert licence_of({"licenses": [named]}, POLICY.names) == "BSD"
    assert licence_of({}, POLICY.names) == "none declared"


def test_skipped_packages_are_not_counted_as_sound() -> None:
    assert vulnerabilities(json.dumps(SOUND)) == ([], [])
    assert vulnerabilities(json.dumps(SKIPPED)) == ([], ["requests"])
    assert vulnerabilities(json.dumps(KNOWN)) == (["requests 2.0: PYSEC-1, fixed in 2.1"], [])
    with pytest.raises(AuditError):
        vulnerabilities("No known vulnerabilities found")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (json.dumps(SOUND), 0, "none known of 1 pinned"),
        (json.dumps(SKIPPED), NOT_ASKED, "COULD NOT ASK about requests"),
        (json.dumps(KNOWN), FINDINGS, "PYSEC-1"),
        ("", NOT_ASKED, "COULD NOT ASK (pip-audit: no route)"),
    ],
)
def test_no_findings_and_no_answer_are_told_apart(
    answer: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("requests==2.34.2 \\\n    --hash=sha256:00\n", encoding="utf-8")
    program = tmp_path / "pip-audit"
    program.write_text(
        f"#!/bin/sh\nprintf '%s' '{answer}'\n[ -n '{answer}' ] || echo 'no route' >&2\n", encoding="utf-8"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert ask_about_vulnerabilities(str(program), lock) == code
    assert said in capsys.readouterr().out


def test_the_committed_table_is_of_the_locked_versions_and_reviews_each_that_needs_it() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (\d\S*) \| (.+) \|$", text, re.MULTILINE)
    elsewhere = re.search(r"not installed where this was written: (.*)\.$", text, re.MULTILINE)
    assert elsewhere is not None
    absent = dict(item.split(" ") for item in elsewhere[1].split(", ") if " " in item)
    pinned = locked(LOCK.read_text(encoding="utf-8"))
    assert {name: version for name, version, _ in rows} | absent == pinned, "run make audit"
    policy = load_policy()
    refusals = [policy.refusal(Package(name, version, licence, True)) for name, version, licence in rows]
    assert [text for text in refusals if text] == []


def test_every_direct_dependency_says_why_it_is_there_and_each_that_is_kept_below_a_version_why() -> None:
    project = tomllib.loads((LOCK.parent / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *project["project"]["dependencies"],
        *(one for group in project["dependency-groups"].values() for one in group),
    ]
    wanted = {canonicalize_name(one.name): one.specifier for one in map(Requirement, asked)}
    direct = load_direct()
    assert set(direct) == set(wanted)
    text = TABLE.read_text(encoding="utf-8")
    assert all(f"| {name} | {known['why']} | {known.get('held', '')} |" in text for name, known in direct.items())
    # A bound that leaves out the next major version says nothing of today's; one within a major version holds back.
    minor = {name for name, said in wanted.items() if any(re.match(r"<\d+\.[1-9]", str(one)) for one in said)}
    assert minor <= {"dbt-duckdb", "dbt-spark", *(name for name, known in direct.items() if "held" in known)}


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "requirements-audit.lock",
        "requirements-bench.lock",
        "requirements-duckdb2.lock",
        "requirements-superset.lock",
        "requirements-fabric.lock",
        "requirements-databricks.lock",
    ],
)
def test_locks_pin_hashes_and_name_no_index(name: str) -> None:
    text = (LOCK.parent / name).read_text(encoding="utf-8")
    assert locked(text) and "://" not in text and "--index" not in text and "--find-links" not in text
    pins = re.findall(r"^[A-Za-z0-9._-]+.*==.*\n(    --hash=sha256:)?", text, re.MULTILINE)
    assert len(pins) == len(locked(text)) and all(pins)
