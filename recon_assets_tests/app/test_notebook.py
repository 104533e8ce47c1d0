"""The notebook of docs/bi.md runs as it stands."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = json.loads((Path(__file__).parents[2] / "docs" / "published.ipynb").read_text(encoding="utf-8"))


def test_every_cell_of_the_notebook_runs_and_shows_the_published_rows(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_HOME", str(tmp_path))
    monkeypatch.setenv("RECON_PUBLISHED_URL", str(published))
    names: dict[str, Any] = {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "published.ipynb", "exec"), names)
    assert len(names["months"]) > 0
    assert len(names["steps"]) > 0
    assert all(isinstance(amount, Decimal) for amount in names["open_rows"]["cost_difference"].dropna())


def test_the_notebook_is_one_by_its_format_and_keeps_no_output() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["metadata"]["kernelspec"]["language"]) == (4, "python")
    assert {cell["cell_type"] for cell in NOTEBOOK["cells"]} == {"code", "markdown"}
    assert not any(cell["outputs"] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")
