"""Pictures of every screen at 1440 and 1024 wide, for docs/screenshots. Looked at by whoever takes them.

python -m recon_assets_tests.app.screenshots http://127.0.0.1:8050 docs/screenshots [--month 2025-03]
"""

import argparse
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from recon_assets_tests.app.browser import ARGUMENTS, CHROMIUM

_WIDTHS = (1440, 1024)


def _pages(month: str) -> dict[str, tuple[str, str | None]]:
    """Name: address, and the table whose first row is opened."""
    return {
        "overview": ("/", None),
        "subscriptions": (f"/subscriptions?month={month}&result=discrepancies&result=missing", "Subscriptions"),
        "usage": (f"/usage?month={month}&status=mismatched", "Meters"),
        "einvoices": (f"/einvoices?month={month}&bucket=Mismatch&bucket=Missing+in+EInv", "Documents"),
        "issues": ("/issues", None),
        "issue": ("/issues?issue=1", None),
    }


def _take(page: Page, address: str, table: str | None, path: Path) -> None:
    page.goto(address)
    expect(page.locator("#page h1")).to_be_visible()
    if table is not None:
        first = page.locator(f"section[aria-label='{table}'] [row-index='0'] [role='gridcell']").first
        expect(first).not_to_be_empty()
        first.click()
        expect(page.locator(".details")).to_be_visible()
    page.wait_for_timeout(3_000)
    page.screenshot(path=path, full_page=True)


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
        for width in _WIDTHS:
            page = browser.new_page(base_url=arguments.url, viewport={"width": width, "height": 900})
            for name, (address, table) in _pages(arguments.month).items():
                _take(page, address, table, arguments.folder / f"{name}-{width}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
