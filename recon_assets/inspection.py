"""`recon inspect`: what a file would be taken for and how it would be read; nothing of it reaches the home.

The file is loaded as any other, with the landing zone's profiles and the month's own files beside it, in a folder that
is thrown away: what is told is what a load will do.
"""

import csv
import datetime as dt
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from recon_assets.azure.urls import is_azure
from recon_assets.catalogue import SOURCES, SUBJECTS, Source
from recon_assets.errors import FileProblem, InputError
from recon_assets.lakehouse.raw import LoadedFile, RawStore
from recon_assets.landing.cost_exports import COMPARISONS
from recon_assets.landing.discovery import discover, month_of_file
from recon_assets.landing.manifests import Part
from recon_assets.landing.profiles import FOLDER, is_profile, parse_profile, profile_of, profile_text, read_profiles
from recon_assets.landing.store import FolderStore, LandedFile
from recon_assets.landing.writer import LandingWriter
from recon_assets.months import is_month
from recon_assets.platform import Platform
from recon_assets.sources.convert import Frame, Origin, convert
from recon_assets.sources.hints import hints_of
from recon_assets.sources.intake.dates import ORDERS, DateOrder, Split, written
from recon_assets.sources.intake.headings import NoHeading
from recon_assets.sources.intake.numbers import MARKS
from recon_assets.sources.intake.tables import ListTable
from recon_assets.sources.lists import RegularTable
from recon_assets.sources.loading import load_month
from recon_assets.sources.members import members_of
from recon_assets.sources.readers import Opened, by_intake, open_file, rules_of
from recon_assets.sources.stream import Table
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.usage_files import SetAsideError, open_usage_file
from recon_assets.sources.values import connect
from recon_assets.visible import visible

_SHOWN_ROWS = 5
_NO_FACTS = dict.fromkeys(("kind", "invoice", "export_id", "submitted_at"))
_NEVER = "2000-01-01 00:00:00"  # when a file was loaded that is only looked at
_ANY_MONTH = "2000-01"  # of a file whose month is asked for
_SHOWN_LETTERS = 150  # of a value
_ATTEMPTS = 6
# Entries of a profile that nothing of a file tells: what is open, and what may be said.
_GUESSED = {
    "date_order": "no date tells whether the day or the month stands first",
    "decimal_mark": "no number tells which mark is the decimal one",
}
_CHOICES = {"date_order": ORDERS, "decimal_mark": MARKS}
_DATING = ("issued_at", "document_date", "invoice_date", "charge_start_date", "usage_date")
_JSON = (".json", ".jsonl", ".ndjson")
_NOT_SHOWN = {"content_hash", "loaded_at", "billing_month", "raw_row", "source", "month", "source_file"}
Landing = Literal["landed", "replaced", "unchanged"]
_WORDS = {"erp_sales_register": ("sale", "jual"), "erp_purchase_register": ("purchase", "beli")}


@dataclass
class Report:
    """What would become of one file."""

    file: Path
    source: str | None = None
    why: str = ""  # it is taken for that source
    month: str | None = None
    landing_path: str | None = None  # where it belongs
    profile: str | None = None
    loaded: LoadedFile | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    repeats: str | None = None

    @property
    def is_readable(self) -> bool:
        return self.loaded is not None and not self.problems


def inspect_file(
    platform: Platform, file: Path, source: str | None, month: str | None, profile: str = "", subfolder: str = ""
) -> Report:
    """The report on one file; `profile` is the text of a profile that is not landed yet.

    `subfolder` is one of the source's, such as received; without it the one that the file's path names, else the first.
    """
    report = Report(file)
    if not file.is_file():
        raise InputError(f"{file} is no file.")
    with _trial(platform, profile) as trial:
        _place(report, platform, trial, source, month, subfolder)
        if report.source is None or report.month is None or report.landing_path is None:
            return report
        target = trial.settings.landing / report.landing_path
        target.parent.mkdir(parents=True, exist_ok=True)
        _bring_landed(platform, trial, report.source, report.month)
        shutil.copyfile(file, target)
        _load(report, trial)
    return report


