"""The usage reconciliation once more, by brute force in plain Python: dictionaries and Decimals, line by line.

Written from spec/usage_cost_reconciliation.md and nothing else; it shares no code with the platform. Small inputs only.
"""

import csv
import datetime as dt
import gzip
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

NULL_GUID = "00000000-0000-0000-0000-000000000000"
UNITS = {"JPY": Decimal(1), "KRW": Decimal(1), "KWD": Decimal("0.001"), "BHD": Decimal("0.001")}
CONTEXT = Context(prec=120)
ZERO = Decimal(0)
TWELVE = Decimal("0.000000000001")


@dataclass
class Line:
    side: str
    comparison: str | None
    invoice: str | None
    customer: str | None
    subscription: str | None
    currency: str
    meter: str | None
    day: str
    resource: str | None
    quantity: Decimal
    amount: Decimal
    charge_type: str | None = None
    publisher: str | None = None
    scope: str = "usage"
    texts: tuple[str | None, ...] = (None, None, None, None)
    basis: str = "partner"
    deciding: str | None = None
    final_invoice: str | None = None
    credit: str | None = None
    rate: Decimal | None = None


@dataclass
class Result:
    grid: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    variations: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    summary: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    out_of_scope: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    quarantined: set[tuple[str, int]] = field(default_factory=set)
    # comparison, invoice, subscription and meter of rejected records; no comparison is every one, no invoice any
    owners: list[tuple[str | None, str | None, str | None, str | None]] = field(default_factory=list)


def ident(text: str | None) -> str | None:
    value = (text or "").strip().lower()
    value = value.removesuffix("/")
    return None if value in ("", NULL_GUID) else value


def subscription(text: str | None) -> str | None:
    value = ident(text)
    return ident(value.removeprefix("/subscriptions/")) if value else None


def text_of(value: str | None) -> str | None:
    return (value or "").strip() or None


def number(text: str | None, comma: bool) -> Decimal | None:
    value = (text or "").strip()
    if comma:
        value = value.replace(".", "").replace(",", ".")
    try:
        parsed = Decimal(value)
    except ArithmeticError:
        return None
    if not parsed.is_finite():
        return None
    with localcontext(CONTEXT):
        return parsed.quantize(TWELVE, ROUND_HALF_UP)


def day_of(text: str | None) -> str | None:
    value = (text or "").strip()
    for form in ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%SZ", "%m/%d/%Y %H:%M"):
        try:
            return dt.datetime.strptime(value, form).date().isoformat()
        except ValueError:
            continue
    return None


