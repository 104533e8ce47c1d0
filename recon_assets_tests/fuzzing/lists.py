"""Sales registers in shapes that accounting programs write, any detail together with any other."""

import csv
import datetime as dt
import html
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from openpyxl import Workbook

OWN_TIN = "C1234567890"
AMOUNTS = ("ex", "tax", "inc")
DELIMITERS = {"csv": ",", "semicolons": ";", "tabs": "\t", "pipes": "|"}
HEADINGS = {
    "own": ["Supplier TIN", "Company TIN", "TIN Penjual", "卖方税号"],
    "buyer": ["Buyer TIN", "Cust. TIN", "Customer's TIN", "TIN Pembeli", "客户税号"],
    "name": ["Customer Name", "Debtor Name", "Nama Pelanggan"],
    "type": ["Document Type", "Doc Type", "Type", "Jenis Dokumen"],
    "number": ["Document No", "Invoice No.", "DocNo", "No. Dokumen", "发票号码"],
    "date": ["Date", "Invoice Date", "Doc. Date", "Tarikh", "发票日期"],
    "currency": ["Currency", "Curr", "Mata Wang"],
    "ex": ["Total Excluding Tax", "Net Amount", "Amount Before Tax", "Total Exclusive", "Jumlah Sebelum Cukai"],
    "tax": ["Tax", "Tax Amount", "SST", "Total Tax", "Cukai"],
    "inc": ["Total Including Tax", "Total Incl. Tax", "Tax Inclusive Amount", "Jumlah Termasuk Cukai"],
    "Remarks": ["Remarks"],
    "Due Date": ["Due Date"],
    "Branch": ["Branch"],
}
BESIDE = {"Remarks": "Total order", "Due Date": "30/04/2025", "Branch": "HQ"}  # columns that no rule reads
TYPES = {"code": {"01": "01", "02": "02"}, "word": {"01": "Tax Invoice", "02": "Credit Note"}, "short": {"01": "IV", "02": "CN"}}  # fmt: skip
DAYS: dict[str, Callable[[dt.date], str]] = {
    "iso": dt.date.isoformat,
    "day first": lambda day: f"{day:%d/%m/%Y}",
    "month first": lambda day: f"{day:%m/%d/%Y}",
    "two digits": lambda day: f"{day.day}/{day.month}/{day:%y}",
    "month's name": lambda day: f"{day:%d-%b-%Y}",
    "points": lambda day: f"{day:%d.%m.%Y}",
    "12 hours": lambda day: f"{day:%d/%m/%Y} 12:00:00 AM",
    "days of Excel": lambda day: str((day - dt.date(1899, 12, 30)).days),
}
DIGITS: dict[str, Callable[[Decimal], str]] = {
    "plain": lambda value: f"{value:.2f}",
    "thousands": lambda value: f"{value:,.2f}",
    "decimal comma": lambda value: f"{value:.2f}".replace(".", ","),
    "German": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")),
    "blanks": lambda value: f"{value:,.2f}".replace(",", " "),
    "no zeros": lambda value: f"{value:f}".rstrip("0").rstrip("."),
}
NEGATIVES: dict[str, Callable[[str], str]] = {
    "minus": lambda text: f"-{text}",
    "brackets": lambda text: f"({text})",
    "behind": lambda text: f"{text}-",
}
MONEY: dict[str, Callable[[str], str]] = {"": str, "before": lambda text: f"RM {text}", "behind": lambda text: f"{text} MYR"}  # fmt: skip


@dataclass(frozen=True)
class Document:
    number: str
    day: dt.date
    type: str
    ex: Decimal
    tax: Decimal
    name: str

    @property
    def right(self) -> tuple[Any, ...]:
        """What the raw month says of it, sign apart."""
        return self.number, self.day, self.type, self.ex, self.tax, self.ex + self.tax