@contextmanager
def _trial(platform: Platform, profile: str) -> Iterator[Platform]:
    """A platform of its own, thrown away afterwards, with the landing zone's profiles."""
    with tempfile.TemporaryDirectory(prefix="recon-inspect-") as folder:
        home = Path(folder)
        settings = platform.settings.model_copy(update={"home": home, "landing_url": None, "published_url": None})
        settings.landing.mkdir()
        landed = platform.landing.list_files(FOLDER) if platform.landing.exists() else ()
        for told in [told for told in landed if is_profile(told.path)]:
            with platform.landing.open_local(told) as path:
                _copy(path, settings.landing / told.path)
        if profile:
            target = settings.landing / FOLDER / "!inspected.toml"  # before all others
            target.parent.mkdir(exist_ok=True)
            target.write_text(profile, encoding="utf-8")
        store, raw = FolderStore(settings.landing), RawStore(settings.raw)
        yield Platform(settings, store, raw, platform.published, platform.clock)


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _place(
    report: Report, platform: Platform, trial: Platform, source: str | None, month: str | None, subfolder: str
) -> None:
    """Source, month and place of the file; what cannot be told is a problem."""
    landed = _landed_path(platform, report.file)
    known = next((s for s in SOURCES.values() if landed and month_of_file(s, landed)), None)
    if known is not None and source in (None, known.name):
        report.source, report.why, report.landing_path = known.name, f"it lies in {known.prefix}", landed
        report.month = month_of_file(known, landed or "")
        return
    chosen = _source_of(report, trial, source)
    if chosen is None:
        return
    try:
        report.month = month or _month_in_name(chosen, report.file) or _month_of_rows(chosen, report.file, trial)
    except FileProblem as problem:
        told = str(problem).replace(_path_in(chosen, _ANY_MONTH, report.file.name), report.file.name)
        report.problems.append(told)
        return
    if report.month is None or not is_month(report.month):
        report.problems.append("no month could be told from the file; name it with --month")
        return
    named = (folder for folder in chosen.subfolders if folder in str(report.file).lower())
    report.landing_path = _path_in(chosen, report.month, report.file.name, subfolder or next(named, ""))
    if chosen.manifests == "cost":
        report.landing_path = (
            f"{chosen.prefix}{_kind_of_export(chosen, report, trial)}/{report.month}/{report.file.name}"
        )


def _kind_of_export(source: Source, report: Report, trial: Platform) -> str:
    """The folder of a cost export: by its columns or its profile, else actual costs."""
    try:
        (_, frame), *_ = _open(source, report.file, report.month or "", trial).tables
    except FileProblem:  # its load will tell
        return "actual_cost"
    return next(kind for kind, name in COMPARISONS.items() if name == frame.context["comparison"])


def _landed_path(platform: Platform, file: Path) -> str | None:
    """The path below the landing root of a file that lies there; None for any other, and for a root on Azure."""
    if is_azure(platform.settings.landing_url):
        return None
    root, resolved = platform.settings.landing.resolve(), file.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None


def _source_of(report: Report, trial: Platform, source: str | None) -> Source | None:
    if source is not None:
        report.source, report.why = source, "it was named"
        return SOURCES[source]
    for known in SOURCES.values():
        if month_of_file(known, f"{known.prefix}{report.file.name}") is not None:
            report.source, report.why = known.name, "its name says so"
            return known
    fitting = [known for known in SOURCES.values() if _fits(known, report.file, trial)]
    if len(fitting) > 1:  # registers and lists of e-invoices have the same columns
        fitting = [known for known in fitting if _is_named(known, report.file)] or fitting
    if len(fitting) == 1:
        report.source, report.why = fitting[0].name, "its columns are those of that source"
        return fitting[0]
    if fitting:
        names = ", ".join(known.name for known in fitting)
        report.problems.append(f"it may be {names}; say which with --source")
    else:
        report.problems.append(_why_none(report.file, trial))
    return None


