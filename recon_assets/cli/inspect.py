"""The command `recon inspect`: shows reports, writes a profile, lands files. Decides nothing."""

import sys
from pathlib import Path

import click

from recon_assets.catalogue import SOURCES
from recon_assets.landing.writer import LandingWriter, landing_writer
from recon_assets.months import parse_month
from recon_assets.settings import Settings

_SUBFOLDERS = sorted({folder for source in SOURCES.values() for folder in source.subfolders})


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", type=click.Choice(list(SOURCES)), help="What the files are, where that cannot be told.")
@click.option("--month", help="YYYY-MM, where that cannot be told.")
@click.option("--subfolder", type=click.Choice(_SUBFOLDERS), help="Of e-invoices, where the path does not say it.")
@click.option(
    "--write-profile",
    "profile",
    metavar="NAME",
    help="Write what makes it readable, or may be said.",
)
@click.option("--land", is_flag=True, help="Put readable files where they belong in the landing zone.")
@click.option("--replace", is_flag=True, help="Also in place of a file or profile with other content.")
def inspect(
    files: tuple[Path, ...],
    source: str | None,
    month: str | None,
    subfolder: str | None,
    profile: str | None,
    land: bool,
    replace: bool,
) -> None:
    """How files would be read, without loading them. Exit code 0 when all are readable, 2 when not."""
    from recon_assets.cli.console import show_report
    from recon_assets.inspection import draft_profile, inspect_file, land_at, land_inspected, mending_profile
    from recon_assets.platform import Platform

    platform = Platform.from_settings()
    month = parse_month(month) if month else None
    readable = True
    for file in files:
        report = inspect_file(platform, file, source, month, subfolder=subfolder or "")
        if profile and report.source:
            text = None
            if not report.is_readable:
                text = mending_profile(platform, file, report.source, report.month or "2000-01")
            text = text or draft_profile(platform, report.source, file, report.month or "2000-01")
            path = f"profiles/{profile}.toml"
            land_at(_writer(platform.settings), path, text.encode(), replace)
            click.echo(f"Wrote {path} below the landing root:\n\n{text}")
            report = inspect_file(platform, file, source, month, subfolder=subfolder or "")
        show_report(report)
        readable = readable and report.is_readable
        if land and report.is_readable and report.landing_path:
            landing = land_inspected(_writer(platform.settings), report, replace)
            was = {"landed": "is", "replaced": "replaced what was", "unchanged": "was already"}[landing]
            click.echo(f"{file} {was} at {report.landing_path}; `recon run --months {report.month}` loads it.")
    sys.exit(0 if readable else 2)


def _writer(settings: Settings) -> LandingWriter:
    """Where files land; the folder of the home is made, one that a setting names must be there."""
    if settings.landing_url is None:
        settings.landing.mkdir(parents=True, exist_ok=True)
    return landing_writer(settings)
