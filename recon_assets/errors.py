"""Errors a person can act on. Anything else that is raised is a defect of ours and keeps its traceback."""

from collections.abc import Mapping
from typing import Any


class ReconError(Exception):
    """Base of errors whose text is shown as it is, without a traceback."""

    exit_code = 1


class InputError(ReconError):
    """A file, an argument or a setting is wrong; the text says which, and what to do."""

    exit_code = 2


class FileGone(ReconError):
    """A file is not there any more, or not in the version that was asked for."""


class NotListed(ReconError):
    """A folder of the landing zone cannot be listed: which files have landed is not known."""


class FileProblem(Exception):
    """Why one landed file cannot be read at all: file, place inside it (row 0 is the header), what to do.

    `mend` are the entries of a profile that would make it readable, where a choice is all that is missing.
    """

    def __init__(
        self,
        file: str,
        message: str,
        row: int | None = None,
        column: str | None = None,
        mend: Mapping[str, Any] | None = None,
    ) -> None:
        self.mend = dict(mend or {})
        where = "" if row is None else f", row {row}" if row else ", the heading"
        place = where + (f", column '{column}'" if column else "")
        super().__init__(f"{file}{place}: {message}")


class FileUnreadable(FileProblem, ReconError):
    """A landed file could not be opened, or changed meanwhile: what is in it is not known, now."""