def _why_none(file: Path, trial: Platform) -> str:
    """The sources whose columns the file has most of, and what it lacks of them."""
    found: dict[str, NoHeading] = {}
    for known in SOURCES.values():
        if file.name.lower().endswith(known.suffixes) and known.name not in SUBJECTS[known.subject].shown:
            try:
                _open(known, file, _ANY_MONTH, trial)
            except NoHeading as problem:
                found[known.name] = problem
            except (FileProblem, SetAsideError):
                continue
    most = max((problem.bound for problem in found.values()), default=0)
    near = {name: problem.missing for name, problem in found.items() if problem.bound == most}
    told = "; ".join(f"{name} (it lacks {missing})" for name, missing in near.items())
    if not most:
        return f"its columns fit no source: {', '.join(SOURCES)}; say which with --source"
    return f"its columns fit no source. Nearest: {told}. Say which with --source, which tells more"


def _fits(source: Source, file: Path, trial: Platform) -> bool:
    """Whether the file is one of the source by its ending and its columns; what else is open does not matter.

    One that is only shown has the columns of another: it is told by its folder, or by whoever asks.
    """
    if source.name in SUBJECTS[source.subject].shown or not file.name.lower().endswith(source.suffixes):
        return False
    try:
        opened = _open(source, file, _ANY_MONTH, trial)
        return not file.name.lower().removesuffix(".gz").endswith(_JSON) or _gives_rows(source, opened)
    except SetAsideError:
        return False
    except FileProblem as problem:
        return bool(problem.mend) and not isinstance(problem, NoHeading)


def _gives_rows(source: Source, opened: Opened) -> bool:
    """Whether a record of the file becomes a row: JSON has no headings that would tell."""
    with tempfile.TemporaryDirectory(prefix="recon-inspect-") as folder, closing(connect()) as connection:
        targets = Path(folder, "rows.parquet"), Path(folder, "quarantine.parquet")
        found = [convert(connection, t, f, rules_of(source.name), *targets) for t, f in _settled(opened)]
    return any(converted.rows for converted in found)


def _is_named(source: Source, file: Path) -> bool:
    """Whether the file's name, or a folder's that it lies in, says that it is one of the source."""
    return any(word in str(file).lower() for word in _WORDS.get(source.name, ()))


def _open(source: Source, file: Path, month: str, trial: Platform) -> Opened:
    """The file opened as one of the source; FileProblem as its reader raises it."""
    profiles = read_profiles(
        [f for f in trial.landing.list_files(FOLDER) if is_profile(f.path)], trial.landing, source.name
    )
    path, settings = _path_in(source, month, file.name), trial.settings
    limits = UnpackLimits(settings.max_unpack_ratio, settings.max_unpacked_bytes)
    origin = Origin(source.name, month, path, "", _NEVER)
    if source.reader == "usage":
        part = Part(LandedFile(path, file.stat().st_size, "", 0), _NO_FACTS, is_loose=True)
        usage = open_usage_file(source.name, part, file, origin, limits, profile_of(path, profiles))
        return Opened([(usage.table, usage.frame)])
    file = _first_member(file, trial, limits) if source.reader == "delimited" else file
    return open_file(source.name, file, origin, limits, hints_of(month, settings), profile_of(path, profiles))


def _first_member(file: Path, trial: Platform, limits: UnpackLimits) -> Path:
    """The file itself; of a zip its first member, which stands for all of them, kept as long as the trial is."""
    with members_of(file, file.name, limits, trial.settings.home) as members:
        first = next(iter(members.files.values()))
        if first == file:
            return file
        with tempfile.NamedTemporaryFile(dir=trial.settings.home, suffix=first.suffix, delete=False) as kept:
            shutil.copyfile(first, kept.name)
        return Path(kept.name)


