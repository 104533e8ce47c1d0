"""What settings say of registers. Light to import: whether to load a month is asked more often than it is loaded."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from recon_assets.settings import Settings

if TYPE_CHECKING:
    from recon_assets.sources.intake.dates import DateOrder
    from recon_assets.sources.intake.numbers import Mark


@dataclass(frozen=True)
class RegisterHints:
    """What a register's text leaves open: its folder's month, the settings for paths (patterns as in a shell), the
    TINs of the companies whose registers land here."""

    month: str  # YYYY-MM
    date_orders: "dict[str, DateOrder]" = field(default_factory=dict)
    decimal_marks: "dict[str, Mark]" = field(default_factory=dict)
    company_tins: tuple[str, ...] = ()

    def date_order(self, file: str) -> "DateOrder | None":
        return next((order for pattern, order in self.date_orders.items() if fnmatchcase(file, pattern)), None)

    def decimal_mark(self, file: str) -> "Mark | None":
        return next((mark for pattern, mark in self.decimal_marks.items() if fnmatchcase(file, pattern)), None)


def hints_of(month: str, settings: Settings) -> RegisterHints:
    return RegisterHints(
        month, settings.register_date_orders, settings.register_decimal_marks, tuple(settings.company_tins)
    )
