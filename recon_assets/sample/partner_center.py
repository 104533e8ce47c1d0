"""Reconciliation files of Partner Center, in every spelling Microsoft's portal produces (spec/sources.md).

What is charged belongs to the scenario; text encodings and number styles belong to `delimited`.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from recon_assets.months import MONTH_NAMES, add_months
from recon_assets.sample.delimited import TextLayout, columns, write_delimited
from recon_assets.sample.records import MicrosoftLine, Quarantined

FOLDER = "partner_center/reconciliation"
PARTNER_ID = "5d1c7a10-2f0e-4a57-9a53-0c0a11e50f01"
MPN_ID = "0032457"
RESERVATIONS = "Azure reservation"

NCE_46 = columns(
    "PartnerId,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,InvoiceNumber,MPNID,ResellerMPNID,OrderId,"
    "OrderDate,ProductId,SkuId,AvailabilityId,SkuName,ProductName,ChargeType,UnitPrice,Quantity,Subtotal,TaxTotal,"
    "Total,Currency,PriceAdjustmentDescription,PublisherName,PublisherId,SubscriptionDescription,SubscriptionId,"
    "ChargeStartDate,ChargeEndDate,TermAndBillingCycle,EffectiveUnitPrice,UnitType,AlternateId,BillableQuantity,"
    "BillingFrequency,PricingCurrency,PCToBCExchangeRate,PCToBCExchangeRateDate,MeterDescription,ReservationOrderId,"
    "CreditReasonCode,SubscriptionStartDate,SubscriptionEndDate,ReferenceID,ProductQualifiers,PromotionID"
)
_NCE_RENAMED = {
    "MPNID": "MpnId",
    "ResellerMPNID": "Tier2MpnId",
    "ReferenceID": "ReferenceId",
    "PromotionID": "PromotionId",
}
NCE_47 = (*(_NCE_RENAMED.get(name, name) for name in NCE_46), "ProductCategory")
LEGACY_28 = columns(
    "PartnerId,CustomerId,CustomerName,MpnId,ResellerMpnId,OrderId,SubscriptionId,"
    "SyndicationPartnerSubscriptionNumber,OfferId,DurableOfferId,OfferName,SubscriptionStartDate,SubscriptionEndDate,"
    "ChargeStartDate,ChargeEndDate,ChargeType,UnitPrice,Quantity,Amount,TotalOtherDiscount,Subtotal,Tax,"
    "TotalForCustomer,Currency,DomainName,SubscriptionName,SubscriptionDescription,BillingCycleType"
)
LEGACY_27 = columns(
    "PartnerID,CustomerID,OrderID,SubscriptionID,SyndicationPartnerSubscriptionNumber,OfferID,DurableOfferID,"
    "OfferName,SubscriptionStartDate,SubscriptionEndDate,ChargeStartDate,ChargeEndDate,ChargeType,UnitPrice,Quantity,"
    "Amount,TotalOtherDiscount,Subtotal,Tax,TotalForCustomer,Currency,CustomerName,MPNID,ResellerMPNID,DomainName,"
    "SubscriptionName,SubscriptionDescription"
)

Lines = Callable[[], Iterable[MicrosoftLine]]


@dataclass(frozen=True)
class FileVariant:
    """How one month's files of one kind look; `name` takes the month's name and the year."""

    name: str
    header: tuple[str, ...]
    text: TextLayout
    parts: int = 1
    has_copy: bool = False


NCE_VARIANTS = (
    FileVariant("{upper}{year}_MSRECON_NCE", NCE_46, TextLayout(dates="us")),
    FileVariant("{title}{year}_MSRECON_NCE", NCE_47, TextLayout(newline="\r\n", is_gzipped=True)),
    FileVariant(
        "{lower}{year}_MSRECON_nce",
        NCE_47,
        TextLayout("utf-8-sig", ";", "\r\n", "iso_time", has_decimal_comma=True),
        parts=2,
    ),
    FileVariant(
        "{upper}{year}_MSRECON_NCE",
        NCE_46,
        TextLayout("utf-16", "\t", "\r\n", "us_time", has_scientific_zero=True),
        has_copy=True,
    ),
    FileVariant("{title}{year}_MSRECON_Nce", NCE_47, TextLayout("utf-8-sig", dates="us_time", is_gzipped=True)),
    FileVariant("{lower}{year}_MSRECON_NCE", NCE_46, TextLayout(delimiter=";", dates="us", has_decimal_comma=True)),
)
# None: a month without a legacy file. The months of LEGACY_EMPTY get a header without rows.
LEGACY_VARIANTS: tuple[FileVariant | None, ...] = (
    FileVariant("{upper}{year}_MSRECON_Legacy", LEGACY_28, TextLayout("utf-8-sig", newline="\r\n", dates="us_time")),
    FileVariant("{title}{year}_MSRECON_Legacy", LEGACY_27, TextLayout(delimiter="\t", is_gzipped=True)),
    None,
    FileVariant("{upper}{year}_MSRECON_LEGACY", LEGACY_28, TextLayout(dates="iso_time")),
    FileVariant("{lower}{year}_MSRECON_legacy", LEGACY_28, TextLayout("utf-16", ";", "\r\n", "us", True)),
    FileVariant("{title}{year}_MSRECON_Legacy", LEGACY_27, TextLayout(dates="iso_time", has_scientific_zero=True)),
)
LEGACY_EMPTY = (3,)


def legacy_has_rows(index: int) -> bool:
    """Whether Microsoft still bills legacy seats in the sample's month number `index` (0-based)."""
    position = index % len(LEGACY_VARIANTS)
    return LEGACY_VARIANTS[position] is not None and position not in LEGACY_EMPTY


