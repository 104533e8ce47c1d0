"""Every screen in a real browser: filter, sort, drill down, links, issues, downloads, as-of, faults, accessibility."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from recon_assets.catalogue import SOURCES
from recon_assets.inspection import template
from recon_assets_tests.app.browser import ARGUMENTS, AXE, CHROMIUM, App, why_not
from recon_assets_tests.app.published import PLAIN, SCRIPT, key
from recon_assets_tests.app.walk import decide_and_print, open_overview
from recon_assets_tests.search import guarded_by

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ALL = PLAIN + 3
MARCH = "month=2025-03"
DIFFERING = key("subscription", "2025-03", "sub-9001")
METER = key("grid", "2025-03", "actual_cost", "Disk reads")
MISMATCH, MISSING = key("einvoice", "2025-03", 2), key("einvoice", "2025-03", 3)
PAGES = {
    "overview": "/",
    "subscriptions": f"/subscriptions?{MARCH}&row=subscriptions:{DIFFERING}",
    "usage": f"/usage?{MARCH}&row=meters:{METER}",
    "einvoices": f"/einvoices?{MARCH}&bucket=Mismatch&row=documents:{MISMATCH}",
    "issues": "/issues",
    "files": f"/files?{MARCH}",
    "help": "/help",
    "run": "/run?month=2025-03",
    "margin": f"/margin?{MARCH}",
    "open items": f"/open-items?{MARCH}",
    "compare": "/compare?reconciliation=subscriptions&month=2025-03",
    "period": "/period?from=2025-03-10&to=2025-03-12&subscription=sub-9001",
    "print": f"/print/subscriptions?{MARCH}&result=discrepancies",
    "as of": f"/subscriptions?{MARCH}&asof=2025-04-08",
    "empty": f"/subscriptions?{MARCH}&account=nobody",
    "wrong address": "/subscriptions?month=March",
}


@pytest.fixture(scope="module")
def app(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    if reason := why_not():
        pytest.skip(reason)
    app = App(tmp_path_factory.mktemp("home"), published)
    yield app
    app.stop()


@pytest.fixture(scope="module")
def browser(app: App) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(app: App, browser: Browser) -> Iterator[Page]:
    """A page of the app. A test fails when the browser reports an error, a blocked script or a dialog."""
    page = browser.new_page(base_url=app.url, viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    problems: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        problems.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    yield page
    page.close()
    assert problems == []


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#page h1, #page .message").first).to_be_visible()
    page.wait_for_load_state("networkidle")  # Dash fetches a component's code when it first shows it


def cell(page: Page, table: str, row: int, column: str) -> Any:
    return page.locator(f"section[aria-label='{table}'] [row-index='{row}'] [col-id='{column}']")


def select(page: Page, table: str, column: str) -> None:
    """Click the first row once it has come."""
    first = cell(page, table, 0, column)
    expect(first).not_to_be_empty()
    first.click()


def require_accessible(page: Page) -> None:
    """No rule of accessibility is broken, and nothing is wider than the window."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then(result => result.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3)]))"
    )
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def require_accessible_everywhere(page: Page) -> None:
    """At three widths, light and dark."""
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(200)
            require_accessible(page)


