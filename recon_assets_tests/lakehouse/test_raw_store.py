"""Raw months: replaced by one rename, forgotten when their files are gone, and never by a failed load."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from recon_assets.lakehouse.raw import FailedLoad, LoadedFile, RawMonth, RawStore

SOURCE, MONTH = "ms_recon_nce", "2025-01"


@pytest.fixture
def raw(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "raw")


def month_of_load(raw: RawStore, load_id: str, rows: int = 1) -> RawMonth:
    """A load whose files are written, ready to be committed."""
    folder = raw.month_folder(SOURCE, MONTH) / load_id
    folder.mkdir(parents=True)
    (folder / "rows-0000.parquet").write_bytes(b"rows")
    file = LoadedFile("a.csv", "etag", 10, "hash", rows, 0, None, ["Extra"], {"Total": 1})
    tables = {"rows": [f"{SOURCE}/{MONTH}/{load_id}/rows-0000.parquet"]}
    return RawMonth(SOURCE, MONTH, load_id, "2025-02-01T00:00:00+00:00", [file], rows, 0, tables)


def failed_load() -> FailedLoad:
    return FailedLoad(SOURCE, MONTH, "2025-02-02T00:00:00+00:00", ["a.csv@etag"], ["too many rejected rows"])


def test_a_committed_month_reads_back_as_it_was_written(raw: RawStore) -> None:
    month = month_of_load(raw, "load-1")
    raw.commit(month)
    assert raw.read(SOURCE, MONTH) == month
    assert raw.read(SOURCE, MONTH).versions == {"a.csv@etag"}  # type: ignore[union-attr]
    assert raw.months(SOURCE) == [MONTH]


def test_a_month_that_is_written_but_not_committed_does_not_exist(raw: RawStore) -> None:
    month_of_load(raw, "load-1")
    assert raw.read(SOURCE, MONTH) is None
    assert raw.months(SOURCE) == []


def test_a_commit_that_is_killed_before_its_rename_leaves_the_earlier_load(
    raw: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = month_of_load(raw, "load-1")
    raw.commit(first)

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        raw.commit(month_of_load(raw, "load-2"))
    monkeypatch.undo()
    assert raw.read(SOURCE, MONTH) == first


def test_a_failure_is_remembered_beside_the_month_and_cleared_by_the_next_commit(raw: RawStore) -> None:
    month = month_of_load(raw, "load-1")
    raw.commit(month)
    raw.record_failure(failed_load())
    assert raw.read(SOURCE, MONTH) == month
    assert raw.read_failed(SOURCE, MONTH) == failed_load()
    assert list(raw.failed_months(SOURCE)) == [failed_load()]
    raw.commit(dataclasses.replace(month, rows=2))
    assert raw.read_failed(SOURCE, MONTH) is None
    assert list(raw.failed_months(SOURCE)) == []


def test_a_failure_of_a_month_that_never_loaded_is_remembered_too(raw: RawStore) -> None:
    raw.record_failure(failed_load())
    assert raw.read_failed(SOURCE, MONTH) == failed_load()
    assert raw.months(SOURCE) == []


def test_the_rejected_rows_of_the_newest_attempt_can_be_looked_at(raw: RawStore, tmp_path: Path) -> None:
    rejected = tmp_path / "quarantine-0000.parquet"
    rejected.write_bytes(b"rejected")
    raw.record_failure(failed_load(), [rejected])
    (kept,) = raw.rejected_files(SOURCE, MONTH)
    assert kept.read_bytes() == b"rejected"
    month = month_of_load(raw, "load-1")
    (raw.month_folder(SOURCE, MONTH) / "load-1" / "q.parquet").write_bytes(b"rejected")
    raw.commit(dataclasses.replace(month, tables=month.tables | {"quarantine": [f"{SOURCE}/{MONTH}/load-1/q.parquet"]}))
    assert raw.rejected_files(SOURCE, MONTH) == [raw.root / SOURCE / MONTH / "load-1" / "q.parquet"]
    assert not kept.exists()


def test_a_retired_month_is_absent_with_its_failure(raw: RawStore) -> None:
    raw.commit(month_of_load(raw, "load-1"))
    raw.record_failure(failed_load())
    raw.retire(SOURCE, MONTH)
    assert raw.read(SOURCE, MONTH) is None
    assert raw.read_failed(SOURCE, MONTH) is None
    assert raw.months(SOURCE) == []


def test_retiring_a_month_that_is_not_there_is_no_error(raw: RawStore) -> None:
    raw.retire(SOURCE, "1999-12")


def test_a_retired_month_keeps_its_files_for_builds_that_still_read_them(raw: RawStore) -> None:
    month = month_of_load(raw, "load-1")
    raw.commit(month)
    raw.retire(SOURCE, MONTH)
    assert (raw.root / month.tables["rows"][0]).exists()


def test_only_old_loads_that_were_replaced_are_removed(raw: RawStore) -> None:
    for load_id, changed in (("old", 100), ("recent", 300), ("current", 100)):
        raw.commit(month_of_load(raw, load_id))
        os.utime(raw.month_folder(SOURCE, MONTH) / load_id, (changed, changed))
    raw.remove_replaced(SOURCE, MONTH, older_than=200)
    kept = {path.name for path in raw.month_folder(SOURCE, MONTH).iterdir()}
    assert kept == {"month.json", "recent", "current"}


def test_folders_that_are_no_months_are_left_alone(raw: RawStore) -> None:
    raw.commit(month_of_load(raw, "load-1"))
    (raw.root / SOURCE / "notes").mkdir()
    (raw.root / SOURCE / "2025-13").mkdir()
    assert raw.months(SOURCE) == [MONTH]
    assert raw.months("never_landed") == []


def test_the_commit_is_plain_json_that_names_every_file(raw: RawStore) -> None:
    raw.commit(month_of_load(raw, "load-1"))
    content = json.loads((raw.month_folder(SOURCE, MONTH) / "month.json").read_text(encoding="utf-8"))
    assert content["tables"] == {"rows": [f"{SOURCE}/{MONTH}/load-1/rows-0000.parquet"]}
    assert content["files"][0]["path"] == "a.csv"


def test_a_record_of_a_newer_version_is_read_without_what_is_not_known_here(raw: RawStore) -> None:
    """The bug this fixes: one more field broke `recon status`."""
    month = month_of_load(raw, "load-1")
    raw.commit(month)
    raw.record_failure(failed_load())
    for name in ("month.json", "failed.json"):
        path = raw.month_folder(SOURCE, MONTH) / name
        content = json.loads(path.read_text(encoding="utf-8")) | {"newer": 1}
        for file in content.get("files", []):
            file["newer"] = 1
        path.write_text(json.dumps(content), encoding="utf-8")
    assert raw.read(SOURCE, MONTH) == month
    assert raw.read_failed(SOURCE, MONTH) == failed_load()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"load_id": "load-1"}'])
def test_a_damaged_record_counts_as_not_there_and_a_damaged_failure_as_one(content: str, raw: RawStore) -> None:
    raw.commit(month_of_load(raw, "load-1"))
    raw.record_failure(failed_load())
    for name in ("month.json", "failed.json"):
        (raw.month_folder(SOURCE, MONTH) / name).write_text(content, encoding="utf-8")
    assert (raw.read(SOURCE, MONTH), raw.is_damaged(SOURCE, MONTH)) == (None, True)
    failed = raw.read_failed(SOURCE, MONTH)
    assert failed is not None
    assert "failed.json is damaged; load the month again" in failed.problems[0]
    assert raw.recorded_months(SOURCE) == [MONTH]
