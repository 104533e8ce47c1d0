#!/usr/bin/env bash
# pandas takes thousands marks away wherever they stand: with thousands="," the amount 1,5 (a decimal comma) is 15, and with
# thousands="." and decimal="," the amount 1.5 is 15. read_html does so by default, so a web page saved as .xls gets amounts
# ten or a hundred times too large; a cell with both marks makes the same column text instead.
. "$(dirname "$0")/environment" pandas==3.1.1 lxml==6.1.1
cat > seen.py <<'PY'
import io

import pandas as pd

print(pd.read_csv(io.StringIO("amount;no\n1,5;1\n"), sep=";", thousands=",")["amount"][0])
print(pd.read_csv(io.StringIO("amount;no\n1.5;1\n"), sep=";", thousands=".", decimal=",")["amount"][0])
for cells in (["12,50"], ["12,50", "1.234,50"]):
    rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
    print(pd.read_html(io.StringIO(f"<table><tr><th>amount</th></tr>{rows}</table>"))[0]["amount"][0])
PY
expect "1,5; 1.5; 12,50 alone and beside 1.234,50 in a page" "15 15 1250 1250" "$(python seen.py | xargs)"