@dataclass(frozen=True)
class Layout:
    """How a list is written."""

    format: str
    encoding: str
    columns: list[str]  # in their order; those that a list may lack need not be there
    headings: dict[str, str]
    days: str
    digits: str
    negative: str
    money: str
    types: str
    titles: bool
    pages: bool
    groups: bool
    total: str
    label_at: int  # the free column of a total in which its label stands
    blank_rows: bool

    def table(self, documents: list[Document]) -> list[list[Any]]:
        """The rows of the list: titles, heading, records, totals."""
        head = [self.headings[name] for name in self.columns]
        title = [["CONTOH SDN BHD"], ["Sales listing 01/03/2025 to 31/03/2025"]] if self.titles else []
        records = list(self._records(documents))
        if self.pages:
            middle = len(records) // 2
            records = [*records[:middle], ["Page 1 of 2"], *title, head, *records[middle:], ["Page 2 of 2"]]
        return [*title, head, *records]

    def _records(self, documents: list[Document]) -> Iterator[list[Any]]:
        if self.groups:
            documents = sorted(documents, key=lambda document: document.name)
        for name, members in groupby(documents, key=lambda document: document.name if self.groups else ""):
            group = list(members)
            if self.groups:
                yield [f"Customer : {name}"]
            for document in group:
                yield [self._cell(name, document) for name in self.columns]
                if self.blank_rows:
                    yield [""] * len(self.columns)
            if self.groups:
                yield self._total(f"Total for {name}", group)
        if self.total:
            yield self._total(self.total, documents)

    def _sign(self, document: Document) -> int:
        return -1 if document.type == "02" and self.negative else 1

    def _cell(self, column: str, document: Document) -> Any:
        texts = {
            "own": OWN_TIN,
            "buyer": "C9988776655",
            "name": document.name,
            "number": document.number,
            "currency": "MYR",
        }
        if column in AMOUNTS:
            return self._amount(self._sign(document) * _of(document, column))
        if column == "date":
            return document.day if self.format == "workbook" else DAYS[self.days](document.day)
        if column == "type":
            return TYPES[self.types][document.type]
        return (texts | BESIDE)[column]

    def _amount(self, value: Decimal) -> Any:
        if self.format == "workbook":
            return float(value)
        text = MONEY[self.money](DIGITS[self.digits](abs(value)))
        return NEGATIVES[self.negative or "minus"](text) if value < 0 else text

    def _total(self, label: str, documents: list[Document]) -> list[Any]:
        sums = {name: sum((self._sign(d) * _of(d, name) for d in documents), Decimal(0)) for name in AMOUNTS}
        row = [self._amount(sums[name]) if name in AMOUNTS else "" for name in self.columns]
        free = [place for place, name in enumerate(self.columns) if name not in AMOUNTS]
        row[free[self.label_at % len(free)]] = label
        return row

    def write(self, documents: list[Document], folder: Path) -> None:
        table = self.table(documents)
        if self.format == "workbook":
            workbook = Workbook()
            for row in table:
                workbook.active.append([cell if cell != "" else None for cell in row])
            workbook.save(folder / "list.xlsx")
        elif self.format == "web page":
            rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in table)
            text = "".join(f"<tr>{row}</tr>" for row in rows)
            (folder / "list.xls").write_text(f"<meta charset=utf-8><table>{text}</table>", encoding="utf-8")
        else:
            out = io.StringIO(newline="")
            csv.writer(out, delimiter=DELIMITERS[self.format]).writerows(table)
            (folder / "list.csv").write_bytes(out.getvalue().encode(self.encoding))


def _of(document: Document, column: str) -> Decimal:
    return {"ex": document.ex, "tax": document.tax, "inc": document.ex + document.tax}[column]


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    optional = draw(st.sets(st.sampled_from(["own", "name", "type", "currency", "tax", *BESIDE])))
    columns = draw(st.permutations(["buyer", "number", "date", "ex", "inc", *sorted(optional)]))
    return Layout(
        format=draw(st.sampled_from([*DELIMITERS, "workbook", "web page"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        columns=columns,
        headings={name: draw(st.sampled_from(HEADINGS[name])) for name in columns},
        days=draw(st.sampled_from(sorted(DAYS))),
        digits=draw(st.sampled_from(sorted(DIGITS))),
        # Without a column of types a note is told by its sign.
        negative=draw(st.sampled_from(sorted(NEGATIVES) + ([""] if "type" in columns else []))),
        money=draw(st.sampled_from(sorted(MONEY))),
        types=draw(st.sampled_from(sorted(TYPES))),
        titles=draw(st.booleans()),
        pages=draw(st.booleans()),
        groups=draw(st.booleans()),
        total=draw(st.sampled_from(["", "Total", "GRAND TOTAL :", "Jumlah"])),
        label_at=draw(st.integers(0, 9)),
        blank_rows=draw(st.booleans()),
    )


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    """Some documents of March 2025, two decimals each, with names that begin like labels."""
    amounts = st.decimals(Decimal("0.01"), Decimal("9999999.99"), places=2)
    names = st.sampled_from(["Kedai Ali", "Total Sports Sdn Bhd", "Page One Books", "Customer First", "Grand Hotel"])
    found = []
    for count in range(draw(st.integers(3, 9))):
        ex, type_ = draw(amounts), draw(st.sampled_from(["01", "01", "02"]))
        tax = (ex * draw(st.sampled_from([Decimal("0"), Decimal("0.06"), Decimal("0.08")]))).quantize(Decimal("0.01"))
        day = dt.date(2025, 3, draw(st.integers(1, 31)))
        found.append(Document(f"{'CN' if type_ == '02' else 'INV'}-{count:03d}", day, type_, ex, tax, draw(names)))
    return found
