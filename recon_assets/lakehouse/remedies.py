"""What to do about each warning of a load, by its code: the words that people read beside it."""

from recon_assets.landing.profiles import IN_A_PROFILE

REMEDIES = {
    "currency_assumed": f'taken for MYR; if they are not, say {IN_A_PROFILE}: [constants] currency_code = "<code>"',
    "currency_differs": "the amounts or their headings name another currency than the rows: name the columns in the "
    f"currency of the documents {IN_A_PROFILE}, under [columns], or leave out the column of currencies: "
    'not_read = ["<heading>"]; and say [constants] currency_code = "<code>"',
    "date_outside_month": "land them in the folder of their month; if another column dates the file, say "
    f'{IN_A_PROFILE}: month_from = "<column of the project>"',
    "encoding_assumed": f'if names look wrong, say {IN_A_PROFILE}: encoding = "<name>"; or save the file as UTF-8',
    "error_cells": "the cells count as empty; correct them in the workbook and land it again",
    "kind_assumed": "taken for actual cost; if it is amortized, land it below amortized_cost/, or say "
    f'{IN_A_PROFILE}: [constants] comparison = "amortized_cost"',
    "looks_damaged": "format the column as text before the list is saved, or export it again as CSV",
    "not_issued": f'they are no documents; if they are, say {IN_A_PROFILE}: [statuses] "<word>" = "count"',
    "payable_derived": "taken from the total including tax; if a column has it, say "
    f'{IN_A_PROFILE}: [columns] "<heading>" = "total_payable_amount"',
    "repeated_numbers": f'if rows are items of a document, say {IN_A_PROFILE}: level = "line"; else correct the list',
    "same_file": "the very file counts in both months; remove it from the one that it does not belong to",
    "same_lines": "the same lines of invoices with other values: where one file corrects the other, remove the one "
    f"that no longer holds, for both count; where both are right, say {IN_A_PROFILE}: additive = true",
    "shared_records": "they count in both files; take what repeats out of one, or, where both are right, say "
    f"{IN_A_PROFILE}: additive = true",
    "stage_not_issued": "they count as cost; to leave them out add the stage to RECON_CANCELED_STAGES",
    "status_assumed": "taken for valid; export the list with its status where documents may be cancelled",
    "type_of_no_credit": "they count as debits; where they are credits, call them credit in the file",
    "tax_derived": "taken as total including less total excluding tax; if a column has it, say "
    f'{IN_A_PROFILE}: [columns] "<heading>" = "total_tax_amount"',
    "type_assumed": "taken for invoices, and credit notes below zero; if a column tells, say "
    f'{IN_A_PROFILE}: [columns] "<heading>" = "document_type", or [document_types] "<prefix of numbers>" = "02"',
    "unknown_status": f'they count as documents; if they are none, say {IN_A_PROFILE}: [statuses] "<word>" = "skip"',
    "unread_sheets": "unhide those that belong to the file; one without its heading is no part of it, or a profile "
    'names its columns, or sheet = "<name>"',
}
UNREADABLE = "cells could not be read and count as empty: correct them in the file, or leave them so"


def warning_text(code: str, count: int, details: list[str], is_heading: bool) -> str:
    """A warning for people: how many rows, what of them, and what to do."""
    remedy = REMEDIES.get(code) or (UNREADABLE if is_heading else "")
    told = f" ({'; '.join(details)})" if details else ""
    return f"{code}: {count:,}{told}" + (f"; {remedy}" if remedy else "")
