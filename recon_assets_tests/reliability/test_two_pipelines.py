"""Two pipelines on one home: the second says whose it is and does not start; processes of one instance share it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recon_assets.errors import InputError
from recon_assets.settings import Settings

# Claims the home as a code server does when it loads the code location, says so, and stays.
_LOCATION = """
import sys
from recon_assets.defs.claim import claim_home
from recon_assets.settings import load_settings
claim_home(load_settings())
print("up", flush=True)
sys.stdin.read()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks that several share"),
]


@contextmanager
def pipeline(home: Path, instance: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of a Dagster instance that claims the home."""
    instance.mkdir(exist_ok=True)
    environment = os.environ | {"RECON_HOME": str(home), "DAGSTER_HOME": str(instance)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", _LOCATION], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_up(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "up\n"


def test_a_second_pipeline_on_a_home_says_so_and_stops(tmp_path: Path) -> None:
    home, first, second = tmp_path / "home", tmp_path / "first", tmp_path / "second"
    home.mkdir()
    with pipeline(home, first) as one, pipeline(home, first) as other_process_of_it:
        assert is_up(one) and is_up(other_process_of_it)
        with pipeline(home, second) as refused:
            assert not is_up(refused)
            assert refused.wait(60) != 0
            assert refused.stderr is not None
            said = refused.stderr.read()
            assert f"belongs to another pipeline that is running, of the Dagster instance {first}" in said
        one.send_signal(signal.SIGKILL)
        one.wait()
        with pipeline(home, second) as refused:
            assert not is_up(refused)
    with pipeline(home, second) as started:  # the claim of killed processes is gone with them
        assert is_up(started)


def test_a_code_location_whose_home_is_taken_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recon_assets import definitions

    def taken(settings: Settings) -> None:
        raise InputError(f"{settings.home} is taken")

    monkeypatch.setenv("RECON_HOME", str(tmp_path))
    monkeypatch.setattr(definitions, "claim_home", taken)
    with pytest.raises(InputError, match=f"{tmp_path} is taken"):
        definitions.defs()