def _settled(opened: Opened) -> list[tuple[Table, Frame]]:
    """The tables with everything decided; FileProblem for what a file leaves open."""
    return [by_intake(t, f) if isinstance(t, RegularTable) else (t, f) for t, f in opened.tables]


def _path_in(source: Source, month: str, name: str, subfolder: str = "") -> str:
    """Where a file of the source belongs."""
    if source.month_from == "file_name":
        named = f"{source.prefix}{name}"
        return named if month_of_file(source, named) else f"{source.prefix}{month}/{source.file_kind}/{name}"
    chosen = subfolder if subfolder in source.subfolders else source.subfolders[0] if source.subfolders else ""
    below = f"{chosen}/" if chosen else ""
    kind = "actual_cost/" if source.month_from == "manifest" else ""
    return f"{source.prefix}{below}{kind}{month}/{name}"


def _month_in_name(source: Source, file: Path) -> str | None:
    named = month_of_file(source, f"{source.prefix}{file.name}")
    return named or next((part for part in reversed(file.parts) if is_month(part)), None)


def _month_of_rows(source: Source, file: Path, trial: Platform) -> str | None:
    """The month in which most rows are dated, by what a profile would mend if need be.

    FileProblem when nothing would, and when the order of day and month is open and each puts the rows elsewhere.
    """
    try:
        tables = _settled(_open(source, file, _ANY_MONTH, trial))
    except FileProblem:
        wanted = _mended(trial, file, source.name, _ANY_MONTH)
        if wanted is None:
            raise
        months = (
            _months_either_way(source, file, trial, wanted)
            if "date_order" in wanted
            else _months_by(source, file, trial, wanted)
        )
    else:
        months = _months_as_written(source, file, tables)
    return months.most_common(1)[0][0] if months else None


def _months_as_written(source: Source, file: Path, tables: list[tuple[Table, Frame]]) -> Counter[str]:
    """The months of the rows. FileProblem where those of Microsoft, written with the month first, are of one month with
    the day first alone: a spreadsheet may have written them anew."""
    months = _months(source, tables)
    if source.dialect != "typed" and len(months) > 1:
        by_order: dict[DateOrder, Counter[str]] = {
            "month_first": months,
            "day_first": _months(source, tables, "day_first"),
        }
        if len(by_order["day_first"]) == 1:
            raise _open_month(_path_in(source, _ANY_MONTH, file.name), by_order)
    return months


def _months_either_way(source: Source, file: Path, trial: Platform, wanted: dict[str, Any]) -> Counter[str]:
    """The months of rows whose order is open: those of both readings, or of the one that gives a single month."""
    by_order = {order: _months_by(source, file, trial, wanted | {"date_order": order}) for order in ORDERS}
    if by_order[ORDERS[0]] == by_order[ORDERS[1]]:
        return by_order[ORDERS[0]]
    whole = [found for found in by_order.values() if len(found) == 1]
    if len(whole) != 1:
        raise _open_month(_path_in(source, _ANY_MONTH, file.name), by_order)
    return whole[0]


def _open_month(path: str, by_order: Mapping[DateOrder, Counter[str]]) -> FileProblem:
    told = "; ".join(
        f"{order.replace('_', ' ')} its rows are of {', '.join(f'{m} ({n:,})' for m, n in found.most_common(4))}"
        for order, found in by_order.items()
    )
    return FileProblem(
        path, f"no date tells whether the day or the month stands first: {told}. Say which month it is with --month"
    )


def _months_by(source: Source, file: Path, trial: Platform, wanted: dict[str, Any]) -> Counter[str]:
    """The months of the rows as a profile reads them."""
    with _trial(trial, profile_text(wanted)) as mended:
        return _months(source, _settled(_open(source, file, _ANY_MONTH, mended)))