def rows_said(page: Page, heading: str) -> Any:
    return page.locator(".heading", has=page.get_by_role("heading", name=heading, exact=True)).locator(".note")


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a dropdown by its label, as a reader does."""
    page.locator("label", has_text=label).locator("button").first.click()
    page.get_by_role("option", name=option).or_(
        page.locator(".dash-options-list-option", has_text=option)
    ).first.click()
    page.keyboard.press("Escape")


def test_a_filter_restricts_the_grid_and_its_totals_and_is_cleared_in_one_click(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    expect(rows_said(page, "Subscriptions")).to_have_text(f"{ALL} rows")
    choose(page, "Results", "Discrepancies")
    expect(rows_said(page, "Subscriptions")).to_have_text("1 row")
    expect(page).to_have_url(re.compile("result=discrepancies"))
    expect(cell(page, "Subscriptions", 0, "cost_difference")).to_contain_text("\N{MINUS SIGN}99.75")
    expect(page.locator(".chip")).to_contain_text("Results: Discrepancies")
    page.get_by_role("link", name="Clear all filters").click()
    expect(rows_said(page, "Subscriptions")).to_have_text(f"{ALL} rows")
    expect(page.locator(".chips")).to_have_text("No filter is set.")


def test_a_text_filter_keeps_the_keyboard_where_it_was(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    field = page.get_by_label("MS subscription id")
    field.fill("sub-001")
    field.press("Enter")
    expect(rows_said(page, "Subscriptions")).to_have_text("10 rows")
    expect(field).to_be_focused()


def test_months_are_chosen_with_the_keyboard_on_the_slider(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    page.get_by_role("slider").first.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"month=2025-02\.\.2025-03"))
    expect(rows_said(page, "Subscriptions")).to_have_text(f"{2 * ALL} rows")


def test_days_are_chosen_with_the_keyboard_on_the_slider(page: Page) -> None:
    open_page(page, "/period?from=2025-03-10&to=2025-03-31")
    page.get_by_role("slider").first.press("ArrowLeft")
    expect(page).to_have_url(re.compile("from=2025-03-09&to=2025-03-31"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Subscriptions, 2025-03-09 to 2025-03-31")


def test_sorting_goes_across_all_pages_of_the_grid(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    page.locator(".ag-header-cell[col-id='ms_subscription_id']").click()
    expect(cell(page, "Subscriptions", 0, "ms_subscription_id")).to_have_text("sub-0000")
    expect(page).to_have_url(re.compile("sort=subscriptions:ms_subscription_id"))
    page.locator(".ag-header-cell[col-id='ms_subscription_id']").click()
    expect(cell(page, "Subscriptions", 0, "ms_subscription_id")).to_have_text("sub-9003")
    viewport = page.locator(".ag-body-viewport, .ag-grid-scrolling-viewport").first
    for place in range(0, ALL * 34 + 2000, 1500):
        viewport.evaluate("(element, top) => { element.scrollTop = top; }", place)
        page.wait_for_timeout(300)
    expect(cell(page, "Subscriptions", ALL - 1, "ms_subscription_id")).to_have_text("sub-0000")


def test_a_row_opens_both_sides_and_text_stays_text(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    select(page, "Subscriptions", "ms_subscription_id")
    details = page.locator(".details")
    expect(details.get_by_role("region", name="BSS data")).to_contain_text("INV-77")
    expect(details.get_by_role("region", name="MS data")).to_contain_text("renew")
    expect(page).to_have_url(re.compile(f"row=subscriptions:{DIFFERING}"))
    expect(cell(page, "Subscriptions", 0, "product")).to_have_text(SCRIPT)
    details.get_by_text("See detailed invoices").click()
    expect(details.get_by_role("region", name="BSS data, detailed")).to_contain_text("bss/a.csv")
    details.get_by_role("link", name="Close").click()
    expect(details).to_have_count(0)


def test_rows_are_opened_walked_and_closed_with_the_keyboard_alone(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}&q=sub-90")
    first = cell(page, "Subscriptions", 0, "customer")
    expect(first).not_to_be_empty()
    page.locator(".ag-header-cell[col-id='customer']").focus()
    page.keyboard.press("ArrowDown")
    before = first.bounding_box()
    page.keyboard.press("Enter")
    drawer = page.locator(".details")
    expect(drawer.locator("h2").first).to_contain_text("Subscription sub-9001")
    expect(drawer.locator("h2").first).to_be_focused()
    after = first.bounding_box()
    assert before is not None and after is not None and abs(before["y"] - after["y"]) < 3
    page.locator("#row-next").focus()
    page.keyboard.press("Enter")
    expect(drawer.locator("h2").first).to_contain_text("Subscription sub-9002")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(cell(page, "Subscriptions", 1, "customer")).to_be_focused()


def test_several_columns_sort_and_chosen_ones_are_shown(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}&q=sub-90")
    page.locator(".ag-header-cell[col-id='status']").click()
    expect(page).to_have_url(re.compile("sort=subscriptions:status"))
    page.locator(".ag-header-cell[col-id='bss_total_cost']").click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("sort=subscriptions:status,-bss_total_cost"))
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Currency", exact=True).click()
    expect(page.locator(".ag-header-cell[col-id='currency']")).to_have_count(0)
    page.get_by_role("checkbox", name="Currency", exact=True).click()
    expect(page.locator(".ag-header-cell[col-id='currency']")).to_have_count(1)


def test_a_view_is_saved_and_opened(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}&result=missing")
    page.get_by_text("Saved views").click()
    page.locator("#view-name").fill("Missing in March")
    page.get_by_role("button", name="Save view").click()
    expect(page.locator("#view-answer")).to_contain_text("Saved: Missing in March")
    open_page(page, "/subscriptions")
    page.get_by_text("Saved views").click()
    page.get_by_role("link", name="Missing in March").click()
    expect(rows_said(page, "Subscriptions")).to_have_text("2 rows")


def test_the_largest_difference_of_a_month_is_found_explained_accepted_and_printed_in_five_clicks(page: Page) -> None:
    open_overview(page)
    assert decide_and_print(page, "2025-03").clicks == 5
    expect(page.locator(".details .facts")).to_contain_text("Unit cost")
    expect(cell(page, "Subscriptions", 0, "cost_difference")).to_contain_text("\N{MINUS SIGN}99.75")
    expect(page.locator("section[aria-label='Subscriptions'] .ag-row[row-index='0']").first).to_have_css(
        "background-color", "rgb(217, 232, 246)"
    )


def test_times_are_those_of_the_readers_own_zone(browser: Browser, app: App) -> None:
    with browser.new_page(base_url=app.url, timezone_id="Asia/Kuala_Lumpur") as page:
        page.goto("/")
        expect(page.locator("#page time").first).to_have_text("2025-04-09 14:00 GMT+8", timeout=20_000)
        expect(page.locator("#page time").first).to_have_attribute("title", "2025-04-09 06:00 UTC")


def test_a_step_of_the_waterfall_leads_to_its_rows(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    page.get_by_role("region", name="From left to right, MYR").get_by_role("link", name="Unit cost").click()
    expect(rows_said(page, "Subscriptions")).to_have_text("1 row")
    expect(page.locator(".chips")).to_contain_text("Why: Unit cost")


def test_a_dropdown_is_reached_and_used_with_the_keyboard_alone(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}")
    results = page.get_by_role("button", name="Results All")
    expect(results).to_be_visible()  # until then the Tab would go elsewhere
    page.get_by_role("searchbox", name="Billing account id").focus()
    page.keyboard.press("Tab")
    expect(results).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".dash-dropdown-search")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("checkbox", name="Discrepancies")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("result=discrepancies"))


def test_a_link_shows_the_same_months_filters_sorting_and_row(page: Page) -> None:
    open_page(
        page,
        f"/subscriptions?month=2025-02..2025-03&type=NCE&sort=subscriptions:bss_total_cost&row=subscriptions:{DIFFERING}",
    )
    expect(page.locator(".chip")).to_contain_text("Type of product: NCE")
    expect(cell(page, "Subscriptions", 0, "bss_total_cost")).to_have_text("70.00")
    expect(page.locator(".details")).to_contain_text("Subscription sub-9001")
    expect(page.get_by_text("Months: 2025-02 to 2025-03")).to_be_visible()


def test_as_of_shows_the_month_as_it_was_and_leads_back(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}&result=discrepancies")
    choose(page, "As published", "2025-04-07 06:02 UTC")
    expect(cell(page, "Subscriptions", 0, "cost_difference")).to_contain_text("\N{MINUS SIGN}12.50")
    expect(page.locator(".asof")).to_contain_text("As it was published at 2025-04-07 06:02 UTC")
    page.get_by_role("link", name="Show what is published now").click()
    expect(cell(page, "Subscriptions", 0, "cost_difference")).to_contain_text("\N{MINUS SIGN}99.75")


@pytest.mark.parametrize("form", ["CSV", "XLSX"])
def test_the_filtered_set_is_downloaded(page: Page, form: str) -> None:
    open_page(page, f"/subscriptions?{MARCH}&result=missing")
    with page.expect_download() as download:
        page.get_by_role("link", name=form).click()
    assert download.value.suggested_filename == f"subscription_reconciliation_2025-03.{form.lower()}"
    content = Path(download.value.path()).read_bytes()
    assert (b"sub-9002" in content and b"sub-9001" not in content) if form == "CSV" else content.startswith(b"PK")


def test_a_meter_opens_its_variations_by_day_and_resource(page: Page) -> None:
    open_page(page, f"/usage?{MARCH}")
    select(page, "Meters", "meter_name")
    expect(rows_said(page, "Variations")).to_have_text("30 rows")
    expect(cell(page, "Variations", 0, "amount_variation")).to_have_text("1.6250")
    expect(cell(page, "Variations", 0, "resource")).to_have_text("vm-5")
    choose(page, "By", "Quantity")
    expect(cell(page, "Meters", 0, "usage_quantity")).to_have_text("5.0000")
    expect(page).to_have_url(re.compile("measure=quantity"))


def test_a_summary_row_leads_to_its_meters(page: Page) -> None:
    open_page(page, f"/usage?{MARCH}")
    select(page, "Summary", "invoice_number")
    page.get_by_role("link", name="Show only the meters of this invoice and subscription").click()
    expect(page).to_have_url(re.compile("invoice=G1&subscription=azure-1"))
    expect(rows_said(page, "Meters")).to_have_text("2 rows")


def test_a_document_is_shown_field_by_field_and_a_missing_one_with_its_candidates(page: Page) -> None:
    open_page(page, f"/einvoices?{MARCH}")
    select(page, "Documents", "document_number")
    fields = page.get_by_role("region", name="Fields")
    expect(fields.locator("tr.differs")).to_contain_text("Total tax amount")
    expect(fields.locator("tr.differs")).to_contain_text("Differs")
    open_page(page, f"/einvoices?{MARCH}&row=documents:{MISSING}")
    expect(page.get_by_role("region", name="Nearest candidates")).to_contain_text("INV-0003-A")


def test_the_overview_leads_to_the_months(page: Page) -> None:
    open_page(page, "/")
    expect(page.locator("#landed")).to_contain_text(re.compile("landing folder|landed file|Landed"))
    page.get_by_text("Amounts by status").first.click()
    expect(page.get_by_role("region", name="Amounts of subscriptions 2025-03")).to_contain_text("Discrepancy")
    expect(page.get_by_role("region", name="Changes").locator("tbody tr")).to_contain_text("Changed")
    page.locator("tr", has=page.get_by_role("rowheader", name="2025-02")).get_by_role(
        "link", name=f"{ALL} rows"
    ).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Subscriptions")
    expect(page.get_by_text("Months: 2025-02")).to_be_visible()


def report(page: Page, title: str) -> None:
    open_page(page, f"/subscriptions?{MARCH}&row=subscriptions:{DIFFERING}")
    page.get_by_text("Report an issue").click()
    page.locator("#report-title").fill(title)
    page.locator("#report-description").fill(SCRIPT)
    page.locator("#report-assignee").fill("ana")
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.locator("#report-answer")).to_contain_text("Reported as issue #")


def test_an_issue_is_reported_seen_commented_and_resolved(page: Page) -> None:
    report(page, "Unit cost is too high")
    page.locator("#report-answer").get_by_role("link").click()
    then_and_now = page.get_by_role("region", name="Then and now")
    expect(then_and_now.locator("tbody tr")).to_have_text(
        [re.compile("When reported.*99.75 MYR"), re.compile("Now.*99.75 MYR")]
    )
    page.locator("#issue-comment").fill("Asked Microsoft")
    page.get_by_role("button", name="Add comment").click()
    expect(page.locator(".history").last).to_contain_text("Asked Microsoft")
    choose(page, "Status", "Resolved")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".history").last).to_contain_text("Open to Resolved")
    page.get_by_role("link", name="Issues", exact=True).click()
    page.get_by_role("region", name="Issues").get_by_role("link", name="Unit cost is too high").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Unit cost is too high")
    expect(page).to_have_url(re.compile(r"/issues\?issue=\d+$"))
    page.get_by_role("link", name="Issues", exact=True).click()
    choose(page, "Status", "Investigating")
    expect(page.get_by_text("No issue fits these filters.")).to_be_visible()


def test_of_two_who_change_an_issue_the_second_is_told(page: Page, browser: Browser, app: App) -> None:
    report(page, "Two look at it")
    page.locator("#report-answer").get_by_role("link").click()
    page.locator("#issue-assignee").wait_for()
    with browser.new_page(base_url=app.url) as other:
        other.goto(page.url)
        other.locator("#issue-assignee").fill("carl")
        other.get_by_role("button", name="Save").click()
        expect(other.locator(".history").last).to_contain_text("ana to carl")
    page.locator("#issue-assignee").fill("dora")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#issue-answer")).to_contain_text("changed by somebody else meanwhile")


def pick(page: Page, form: str, decision: str) -> None:
    page.locator(f"{form} label", has_text="Decision").locator("button").first.click()
    page.locator(".dash-options-list-option", has_text=decision).first.click()


def test_a_row_is_decided_in_its_drawer_and_marked_in_the_grid_at_once(page: Page) -> None:
    open_page(page, f"/subscriptions?{MARCH}&q=sub-9003&row=subscriptions:{key('subscription', '2025-03', 'sub-9003')}")
    marks = cell(page, "Subscriptions", 0, "marks")
    expect(marks).to_have_text("")
    form = page.locator("#decide")
    form.get_by_text("Decide", exact=True).first.click()
    pick(page, "#decide", "Ignore: not ours")
    form.get_by_role("button", name="Decide").click()
    expect(form).to_contain_text("To ignore a row needs a reason")
    form.get_by_label("Reason").fill("test tenant")
    form.get_by_role("button", name="Decide").click()
    expect(page.locator(".details .message.done")).to_contain_text("Kept as decision")
    expect(page.locator(".details .history")).to_contain_text("Ignore: test tenant")
    expect(marks).to_have_text("Ignore, next run")
    require_accessible_everywhere(page)


def test_all_rows_of_a_filter_are_decided_and_assigned_after_their_count_was_seen(page: Page) -> None:
    open_page(page, "/subscriptions?month=2025-02&result=missing")
    bulk, assign = page.locator("#bulk"), page.locator("#assign")
    bulk.locator("summary").click()
    pick(page, "#bulk", "Pending: waits")
    bulk.get_by_label("Reason").fill("asked Microsoft")
    page.locator("#bulk-until").fill("2025-09-01")
    bulk.get_by_role("button", name="Decide about all 2 rows").click()
    expect(bulk).to_contain_text("Pending all 2 rows of 2025-02; Results: Missing data?")
    bulk.get_by_role("button", name="Yes, decide about 2 rows").click()
    expect(cell(page, "Subscriptions", 0, "marks")).to_contain_text("Pending, next run")
    assign.locator("summary").click()
    assign.get_by_label("Assignee").fill("dora")
    assign.get_by_label("Title").fill("Ask them again")
    assign.get_by_role("button", name="Assign all 2 rows").click()
    expect(cell(page, "Subscriptions", 1, "marks")).to_contain_text("1 issue, Pending, next run")
    require_accessible_everywhere(page)
    assign.get_by_role("link", name="their issues").click()
    expect(page.get_by_role("region", name="Issues").get_by_role("link", name="Ask them again")).to_have_count(2)


def test_a_letter_is_found_and_copied(page: Page, app: App) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app.url)
    open_page(page, f"/einvoices?{MARCH}")
    page.get_by_role("link", name="Letters").click()
    require_accessible_everywhere(page)
    page.get_by_role("link", name="Buyer 2 Sdn Bhd").click()
    page.get_by_role("button", name="Copy the text").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("To: Buyer 2 Sdn Bhd") and "Total tax amount 60.00 against 80.00" in copied
    require_accessible_everywhere(page)


def test_an_empty_result_and_a_bad_address_say_why(page: Page) -> None:
    open_page(page, PAGES["empty"])
    expect(page.get_by_text("No row of 2025-03 fits the filters.")).to_be_visible()
    open_page(page, PAGES["wrong address"])
    expect(page.get_by_role("alert")).to_contain_text("'March' is not a month")


def test_a_storage_fault_is_said_aloud(browser: Browser, published: Path, tmp_path: Path) -> None:
    broken = tmp_path / "published"
    shutil.copytree(published, broken)
    for file in (broken / "usage_cost_summary").rglob("*.parquet"):
        file.write_bytes(b"nothing")
    (tmp_path / "home").mkdir()
    app = App(tmp_path / "home", broken)
    try:
        with browser.new_page(base_url=app.url) as page:
            page.goto(f"/usage?{MARCH}")
            expect(page.get_by_role("alert")).to_contain_text("The published tables cannot be read", timeout=20_000)
            expect(page.locator(".grid, table")).to_have_count(0)
    finally:
        app.stop()


def test_an_editor_looks_at_a_file_and_lands_it(page: Page, app: App, tmp_path: Path) -> None:
    landing = app.home / "landing"
    landing.mkdir()
    file = tmp_path / "sales.csv"
    file.write_text(template(SOURCES["erp_sales_register"]), encoding="utf-8")
    open_page(page, "/")
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_label("File, at most").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    report = page.get_by_role("region", name="What would be read")
    expect(report).to_contain_text("Taken forerp_sales_register (its columns are those of that source)")
    expect(report).to_contain_text("1 rows, 0 rejected, heading in row 1")
    report.locator("summary").click()
    expect(report.get_by_role("cell", name="document_number")).to_be_visible()
    require_accessible(page)
    page.get_by_role("button", name="Land it").click()
    expect(page.get_by_role("status")).to_contain_text("Landed at erp/sales_register/2025-01/sales.csv.")
    assert (landing / "erp/sales_register/2025-01/sales.csv").read_bytes() == file.read_bytes()
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("#page h1")).to_have_text("Overview")


@pytest.mark.parametrize("width", guarded_by([1024], of=[1440, 1024, 390]))
@pytest.mark.parametrize("name", list(PAGES))
def test_pages_break_no_rule_of_accessibility_and_are_not_cut_off(page: Page, name: str, width: int) -> None:
    """At the guarded width both colour schemes are looked at, the narrow one in the dark."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(PAGES[name]) if name == "print" else open_page(page, PAGES[name])
    if page.locator(".grid").count():
        page.locator(".ag-row").first.wait_for()
    page.wait_for_timeout(500)
    require_accessible(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390 if width == 1024 else width, "height": 1000})
    page.wait_for_timeout(300)
    require_accessible(page)
