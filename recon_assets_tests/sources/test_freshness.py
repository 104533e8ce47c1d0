"""Which months are loaded again, and why: what happened to their files, to what was loaded, or to the reader."""

import os
import shutil
from pathlib import Path

import pytest

from recon_assets.catalogue import SOURCES
from recon_assets.landing.discovery import discover
from recon_assets.pipeline.plan import PlannedLoad, landed_files, plan_loads
from recon_assets.platform import Platform
from recon_assets.sample import write_sample
from recon_assets.sources import freshness
from recon_assets.sources.freshness import Reason
from recon_assets_tests.landed import land_nce, load_all, nce_line, platform_in

SOURCE, MONTH = "ms_recon_nce", "2025-01"


def why(platform: Platform, source: str = SOURCE) -> Reason | None:
    return platform.why_load(source, MONTH, discover(platform.landing, source).get(MONTH, []))


@pytest.fixture
def loaded(platform: Platform) -> Path:
    """The landed file of a month that is loaded."""
    path = platform.settings.landing / land_nce(platform.settings.landing, MONTH, [nce_line()])
    assert platform.load(SOURCE, MONTH).outcome == "loaded"
    return path


def test_a_month_is_loaded_when_its_files_or_its_reader_changed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why(platform) is None
    file = platform.settings.landing / land_nce(platform.settings.landing, MONTH, [nce_line()])
    assert why(platform) == "new"
    platform.load(SOURCE, MONTH)
    assert why(platform) is None
    with monkeypatch.context() as newer:
        newer.setattr(freshness, "load_version", lambda *of: "another-reader")
        assert why(platform) == "older_reader"
    land_nce(platform.settings.landing, MONTH, [nce_line(), nce_line()])
    assert why(platform) == "changed"
    platform.load(SOURCE, MONTH)
    file.unlink()
    assert why(platform) == "gone"
    landed = landed_files(platform.landing, "subscriptions")
    assert plan_loads("subscriptions", [MONTH], landed, platform) == [PlannedLoad(MONTH, SOURCE)]
    assert platform.load(SOURCE, MONTH).outcome == "retired"
    assert why(platform) is None


def test_a_failure_whose_files_are_gone_is_forgotten_by_a_load(platform: Platform) -> None:
    """The bug this fixes: a wrong file that was taken away again held up its window for ever."""
    file = platform.settings.landing / land_nce(platform.settings.landing, MONTH, [nce_line(Subtotal="x")] * 3)
    assert platform.load(SOURCE, MONTH).outcome == "failed"
    file.unlink()
    assert why(platform) == "gone"
    platform.load(SOURCE, MONTH)
    assert why(platform) is None
    assert platform.raw.read_failed(SOURCE, MONTH) is None


@pytest.fixture(scope="module")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of the sample, of which every source is loaded."""
    worked = platform_in(tmp_path_factory.mktemp("sample"))
    write_sample(worked.settings.landing, [MONTH])
    assert {load.outcome for load in load_all(worked).values()} == {"loaded"}
    return worked.settings.home


def test_a_home_that_is_copied_without_its_times_loads_nothing(sample_home: Path, tmp_path: Path) -> None:
    """The bug this fixes: the version of a file held its inode, and a restored home reloaded and republished all."""
    shutil.copytree(sample_home, tmp_path / "restored", copy_function=shutil.copyfile)
    restored = platform_in(tmp_path / "restored")
    for path in restored.settings.landing.rglob("*.csv*"):
        os.utime(path, (1000, 1000))
    assert {source: why(restored, source) for source in SOURCES} == dict.fromkeys(SOURCES)
    manifest = next(restored.settings.landing.glob("cost_management/**/manifest.json"))
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"submittedTime": "20', '"submittedTime": "19'), encoding="utf-8")
    assert manifest.stat().st_size == len(text.encode())
    assert why(restored, "azure_cost_export") == "changed"


def test_files_that_were_touched_are_hashed_once(
    loaded: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(loaded, (1000, 1000))
    assert why(platform) is None
    monkeypatch.setattr(freshness, "content_hash_of", lambda path: pytest.fail("it was hashed again"))
    assert why(platform) is None


def test_another_content_of_the_same_size_and_time_is_loaded(loaded: Path, platform: Platform) -> None:
    before = loaded.stat()
    other = loaded.with_name("other")
    other.write_bytes(loaded.read_bytes().replace(b"10", b"13"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(loaded)
    after = loaded.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert why(platform) == "changed"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"source": "ms_recon_nce"}'])
def test_a_month_whose_record_is_damaged_is_loaded_again(content: str, loaded: Path, platform: Platform) -> None:
    record = platform.raw.month_folder(SOURCE, MONTH) / "month.json"
    record.write_text(content, encoding="utf-8")
    assert why(platform) == "damaged"
    platform.load(SOURCE, MONTH)
    assert why(platform) is None


def test_a_month_of_which_a_parquet_file_is_gone_is_loaded_again(loaded: Path, platform: Platform) -> None:
    for path in platform.raw.month_folder(SOURCE, MONTH).glob("*/rows-*.parquet"):
        path.unlink()
    assert why(platform) == "damaged"
    loaded.unlink()
    assert why(platform) == "damaged"
    assert platform.load(SOURCE, MONTH).outcome == "retired"