def _months(source: Source, tables: list[tuple[Table, Frame]], order: DateOrder | None = None) -> Counter[str]:
    """How many rows are dated in each month, in an order or as the source has it (Microsoft's: the month first)."""
    is_day_first = order == "day_first" if order else source.dialect == "typed"
    first, second = ORDERS if is_day_first else ORDERS[::-1]
    months = Counter[str]()
    for table, frame in tables:
        dating = next((column for column in _DATING if column in frame.bound), "")
        for block in table.blocks({frame.bound[dating]}) if dating else ():
            for text in block.texts[frame.bound[dating]].to_pylist():
                found = written(text) if text else None
                day = (found.day(first) or found.day(second)) if isinstance(found, Split) else found
                if isinstance(day, dt.date):
                    months[f"{day:%Y-%m}"] += 1
    return months


def _bring_landed(platform: Platform, trial: Platform, source: str, month: str) -> None:
    """The files that have landed of the month already: the inspected one may repeat one of them."""
    if not platform.landing.exists():
        return
    for file in discover(platform.landing, source).get(month, []):
        if not is_profile(file.path):
            with platform.landing.open_local(file) as path:
                _copy(path, trial.settings.landing / file.path)


def _load(report: Report, trial: Platform) -> None:
    assert report.source and report.month and report.landing_path
    files = discover(trial.landing, report.source).get(report.month, [])
    if not any(file.path == report.landing_path for file in files):
        report.problems.append(f"{report.landing_path} would not be read: its name is not one of {report.source}")
        return
    profiles = read_profiles([f for f in files if is_profile(f.path)], trial.landing, report.source)
    profile = profile_of(report.landing_path, profiles)
    report.profile = profile.name if profile else None
    load = load_month(report.source, report.month, files, trial.landing, trial.raw, trial.settings, trial.clock)
    report.problems += load.problems
    if load.raw_month is not None:
        report.loaded = next(file for file in load.raw_month.files if file.path == report.landing_path)
        aside = [t.set_aside for t in report.loaded.tables if t.set_aside and t.set_aside.startswith("repeats")]
        report.repeats = report.loaded.duplicate_of or (aside[0].removeprefix("repeats ") if aside else None)
        tables = load.raw_month.tables["rows"]
        report.rows = _of_file(report.landing_path, [trial.raw.root / path for path in tables])
    report.rejected = _of_file(report.landing_path, trial.raw.rejected_files(report.source, report.month))


def _of_file(path: str, tables: list[Path]) -> list[dict[str, Any]]:
    """The first rows that came of the file, its sheets and members included."""
    found: list[dict[str, Any]] = []
    for table in tables:
        for row in pq.read_table(table).slice(0, 10 * _SHOWN_ROWS).to_pylist():
            if str(row["source_file"]).startswith(path) and len(found) < _SHOWN_ROWS:
                found.append(row)
    return found


def land_inspected(writer: LandingWriter, report: Report, replace: bool = False) -> Landing:
    """Put an inspected file where it belongs. One with other content is replaced only when that was asked for."""
    if not report.is_readable or report.landing_path is None:
        raise InputError(f"{report.file.name} would not be read, so it does not land: {'; '.join(report.problems)}")
    return land_at(writer, report.landing_path, report.file, replace)


def land_at(writer: LandingWriter, path: str, content: Path | bytes, replace: bool = False) -> Landing:
    """Write a file of the landing zone unless it is there already; InputError when another one is, and may stay."""
    held = writer.list_sizes(path.rpartition("/")[0]).get(path)
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    if held == size and writer.read_bytes(path) == (content.read_bytes() if isinstance(content, Path) else content):
        return "unchanged"
    if held is not None and not replace:
        raise InputError(
            f"{path} is there already with other content ({held:,} bytes). Give the file another name, or say that it "
            "is to be replaced."
        )
    writer.put(path, content)
    return "landed" if held is None else "replaced"


