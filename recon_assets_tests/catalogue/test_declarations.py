"""The catalogue is checked as a whole: a slip in a declaration is told at start, with its file and line."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.catalogue import SOURCES, SUBJECTS, CatalogueError, compared
from recon_assets.catalogue.catalogue import FOLDER, read_catalogue
from recon_assets.catalogue.generated import generated_files
from recon_assets.catalogue.model import SQL_TYPES, Source
from recon_assets.errors import ReconError
from recon_assets.sources.values import connect

BSS, DOCUMENTS, SUBJECT_FILE = "sources/bss_invoices.yml", "sources/_documents.yml", "subjects.yml"


@pytest.fixture
def declarations(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "catalogue", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "catalogue"


def change(folder: Path, file: str, before: str, after: str) -> int:
    """Replace a text that is there once in a declaration; the number of its line."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")
    return text[: text.index(before)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        (BSS, "to_offset: 3", "to_offset: three", "window: to_offset: Input should be a valid integer"),
        (BSS, "{from_offset: -1, to_offset: 3}", "{from_offset: 4, to_offset: 3}", "window: ends before it begins"),
        (BSS, "prefix: bss", "prefux: bss", "prefux: Unexpected keyword argument"),
        (BSS, "bss/invoices/", "bss/invoices", "prefix: is a folder; end it with a slash"),
        (BSS, "amount: total_cost", "amount: total_costs", "amount: total_costs is no column of the source"),
        (BSS, "[invoice_code, invoice_date]", "[code]", "named_by: code is no column of the source"),
        (BSS, "[start_date, end_date]", "[start_date, end]", "ordered: end is no column of the source"),
        (BSS, "column: start_date", "column: begin_date", "row_rules: column: begin_date is no column of the source"),
        (BSS, "fails: start_date > end_date", "fails: 1 > 2", "row_rules: fails: names no column of the source"),
        (BSS, "checked,  Unit Cost", "chequed,  Unit Cost", "columns: value: Input should be 'needed', 'checked'"),
        (BSS, "[unit_cost, ", "[quantity, ", "columns: the column quantity is declared twice"),
        (BSS, "trim(invoice_id), ", "trim(invoice_id), 1, ", "extra_tables: columns: Input should be a dictionary"),
        ("sources/einvoices.yml", "[uuid, status]", "[guid]", "keys: guid is no column of the source"),
        ("sources/einvoices.yml", "prefix: einvoice/", "prefix: erp/sales_register/", "prefix: is where the files of"),
        (SUBJECT_FILE, "settle_days: 5", "settle_days: five", "settle_days: Input should be a valid integer"),
        (SUBJECT_FILE, "required: [[bss_invoices]", "required: [[bss]", "required: bss is on neither side"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told_with_its_line(
    declarations: Path, file: str, before: str, after: str, message: str
) -> None:
    line = change(declarations, file, before, after)
    with pytest.raises(CatalogueError) as told:
        read_catalogue(declarations)
    assert str(told.value).startswith(f"{Path(file).name}, line {line}: {message}")


def test_two_columns_that_answer_to_one_heading_are_told_at_the_second(declarations: Path) -> None:
    change(declarations, BSS, "checked,  Unit Cost]", "checked,  Unit_Price]")
    text = (declarations / BSS).read_text(encoding="utf-8")
    line = text[: text.index("[unit_price")].count("\n") + 1
    with pytest.raises(
        CatalogueError, match=rf"^bss_invoices\.yml, line {line}: .*Unit Price is bound by the column unit_cost"
    ):
        read_catalogue(declarations)


def test_a_source_without_a_window_is_told(declarations: Path) -> None:
    change(declarations, BSS, "window: {from_offset: -1, to_offset: 3}\n", "")
    with pytest.raises(CatalogueError, match=r"^bss_invoices\.yml, line \d+: window: Field required"):
        read_catalogue(declarations)


def test_a_compared_field_that_no_column_holds_is_told(declarations: Path) -> None:
    change(declarations, DOCUMENTS, "[total_tax_amount, ", "[tax_amount, ")
    change(declarations, "sources/_register.yml", "[total_tax_amount, ", "[tax_amount, ")
    with pytest.raises(CatalogueError, match="the compared field total_tax_amount is missing"):
        read_catalogue(declarations)


def test_a_declaration_that_no_subject_names_is_told(declarations: Path) -> None:
    shutil.copy(declarations / BSS, declarations / "sources" / "parking.yml")
    with pytest.raises(CatalogueError, match=r"^parking\.yml, line 1: no subject of subjects\.yml names the source"):
        read_catalogue(declarations)


def test_a_side_whose_source_is_not_declared_is_told(declarations: Path) -> None:
    (declarations / BSS).unlink()
    with pytest.raises(CatalogueError, match=r"^subjects\.yml, line \d+: .*bss_invoices has no declaration"):
        read_catalogue(declarations)


def test_what_cannot_be_parsed_is_told(declarations: Path) -> None:
    change(declarations, BSS, "Product Type]", "Product Type")
    with pytest.raises(CatalogueError, match=r"^bss_invoices\.yml is no YAML: "):
        read_catalogue(declarations)


def test_a_declaration_continues_its_base_and_replaces_a_column_where_the_first_stood() -> None:
    names = [column.name for column in SOURCES["einvoices"].columns]
    (date,) = [column for column in SOURCES["einvoices"].columns if column.name == "document_date"]
    assert names.index("document_date") == names.index("document_type") + 1
    assert (date.heading, date.value) == ("optional", "optional")
    assert set(SOURCES["einvoices"].row_warnings) == {"status_assumed"}


@pytest.mark.parametrize("path", generated_files(), ids=lambda path: path.name)
def test_a_generated_file_is_what_the_catalogue_generates(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated_files()[path], "run `make generate`"


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_rules_keys_and_warnings_are_sql_over_the_columns_of_their_source(source: Source) -> None:
    columns = ", ".join(f"cast(null as {SQL_TYPES[column.kind]}) as {column.name}" for column in source.columns)
    warnings = [sql.replace("$month", "date '2025-01-01'") for sql in source.row_warnings.values()]
    sqls = [*(rule.fails for rule in source.row_rules), *source.repeats.expressions, *warnings, source.dated_by or "1"]
    connect().execute(f"select {', '.join(sqls)} from (select {columns})")


def test_every_subject_is_made_of_its_two_sides() -> None:
    assert [name for subject in SUBJECTS.values() for name in subject.sources] == list(SOURCES)


@pytest.fixture
def fourteen_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seed = compared.SEED.read_text(encoding="utf-8")
    monkeypatch.setattr(compared, "SEED", tmp_path / "fields.csv")
    compared.SEED.write_text(f"{seed}14,payment_terms,identifier,0.00,text,Terms of payment\n", encoding="utf-8")
    compared.compared_fields.cache_clear()
    yield
    compared.compared_fields.cache_clear()


def test_a_fourteenth_field_of_the_seed_asks_for_its_column_and_everything_else_follows(
    declarations: Path, fourteen_fields: None
) -> None:
    with pytest.raises(CatalogueError, match="the compared field payment_terms is missing"):
        read_catalogue(declarations)
    change(declarations, DOCUMENTS, "columns:\n", "columns:\n  - [payment_terms, text, optional, optional, Terms]\n")
    sources, _ = read_catalogue(declarations)
    for name in ("erp_sales_register", "erp_purchase_register", "einvoices"):
        assert "payment_terms_key" in [column.name for column in sources[name].columns]
        assert "payment_terms_key" in sources[name].repeats.expressions
    generated = {path.name: text for path, text in generated_files().items()}
    assert "{'name': 'payment_terms', 'kind': 'identifier', 'form': 'text'}" in generated["catalogue.sql"]
    for side in ("register", "einvoice"):
        assert f"- name: {side}_payment_terms\n" in generated["einvoice_reconciliation.yml"]
    assert "- name: payment_terms_key\n" in generated["stg_erp__register_documents.yml"]


def test_a_field_whose_form_is_not_known_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = compared.SEED.read_text(encoding="utf-8")
    monkeypatch.setattr(compared, "SEED", tmp_path / "fields.csv")
    compared.SEED.write_text(seed.replace(",tin,TIN of the buyer", ",vat,TIN of the buyer"), encoding="utf-8")
    with pytest.raises(ReconError, match=r"^fields\.csv, line 3: form is one of tin, type, text, date, amount"):
        compared.compared_fields.__wrapped__()


def test_every_source_has_its_versions_page_and_trial_in_the_docs_and_no_other_is_there() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    assert rows.pop(0) == ["format", "source", "versions, and since when", "described by", "tried with"]
    assert all(len(row) == 5 and all(row) for row in rows)
    named = {source for row in rows for source in re.findall(r"`(\w+)`", row[1])}
    assert named == set(SOURCES)