def write_nce(landing: Path, month: str, index: int, lines: Lines) -> list[Quarantined]:
    """Writes the NCE files of the sample's month number `index`; returns the rows a reader must set aside."""
    variant = NCE_VARIANTS[index % len(NCE_VARIANTS)]
    return _write_files(landing, "ms_recon_nce", month, variant, lines, _nce_values)


def write_legacy(landing: Path, month: str, index: int, lines: Lines) -> list[Quarantined]:
    """As `write_nce`, for the legacy file: none, a header only, or the lines."""
    variant = LEGACY_VARIANTS[index % len(LEGACY_VARIANTS)]
    if variant is None:
        return []
    present: Lines = lines if legacy_has_rows(index) else tuple
    return _write_files(landing, "ms_recon_legacy", month, variant, present, _legacy_values)


Values = Callable[[MicrosoftLine, TextLayout, str], dict[str, str]]


def _write_files(
    landing: Path, source: str, month: str, variant: FileVariant, lines: Lines, values: Values
) -> list[Quarantined]:
    set_aside: list[Quarantined] = []
    for part in range(variant.parts):
        name = _file_name(variant, month, f"_{part + 1}" if variant.parts > 1 else "")
        path = landing / FOLDER / name
        share = islice(lines(), part, None, variant.parts)
        rows = _rows(share, variant, values, Quarantined(source, month, f"{FOLDER}/{name}", 0, "", ""), set_aside)
        write_delimited(path, variant.text, variant.header, rows)
    if variant.has_copy:
        shutil.copyfile(path, path.with_name(_file_name(variant, month, "_copy")))
    return set_aside


def _file_name(variant: FileVariant, month: str, ending: str) -> str:
    """The name carries the month after the billing month: APRIL2022 holds March 2022 (spec/sources.md)."""
    named = add_months(month, 1)
    word = MONTH_NAMES[int(named[5:]) - 1]
    name = variant.name.format(upper=word.upper(), lower=word, title=word.title(), year=named[:4])
    return f"{name}{ending}{variant.text.suffix}"


