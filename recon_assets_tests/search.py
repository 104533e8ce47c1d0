"""What `make test` leaves to `make search`: long searches, and more examples than the few that guard a promise."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

# Read when tests are collected: the tests themselves run without RECON_* of the shell.
SEARCHING = os.environ.get("RECON_SEARCH") == "1"


def examples(few: int, many: int) -> int:
    """How many examples a property is tried with."""
    return many if SEARCHING else few


def guarded_by(kept: Iterable[Any], of: Iterable[Any]) -> list[Any]:
    """Values of a parameter of which `make test` takes those of `kept` and `make search` all."""
    kept = list(kept)
    return [value if value in kept else _searched(value) for value in of]


def _searched(value: Any) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.search)
