"""What `make audit` asks of the dependencies: an SBOM, their licences, and what is known against their versions.

Runs in the project's environment, whose packages it describes; cyclonedx-py and pip-audit are programs of another one.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
TABLE = ROOT / "docs" / "dependencies.md"
PROJECT = "recon_assets"
NONE_DECLARED = "none declared"
FINDINGS, NOT_ASKED = 1, 3  # exit codes; 2 is argparse's
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)")
_PROBE = "requests"  # a package that every vulnerability service knows


_TOP = """
# Dependencies and their licences

Written by `make audit` from the packages of `requirements.lock` as installed on Linux, and from `tools/direct.yaml`; do
not edit. A licence that is not listed in `tools/licences.yaml`, or changed since it was reviewed, fails it. What it
is for: handing the platform on inside a company. `make audit` also writes a CycloneDX SBOM (`build/sbom.cdx.json`, not
committed), and asks pip-audit for what is known against these versions. It ends with 0 when nothing is, with 1 when
something is, and with 3 when the service could not be asked about every package, as behind a mirror of the index that
offers no such service: that is no finding, and no assurance either. Where this was written it could not be asked.
"""
_NEWEST = "What is not held back is at its newest: on 2026-11-28 the lock was resolved anew and was the same."
_LEFT = """
## Not looked at here

* What wheels bundle (libpq and OpenSSL in psycopg, OpenBLAS in numpy, the C++ libraries of Arrow): their notices are in
  the wheels. The scripts of Dash, AG Grid Community and Plotly come with their MIT packages.
* What `make superset`, `make spark-adapters` and `make bench` install beside the platform
  (`requirements-superset.lock`, `requirements-fabric.lock`, `requirements-databricks.lock`,
  `requirements-bench.lock`): none of it is handed on.
* Tools that some tests install with npm (Azurite, Prism, axe) have lock files of their own with a licence per package;
  none of them is part of what is handed on.
"""


class AuditError(Exception):
    """Why the audit fails, in a sentence."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    licence: str
    is_shipped: bool  # needed to run the platform, not only to develop and test it


@dataclass(frozen=True)
class Policy:
    allowed: frozenset[str]
    names: dict[str, str]
    reviewed: dict[str, dict[str, str]]
    reviewed_on: str = ""

    def refusal(self, package: Package) -> str | None:
        """Why a package may not be there as it is; None when it may."""
        if package.name in self.reviewed:
            known = self.reviewed[package.name]["licence"]
            same = known == package.licence
            return None if same else f"{package.name} was reviewed with {known}, and now has {package.licence}"
        if is_allowed(package.licence, self.allowed):
            return None
        return f"{package.name} {package.version} has the licence {package.licence}, which nobody reviewed"


def is_allowed(expression: str, allowed: Iterable[str]) -> bool:
    """Whether an SPDX expression grants what is allowed: every side of an AND, one side of an OR; AND binds closer."""
    text = expression.strip()
    while _is_wrapped(text):
        text = text[1:-1].strip()
    for operator, enough in ((" OR ", any), (" AND ", all)):
        parts = _split(text, operator)
        if len(parts) > 1:
            return enough(is_allowed(part, allowed) for part in parts)
    return text in allowed


def _is_wrapped(text: str) -> bool:
    depth = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return letter == ")" and place == len(text) - 1
    return False


