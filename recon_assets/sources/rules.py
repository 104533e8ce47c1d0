"""Rules over whole rows, in SQL over the declared columns: which are rejected, which repeat, which are warned of."""

from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recon_assets.catalogue import FullKey, RowRule
from recon_assets.catalogue.model import Owner
from recon_assets.sources.values import registered


@dataclass(frozen=True)
class Rules:
    """The rules of one source. What is seen of a table stays on the connection until `begin` starts the next one."""

    rows: tuple[RowRule, ...] = ()
    repeats: FullKey = field(default_factory=FullKey)
    warnings: dict[str, str] = field(default_factory=dict)  # name -> SQL; $month is the first day of the month
    owner: dict[Owner, str] = field(default_factory=dict)  # columns that say whose a rejected row is

    def begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Forget the rows of the table before."""
        if self.repeats.expressions:
            connection.execute("create or replace temp table seen_keys (key uhugeint)")

    def broken(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> npt.NDArray[np.int64] | None:
        """Of each row the first rule that it breaks, or -1; None when there are no rules."""
        if not self.rows:
            return None
        cases = " ".join(f"when {rule.fails} then {n}" for n, rule in enumerate(self.rows))
        with registered(connection, "typed_rows", rows):
            found = connection.execute(f"select cast(case {cases} else -1 end as bigint) as rule from typed_rows")
            return np.asarray(found.fetchnumpy()["rule"], np.int64)

    def repeated(
        self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, is_good: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Which of the good rows repeat an earlier one of the same file or member."""
        if not self.repeats.expressions:
            return np.array([], np.int64)
        columns = ("source_file", *self.repeats.expressions)
        parts = ", ".join(f"coalesce(cast({sql} as varchar), chr(30))" for sql in columns)
        numbered = rows.append_column("row_number", pa.array(np.arange(rows.num_rows))).append_column(
            "is_good", pa.array(is_good)
        )
        with registered(connection, "typed_rows", numbered):
            connection.execute(
                "create or replace temp table new_keys as "
                f"select row_number, md5_number(concat_ws(chr(31), {parts})) as key from typed_rows where is_good"
            )
        repeated = connection.execute(
            "select own.row_number from seen_keys as seen inner join new_keys as own on seen.key = own.key union "
            "select own.row_number from new_keys as own inner join (select key, min(row_number) as first_number "
            "from new_keys group by key having count(*) > 1) as again on own.key = again.key "
            "where own.row_number > again.first_number order by 1"
        ).fetchnumpy()["row_number"]
        connection.execute(
            "insert into seen_keys select distinct key from new_keys"
            if len(repeated)
            else "insert into seen_keys select key from new_keys"
        )
        return np.asarray(repeated, np.int64)

    def warned(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, month: str) -> dict[str, int]:
        """How many rows each warning is of."""
        if not self.warnings:
            return {}
        counts = ", ".join(f"count(*) filter ({sql.replace('$month', month)})" for sql in self.warnings.values())
        with registered(connection, "typed_rows", rows):
            found = connection.execute(f"select {counts} from typed_rows").fetchall()[0]
        return dict(zip(self.warnings, found, strict=True))