def rows_of(path: Path) -> tuple[list[dict[str, str | None]], bool, list[int]]:
    """Records by heading, whether commas are decimal marks, and rows whose number of fields is wrong."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if path.name.endswith(".parquet"):
        table = pq.read_table(path).to_pylist()
        return [{k: None if v is None else str(v) for k, v in row.items()} for row in table], False, []
    text = content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig")
    if path.name.removesuffix(".gz").endswith(".json"):
        records: list[dict[str, str | None]] = []
        bad = []
        for n, line in enumerate((x for x in text.splitlines() if x.strip()), start=1):
            try:
                records.append(
                    {
                        k: None if v is None else str(v)
                        for k, v in json.loads(line, parse_float=str, parse_int=str).items()
                    }
                )
            except ValueError:
                records.append({})
                bad.append(n)
        return records, False, bad
    delimiter = max(",;\t", key=text.splitlines()[0].count)
    header, *rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r]
    bad = [n for n, row in enumerate(rows, start=1) if len(row) != len(header)]
    comma = delimiter != "," and any(
        "," in cell and cell.replace(",", "").replace("-", "").isdigit() for r in rows for cell in r
    )
    return [dict(zip([h.strip() for h in header], row, strict=False)) for row in rows], comma, bad


def get(row: dict[str, str | None], *names: str) -> str | None:
    lower = {k.lower().replace("_", "").replace(" ", ""): v for k, v in row.items()}
    for name in names:
        key = name.lower().replace("_", "")
        if key in lower:
            return lower[key]
    return None


def usage_lines(landing: Path, month: str, result: Result) -> tuple[list[Line], list[str]]:
    base = landing / "partner_center/billed_usage" / month
    manifests = sorted(base.rglob("manifest.json"))
    files: list[tuple[Path, str | None]] = []
    created = []
    newest: dict[str, tuple[str, Path, dict[str, Any]]] = {}
    for path in manifests:
        content = json.loads(path.read_text())
        root = content.get("rootDirectory", "")
        invoice = root.split("InvoiceId=")[1].split("/")[0] if "InvoiceId=" in root else ""
        folder = path.relative_to(base).parts
        invoice = invoice or (folder[0] if len(folder) > 1 else "")
        if invoice not in newest or content["createdDateTime"] > newest[invoice][0]:
            newest[invoice] = (content["createdDateTime"], path, content)
    for invoice, (when, path, content) in newest.items():
        created.append(when)
        files += [(path.parent / blob["name"], invoice or None) for blob in content["blobs"]]
    if not manifests:
        for path in sorted(p for p in base.rglob("*") if p.is_file()):
            folder = path.relative_to(base).parts
            files.append((path, folder[0] if len(folder) > 1 else None))
    lines = []
    for path, fixed in files:
        rows, comma, bad = rows_of(path)
        for n, row in enumerate(rows, start=1):
            quantity, amount = number(get(row, "Quantity"), comma), number(get(row, "BillingPreTaxTotal"), comma)
            day, currency = day_of(get(row, "UsageDate")), text_of(get(row, "BillingCurrency"))
            invoice = fixed or text_of(get(row, "InvoiceNumber"))
            if n in bad or quantity is None or amount is None or not day or not currency or not invoice:
                result.quarantined.add((path.relative_to(landing).as_posix(), n))
                if n not in bad:
                    entitlement, meter = get(row, "EntitlementId"), get(row, "MeterId")
                    result.owners.append((None, invoice, subscription(entitlement), ident(meter)))
                continue
            texts = tuple(
                text_of(get(row, x)) for x in ("MeterName", "MeterCategory", "MeterSubCategory", "MeterRegion")
            )
            lines.append(Line("usage", None, invoice, ident(get(row, "CustomerId")), subscription(get(row, "EntitlementId")),
                              currency.upper(), ident(get(row, "MeterId")), day, ident(get(row, "ResourceURI")), quantity, amount,
                              texts=texts, credit=(get(row, "CreditType") or "").strip().lower(),
                              rate=number(get(row, "PartnerEarnedCreditPercentage"), comma)))  # fmt: skip
    return lines, created


def promotions_of(landing: Path, month: str) -> dict[tuple[Any, ...], Decimal]:
    """What promotions took off a meter: quantity x (price after credit - price after promotion) x rate to billing currency."""
    found: dict[tuple[Any, ...], Decimal] = defaultdict(lambda: ZERO)
    for path in sorted((landing / "partner_center/billed_usage_aggregated" / month).rglob("*.csv")):
        for row in rows_of(path)[0]:
            partner, effective = number(get(row, "PartnerPrice"), False), number(get(row, "EffectiveUnitPrice"), False)
            quantity, amount = number(get(row, "Quantity"), False), number(get(row, "BillingPreTaxTotal"), False)
            if partner is None or effective is None or quantity is None or amount is None:
                continue
            key = (text_of(get(row, "InvoiceNumber")), subscription(get(row, "EntitlementId")),
                   (get(row, "BillingCurrency") or "").strip().upper(), ident(get(row, "MeterId")))  # fmt: skip
            with localcontext(CONTEXT):
                exchange = number(get(row, "PCToBCExchangeRate"), False)
                in_pricing = (quantity * (partner - effective)).quantize(TWELVE, ROUND_HALF_UP)
                found[key] += (in_pricing * (1 if exchange is None else exchange)).quantize(TWELVE, ROUND_HALF_UP)
    return found


def cost_files(landing: Path, month: str) -> tuple[list[tuple[Path, str]], dict[str, list[tuple[str, bool]]]]:
    kinds = {"ActualCost": "actual_cost", "AmortizedCost": "amortized_cost", "FocusCost": "focus"}
    runs: dict[tuple[str, str], list[tuple[str, Path, dict[str, Any]]]] = defaultdict(list)
    for path in sorted((landing / "cost_management").rglob("manifest.json")):
        content = json.loads(path.read_text())
        if content["runInfo"]["startDate"][:7] == month:
            config = content["exportConfig"]
            key = (kinds[config["type"]], (config["resourceId"] + "|" + config["exportName"]).lower())
            runs[key].append((content["runInfo"]["submittedTime"], path, content))
    files, facts = [], defaultdict(list)
    for (comparison, _), found in runs.items():
        when, path, content = max(found, key=lambda run: run[:2])
        facts[comparison].append((when, len(found) > 1))
        files += [(path.parent / blob["blobName"].rsplit("/", 1)[-1], comparison) for blob in content["blobs"]]
    for kind in ("actual_cost", "amortized_cost", "focus_cost"):
        comparison = "focus" if kind == "focus_cost" else kind
        if comparison not in facts:
            loose = sorted((landing / "cost_management" / kind / month).rglob("*.csv*"))
            if loose:
                facts[comparison] = [("", False)]
            files += [(path, comparison) for path in loose]
    return files, facts


def cost_lines(landing: Path, files: list[tuple[Path, str]], result: Result) -> list[Line]:
    lines = []
    for path, comparison in files:
        rows, comma, bad = rows_of(path)
        for n, row in enumerate(rows, start=1):
            focus = comparison == "focus"
            quantity = number(get(row, "PricingQuantity") if focus else get(row, "Quantity", "UsageQuantity"), comma)
            amount = number(
                get(row, "BilledCost") if focus else get(row, "Cost", "CostInBillingCurrency", "PreTaxCost"), comma
            )
            day = day_of((get(row, "ChargePeriodStart") or "")[:10] if focus else get(row, "Date", "UsageDateTime"))
            currency = text_of(get(row, "BillingCurrency", "BillingCurrencyCode", "Currency"))
            charge = text_of(get(row, "ChargeCategory") if focus else get(row, "ChargeType"))
            if focus and text_of(get(row, "PricingQuantity")) is None and (charge or "").lower() != "usage":
                quantity = ZERO
            if n in bad or quantity is None or amount is None or not day or not currency or not charge:
                result.quarantined.add((path.relative_to(landing).as_posix(), n))
                if n not in bad:
                    own = text_of(get(row, "x_InvoiceId", "InvoiceId"))
                    account = get(row, "SubAccountId") if focus else get(row, "SubscriptionId", "SubscriptionGuid")
                    meter = ident(get(row, "x_SkuMeterId") if focus else get(row, "MeterId"))
                    result.owners.append((comparison, own, subscription(account), meter))
                continue
            scope = {"usage": "usage", "roundingadjustment": "rounding"}.get(charge.lower(), "other")
            if focus:
                unused = (get(row, "CommitmentDiscountStatus") or "").strip().lower() == "unused"
                scope = "other" if scope == "usage" and unused else scope
                scope = "rounding" if charge.lower() == "adjustment" else scope
            names = (
                ("x_SkuMeterName", "SkuMeter"), ("x_SkuMeterCategory",), ("x_SkuMeterSubcategory",), ("x_SkuRegion",),
            ) if focus else (("MeterName",), ("MeterCategory",), ("MeterSubCategory",), ("MeterRegion",))  # fmt: skip
            headings = {k.lower() for k in row}
            retail = "customertenantid" in headings and "invoiceid" not in headings
            lines.append(Line(
                "cost", comparison, text_of(get(row, "x_InvoiceId", "InvoiceId")),
                ident(get(row, "x_CustomerId") if focus else get(row, "CustomerTenantId")),
                subscription(get(row, "SubAccountId") if focus else get(row, "SubscriptionId", "SubscriptionGuid")),
                currency.upper(), ident(get(row, "x_SkuMeterId") if focus else get(row, "MeterId")), day,
                ident(get(row, "ResourceId", "InstanceId")), quantity, amount, charge,
                text_of(get(row, "x_PublisherCategory") if focus else get(row, "PublisherType")), scope,
                tuple(text_of(get(row, *n)) for n in names), "retail" if retail else "partner",
            ))  # fmt: skip
    return lines


def assign_invoices(usage: list[Line], cost: list[Line]) -> None:
    customers_of: dict[Any, set[str]] = defaultdict(set)
    invoices_of: dict[Any, set[str | None]] = defaultdict(set)
    everything = {line.invoice for line in usage}
    for line in usage:
        if line.customer:
            customers_of[line.subscription].add(line.customer)
            invoices_of[line.customer].add(line.invoice)
    spread = set()
    for line in cost:
        only = customers_of[line.subscription] if line.subscription else set()
        line.deciding = line.customer or (next(iter(only)) if len(only) == 1 else None)
        line.final_invoice = line.invoice
        if not line.invoice:
            candidates = invoices_of[line.deciding] if line.deciding else everything
            line.final_invoice = next(iter(candidates)) if len(candidates) == 1 else "unassigned"
            if line.deciding and line.final_invoice == "unassigned" and len(candidates) != 1 and line.scope == "usage":
                spread.add(line.deciding)
    for line in usage:
        line.final_invoice = "unassigned" if line.customer in spread else line.invoice
    for line in cost:
        line.charge_type = line.charge_type
        if line.deciding in spread and line.scope in ("usage", "rounding"):
            line.final_invoice, line.invoice = "unassigned", line.final_invoice
        else:
            line.invoice = line.final_invoice


def judge(row: dict[str, Any], u: Decimal, restated: bool) -> None:
    """Status and explanation by the row's own numbers."""
    uq, cq, ua, ca = row["usage_quantity"], row["cost_quantity"], row["usage_amount"], row["cost_amount"]
    un, cn = row["usage_line_count"], row["cost_line_count"]
    equal = abs(cq - uq) <= Decimal("0.000001") * max(un, cn)
    row["tolerance"] = min(max(u, un * u * 0), 100 * u)
    if un == 0 and cn == 0:
        row["status"] = "matched"
    elif cn == 0:
        row["status"] = "missing_in_cost"
    elif un == 0:
        row["status"] = "missing_in_usage"
    else:
        row["status"] = "matched" if abs(ca - ua) <= row["tolerance"] and equal else "mismatched"
    with localcontext(CONTEXT):
        same_price = abs(ca * uq - ua * cq) <= Decimal("0.001") * abs(ua * cq)
    row["explanation"] = (
        None if row["status"] == "matched"
        else "zero_amount" if "missing" in row["status"] and ua == ca == 0
        else "missing_side" if "missing" in row["status"]
        else "rounding" if equal and abs(ca - ua) <= max(un, cn) * u
        else "quantity" if not equal and uq and cq and same_price
        else "lost_credit" if equal and abs(ca - ua + row.get("lost_credit_amount", ZERO)) <= max(un, cn) * u
        else "promotion" if equal and abs(ca - ua - row.get("promotion_amount", ZERO)) <= max(un, cn) * u
        else "price" if equal
        else "unit" if abs(ca - ua) <= row["tolerance"]
        else "restated" if restated
        else "unexplained"
    )  # fmt: skip