def _split(text: str, operator: str) -> list[str]:
    """The parts of an expression between operators that stand outside of parentheses."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and text.startswith(operator, place):
            parts.append(text[start:place])
            start = place + len(operator)
    return [*parts, text[start:]]


def load_policy() -> Policy:
    content = yaml.safe_load((ROOT / "tools" / "licences.yaml").read_text(encoding="utf-8"))
    return Policy(frozenset(content["allowed"]), content["names"], content["reviewed"], str(content["reviewed_on"]))


def load_direct() -> dict[str, dict[str, str]]:
    """Why each direct dependency is there, by its name; `held` where its newest version is not taken."""
    content: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "tools" / "direct.yaml").read_text(encoding="utf-8"))
    return content


def licence_of(component: dict[str, Any], names: dict[str, str]) -> str:
    """A component's licence by its expression, else its identifiers, else its classifiers."""
    declared = component.get("licenses") or []
    expressions = [entry["expression"] for entry in declared if "expression" in entry]
    found = [entry["license"] for entry in declared if "license" in entry]
    identified = sorted({licence["id"] for licence in found if "id" in licence})
    named = sorted({names.get(licence["name"], licence["name"]) for licence in found if "name" in licence})
    return " AND ".join(expressions or identified or named) or NONE_DECLARED


def shipped_names() -> set[str]:
    """Names of what the project needs to run, as far as this system and this Python need it."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(PROJECT)]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key not in seen:
                seen.add(key)
                waiting += _needed(wanted.name, extra)
    return {name for name, _ in seen}


def _needed(name: str, extra: str) -> Iterator[Requirement]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError as error:
        raise AuditError(f"{name} is needed and not installed. Run make install.") from error
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def locked(lock: str) -> dict[str, str]:
    """Version by canonical name of what a lock file pins."""
    matches = (_PINNED.match(line) for line in lock.splitlines())
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def packages_of(sbom: dict[str, Any], policy: Policy, shipped: set[str]) -> list[Package]:
    """The SBOM's packages, but for the project, in order of name."""
    found = [
        Package(name, component["version"], licence_of(component, policy.names), name in shipped)
        for component in sbom["components"]
        if (name := canonicalize_name(component["name"])) != canonicalize_name(PROJECT)
    ]
    return sorted(found, key=lambda package: package.name)


def licence_table(packages: list[Package], policy: Policy, absent: dict[str, str]) -> str:
    """docs/dependencies.md: made from the lock alone, so that it says the same on every machine."""
    shipped = [package for package in packages if package.is_shipped]
    others = [package for package in packages if not package.is_shipped]
    counts = f"{len(shipped)} packages are needed to run the platform, {len(others)} more to develop and test it."
    reviewed = [
        f"| {name} | {known['licence']} | {known['reason']} |" for name, known in sorted(policy.reviewed.items())
    ]
    direct = [f"| {name} | {known['why']} | {known.get('held', '')} |" for name, known in sorted(load_direct().items())]
    elsewhere = ", ".join(f"{name} {version}" for name, version in sorted(absent.items())) or "none"
    lines = [
        *(_TOP.strip(), "", counts, ""),
        *_section("To run it", shipped),
        *_section("To develop and test it", others),
        *(
            "## Reviewed one by one",
            "",
            f"Metadata and the head of the licence text in each wheel were last looked at on {policy.reviewed_on} "
            "(antlr4's has no text).",
            "",
        ),
        *("| package | licence | why it may be there |", "|---|---|---|", *reviewed, ""),
        *("## Why each direct one, and why not its newest", "", _NEWEST, ""),
        *("| package | why it | held back |", "|---|---|---|"),
        *(*direct, ""),
        *(_LEFT.strip(), f"* Locked for other systems or Pythons, not installed where this was written: {elsewhere}."),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, packages: list[Package]) -> list[str]:
    rows = [f"| {package.name} | {package.version} | {package.licence} |" for package in packages]
    return [f"## {title}", "", "| package | version | licence |", "|---|---|---|", *rows, ""]


