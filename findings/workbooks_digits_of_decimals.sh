#!/usr/bin/env bash
# XlsxWriter 3.3.1 and openpyxl 3.1.5 take Decimals as numbers and write them through a float of 16 digits: 12345678901234567.89 stands in
# the file as 1.234567890123457E+16, and an amount of 12 decimals loses the last ones, without a warning. The format itself
# holds any digits; spreadsheets show 15.
. "$(dirname "$0")/environment" xlsxwriter==3.3.1 openpyxl==3.1.5
cat > seen.py <<'PY'
import re
import zipfile
from decimal import Decimal

import openpyxl
import xlsxwriter

amounts = [Decimal("12345678901234567.89"), Decimal("12345.678901234567")]
with xlsxwriter.Workbook("x.xlsx") as book:
    book.add_worksheet().write_column(0, 0, amounts)
book = openpyxl.Workbook()
for amount in amounts:
    book.active.append([amount])
book.save("o.xlsx")
for name in ("x.xlsx", "o.xlsx"):
    print(*re.findall(r"<v>([^<]*)", zipfile.ZipFile(name).read("xl/worksheets/sheet1.xml").decode()))
PY
expect "cells of XlsxWriter and openpyxl" \
  "1.234567890123457E+16 12345.67890123457 1.234567890123457e+16 12345.67890123457" "$(python seen.py | xargs)"
