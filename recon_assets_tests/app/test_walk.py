"""An editor's own file, from the upload page to its rows, through a real Dagster."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect, sync_playwright

from recon_assets.sample import einvoices
from recon_assets_tests.app.browser import ARGUMENTS, CHROMIUM, App, why_not
from recon_assets_tests.app.walk import upload_and_run
from recon_assets_tests.deploy.services import REPOSITORY, until
from recon_assets_tests.machine import free_port

pytestmark = [pytest.mark.browser, pytest.mark.search]

MONTH = "2025-03"
_WORKSPACE = """load_from:
  - python_module: {{module_name: recon_assets.definitions, working_directory: {folder}, location_name: recon_assets}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """E-invoices of a month, and no register."""
    einvoices.write(tmp_path / "home" / "landing", [MONTH], 7, 1)
    return tmp_path / "home"


@pytest.fixture
def register(home: Path, tmp_path: Path) -> Path:
    """The month's sales register, taken out of the landing zone: a workbook with titles above its heading."""
    folder = home / "landing" / "erp" / "sales_register"
    (landed,) = folder.rglob("*.csv")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (["Own Company Sdn Bhd"], [f"Sales listing of {MONTH}"], []):
        sheet.append(line)
    with landed.open(encoding="utf-8-sig", newline="") as file:
        for line in csv.reader(file):
            sheet.append(line)
    shutil.rmtree(folder)
    book.save(tmp_path / f"sales_{MONTH}.xlsx")
    return tmp_path / f"sales_{MONTH}.xlsx"


@pytest.fixture
def dagster_url(home: Path, register: Path) -> Iterator[str]:
    """Dagster on the home, as `make dev` starts it."""
    (home / "dagster").mkdir()
    shutil.copy(REPOSITORY / "dagster.yaml", home / "dagster")
    (home / "workspace.yaml").write_text(_WORKSPACE.format(folder=REPOSITORY), encoding="utf-8")
    port = str(free_port())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RECON_", "DAGSTER_"))},
        "RECON_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with (home / "dagster.log").open("wb") as log:
        process = subprocess.Popen(
            ["dagster", "dev", "--host", "127.0.0.1", "--port", port, "-w", "workspace.yaml"],
            env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    until("Dagster answers", lambda: b"Serving dagster-webserver" in (home / "dagster.log").read_bytes())
    yield f"http://127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


def test_a_register_with_titles_is_uploaded_landed_run_and_seen(home: Path, register: Path, dagster_url: str) -> None:
    if reason := why_not():
        pytest.skip(reason)
    expect.set_options(timeout=30_000)
    app = App(home, home / "published", RECON_DAGSTER_URL=dagster_url)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(base_url=app.url, viewport={"width": 1440, "height": 1000})
            page.goto("/")
            hand, ran = upload_and_run(page, register)
            assert hand.clicks == 7
            print(f"upload, land, run, see: {hand.clicks} clicks, {hand.seconds:.1f} s, of which the run {ran:.1f} s")
            browser.close()
    finally:
        app.stop()
