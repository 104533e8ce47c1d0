"""Sample landing files of every source, with known discrepancies planted, and `expected.json` that names them.

What belongs here: invented input files as the systems really write them, and what a right reconciliation finds in
them. What does not: reading, checking or reconciling files. One package per subject (`SUBJECTS`), whose `write`
takes landing folder, months, seed and scale and returns its part of the expectation.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from recon_assets.errors import InputError
from recon_assets.sample import einvoices, subscriptions, usage
from recon_assets.sample.terms import consecutive

Write = Callable[[Path, list[str], int, int], dict[str, Any]]

SUBJECTS: dict[str, Write] = {
    "subscriptions": subscriptions.write,
    "usage": usage.write,
    "einvoices": einvoices.write,
}


def write_sample(landing: Path, months: Sequence[str], seed: int = 7, scale: int = 1) -> dict[str, Any]:
    """Writes sample files of the consecutive `months` (`YYYY-MM`) below `landing`, and `expected.json` beside it.

    The same arguments give the same bytes. `scale` multiplies what is plain, never what is planted. Returns the
    content of `expected.json`: seed, scale, months and one entry per subject. Raises InputError for months that
    are none or do not follow each other, and for a scale below 1.
    """
    if scale < 1:
        raise InputError(f"The scale of a sample is 1 or more, not {scale}.")
    wanted = consecutive(months)
    expectation: dict[str, Any] = {"seed": seed, "scale": scale, "months": wanted}
    for subject, write in SUBJECTS.items():
        expectation[subject] = write(landing, wanted, seed, scale)
    text = json.dumps(expectation, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (landing.parent / "expected.json").write_bytes(text.encode("utf-8"))
    return expectation
