#!/usr/bin/env bash
# python-calamine 0.9.1: to_python() begins at the first cell that has something. In a register with a logo above the table and a margin
# at its left every row and column has another number than the sheet shows; skip_empty_area=False keeps them, as openpyxl does.
. "$(dirname "$0")/environment" python-calamine==0.9.1 openpyxl==3.1.5
cat > seen.py <<'PY'
import openpyxl
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
book.active["B3"], book.active["B4"] = "Document Number", "INV-1"
book.save("register.xlsx")
sheet = CalamineWorkbook.from_path("register.xlsx").get_sheet_by_index(0)
for options in ({}, {"skip_empty_area": False}):
    rows = sheet.to_python(**options)
    print(next(f"row {n} of {len(rows)}" for n, row in enumerate(rows, start=1) if "INV-1" in row))
found = next(cell for row in openpyxl.load_workbook("register.xlsx").active.iter_rows() for cell in row if cell.value == "INV-1")
print(f"row {found.row}")
PY
expect "INV-1, which the sheet shows in row 4" "row 2 of 2 row 4 of 4 row 4" "$(python seen.py | xargs)"