def mark(result: Result, comparison: str, row: dict[str, Any], key: tuple[Any, ...], *meter: str | None) -> None:
    """Intake, section 9: rejected records of the invoice and subscription (and meter) of a row; `key` begins with them."""
    row["has_rejected_records"] = any(
        of in (None, comparison)
        and (invoice is None or key[0] in (invoice, "unassigned"))
        and sub == key[1]
        and (not meter or own == meter[0])
        for of, invoice, sub, own in result.owners
    )
    if row["explanation"] == "unexplained" and row["has_rejected_records"]:
        row["explanation"] = "rejected_records"


def percent(row: dict[str, Any]) -> None:
    with localcontext(CONTEXT):
        if row["status"] == "not_comparable":
            row["amount_variation"] = row["quantity_variation"] = row["amount_variation_percent"] = None
            return
        row["amount_variation"] = row["cost_amount"] - row["usage_amount"]
        row["quantity_variation"] = row["cost_quantity"] - row["usage_quantity"]
        whole = abs(row["usage_amount"])
        row["amount_variation_percent"] = (
            (100 * row["amount_variation"] / whole).quantize(TWELVE, ROUND_HALF_UP) if whole else None
        )


def empty() -> dict[str, Any]:
    names = ("usage_quantity", "usage_amount", "cost_quantity", "cost_amount", "rounding_adjustment_amount")
    return dict.fromkeys(names, ZERO) | {"usage_line_count": 0, "cost_line_count": 0, "price_basis": "partner"}


