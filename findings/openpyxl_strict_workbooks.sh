#!/usr/bin/env bash
# A workbook saved as "Strict Open XML" (ISO/IEC 29500 Strict) has other namespaces. openpyxl 3.1.5 opens it without an error and
# finds no sheet in it; python-calamine reads it.
. "$(dirname "$0")/environment" openpyxl==3.1.5 python-calamine==0.9.1
cat > seen.py <<'PY'
import zipfile

import openpyxl
import python_calamine

openpyxl.Workbook().save("transitional.xlsx")
book = openpyxl.load_workbook("transitional.xlsx")
book.active.append(["INV-1", 100])
book.save("transitional.xlsx")
STRICT = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "http://purl.oclc.org/ooxml/spreadsheetml/main",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "http://purl.oclc.org/ooxml/officeDocument/relationships",
}
with zipfile.ZipFile("transitional.xlsx") as source, zipfile.ZipFile("strict.xlsx", "w") as target:
    for name in source.namelist():
        text = source.read(name).decode()
        for old, new in STRICT.items():
            text = text.replace(old, new)
        target.writestr(name, text)
print(len(openpyxl.load_workbook("strict.xlsx").sheetnames), len(python_calamine.CalamineWorkbook.from_path("strict.xlsx").sheet_names))
PY
expect "sheets that openpyxl and calamine find" "0 1" "$(python seen.py 2> /dev/null)"