def template(source: Source) -> str:
    """A CSV file with the headings of a source, as a file must or may have them, and one record as an example."""
    columns = [column for column in source.columns if column.heading != "derived"]
    columns = [column for column in columns if column.heading == "required" or column.name in source.example]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.aliases[0].removeprefix("~") for column in columns])
    writer.writerow([source.example.get(column.name, "") for column in columns])
    return text.getvalue()


def shown_rows(rows: list[dict[str, Any]]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Rows for people: where each stands, and each column that has a value in one of them with its values."""
    if not rows:
        return [], []
    names = [name for name in rows[0] if not name.endswith("_key") and name not in _NOT_SHOWN]
    filled = [name for name in names if any(row[name] is not None for row in rows)]
    shown = [(name, [_shown(row[name]) for row in rows]) for name in filled]
    return [f"row {row['source_line'] or row['source_row']}" for row in rows], shown


def _shown(value: object) -> str:
    """A value for people: amounts without the zeros that raw months keep."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)[:_SHOWN_LETTERS]


def draft_profile(platform: Platform, source: str, file: Path, month: str) -> str:
    """The text that a profile of a file begins with where nothing tells what it has to say: the paths that it is for,
    their source, and as comments what may be said of its headings."""
    lines = [f"# What {file.name} does not tell. Take the # away from what applies, and put in what is right."]
    lines += profile_text(_first_entries(source, file)).splitlines()
    try:
        with _trial(platform, "") as trial:
            tables = [table for table, _ in _settled(_open(SOURCES[source], file, month, trial))]
        free = [text for table in tables if isinstance(table, ListTable) for text in table.facts.unbound]
        missing = [column.name for column in SOURCES[source].columns if column.heading == "optional"]
    except NoHeading as problem:
        free, missing = list(problem.free), list(problem.missing_columns)
    except (FileProblem, SetAsideError) as problem:
        return "\n".join([*lines, *(f"# {line}" for line in str(problem).splitlines())]) + "\n"
    lines += ["", "[columns]", f"# Headings that nothing reads: {visible(', '.join(free)) or 'none'}."]
    lines += [f'# "<heading>" = "{column}"' for column in missing]
    lines += ["", "[constants]", '# currency_code = "MYR"'] if SOURCES[source].reader == "register" else []
    return "\n".join(lines) + "\n"


def _first_entries(source: str, file: Path) -> dict[str, Any]:
    return {"match": [_path_in(SOURCES[source], "*", file.name)], "source": source}


def mending_profile(platform: Platform, file: Path, source: str, month: str) -> str | None:
    """The text of a profile with which the file is read; None when no choice makes it readable.

    What only a guess would say (the order of day and month, the decimal mark) stands in it as a comment.
    """
    wanted = _mended(platform, file, source, month)
    if wanted is None:
        return None
    guessed = {key: wanted.pop(key) for key in _GUESSED if key in wanted}
    text = profile_text(wanted)
    parse_profile("profile", text)
    comments = [f"# {_GUESSED[key]}: take the # away from the right one" for key in guessed]
    comments += [f'# {key} = "{value}"' for key in guessed for value in _CHOICES[key]]
    first, *rest = text.splitlines()
    return "\n".join([first, *comments, *rest]) + "\n" if guessed else text


def _mended(platform: Platform, file: Path, source: str, month: str) -> dict[str, Any] | None:
    """The entries of a profile with which the file is read; None when no choice makes it readable."""
    known = SOURCES[source]
    wanted = _first_entries(source, file)
    for _ in range(_ATTEMPTS):
        with _trial(platform, profile_text(wanted)) as trial:
            try:
                for table, frame in _settled(_open(known, file, month, trial)):
                    next(iter(table.blocks(set(frame.bound.values()))), None)
            except FileProblem as problem:
                if not problem.mend or not any(problem.mend.values()):
                    return None
                for key, value in problem.mend.items():
                    wanted[key] = wanted.get(key, {}) | value if isinstance(value, dict) else value
                continue
        return wanted
    return None
