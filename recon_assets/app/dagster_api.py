"""Runs of Dagster, asked for over its own GraphQL: started by its launcher, seen and stopped as in its UI.

There is no scheduler here. What jobs there are is told by `recon_assets/defs/automation.py`; names of fields are
checked against Dagster's schema by a test.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from recon_assets.catalogue import SUBJECTS
from recon_assets.errors import InputError, ReconError
from recon_assets.visible import one_line

LOCATION, REPOSITORY = "recon_assets", "__repository__"
EVERYTHING = "everything"
FROM_FILES = {f"load_and_reconcile_{subject}": subject for subject in SUBJECTS}
JOBS = (EVERYTHING, *FROM_FILES, "load_raw", *SUBJECTS)
_SECONDS = 20
_LOG_LINES = 40
_MOST_EVENTS = 1_000
ENDED = ("SUCCESS", "FAILURE", "CANCELED")

START = """
mutation Start($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
STOP = """
mutation Stop($id: String!) {
  terminateRun(runId: $id) {
    __typename
    ... on TerminateRunFailure { message }
    ... on RunNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""
LOOK = """
query Look($id: ID!, $cursor: String, $limit: Int!) {
  runOrError(runId: $id) {
    __typename
    ... on Run {
      runId status jobName tags { key value } stepStats { stepKey status startTime endTime }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
  logsForRun(runId: $id, afterCursor: $cursor, limit: $limit) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on MessageEvent { message timestamp level stepKey }
        ... on AssetCheckEvaluationEvent { evaluation { checkName success severity assetKey { path } } }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Step:
    name: str
    status: str  # Dagster's word; empty before it began
    seconds: float | None


@dataclass(frozen=True)
class Check:
    asset: str
    name: str
    is_passed: bool
    is_blocking: bool


@dataclass(frozen=True)
class Run:
    """A run as Dagster tells it; `log` holds its last lines."""

    run_id: str
    job: str
    month: str
    status: str
    steps: list[Step]
    checks: list[Check]
    log: list[str]

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True)
class DagsterApi:
    """Dagster's web server at `url`. Every method raises ReconError when it does not answer as it should."""

    url: str
    transport: Any = None  # an httpx transport; tests have their own

    def start(self, job: str, month: str) -> str:
        """Start a job for a month with the launcher of the deployment; the run's id."""
        if job not in JOBS:
            raise InputError(f"'{job[:40]}' is nothing that can be run. Choose {' or '.join(JOBS)}.")
        selector = {"jobName": job, "repositoryName": REPOSITORY, "repositoryLocationName": LOCATION}
        tags = [{"key": "dagster/partition", "value": month}, {"key": "recon/started_from", "value": "app"}]
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
        found = self._ask(START, {"params": params})["launchRun"]
        if found["__typename"] != "LaunchRunSuccess":
            raise ReconError(f"Dagster did not start the run: {_reason(found)}")
        return str(found["run"]["runId"])

    def stop(self, run_id: str) -> None:
        found = self._ask(STOP, {"id": run_id})["terminateRun"]
        if found["__typename"] != "TerminateRunSuccess":
            raise ReconError(f"Dagster did not stop the run: {_reason(found)}")

    def look(self, run_id: str) -> Run:
        """How far a run is."""
        cursor, events = None, []
        while True:
            found = self._ask(LOOK, {"id": run_id, "cursor": cursor, "limit": _MOST_EVENTS})
            run, log = found["runOrError"], found["logsForRun"]
            if run["__typename"] != "Run":
                raise InputError(f"Dagster knows no run {run_id[:40]}.")
            if log["__typename"] != "EventConnection":
                raise ReconError("Dagster does not show the log of this run.")
            events += log["events"]
            cursor = log["cursor"]
            if not log["hasMore"]:
                break
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        steps = [
            Step(s["stepKey"], s["status"] or "", _seconds(s["startTime"], s["endTime"])) for s in run["stepStats"]
        ]
        checks = [_check(event["evaluation"]) for event in events if event.get("evaluation")]
        lines = [_line(event) for event in events if event.get("message")][-_LOG_LINES:]
        month = tags.get("dagster/partition", "")
        return Run(run["runId"], run["jobName"], month, run["status"], steps, checks, lines)

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        import httpx

        try:
            with httpx.Client(timeout=_SECONDS, transport=self.transport) as client:
                answer = client.post(f"{self.url.rstrip('/')}/graphql", json={"query": query, "variables": variables})
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            reason = type(error).__name__
            raise ReconError(f"Dagster does not answer at {self.url} ({reason}): is its web server running?") from error
        data = content.get("data") if isinstance(content, dict) else None
        if answer.status_code != 200 or not isinstance(data, dict):
            raise ReconError(f"Dagster at {self.url} answered {answer.status_code} and not as expected.")
        return data


def _seconds(start: float | None, end: float | None) -> float | None:
    return end - start if start and end else None


def _check(evaluation: dict[str, Any]) -> Check:
    path = "/".join(evaluation["assetKey"]["path"])
    return Check(path, evaluation["checkName"], evaluation["success"], evaluation["severity"] == "ERROR")


def _line(event: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(int(event["timestamp"]) / 1000, UTC)
    step = f" {event['stepKey']}" if event.get("stepKey") else ""
    return f"{at:%H:%M:%S}{step} {one_line(event['message'])[:300]}"


def _reason(found: dict[str, Any]) -> str:
    messages = [found["message"]] if found.get("message") else [error["message"] for error in found.get("errors", [])]
    return one_line("; ".join(messages) or found["__typename"])[:400]
