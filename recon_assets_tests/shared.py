"""Specifications and official samples that lie beside the repository, for the tests that need them."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Read when tests are collected: the tests themselves run without RECON_* of the shell.
SHARED = Path(os.environ.get("RECON_SHARED", REPOSITORY.parent / "shared"))
