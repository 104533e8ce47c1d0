"""Pictures of the screens for docs/screenshots. Looked at by whoever takes them, and made small (fewer colours) after.

python -m recon_assets_tests.app.screenshots http://127.0.0.1:8050 docs/screenshots [--month 2025-03]
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from recon_assets_tests.app.browser import ARGUMENTS, CHROMIUM

_HEIGHT = 1000
WIDTHS = (390, 1024, 1440)


@dataclass(frozen=True)
class Picture:
    """A page; `table` names the grid whose first row is opened, `opens` what is clicked then."""

    name: str
    address: str
    table: str | None = None
    width: int = 1440
    scheme: Literal["light", "dark"] = "light"
    opens: str | None = None


def _pictures(month: str) -> tuple[Picture, ...]:
    """Every screen once; the main ones at three widths, light and dark."""
    main = {
        "overview": "/",
        "subscriptions": f"/subscriptions?month={month}",
        "usage": f"/usage?month={month}",
        "einvoices": f"/einvoices?month={month}",
    }
    missing = f"/einvoices?month={month}&bucket=Missing+in+EInv"
    return (
        *(
            Picture(f"{name}{'-dark' if scheme == 'dark' else ''}-{width}", address, width=width, scheme=scheme)
            for name, address in main.items()
            for width, scheme in (*((width, "light") for width in WIDTHS), *((width, "dark") for width in WIDTHS))
        ),
        Picture("subscription-1440", f"/subscriptions?month={month}&result=discrepancies", "Subscriptions"),
        Picture("meter-dark-1440", f"/usage?month={month}&status=mismatched", "Meters", scheme="dark"),
        Picture("einvoice-1440", f"/einvoices?month={month}&bucket=Mismatch", "Documents"),
        Picture("margin-1440", f"/margin?month={month}"),
        Picture("open-items-1440", f"/open-items?month={month}"),
        Picture("files-1440", f"/files?month={month}"),
        Picture("period-1440", "/period?from=2025-03-10&to=2025-04-09"),
        Picture("compare-1440", f"/compare?reconciliation=subscriptions&month={month}"),
        Picture("print-1440", f"/print/subscriptions?month={month}"),
        Picture("issues-1440", "/issues"),
        Picture("issue-1440", "/issues?issue=1"),
        Picture("help-1440", "/help"),
        Picture("run-1440", "/run"),
        Picture("upload-1440", "/upload"),
        Picture("decide-1440", missing, "Documents", opens="#decide summary"),
        Picture("decide-all-1440", f"/subscriptions?month={month}&result=missing", opens="#bulk summary"),
        Picture("letters-1440", f"/letters/documents?month={month}"),
    )


def _take(browser: Browser, url: str, picture: Picture, folder: Path) -> None:
    viewport = {"width": picture.width, "height": _HEIGHT}
    page = browser.new_page(base_url=url, viewport=viewport, color_scheme=picture.scheme)  # type: ignore[arg-type]
    page.goto(picture.address)
    expect(page.locator("h1")).to_be_visible()
    if picture.table is not None:
        first = page.locator(f"section[aria-label='{picture.table}'] [row-index='0'] [role='gridcell']").first
        expect(first).not_to_be_empty()
        first.click()
        expect(page.locator(".details")).to_be_visible()
    if picture.opens is not None:
        page.locator(picture.opens).click()
        page.locator(picture.opens).locator("xpath=..").scroll_into_view_if_needed()
    page.wait_for_timeout(3_000)
    page.screenshot(path=folder / f"{picture.name}.png")
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--month", default="2025-03")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for picture in _pictures(arguments.month):
            _take(browser, arguments.url, picture, arguments.folder)
        browser.close()


if __name__ == "__main__":
    main()
