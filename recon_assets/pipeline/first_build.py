"""The first build of `recon run`, begun before Dagster is imported: dbt builds while this process gets ready."""

from dataclasses import dataclass
from uuid import uuid4

from recon_assets.errors import ReconError
from recon_assets.home import prepare_home
from recon_assets.months import contiguous, month_range
from recon_assets.pipeline.build import begin_build, remove_build
from recon_assets.pipeline.dbt_process import end_begun
from recon_assets.pipeline.plan import first_and_last_month, landed_files, plan_loads
from recon_assets.platform import Platform


@dataclass(frozen=True)
class Begun:
    """A build that was begun, for the run that is going to have this id."""

    subject: str
    months: list[str]
    run_id: str


def begin_first_build(platform: Platform, subjects: list[str], months: list[str]) -> Begun | None:
    """Have dbt begin the first build of a run; None when something has to be loaded before, or is wrong.

    The run comes upon what is wrong, and tells it.
    """
    try:
        return _begin(platform, subjects, months)
    except (ReconError, OSError):
        return None


def _begin(platform: Platform, subjects: list[str], months: list[str]) -> Begun | None:
    if not platform.landing.exists():
        return None
    first, last = first_and_last_month(platform)
    known = [month for month in months if first <= month <= last]
    if not known or not subjects:
        return None
    if any(plan_loads(subject, known, landed_files(platform.landing, subject), platform) for subject in subjects):
        return None
    prepare_home(platform.settings)
    begun = Begun(subjects[0], month_range(*contiguous(known)[0]), str(uuid4()))
    today = platform.clock().date()
    begin_build(platform.settings, begun.subject, begun.months, begun.run_id, today, platform.published)
    return begun


def give_up(platform: Platform, begun: Begun) -> None:
    """End a build that no run is going to ask for, and remove what it has made."""
    end_begun()
    remove_build(platform.settings, begun.run_id)
