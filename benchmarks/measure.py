"""What benchmarks share: stages in processes of their own with their seconds and peak memory, publishing, and the machine."""

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_LIBRARIES = ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "polars", "pandas", "datacompy", "pyarrow", "deltalake")


def measured(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Seconds and peak resident GB of a command and its children; SystemExit when it fails.

    What a fork shares with its parent counts twice.
    """
    started = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=sys.stderr)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    code = process.wait()
    watcher.join()
    if code != 0:
        raise SystemExit(f"{' '.join(command[1:])} ended with {code}")
    return time.monotonic() - started, peak[0] / 1e9


LANDING = ("landing", "landing.done")


def medians(
    times: int,
    script: str,
    stages: Sequence[str],
    folder: Path,
    option: str = "--folder",
    keep: Sequence[str] = LANDING,
) -> dict[str, tuple[float, float]]:
    """Median seconds and highest peak GB of each stage of a script, of so many rounds of them all.

    A stage is `script --stage STAGE option folder`. Every round begins with nothing in the folder but what is kept; a
    single one with all that earlier commands left.
    """
    rounds = []
    for turn in range(times):
        if times > 1:
            clear(folder, keep)
        found = {}
        for stage in stages:
            found[stage] = measured([sys.executable, script, "--stage", stage, option, str(folder)])
            seconds, peak = found[stage]
            print(f"{turn + 1} of {times}, {stage}: {seconds:.1f} s, {peak:.2f} GB", file=sys.stderr, flush=True)
        rounds.append(found)
    return {
        stage: (statistics.median(found[stage][0] for found in rounds), max(found[stage][1] for found in rounds))
        for stage in stages
    }


def clear(folder: Path, keep: Sequence[str] = LANDING) -> None:
    for path in folder.iterdir():
        if path.name not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _watch(pid: int, peak: list[int]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], sum(map(_resident, [process, *process.children(recursive=True)])))
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    """Resident bytes; 0 of one that has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def publish(platform: Any) -> None:
    """The stage that publishes the build "benchmark" of a platform; its imports are part of what it takes."""
    from recon_assets.pipeline.build import Build
    from recon_assets.pipeline.publish import publish_build

    made = Build.load(platform.settings, "benchmark")
    limit = platform.settings.build_memory_limit
    outcomes = list(publish_build(made, platform.published, platform.raw, "benchmark", platform.clock, limit))
    assert all(outcome.publication for outcome in outcomes), outcomes


def machine() -> list[str]:
    """Processor, cores, memory, system, Python and libraries, and what else kept the machine busy, one a line."""
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0]
    libraries = [f"{name} {found}" for name in _LIBRARIES if (found := _version(name))]
    return [
        f"{_processor()}, {cores} cores, {psutil.virtual_memory().total / 1e9:.0f} GB",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        ", ".join(libraries),
        f"load average when it began: {busy:.1f}" + (" (other work ran beside it)" if busy > cores / 4 else ""),
    ]


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", about.read_text(encoding="utf-8")) if about.is_file() else None
    return found[1] if found else platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
