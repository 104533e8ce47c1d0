"""The upload page over HTTP: what it says of a file, where that lands, and what it refuses."""

import html
import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from recon_assets.app import upload
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.catalogue import SOURCES, Source
from recon_assets.inspection import inspect_file, template
from recon_assets.platform import Platform
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.landed import platform_in

ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PROXIED = {"identity_header": "X-User", "proxies": ["127.0.0.0/8"], "editors": ["ana", "eve"]}
REGISTER = (
    "Sales listing\n\nInvoice No,Invoice Date,Customer TIN,Subtotal,SST,Total,Colour\n"
    'INV-1,05/03/2025,C11122233340,"1,000.00",80.00,"1,080.00",red\n'
    "INV-2,13/03/2025,C11122233340,100.00,8.00,108.00,<b>blue</b>\n"
    "INV-3,soon,C11122233340,100.00,8.00,108.00,green\n"
    'Total,,,"1,200.00",96.00,"1,296.00",\n'
)
PLACE = "erp/sales_register/2025-03/register.csv"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An app over a home in which nothing is published."""
    (tmp_path / "home" / "landing").mkdir(parents=True)
    site = site_in(tmp_path / "home", tmp_path / "published")
    site.settings.company_tins.append("C20830570210")
    return site


@pytest.fixture
def landing(site: Site) -> Path:
    return site.settings.landing


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).server.test_client()


def look(client: FlaskClient, content: str | bytes, name: str = "register.csv", **fields: Any) -> Any:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return client.post("/upload", data={"file": (file, name), **fields}, headers=ORIGIN)


def said(answer: Any) -> str:
    """What a page says, as a reader sees it."""
    text = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", answer.get_data(as_text=True), flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def again(client: FlaskClient, answer: Any, act: str, **fields: str) -> Any:
    """Send the form of the page that was answered, with a press of one of its buttons."""
    (place,) = re.findall(r'action="(/upload/[0-9a-f]{32})"', answer.get_data(as_text=True))
    return client.post(place, data={"act": act, **fields}, headers=ORIGIN)


def test_a_file_is_shown_as_it_would_be_read_and_lands_when_that_is_confirmed(
    client: FlaskClient, landing: Path
) -> None:
    answer = look(client, REGISTER, source="erp_sales_register")
    text = said(answer)
    assert answer.status_code == 200
    assert "Taken for erp_sales_register" in text and "Month 2025-03" in text and f"Belongs at {PLACE}" in text
    assert "2 rows, 1 rejected, 1 ignored as" in text, text
    assert "heading in row 3" in text and "total of" in text and "agrees" in text
    assert "document_number INV-1 INV-2" in text and "soon" in text
    assert "Columns that are not read: Colour" in text
    assert "<b>blue</b>" not in answer.get_data(as_text=True)
    assert not list(landing.rglob("*.csv"))

    landed = again(client, answer, "land", source="erp_sales_register")
    assert f"Landed at {PLACE}" in said(landed)
    assert (landing / PLACE).read_bytes() == REGISTER.encode()
    assert "not kept here any more" in said(again(client, answer, "land"))


def test_what_is_there_is_never_replaced_in_silence(client: FlaskClient, landing: Path) -> None:
    (landing / PLACE).parent.mkdir(parents=True)
    (landing / PLACE).write_text(REGISTER)
    same = again(client, look(client, REGISTER, source="erp_sales_register"), "land", source="erp_sales_register")
    assert "was already at" in said(same)
    other = REGISTER.replace("INV-2", "INV-4")
    looked = look(client, other, source="erp_sales_register")
    refused = again(client, looked, "land", source="erp_sales_register")
    assert refused.status_code == 400
    assert f"{PLACE} is there already with other content" in said(refused)
    assert (landing / PLACE).read_text() == REGISTER
    assert "Replaced the file" in said(again(client, looked, "land", source="erp_sales_register", replace="yes"))
    assert (landing / PLACE).read_text() == other


def test_cells_that_were_pasted_land_under_the_name_that_is_given(client: FlaskClient, landing: Path) -> None:
    lines = (
        "Invoice No,Invoice Date,Customer TIN,Subtotal,SST,Total",
        "INV-1,05/03/2025,C11122233340,1000.00,80.00,1080.00",
    )
    cells = "\r\n".join(line.replace(",", "\t") for line in lines)
    form = {"pasted": cells, "name": "march.csv", "source": "erp_sales_register", "month": "2025-03"}
    answer = client.post("/upload", data=form, headers=ORIGIN)
    assert "1 rows, 0 rejected" in said(answer), said(answer)
    again(client, answer, "land", source="erp_sales_register", month="2025-03")
    assert (landing / "erp/sales_register/2025-03/march.csv").read_text().startswith("Invoice No\t")


def test_received_einvoices_land_in_their_own_folder(client: FlaskClient, landing: Path) -> None:
    fields = {"source": "einvoices", "month": "2025-01", "subfolder": "received"}
    answer = look(client, template(SOURCES["einvoices"]), "list.csv", **fields)
    again(client, answer, "land", **fields)
    fields.pop("subfolder")
    answer = look(client, template(SOURCES["einvoices"]).replace("INV-1", "INV-2"), "Received list.csv", **fields)
    again(client, answer, "land", **fields)
    landed = {path.relative_to(landing).as_posix() for path in landing.rglob("*.csv")}
    assert landed == {f"einvoice/received/2025-01/{name}.csv" for name in ("list", "Received list")}


def test_a_profile_that_makes_a_file_readable_is_proposed_and_lands_with_it(client: FlaskClient, landing: Path) -> None:
    table = "Invoice No,Invoice Date,Customer TIN,Worth,Duty,Sum\nINV-1,05/03/2025,C11122233340,1000.00,80.00,1080.00\n"
    answer = look(client, table, source="erp_sales_register", month="2025-03")
    assert "not readable" in said(answer)
    profile = (
        'match = ["erp/sales_register/*/register.csv"]\nsource = "erp_sales_register"\n[columns]\n'
        '"Worth" = "total_excluding_tax"\n"Duty" = "total_tax_amount"\n"Sum" = "total_including_tax"\n'
    )
    fields = {"source": "erp_sales_register", "month": "2025-03", "profile": profile}
    looked = again(client, answer, "look", **fields)
    assert "1 rows, 0 rejected" in said(looked), said(looked)
    assert "Give the profile a name" in said(again(client, looked, "land", **fields))
    again(client, looked, "land", **fields, profile_name="ours")
    assert (landing / PLACE).is_file()
    assert (landing / "profiles/ours.toml").read_text() == profile


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("photo.png", b"\x89PNG\r\n", "its columns fit no source"),
        ("manifest.json", b"{}", "cannot be the name of a landed file"),
        ("~$register.xlsx", b"x", "cannot be the name of a landed file"),
        (".hidden.csv", b"x", "cannot be the name of a landed file"),
        pytest.param(f"{'企' * 90}.csv", b"x", "cannot be the name of a landed file", id="more bytes than allowed"),
        ("register.xlsx", b"PK\x03\x04 no workbook", "fit no source"),
    ],
)
def test_what_cannot_be_read_says_why_and_cannot_land(
    client: FlaskClient, landing: Path, name: str, content: bytes, why: str
) -> None:
    answer = look(client, content, name)
    assert why in said(answer)
    assert "Land it" not in said(answer)
    assert not list(landing.rglob("*.*"))


def test_a_path_in_a_name_is_left_out(client: FlaskClient, landing: Path) -> None:
    looked = look(client, REGISTER, "..\\..\\a/b/register.csv", source="erp_sales_register")
    again(client, looked, "land", source="erp_sales_register")
    assert (landing / PLACE).is_file()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"source": "no_source"}, "there is no such source"),
        ({"month": "March"}, "'March' is not a month"),
        ({"act": "remove"}, "act"),
        ({"subfolder": "../.."}, "subfolder"),
        ({"profile_name": "../x"}, "profile_name"),
        ({"profile": "x" * 20_001}, "profile"),
        ({"another": "x"}, "another"),
        ({"month": ["2025-03", "2025-04"]}, "a field is there twice"),
        ({"other": (io.BytesIO(b"x"), "x.csv")}, "none of the page"),
        ({"profile": "match = ["}, "profile"),
        ({"pasted": "a,b"}, "one of the two"),
    ],
)
def test_a_form_of_another_shape_is_refused(client: FlaskClient, landing: Path, fields: Any, why: str) -> None:
    answer = look(client, REGISTER, **fields)
    assert (answer.status_code, why in said(answer)) == (400, True), said(answer)
    assert not list(landing.rglob("*.*"))


def test_a_file_that_is_too_large_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    site = site_in(tmp_path, tmp_path / "published", upload_bytes=200_000)
    client = create_app(site).server.test_client()
    answer = look(client, "x" * 400_000)
    assert answer.status_code == 413
    assert "may have 200,000 bytes here" in said(answer)
    assert client.post("/upload", data={"pasted": "x" * 400_000}, headers=ORIGIN).status_code == 413


def test_viewers_other_sites_and_other_editors_land_nothing(tmp_path: Path) -> None:
    site = site_in(tmp_path, tmp_path / "published", **PROXIED)
    site.settings.landing.mkdir()
    client = create_app(site).server.test_client()
    ana, eve, ben = ({"X-User": name, **ORIGIN} for name in ("ana", "eve", "ben"))

    def sent() -> dict[str, Any]:
        return {"file": (io.BytesIO(REGISTER.encode()), "register.csv"), "source": "erp_sales_register"}

    for path in ("/upload", "/upload/template/einvoices.csv"):
        assert client.get(path, headers=ben).status_code == 403
    assert client.post("/upload", data=sent(), headers=ben).status_code == 403
    assert client.post("/upload", data=sent(), headers={"X-User": "ana"}).status_code == 403  # no origin
    looked = client.post("/upload", data=sent(), headers=ana)
    (place,) = re.findall(r'action="(/upload/[0-9a-f]{32})"', looked.get_data(as_text=True))
    assert "not kept here any more" in said(client.post(place, data={"act": "land"}, headers=eve))
    assert client.post(place, data={"act": "land"}, headers=ben).status_code == 403
    assert not list(site.settings.landing.rglob("*.csv"))


def test_files_that_do_not_land_are_few_and_gone_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(upload.time, "monotonic", lambda: now)
    uploads = upload.Uploads()
    tokens = [uploads.keep("ana", "a.csv", "x") for _ in range(upload._MOST_KEPT + 1)]
    folder = uploads.path("ana", tokens[-1]).parents[1]
    assert len(list(folder.iterdir())) == upload._MOST_KEPT
    now = 3601.0
    last = uploads.keep("ana", "a.csv", "x")
    assert [path.name for path in folder.iterdir()] == [last]
    assert folder.stat().st_mode & 0o077 == 0


def test_the_navigation_leads_editors_to_the_page(client: FlaskClient) -> None:
    assert '<a href="/issues">Issues</a>' in client.get("/upload").get_data(as_text=True)
    assert "default-src 'none'" in client.get("/upload").headers["Content-Security-Policy"]


TEMPLATES = [source for source in SOURCES.values() if source.example]


@pytest.mark.parametrize("source", TEMPLATES, ids=lambda source: source.name)
def test_a_template_is_read_as_the_source_that_it_is_of(source: Source, client: FlaskClient, tmp_path: Path) -> None:
    answer = client.get(f"/upload/template/{source.name}.csv")
    assert answer.get_data(as_text=True) == template(source)
    file = tmp_path / f"{source.name}.csv"
    file.write_bytes(answer.get_data())
    platform: Platform = platform_in(tmp_path / "trial")
    report = inspect_file(platform, file, source.name, "2025-01")
    assert report.is_readable, report.problems
    assert report.loaded is not None
    assert (report.loaded.rows, report.loaded.quarantined) == (1, 0)
    assert not report.loaded.extra_columns


def test_every_source_that_reads_csv_files_has_a_template() -> None:
    with_csv = {source.name for source in SOURCES.values() if ".csv" in source.suffixes}
    assert with_csv - {"ms_invoices"} == {source.name for source in TEMPLATES}  # its CSV is a dataset of FOCUS
