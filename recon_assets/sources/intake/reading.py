"""How a list of documents is to be read: what is known of it before it is opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from recon_assets.catalogue import Column
from recon_assets.landing.profiles import Profile
from recon_assets.sources.intake.dates import DateOrder
from recon_assets.sources.intake.lacking import Lacks
from recon_assets.sources.intake.numbers import Mark


@dataclass(frozen=True)
class Reading:
    """How a list is to be read: its source's columns, its month, what settings and the profile say."""

    columns: Sequence[Column]
    month: str  # YYYY-MM
    lacks: Lacks
    named_by: tuple[str, ...] = ("document_number", "document_date")
    dated_by: str = "document_date"
    date_order: DateOrder | None = None
    decimal_mark: Mark | None = None
    outranked: frozenset[str] = field(default_factory=frozenset)  # columns whose rivals give way, whatever they hold

    @property
    def profile(self) -> Profile | None:
        return self.lacks.profile

    def of_kind(self, kind: str) -> list[str]:
        return [column.name for column in self.columns if column.kind == kind and column.heading != "derived"]
