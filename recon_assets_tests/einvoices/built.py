"""Small landing zones of registers and e-invoices, and what a build makes of them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from recon_assets.catalogue import sources_of
from recon_assets.landing.discovery import discover
from recon_assets.pipeline.build import Build, run_build
from recon_assets.platform import Platform
from recon_assets.settings import Settings

AS_OF = dt.date(2025, 3, 3)
IDENTIFIERS = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "document_date", "currency_code",
    "original_document_number",
)  # fmt: skip
AMOUNTS = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip
REGISTER = (*IDENTIFIERS, *AMOUNTS, "exchange_rate", "consolidated_einvoice_number", "row_reference")
EINVOICE = (*IDENTIFIERS, *AMOUNTS, "uuid", "status", "issued_at", "validated_at", "exchange_rate")
Line = dict[str, str]


def document(**changes: str) -> Line:
    """A sale of January 2025, the same on both sides; keyword arguments replace columns."""
    line = {
        "supplier_tin": "C100", "buyer_tin": "C200", "document_number": "INV-1", "document_type": "01",
        "document_date": "2025-01-15", "currency_code": "MYR", "original_document_number": "",
        "total_excluding_tax": "1000.00", "total_tax_amount": "80.00", "total_including_tax": "1080.00",
        "total_payable_amount": "1080.00", "total_discount_value": "0", "total_charge_amount": "0",
    }  # fmt: skip
    return line | changes


def off_by(line: Line, differences: dict[str, str]) -> Line:
    return line | {name: str(Decimal(line[name]) + Decimal(value)) for name, value in differences.items()}


@dataclass
class Home:
    """A platform in a temporary home, at a fixed instant."""

    platform: Platform

    @classmethod
    def at(cls, path: Path, **settings: Any) -> Home:
        made = Settings(home=path, _env_file=None, **settings)  # type: ignore[call-arg]
        made.landing.mkdir(parents=True, exist_ok=True)
        now = dt.datetime(2025, 3, 3, 6, 0, tzinfo=dt.UTC)
        return cls(Platform.from_settings(made, lambda: now))

    @property
    def landing(self) -> Path:
        return self.platform.settings.landing

    def land(self, folder: str, columns: Sequence[str], lines: Iterable[Line], name: str = "list.csv") -> None:
        path = self.landing / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="raise")
            writer.writeheader()
            writer.writerows(lines)

    def register(self, *lines: Line, month: str = "2025-01", kind: str = "sales", name: str = "list.csv") -> None:
        numbered = [{"row_reference": f"R{n:03d}", **line} for n, line in enumerate(lines, start=1)]
        self.land(f"erp/{kind}_register/{month}", REGISTER, numbered, name)

    def einvoices(
        self, *lines: Line, month: str = "2025-01", direction: str = "issued", name: str = "list.csv"
    ) -> None:
        numbered = [
            {"uuid": f"U{n:03d}", "status": "Valid", "validated_at": "2025-01-15T01:00:00Z", **line}
            for n, line in enumerate(lines, start=1)
        ]
        self.land(f"einvoice/{direction}/{month}", EINVOICE, numbered, name)

    def load(self) -> None:
        for source in sources_of("einvoices"):
            for month in discover(self.platform.landing, source.name):
                load = self.platform.load(source.name, month)
                assert load.outcome == "loaded", load.problems

    def build(self, *months: str, run_id: str = "run", as_of: dt.date = AS_OF) -> Built:
        self.load()
        settings, published = self.platform.settings, self.platform.published
        return Built(run_build(settings, "einvoices", list(months) or ["2025-01"], run_id, as_of, published))


@dataclass
class Built:
    build: Build

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.build.database), read_only=True) as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def mart(self, name: str = "einvoice_reconciliation") -> list[dict[str, Any]]:
        return [
            {key: value for key, value in row.items() if key not in ("published_at", "run_id")}
            for row in self.rows(f"select * from marts.{name} order by all")
        ]

    def one(self, where: str) -> dict[str, Any]:
        (row,) = self.rows(f"select * from marts.einvoice_reconciliation where {where}")
        return row

    @property
    def failed_checks(self) -> list[str]:
        return [f"{check.name} {check.month}" for check in self.build.checks if not check.passed]