def add(row: dict[str, Any], line: Line) -> None:
    if line.basis == "retail":
        row["price_basis"] = "retail"
    if line.scope == "rounding":
        row["rounding_adjustment_amount"] += line.amount
        return
    row[f"{line.side}_quantity"] += line.quantity
    row[f"{line.side}_amount"] += line.amount
    row[f"{line.side}_line_count"] += 1


def reconcile(landing: Path, month: str) -> Result:
    """Every mart of one month, keyed by its grain (without the month)."""
    result = Result()
    usage, created = usage_lines(landing, month, result)
    files, facts = cost_files(landing, month)
    all_cost = cost_lines(landing, files, result)
    promotions = promotions_of(landing, month)
    for comparison, exports in facts.items():
        restated = bool(created) and any(older and when > max(created) for when, older in exports)
        cost = [line for line in all_cost if line.comparison == comparison]
        _reconcile_one(result, comparison, usage, cost, restated, promotions)
    return result


def _key(line: Line) -> tuple[Any, ...]:
    return line.final_invoice, line.subscription, line.currency, line.meter


def _reconcile_one(
    result: Result,
    comparison: str,
    usage: list[Line],
    cost: list[Line],
    restated: bool,
    promotions: dict[tuple[Any, ...], Decimal],
) -> None:
    assign_invoices(usage, cost)
    used = {_key(line) for line in cost if line.scope == "usage"}
    inside = list(usage)
    for line in cost:
        if line.scope == "usage" or (line.scope == "rounding" and _key(line) in used):
            inside.append(line)
        else:
            key = (comparison, line.invoice, line.subscription, line.currency, line.charge_type, line.publisher)
            row = result.out_of_scope.setdefault(key, {"cost_amount": ZERO, "cost_line_count": 0})
            row["cost_amount"] += line.amount
            row["cost_line_count"] += 1
    grid: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(empty)
    details: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(empty)
    texts: dict[tuple[Any, ...], dict[str, list[list[str]]]] = defaultdict(
        lambda: {s: [[], [], [], []] for s in ("usage", "cost")}
    )
    for line in inside:
        add(grid[_key(line)], line)
        add(details[(*_key(line), line.day, line.resource)], line)
        for n, value in enumerate(line.texts):
            if value:
                texts[_key(line)][line.side][n].append(value)
    sides: dict[Any, dict[str, set[str]]] = defaultdict(lambda: {"usage": set(), "cost": set()})
    for (invoice, sub, currency, meter), row in grid.items():
        for side in ("usage", "cost"):
            if row[f"{side}_line_count"]:
                sides[invoice, sub, meter][side].add(currency)
    for key, row in grid.items():
        unit = UNITS.get(key[2], Decimal("0.01"))
        row["lost_credit_amount"] = _lost_credit([line for line in usage if _key(line) == key])
        row["promotion_amount"] = promotions.get(key, ZERO)
        judge(row, unit, restated)
        mark(result, comparison, row, key, key[3])
        here = sides[key[0], key[1], key[3]]
        if any(not row[f"{side}_line_count"] and here[side] for side in ("usage", "cost")):
            row["status"], row["explanation"] = "not_comparable", "currency"
        for n, name in enumerate(("meter_name", "meter_category", "meter_subcategory", "meter_region")):
            side = texts[key]["usage"][n] or texts[key]["cost"][n]
            row[name] = min(side) if side else None
    _category_moves(grid, details)
    for key, row in grid.items():
        percent(row)
        result.grid[(comparison, *key)] = row
    for key, row in details.items():
        unit = UNITS.get(key[2], Decimal("0.01"))
        judge(row, unit, restated)
        mark(result, comparison, row, key, key[3])
        above = grid[key[:4]]
        if above["status"] == "not_comparable" and row["usage_line_count"] + row["cost_line_count"]:
            row["status"], row["explanation"] = "not_comparable", "currency"
        elif above["explanation"] == "category_move" and row["status"] != "matched":
            row["explanation"] = "category_move"
        elif above["explanation"] in ("lost_credit", "promotion") and row["explanation"] == "price":
            row["explanation"] = above["explanation"]
        percent(row)
        result.variations[(comparison, *key)] = row
    _summarize(result, comparison, grid)


