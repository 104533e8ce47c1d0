"""Days that Arrow casts are those that the macros of conversions.sql read."""

import pyarrow as pa
import pytest

from recon_assets.sources.values import Dialect, Values, connect

DIALECTS = [Dialect(), Dialect(day_first=False), Dialect(day_first=True)]


@pytest.mark.parametrize("dialect", DIALECTS, ids=["undecided", "month first", "day first"])
@pytest.mark.parametrize(
    "texts",
    [
        ["2025-01-02", "2024-02-29", None], ["2025-01-02", "03/04/2025"], ["12/31/2999", "01/13/2025"], ["2025-02-30", "2025-01-02"],
        ["13/01/2025", "01/02/2025"], ["00/10/2025"], ["2025-01-02\n"], ["0001-01-01", "9999-12-31"], [None], [],
    ],
)  # fmt: skip
def test_days_of_a_plain_form_are_read_as_each_alone(texts: list[str | None], dialect: Dialect) -> None:
    values = Values(connect())
    days = values.days(pa.array(texts, pa.string()), dialect)
    beside = pa.array([*texts, "soon"], pa.string())  # no day: all go through the macros
    assert days.type == pa.date32()
    assert [*days.to_pylist(), None] == values.days(beside, dialect).to_pylist()
