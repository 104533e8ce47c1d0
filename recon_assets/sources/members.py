"""The files inside a landed zip, unpacked for readers that go over a file more than once."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recon_assets.errors import FileProblem
from recon_assets.sources.unpack import ARCHIVE_ERRORS, UnpackLimits, is_damage, require_bounded_archive

_READ = (".csv", ".csv.gz", ".json", ".json.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Members:
    """What a landed file holds: `files` by what follows its path in source_file, and names of what is not read."""

    files: dict[str, Path]
    unread: list[str] = field(default_factory=list)


@contextmanager
def members_of(path: Path, file: str, limits: UnpackLimits, folder: Path) -> Iterator[Members]:
    """The file itself, or the members of a zip, below `folder` while they are needed; FileProblem without any."""
    if not file.lower().endswith(".zip"):
        yield Members({"": path})
        return
    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        yield _unpacked(path, file, limits, Path(unpacked))


def _unpacked(path: Path, file: str, limits: UnpackLimits, folder: Path) -> Members:
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            shown = [member for member in archive.infolist() if not is_hidden_member(member)]
            taken = [member for member in shown if member.filename.lower().endswith(_READ)]
            unread = [member.filename for member in shown if member not in taken]
            if not taken:
                raise FileProblem(file, f"holds no CSV or JSON file that is read, but {', '.join(unread) or 'nothing'}")
            found = {}
            for number, member in enumerate(taken):
                target = found["/" + member.filename] = folder / f"{number:04d}"
                with archive.open(member) as packed, target.open("wb") as copy:
                    shutil.copyfileobj(packed, copy)
            return Members(found, unread)
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the archive is damaged ({error}); fetch it again") from error


def is_hidden_member(member: zipfile.ZipInfo) -> bool:
    """Folders, and what programs leave behind beside the files of people."""
    name = member.filename.rsplit("/", 1)[-1]
    return member.is_dir() or name.startswith((".", "~$")) or member.filename.startswith("__MACOSX/")


def is_list(path: str) -> bool:
    """Whether a file is a list by its kind: a document alone is one record, which may be lost (e-invoices, rule 20)."""
    return not path.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".xml", ".zip"))
