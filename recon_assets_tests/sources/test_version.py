"""The version of a reader: what it covers, and which months were loaded by an older one."""

import subprocess
import sys
from pathlib import Path

import pytest

from recon_assets.catalogue import SOURCES
from recon_assets.sources import version
from recon_assets.sources.version import is_of_older_reader, reader_files, reader_version
from recon_assets_tests.landed import land_nce, nce_line, platform_in

_PROGRAM = """
import sys
import recon_assets.sources.readers, recon_assets.sources.usage_files
rooms = ("recon_assets.sources.", "recon_assets.landing.", "recon_assets.catalogue.headings")
handed_out_as_they_are = "recon_assets.landing.store"
print(*(m.__file__ for name, m in sys.modules.items() if name.startswith(rooms) and name != handed_out_as_they_are))
"""


def test_every_module_that_a_file_is_read_by_is_part_of_the_version_of_some_source() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    covered = {str(file) for source in SOURCES for file in reader_files(source)}
    assert set(done.stdout.split()) <= covered


@pytest.mark.parametrize("source", SOURCES)
def test_the_converter_and_its_macros_are_part_of_every_version(source: str) -> None:
    names = {file.name for file in reader_files(source)}
    assert {"convert.py", "values.py", "stream.py", "conversions.sql", "unpack.py"} <= names


def test_a_month_that_was_loaded_by_other_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = platform_in(tmp_path)
    land_nce(platform.settings.landing, "2025-01", [nce_line()])
    platform.load("ms_recon_nce", "2025-01")
    month = platform.raw.read("ms_recon_nce", "2025-01")
    assert month is not None and not is_of_older_reader(month)
    changed = tmp_path / "convert.py"
    changed.write_text("# another way")
    monkeypatch.setattr(version, "reader_files", lambda source: [changed])
    reader_version.cache_clear()
    assert is_of_older_reader(month)
    monkeypatch.undo()
    reader_version.cache_clear()