def check_licences(sbom_path: Path, update: bool) -> None:
    """Write docs/dependencies.md, or fail when it is not what it would be; AuditError names what is wrong."""
    policy = load_policy()
    packages = packages_of(json.loads(sbom_path.read_text(encoding="utf-8")), policy, shipped_names())
    pinned = locked(LOCK.read_text(encoding="utf-8"))
    packages = [package for package in packages if package.name in pinned]  # pip itself, or a developer's own tools
    installed = {package.name: package.version for package in packages}
    other = sorted(name for name, version in installed.items() if version != pinned[name])
    if other:
        raise AuditError(f"Installed in another version than locked: {', '.join(other)}. Run make install.")
    refusals = [text for package in packages if (text := policy.refusal(package))]
    unused = sorted(set(policy.reviewed) - set(installed))
    if refusals or unused:
        stale = [f"{name} is reviewed in tools/licences.yaml, and not there any more" for name in unused]
        raise AuditError("; ".join([*refusals, *stale]))
    table = licence_table(packages, policy, {name: v for name, v in pinned.items() if name not in installed})
    if update:
        TABLE.write_text(table, encoding="utf-8")
    elif not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != table:
        raise AuditError("docs/dependencies.md is not that of requirements.lock. Run make audit, and commit it.")
    print(f"licences: {len(packages)} packages, none that nobody reviewed")


def vulnerabilities(answer: str) -> tuple[list[str], list[str]]:
    """Findings, and packages that could not be asked about, in pip-audit's JSON; AuditError when it is none."""
    try:
        dependencies = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError) as error:
        raise AuditError("pip-audit gave no answer") from error
    findings = [
        f"{package['name']} {package['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or 'none'}"
        for package in dependencies
        for known in package.get("vulns", [])
    ]
    return findings, [package["name"] for package in dependencies if "skip_reason" in package]


def ask_about_vulnerabilities(pip_audit: str, lock: Path = LOCK) -> int:
    """0: every pinned package was asked about and nothing is known; FINDINGS; NOT_ASKED, at least of some.

    pip-audit itself ends with 0 and "no known vulnerabilities" when its service knows none of the packages, for
    example behind a mirror of the index. So one package is asked about first, and what is skipped is counted.
    """
    pinned = locked(lock.read_text(encoding="utf-8"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.txt")
            probe.write_text(f"{_PROBE}=={pinned[_PROBE]}\n", encoding="utf-8")
            findings, skipped = _asked(pip_audit, ["--no-deps", "-r", str(probe)])
            if not skipped:
                findings, skipped = _asked(pip_audit, ["--require-hashes", "-r", str(lock)])
    except AuditError as error:
        print(f"vulnerabilities: COULD NOT ASK ({error}). This says nothing about the packages.")
        return NOT_ASKED
    for finding in findings:
        print(f"vulnerability: {finding}")
    if skipped:
        print(f"vulnerabilities: COULD NOT ASK about {', '.join(sorted(skipped))}: the service does not know them.")
    elif not findings:
        print(f"vulnerabilities: none known of {len(pinned)} pinned packages")
    return FINDINGS if findings else NOT_ASKED if skipped else 0


def _asked(pip_audit: str, arguments: list[str]) -> tuple[list[str], list[str]]:
    command = [
        pip_audit,
        *arguments,
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        "15",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise AuditError(f"pip-audit: {lines[-1][:200]}")
    return vulnerabilities(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    licences = commands.add_parser("licences", help="check the licences in an SBOM and write docs/dependencies.md")
    licences.add_argument("sbom", type=Path)
    licences.add_argument("--check", action="store_true", help="compare docs/dependencies.md instead of writing it")
    known = commands.add_parser("vulnerabilities", help="ask pip-audit about requirements.lock")
    known.add_argument("pip_audit", help="the program")
    known.add_argument("--offline", action="store_true", help="not having been able to ask is no failure")
    given = parser.parse_args()
    if given.command == "licences":
        try:
            check_licences(given.sbom, update=not given.check)
        except AuditError as error:
            print(f"licences: {error}", file=sys.stderr)
            return FINDINGS
        return 0
    code = ask_about_vulnerabilities(given.pip_audit)
    return 0 if code == NOT_ASKED and given.offline else code


if __name__ == "__main__":
    sys.exit(main())