def _lost_credit(lines: list[Line]) -> Decimal:
    """The amount of the lines of a meter without partner earned credit x the highest rate that the others state."""
    without = [line for line in lines if line.credit == "credit not applied"]
    rates = [line.rate for line in lines if line.credit != "credit not applied" and line.rate is not None]
    if not without or not rates:
        return ZERO
    with localcontext(CONTEXT):
        rate = max((r / 100).quantize(TWELVE, ROUND_HALF_UP) if r > 1 else r for r in rates)
        return (sum((line.amount for line in without), ZERO) * rate).quantize(TWELVE, ROUND_HALF_UP)


def _category_moves(
    grid: dict[tuple[Any, ...], dict[str, Any]], details: dict[tuple[Any, ...], dict[str, Any]]
) -> None:
    by_resource: dict[tuple[Any, ...], dict[Any, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for key, row in details.items():
        by_resource[key[:4]][key[5]] += row["cost_amount"] - row["usage_amount"]
    moved = []
    for key, row in grid.items():
        if row["status"] in ("matched", "not_comparable"):
            continue
        unit = UNITS.get(key[2], Decimal("0.01"))
        differing = {r: v for r, v in by_resource[key].items() if abs(v) > unit}
        others = [k for k in grid if k[:3] == key[:3] and k[3] != key[3] and grid[k]["status"] != "not_comparable"]
        if differing and all(
            r is not None and any(r in by_resource[k] and abs(by_resource[k][r] + v) <= unit for k in others)
            for r, v in differing.items()
        ):
            moved.append(key)
    for key in moved:
        grid[key]["explanation"] = "category_move"


def _summarize(result: Result, comparison: str, grid: dict[tuple[Any, ...], dict[str, Any]]) -> None:
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for key, row in grid.items():
        found[key[:3]].append(row)
    for key, rows in found.items():
        total = empty()
        for name in total:
            total[name] = max(r[name] for r in rows) if name == "price_basis" else sum(r[name] for r in rows)
        judge(total, UNITS.get(key[2], Decimal("0.01")), False)
        statuses = {row["status"] for row in rows}
        total["status"] = (
            "not_comparable" if "not_comparable" in statuses
            else "matched" if statuses == {"matched"}
            else "missing_in_cost" if not total["cost_line_count"]
            else "missing_in_usage" if not total["usage_line_count"]
            else "mismatched"
        )  # fmt: skip
        total["explanation"] = None
        mark(result, comparison, total, key)
        percent(total)
        result.summary[(comparison, *key)] = total
