"""How a list is to be read: what is known of it before it is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recon_assets.catalogue import Column
from recon_assets.landing.profiles import Profile
from recon_assets.sources.intake.dates import DateOrder
from recon_assets.sources.intake.lacking import Lacks
from recon_assets.sources.intake.numbers import Mark


@dataclass(frozen=True)
class Reading:
    """How a list is to be read: its source's columns, its month, what settings and the profile say.

    `lacks` is there for registers: what they lack is supplied. `named_by` are the columns of which a record has one at
    least (none: every row is a record), `dated_by` those that vote for the month. `default_order` and `default_mark`
    are those of sources that never ask (Microsoft's). `stand_ins`: the column that is read where a file lacks another.
    """

    columns: Sequence[Column]
    month: str  # YYYY-MM
    profile: Profile | None = None
    lacks: Lacks | None = None
    named_by: tuple[str, ...] = ()
    dated_by: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    decimal_mark: Mark | None = None
    outranked: frozenset[str] = field(default_factory=frozenset)  # columns whose rivals give way, whatever they hold
    default_order: DateOrder | None = None
    default_mark: Mark | None = None
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> list[str]:
        return [column.name for column in self.columns if column.kind in kinds and column.heading != "derived"]

    def given(self, file: str) -> frozenset[str]:
        """Columns that a file need not have."""
        own = self.lacks.given(file) if self.lacks else frozenset()
        return own | frozenset(self.profile.constants if self.profile else ())
