"""Two tasks of an analyst in a browser, with the clicks and seconds that they take.

python -m recon_assets_tests.app.walk http://127.0.0.1:8050 --month 2025-03 [--file register.xlsx]
"""

import argparse
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from recon_assets_tests.app.browser import ARGUMENTS, CHROMIUM

_RUN_MS = 300_000


@dataclass
class Hand:
    """Clicks, counts the clicks, and looks at the clock."""

    clicks: int = 0
    began: float = field(default_factory=time.perf_counter)

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


def open_overview(page: Page) -> float:
    """Open the overview; seconds until its numbers are there."""
    began = time.perf_counter()
    page.goto("/")
    expect(page.get_by_role("region", name="What to look at")).to_be_visible()
    return time.perf_counter() - began


def decide_and_print(page: Page, month: str) -> Hand:
    """From the overview: the month's largest discrepancy, why it is one, accept it with a reason, print the month."""
    hand = Hand()
    row = page.locator("tr", has=page.get_by_role("rowheader", name=month, exact=True))
    hand.click(row.get_by_role("link", name=re.compile("Discrepancy")).first)
    grid = page.locator("section[aria-label='Subscriptions']")
    first = grid.locator("[row-index='0'] [col-id='customer']")
    expect(first).not_to_be_empty()
    hand.click(first)
    drawer = page.locator(".details")
    expect(drawer.locator(".facts")).to_contain_text("Explanation")
    hand.click(page.locator("#decide summary"))
    page.locator("#decide-reason").fill("The credit note is promised")
    hand.click(page.locator("#decide-send"))
    expect(drawer.locator(".message.done")).to_contain_text("Kept as decision")
    expect(grid.locator("[row-index='0'] [col-id='marks']")).to_contain_text("Accept, next run")
    with page.context.expect_page() as opened:
        hand.click(page.get_by_role("link", name="Print"))
    expect(opened.value.get_by_role("region", name="Rows")).to_contain_text("Accept, next run")
    opened.value.close()
    return hand


def upload_and_run(page: Page, file: Path) -> tuple[Hand, float]:
    """From any page: look at a file, land it, run its month, see its rows; and the seconds that the run took."""
    hand = Hand()
    hand.click(page.get_by_role("link", name="Upload", exact=True))
    hand.click(page.get_by_label("File, at most"))
    page.get_by_label("File, at most").set_input_files(file)
    hand.click(page.get_by_role("button", name="Look at it"))
    expect(page.get_by_role("region", name="What would be read")).to_contain_text("readable")
    hand.click(page.get_by_role("button", name="Land it"))
    hand.click(page.get_by_role("link", name="Run the month"))
    hand.click(page.get_by_role("button", name="Run", exact=True))
    began = time.perf_counter()
    expect(page.locator("#run-progress .heading .badge")).to_have_text("Success", timeout=_RUN_MS)
    ran = time.perf_counter() - began
    hand.click(page.get_by_role("link", name="the month"))
    expect(page.locator("section[aria-label='Documents'] [row-index='0'] [col-id='document_number']")).not_to_be_empty()
    return hand, ran


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--month", default="2025-03")
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(base_url=arguments.url, viewport={"width": 1440, "height": 1000})
        page.on("filechooser", lambda _: None)  # a click on the field opens the browser's own window
        for visit in ("first", "second"):
            print(f"overview, {visit} visit: {open_overview(page):.2f} s")
        hand = decide_and_print(page, arguments.month)
        print(f"find, explain, accept, print: {hand.clicks} clicks, {hand.seconds:.1f} s")
        if arguments.file:
            hand, ran = upload_and_run(page, arguments.file)
            print(f"upload, land, run, see: {hand.clicks} clicks, {hand.seconds:.1f} s, of which the run {ran:.1f} s")
        browser.close()


if __name__ == "__main__":
    main()
