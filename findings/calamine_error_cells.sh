#!/usr/bin/env bash
# python-calamine gives a cell with an error value (#N/A) as an empty text, as it gives a cell that is empty: a lookup that
# failed in a register cannot be told from an amount that was left out. openpyxl keeps the error.
. "$(dirname "$0")/environment" openpyxl==3.1.5 python-calamine==0.9.1
cat > seen.py <<'PY'
import openpyxl
import python_calamine

workbook = openpyxl.Workbook()
workbook.active.append(["#N/A", None, 1])
workbook.save("register.xlsx")
cell = openpyxl.load_workbook("register.xlsx", data_only=True).active["A1"]
row = python_calamine.CalamineWorkbook.from_path("register.xlsx").get_sheet_by_index(0).to_python()[0]
print(cell.data_type, cell.value, repr(row[0]), repr(row[1]))
PY
expect "openpyxl's error cell, calamine's, and an empty one" "e #N/A '' ''" "$(python seen.py)"
