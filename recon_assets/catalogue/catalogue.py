"""The declarations put together: every source and subject by name."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from recon_assets.catalogue.checks import problems_between, problems_of_source, problems_of_subject
from recon_assets.catalogue.model import Column, ComparedMart, Source, Subject
from recon_assets.catalogue.reading import CatalogueError, Declaration, Place, read_source, read_subjects

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class SourceWindow:
    """Months of a source that a month of a subject is compared with, as offsets; the rows of the seed source_windows.

    `required`: without this source a month is incomplete.
    """

    subject: str
    source: str
    from_offset: int
    to_offset: int
    required: bool

    @property
    def offsets(self) -> range:
        return range(self.from_offset, self.to_offset + 1)


def read_catalogue(folder: Path) -> tuple[dict[str, Source], dict[str, Subject]]:
    """Sources and subjects of a folder of declarations, in the order of subjects.yml; CatalogueError at a mistake."""
    subjects = read_subjects(folder / "subjects.yml")
    sources: dict[str, tuple[Declaration, Source]] = {}
    for declaration, subject in subjects.values():
        for place, message in problems_of_subject(subject):
            raise declaration.error(place, message)
        for name in subject.sources:
            sources[name] = _checked_source(folder / "sources" / f"{name}.yml", declaration, subject)
    undeclared = sorted({path.stem for path in (folder / "sources").glob("[!_]*.yml")} - sources.keys())
    if undeclared:
        raise CatalogueError(f"{undeclared[0]}.yml, line 1: no subject of subjects.yml names the source")
    for name, (place, message) in problems_between({name: source for name, (_, source) in sources.items()}):
        raise sources[name][0].error(place, message)
    return {name: source for name, (_, source) in sources.items()}, {n: subject for n, (_, subject) in subjects.items()}


def _checked_source(path: Path, subjects: Declaration, subject: Subject) -> tuple[Declaration, Source]:
    if not path.is_file():
        side = "left" if path.stem in subject.left.sources else "right"
        place: Place = ("shown",) if path.stem in subject.shown else (side, "sources")
        raise subjects.error(place, f"{path.stem} has no declaration {path.name}")
    declaration, source = read_source(path, subject.name)
    for place, message in problems_of_source(source):
        raise declaration.error(place, message)
    return declaration, source


SOURCES, SUBJECTS = read_catalogue(FOLDER)


def sources_of(subject: str) -> list[Source]:
    return [source for source in SOURCES.values() if source.subject == subject]


def compared_mart(mart: str) -> ComparedMart | None:
    """Status and difference of the rows of a mart; None for one whose rows have none."""
    return next((subject.marts[mart] for subject in SUBJECTS.values() if mart in subject.marts), None)


def right_less_left(mart: str, difference: Decimal | None) -> Decimal | None:
    """A mart's difference in the one direction that people are shown, whatever sign the mart's rules give it."""
    compared = compared_mart(mart)
    return -difference if difference and compared is not None and compared.is_left_less_right else difference


def columns_of(source: str) -> tuple[Column, ...]:
    """Declared columns of a source; those of its variant for `<source>.<variant>`."""
    name, _, variant = source.partition(".")
    return SOURCES[name].variants[variant] if variant else SOURCES[name].columns


def source_windows(subject: str) -> tuple[SourceWindow, ...]:
    """The windows of the sources that a subject compares."""
    return tuple(window for window in load_windows(subject) if window.source in SUBJECTS[subject].compared)


def load_windows(subject: str) -> tuple[SourceWindow, ...]:
    """The windows of all of a subject's sources, those that are only shown included."""
    required = SUBJECTS[subject].required
    return tuple(
        SourceWindow(subject, s.name, s.window.from_offset, s.window.to_offset, (s.name,) in required)
        for s in sources_of(subject)
    )
