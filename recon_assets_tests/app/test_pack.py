"""A pack to sign off: what is in it, and that it tells when it was changed or is not what is published any more."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from recon_assets.app.pack import verify_pack, write_pack
from recon_assets.app.pages import Site, find_discrepancy
from recon_assets.app.server import create_app
from recon_assets.errors import InputError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.raw import LoadedFile, RawMonth, RawStore
from recon_assets.landing.discovery import discover
from recon_assets.pipeline.deciding import Choice, decide
from recon_assets.storage import landing_store
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PUBLISHED_AGAIN, PUBLISHED_FIRST, key, publish, subscriptions

MARCH = "2025-03"


@pytest.fixture
def own(tmp_path: Path) -> tuple[Site, PublishedStore]:
    """A site over a month of its own, which tests publish again."""
    store = PublishedStore(tmp_path / "published")
    publish(store, "subscriptions", MARCH, PUBLISHED_FIRST, subscriptions(MARCH))
    return site_in(tmp_path / "home", tmp_path / "published"), store


def rows_of(pack: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(pack) as file:
        return list(csv.DictReader(io.StringIO(file.read(name).decode("utf-8"), newline="")))


@pytest.mark.parametrize("subject", ["subscriptions", "usage", "einvoices"])
def test_a_pack_holds_what_is_signed_and_names_every_member_with_its_hash(
    site: Site, tmp_path: Path, subject: str
) -> None:
    write_pack(site, subject, MARCH, "ana", tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as pack:
        index = json.loads(pack.read("pack.json"))
        members = {name: hashlib.sha256(pack.read(name)).hexdigest() for name in pack.namelist() if name != "pack.json"}
    assert members == {name: member["sha256"] for name, member in index["members"].items()}
    assert {
        "workbook.xlsx",
        "print.html",
        "statement.csv",
        "open_items.csv",
        "files.csv",
        "landed_files.csv",
        "issues.csv",
        "decisions.csv",
    } <= members.keys()
    assert (index["month"], index["reconciliation"], index["made_by"]) == (MARCH, subject, "ana")
    assert index["settings"]["selection_method"] == "overlap" and "duckdb" in index["versions"]
    assert "currency_tolerances.csv" in index["rules"]["seeds"]
    assert verify_pack(site, tmp_path / "a.zip").holds


def test_open_items_are_the_rows_that_do_not_agree_and_issues_and_decisions_say_who_and_when(
    site: Site, tmp_path: Path
) -> None:
    about = find_discrepancy(site, "subscriptions", MARCH, key("subscription", MARCH, "sub-9001"))
    assert about is not None
    site.issues.comment(site.issues.report(about, "Why?", "", "", "ana"), "eva", "Credit of April")
    write_pack(site, "subscriptions", MARCH, "ana", tmp_path / "a.zip")
    assert {row["ms_subscription_id"] for row in rows_of(tmp_path / "a.zip", "open_items.csv")} == {
        "sub-9001",
        "sub-9002",
        "sub-9003",
    }
    shown = key("subscription", MARCH, "sub-9001")
    decide(site.platform(), "subscriptions", {shown: Choice("accept", "credit promised")}, "eva")
    write_pack(site, "subscriptions", MARCH, "ana", tmp_path / "b.zip")
    (decision,) = rows_of(tmp_path / "b.zip", "decisions.csv")
    told = [decision[name] for name in ("reconciliation_key", "action", "reason", "who")]
    assert told == [shown, "accept", "credit promised", "eva"]
    assert decision["difference_then"].startswith("99.75") and rows_of(tmp_path / "a.zip", "decisions.csv") == []
    said = [(row["who"], row["what"], row["to"]) for row in rows_of(tmp_path / "a.zip", "issues.csv")]
    assert said == [("ana", "issue", "Why?"), ("eva", "comment", "Credit of April")]


def test_landed_files_have_the_hash_of_what_lies_there_and_a_pack_tells_which_changed_since(
    site: Site, tmp_path: Path
) -> None:
    content = {"a.csv": b"read", "b.csv": b"set aside"}
    folder = site.settings.landing / "bss" / "invoices" / MARCH
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    landed = {Path(file.path).name: file for file in discover(landing_store(site.settings), "bss_invoices")[MARCH]}
    hashes = {"a.csv": hashlib.sha256(b"read").hexdigest(), "b.csv": ""}
    files = [
        LoadedFile(file.path, file.etag, file.size, hashes[name], 1, 0, set_aside="older" if name == "b.csv" else None)
        for name, file in landed.items()
    ]
    (site.settings.raw / "bss_invoices" / MARCH).mkdir(parents=True)
    RawStore(site.settings.raw).commit(RawMonth("bss_invoices", MARCH, "load", "2025-04-01T00:00:00", files, 1, 0, {}))
    write_pack(site, "subscriptions", MARCH, "ana", tmp_path / "a.zip")
    found = {
        Path(row["path"]).name: (row["sha256"], row["set_aside"])
        for row in rows_of(tmp_path / "a.zip", "landed_files.csv")
    }
    wanted = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    assert found == {"a.csv": (wanted["a.csv"], ""), "b.csv": (wanted["b.csv"], "older")}

    def said() -> tuple[bool, int, list[str], list[str]]:
        verdict = verify_pack(site, tmp_path / "a.zip")
        return verdict.holds, verdict.landed, verdict.changed, verdict.gone

    paths = {name: file.path for name, file in landed.items()}
    assert said() == (True, 2, [], [])
    (folder / "a.csv").write_bytes(b"mended")
    assert said() == (True, 2, [paths["a.csv"]], [])
    (folder / "a.csv").write_bytes(b"read")  # the same content again, at another time
    (folder / "b.csv").unlink()
    assert said() == (True, 2, [], [paths["b.csv"]])


def test_a_pack_holds_while_the_same_is_published_again_and_no_longer(
    own: tuple[Site, PublishedStore], tmp_path: Path
) -> None:
    site, store = own
    write_pack(site, "subscriptions", MARCH, "ana", tmp_path / "a.zip")
    publish(store, "subscriptions", MARCH, PUBLISHED_AGAIN, subscriptions(MARCH), "run-2")
    assert verify_pack(site, tmp_path / "a.zip").holds
    publish(store, "subscriptions", MARCH, PUBLISHED_AGAIN.replace(day=10), subscriptions(MARCH, "99.75"), "run-3")
    verdict = verify_pack(site, tmp_path / "a.zip")
    assert not verdict.holds and "subscription_reconciliation" in verdict.differing and "run-3" in verdict.published


def test_a_pack_that_was_changed_says_which_member(site: Site, tmp_path: Path) -> None:
    write_pack(site, "subscriptions", MARCH, "ana", tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as pack, zipfile.ZipFile(tmp_path / "b.zip", "w") as changed:
        for name in pack.namelist():
            content = pack.read(name)
            if name != "files.csv":
                changed.writestr(
                    name, content.replace(b"sub-9002", b"sub-9004") if name == "open_items.csv" else content
                )
        changed.writestr("more.csv", "a")
    assert verify_pack(site, tmp_path / "b.zip").faults == [
        "files.csv is missing",
        "more.csv was added",
        "open_items.csv was changed",
    ]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_what_is_no_pack_is_refused_with_what_to_do(site: Site, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="is no pack of a month"):
        verify_pack(site, tmp_path / "a.zip")


def test_the_app_hands_out_the_pack_of_a_published_month_alone(site: Site, tmp_path: Path) -> None:
    client = create_app(site).server.test_client()
    answer = client.get(f"/pack/usage/{MARCH}.zip")
    (tmp_path / "a.zip").write_bytes(answer.get_data())
    assert verify_pack(site, tmp_path / "a.zip").holds
    for path, said in (
        ("usage/2024-01", "is not published"),
        ("nothing/2025-03", "no reconciliation"),
        ("usage/2025-3", "not a month"),
    ):
        refused = client.get(f"/pack/{path}.zip")
        assert (refused.status_code, said in refused.get_data(as_text=True)) == (400, True)