def _rows(
    lines: Iterable[MicrosoftLine],
    variant: FileVariant,
    values: Values,
    place: Quarantined,
    set_aside: list[Quarantined],
) -> Iterator[Sequence[str]]:
    keys = [_key(name) for name in variant.header]
    for number, line in enumerate(lines, start=1):
        cells = values(line, variant.text, place.month)
        if line.corruption is not None:
            wrong = line.corruption
            if wrong.text is not None:
                cells[_key(wrong.column)] = wrong.text
            set_aside.append(replace(place, source_row=number, column_name=wrong.column, what=wrong.what))
        yield [cells.get(key, "") for key in keys]


def _key(name: str) -> str:
    folded = name.lower().replace("_", "")
    return "resellermpnid" if folded == "tier2mpnid" else folded


def invoice_number(month: str) -> str:
    """Microsoft's invoice of a month, in the reconciliation files and in the usage of some customers."""
    return f"G{month.replace('-', '')}0417"


def bridged_invoice_number(month: str) -> str:
    """The invoice of a month whose bridge to the cost export has every step."""
    return f"G{month.replace('-', '')}0500"


def _nce_values(line: MicrosoftLine, text: TextLayout, month: str) -> dict[str, str]:
    charge = line.charge
    unit_price = text.number(charge.unit_cost)
    quantity = text.number(charge.quantity)
    start = text.start(charge.start)
    is_azure = line.product.product_type == "Azure plan"
    return {
        **_common_values(line, text),
        "customerdomainname": line.account.domain,
        "customercountry": line.account.country,
        "invoicenumber": line.invoice_number or invoice_number(month),
        "orderdate": start,
        "productid": line.product.code,
        "skuid": "0001",
        "availabilityid": f"{line.product.code}A1",
        "skuname": line.product.name,
        "productname": line.product.name,
        "taxtotal": text.number(line.tax),
        "total": text.number(charge.amount + line.tax),
        "publishername": line.product.publisher,
        "subscriptionid": line.ms_subscription_id,
        "termandbillingcycle": line.product.cycle,
        "unittype": "1/Month" if is_azure else "Licenses",
        "effectiveunitprice": unit_price,
        "billablequantity": quantity,
        "billingfrequency": "Monthly",
        "pricingcurrency": line.currency,
        "pctobcexchangerate": "1",
        "pctobcexchangeratedate": start,
        "reservationorderid": line.ms_subscription_id if line.product.product_type == RESERVATIONS else "",
        "productcategory": "Azure" if is_azure else "Seat-based",
    }


def _legacy_values(line: MicrosoftLine, text: TextLayout, month: str) -> dict[str, str]:
    """Legacy lines name the subscription in SyndicationPartnerSubscriptionNumber; SubscriptionId is internal."""
    charge = line.charge
    return {
        **_common_values(line, text),
        "subscriptionid": f"{line.ms_subscription_id[:8]}AAAAAAEA",
        "syndicationpartnersubscriptionnumber": line.ms_subscription_id,
        "offerid": line.product.code,
        "durableofferid": line.product.code,
        "offername": line.product.name,
        "amount": text.number(charge.amount),
        "totalotherdiscount": text.number(charge.amount * 0),
        "tax": text.number(line.tax),
        "totalforcustomer": text.number(charge.amount + line.tax),
        "domainname": line.account.domain,
        "subscriptionname": line.product.name,
        "billingcycletype": "MONTHLY",
    }


def _common_values(line: MicrosoftLine, text: TextLayout) -> dict[str, str]:
    charge = line.charge
    start, end = text.start(charge.start), text.end(charge.end)
    return {
        "partnerid": PARTNER_ID,
        "customerid": line.account.customer_id,
        "customername": line.account.name,
        "mpnid": MPN_ID,
        "resellermpnid": "0",
        "orderid": f"O{line.ms_subscription_id[-12:]}",
        "chargetype": line.charge_type,
        "unitprice": text.number(charge.unit_cost),
        "quantity": text.number(charge.quantity),
        "subtotal": text.number(charge.amount),
        "currency": line.currency,
        "subscriptiondescription": line.product.name,
        "chargestartdate": start,
        "chargeenddate": end,
        "subscriptionstartdate": start,
        "subscriptionenddate": end,
    }
