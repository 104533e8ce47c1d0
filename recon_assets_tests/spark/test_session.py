"""What the session of profiles.yml does with numbers."""

from typing import Any

import pytest

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


def test_decimals_are_compared_in_every_place(session: Any) -> None:
    difference, allowed = "cast(0.01012 as decimal(38, 12))", "cast(1 as bigint) * cast(0.01 as decimal(18, 3))"
    (row,) = session.sql(f"select {difference} <= {allowed} as is_rounding").collect()
    assert not row.is_rounding
