"""Publishing: months of a build whose blocking checks passed become what readers see, one commit per month."""

import datetime as dt
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb

from recon_assets.catalogue import SUBJECTS, source_windows
from recon_assets.catalogue.marts import Mart
from recon_assets.clock import Clock
from recon_assets.lakehouse.log import Closing, Publication
from recon_assets.lakehouse.published import MonthFiles, PublishedStore
from recon_assets.lakehouse.raw import RawStore
from recon_assets.lakehouse.settled import settle
from recon_assets.lakehouse.views import instant_sql, quoted
from recon_assets.months import add_months
from recon_assets.pipeline.build import Build
from recon_assets.pipeline.marts import CHANGES, marts_of, published_marts
from recon_assets.pipeline.plan import EINVOICES, required_kinds


@dataclass(frozen=True)
class MonthOutcome:
    """What publishing made of a month: its publication, or the reasons why it stays as it was.

    A closed month stays too, and that is no failure; `changes` counts the rows that would have changed. `numbers` are
    those of a publication: rows, open and decided ones, match rate in percent, and per currency the amounts of both
    sides, what right is more than left, and that of the open rows.
    """

    month: str
    publication: Publication | None
    reasons: list[str]
    window_status: str
    closing: Closing | None = None
    changes: int = 0
    numbers: Mapping[str, int | Decimal] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether it was refused for nothing but files that have not landed."""
        return self.window_status == "incomplete" and len(self.reasons) == 1


def publish_build(
    build: Build, published: PublishedStore, raw: RawStore, run_id: str, clock: Clock, memory_limit: str = "1600MB"
) -> Iterator[MonthOutcome]:
    """Publish each month of the build that may be, oldest first; a refused month does not hold up the others.

    Whatever an earlier run left of any subject is settled first. Sorting a month's rows takes `memory_limit` at most,
    as DuckDB writes it, and disk beyond.
    """
    settle(published, published_marts().values(), clock, memory_limit)
    with duckdb.connect(str(build.database), read_only=True, config={"memory_limit": memory_limit}) as connection:
        # Blocks are used again without a page fault for each 4 KB of them: a tenth of the processor time.
        connection.execute("set block_allocator_memory = '60%'")
        connection.execute("set timezone = 'UTC'")
        # No parameters here or below: DuckDB would import pandas to see what they are.
        connection.execute(f"set temp_directory = {quoted(str(build.database.with_suffix('.sorting')))}")
        statuses = dict(
            connection.execute(
                "select strftime(billing_month, '%Y-%m'), window_status from marts.month_status "
                f"where reconciliation = '{build.subject}'"
            ).fetchall()
        )
        for month in build.months:
            status = statuses.get(month, "incomplete")
            closing = published.closed().get((month, build.subject))
            if closing is not None:
                changes = _count_changes(connection, build, closing, published)
                yield MonthOutcome(month, None, [], status, closing, changes)
                continue
            reasons = refusals(build, month, status, raw)
            publication = None if reasons else _publish_month(connection, build, month, published, run_id, clock)
            numbers = _numbers(connection, build, month) if publication else {}
            yield MonthOutcome(month, publication, reasons, status, numbers=numbers)


def _numbers(connection: duckdb.DuckDBPyConnection, build: Build, month: str) -> dict[str, int | Decimal]:
    """What the summary of a month adds up to."""
    sums = "sum(row_count), sum(open_row_count), sum(decided_row_count)"
    agreeing = ", ".join(f"'{status}'" for status in SUBJECTS[build.subject].decided.agreeing)
    own = (
        "from marts.reconciliation_summary "
        f"where billing_month = date '{month}-01' and reconciliation = '{build.subject}'"
    )
    ((rows, opened, decided, agree),) = connection.execute(
        f"select {sums}, sum(row_count) filter (where status in ({agreeing})) {own}"
    ).fetchall()
    found: dict[str, int | Decimal] = {"rows": rows or 0, "open_rows": opened or 0, "decided_rows": decided or 0}
    if rows:
        found["match_rate_percent"] = round(Decimal(100 * (agree or 0)) / rows, 2)
    amounts = connection.execute(
        "select coalesce(currency, 'none'), sum(left_amount), sum(right_amount), "
        f"sum(right_amount - left_amount), sum(open_right_amount - open_left_amount) {own} group by 1 order by 1"
    ).fetchall()
    for currency, *sides in amounts:
        for name, amount in zip(("left", "right", "difference", "open_difference"), sides, strict=True):
            found[f"{name}_{currency}"] = Decimal(amount or 0)
    return found


def refusals(build: Build, month: str, window_status: str, raw: RawStore) -> list[str]:
    """Why a month may not be published; empty when it may.

    A month is refused when a required source of its own has not landed, when the last load of a month of its window
    failed its audit, or when one of its blocking dbt tests failed.
    """
    reasons = []
    if window_status == "incomplete":
        absent = [k for k in required_kinds(build.subject) if all(raw.read(s, month) is None for s in k.sources)]
        missing = " and ".join(" or ".join(kind.sources) for kind in absent)
        text = f"no file of {missing or 'a required source'} is loaded for {month}"
        if any(EINVOICES in kind.sources for kind in absent):
            text += "; from the month that RECON_EINVOICES_EXPECTED_FROM names on it would be published provisionally"
        reasons.append(text)
    for window in source_windows(build.subject):
        for offset in range(window.from_offset, window.to_offset + 1):
            failed = raw.read_failed(window.source, add_months(month, offset))
            if failed is not None:
                reasons.append(f"{failed.source} {failed.month} failed its audit: {'; '.join(failed.problems)}")
    reasons += [f"test {c.name} failed on {c.failures} rows" for c in build.failed_checks(month) if c.blocking]
    return reasons


def _count_changes(
    connection: duckdb.DuckDBPyConnection, build: Build, closing: Closing, published: PublishedStore
) -> int:
    """Rows whose status or difference in the build is not what readers of the closed month see."""
    before = published.current().get((closing.month, build.subject))
    sql = _Stamp(build, closing.month, closing.run_id, closing.recorded_at).changes_sql(before, published.root)
    with published.tables.bring(_compared_files(build.subject, before)):
        return int(connection.execute(f"select count(*) from ({sql})").fetchall()[0][0])


def _publish_month(
    connection: duckdb.DuckDBPyConnection,
    build: Build,
    month: str,
    published: PublishedStore,
    run_id: str,
    clock: Clock,
) -> Publication:
    """Write every mart first: what is committed one by one then lies within an instant."""
    with published.publishing():
        before = published.current().get((month, build.subject))
        published_at = clock()
        if before is not None:  # a clock that was set back must not hide the newer publication
            published_at = max(published_at, before.published_at + dt.timedelta(microseconds=1))
        stamp = _Stamp(build, month, run_id, published_at)
        rows = {mart: stamp.month_sql(mart, connection) for mart in marts_of(build.subject)}
        with published.tables.bring(_compared_files(build.subject, before)):
            rows[CHANGES] = [stamp.changes_sql(before, published.root)]
            written = _write_marts(connection, build.subject, month, published, rows)
        marts = {files.mart.name: published.commit_month(files) for files in written}
        publication = Publication(
            month, build.subject, run_id, published_at, marts, late_pairs=build.late_pairs.get(month, "")
        )
        published.record(publication)
        return publication


def _write_marts(
    connection: duckdb.DuckDBPyConnection,
    subject: str,
    month: str,
    published: PublishedStore,
    rows: Mapping[Mart, list[str]],
) -> list[MonthFiles]:
    """Write the rows of every mart, those that are spread beside the others.

    To keep the order, several threads of DuckDB each collect all that the 122,880 rows of a piece of a table are spread
    to, gigabytes; one writes as it reads, in three fifths of the processor time. So either chain has one.
    """

    def write(marts: list[Mart]) -> list[MonthFiles]:
        with connection.cursor() as own:
            return [published.write_month(mart, month, subject, own, *rows[mart]) for mart in marts]

    spread = [mart for mart in rows if mart.is_spread]
    others = [mart for mart in rows if not mart.is_spread]
    if not spread:
        return write(others)
    connection.execute("set threads = 1")
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="publishing") as pool:
        written = [files for made in pool.map(write, (spread, others)) for files in made]
    connection.execute("reset threads")
    return written


def _compared_files(subject: str, before: Publication | None) -> list[str]:
    """Files of the publication before that `reconciliation_changes` looks into."""
    compared = [mart.name for mart in marts_of(subject) if mart.status]
    return [file for name in compared if before and name in before.marts for file in before.marts[name].files]


@dataclass(frozen=True)
class _Stamp:
    """SQL that reads one month of a build as it is to be published, with what only the publication knows."""

    build: Build
    month: str
    run_id: str
    published_at: dt.datetime

    def _known(self) -> dict[str, str]:
        checks = [check for check in self.build.checks if check.month == self.month]
        passed = sum(check.passed for check in checks)
        return {
            "published_at": instant_sql(self.published_at),
            "run_id": f"cast('{self.run_id}' as enum('{self.run_id}'))",
            "checks_passed": f"cast({passed} as bigint)",
            "checks_failed": f"cast({len(checks) - passed} as bigint)",
        }

    def month_sql(self, mart: Mart, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Its rows in the order of the grain, file by file: sorted, where a build does not have them so.

        What is the same in all of them is added after they are sorted.
        """
        known = self._known()
        columns = ", ".join(f"{known.get(c.name, c.name)} as {c.name}" for c in mart.columns)
        sorted_columns = ", ".join(c.name for c in mart.columns if c.name not in known)
        own, same = f"billing_month = date '{self.month}-01'", {"billing_month"}
        if mart.is_shared:
            own, same = own + f" and reconciliation = '{self.build.subject}'", same | {"reconciliation"}
        order = ", ".join(name for name in mart.grain if name not in same) or "billing_month"
        parts = ["true"]
        if mart.file_per:
            sql = f"select distinct {mart.file_per} from marts.{mart.name} where {own} order by 1"
            parts = [f"{mart.file_per} = '{value}'" for (value,) in connection.execute(sql).fetchall()]
        rows = f"select {sorted_columns} from marts.{mart.name} where {own}"
        sort = "" if mart.is_in_order else f" order by {order}"
        return [f"select {columns} from ({rows} and {part}{sort})" for part in parts]

    def changes_sql(self, before: Publication | None, root: Path) -> str:
        compared = [mart for mart in marts_of(self.build.subject) if mart.status]
        known = self._known()
        parts = [self._changes_of(mart, before, root) for mart in compared]
        columns = ", ".join(f"cast({known.get(c.name, c.name)} as {c.sql_type}) as {c.name}" for c in CHANGES.columns)
        return f"select {columns} from ({' union all '.join(parts)}) order by {', '.join(CHANGES.grain)}"

    def _changes_of(self, mart: Mart, before: Publication | None, root: Path) -> str:
        had = f"select reconciliation_key, {mart.status} as status, {mart.difference} as difference"
        now = f"{had} from marts.{mart.name} where billing_month = date '{self.month}-01'"
        files = before.marts[mart.name].files if before and mart.name in before.marts else []
        listed = ", ".join("'" + str(root / file).replace("'", "''") + "'" for file in files)
        then = f"{had} from read_parquet([{listed}])" if files else f"{now} and false"
        # The first publication of a month changes nothing: there is no version before it.
        since = instant_sql(before.published_at) if before else "null"
        return f"""
            select date '{self.month}-01' as billing_month, '{self.build.subject}' as reconciliation,
                reconciliation_key,
                case when old.status is null then 'new' when new.status is null then 'gone' else 'changed' end
                    as change,
                old.status as status_from, new.status as status_to,
                old.difference as difference_from, new.difference as difference_to, {since} as published_before_at
            from ({then}) as old full outer join ({now}) as new using (reconciliation_key)
            where {"true" if before else "false"} and (
                old.status is distinct from new.status or old.difference is distinct from new.difference)
        """
