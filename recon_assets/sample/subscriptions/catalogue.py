"""The invented customers and the products that the sample's subscriptions are for."""

import uuid
from decimal import Decimal
from functools import lru_cache
from random import Random

from recon_assets.sample.partner_center import RESERVATIONS
from recon_assets.sample.records import Account, Product

COMPANIES = (
    "Contoso",
    "Fabrikam, Inc.",
    "Northwind Traders",
    'Adatum "Nord" GmbH',
    "Litware; Filiale Süd",
    "Tailspin Toys",
    "Wingtip Säntis AG",
    "Proseware",
    "Woodgrove Bank",
    "Fourth Coffee",
    "Sinar Maju Sdn. Bhd.",
)
# Currency and Microsoft's tax rate; the partner is billed in each of them.
MARKETS = (
    ("US", "USD", Decimal("0.08")),
    ("US", "USD", Decimal("0.08")),
    ("DE", "EUR", Decimal("0")),
    ("US", "USD", Decimal("0.08")),
    ("MY", "MYR", Decimal("0.08")),
)

SEATS = Product("CFQ7TTC0LH18", "Microsoft 365 Business Basic", "NCE", Decimal("6.00"))
SEATS_YEARLY = Product("CFQ7TTC0LCHC", "Microsoft 365 E3", "NCE", Decimal("432.00"), "P1Y:Upfront")
OFFICE_LEGACY = Product("031C9E47", "Office 365 E1", "Office 365", Decimal("8.00"))
DYNAMICS_LEGACY = Product("2B3B8D2D", "Dynamics 365 Team Members", "Dynamics 365", Decimal("7.50"))
AZURE_PLAN = Product("DZH318Z0BPS6", "Azure plan", "Azure plan", Decimal("240.00"), "")
SOFTWARE = Product("DG7GMGF0D5SL", "Visio Professional subscription", "Software subscription", Decimal("30.00"))
SOFTWARE_PERPETUAL = Product("DG7GMGF0F4LF", "Windows Server 2022 licence", "Perpetual software", Decimal("505.00"), "")
RESERVATION = Product(
    "DZH318Z0BQ3X", "Reserved VM Instance, Standard_D4ds_v5", RESERVATIONS, Decimal("95.40"), "P1Y:Monthly"
)
SAVINGS_PLAN = Product(
    "DZH318Z0BTGM", "Compute savings plan, 1 Year", "Azure savings plan", Decimal("36.50"), "P1Y:Monthly"
)
MARKETPLACE = Product(
    "DZH318Z08X5F", "Threat Guard for Azure", "Marketplace", Decimal("15.25"), publisher="Proseware Security Inc."
)

LEGACY_PRODUCTS = (OFFICE_LEGACY, DYNAMICS_LEGACY)
PLAIN_PRODUCTS = (
    SEATS,
    Product("CFQ7TTC0LDPB", "Microsoft 365 Business Standard", "NCE", Decimal("12.50")),
    OFFICE_LEGACY,
    Product("CFQ7TTC0LGZT", "Exchange Online (Plan 1)", "NCE", Decimal("4.00")),
    Product("CFQ7TTC0LHRC", "Dynamics 365 Sales Professional", "NCE", Decimal("65.00")),
    AZURE_PLAN,
    Product("CFQ7TTC0LH0S", "Power BI Pro", "NCE", Decimal("10.00")),
    DYNAMICS_LEGACY,
    SOFTWARE,
    Product("CFQ7TTC0LCH4", "Microsoft Entra ID P1", "NCE", Decimal("6.00")),
)


def random_guid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


@lru_cache(maxsize=200_000)
def account(seed: int, number: int) -> Account:
    """The customer with this number; numbers that differ by five share a market, so a currency."""
    country, currency, tax_rate = MARKETS[number % len(MARKETS)]
    return Account(
        account_id=f"{number:06d}",
        billing_account_id=f"{700_000 + number:08d}",
        customer_id=random_guid(Random(f"{seed}:customer:{number}")),
        name=f"{COMPANIES[number % len(COMPANIES)]} {number:05d}",
        domain=f"customer{number:05d}.onmicrosoft.example",
        country=country,
        currency=currency,
        tax_rate=tax_rate,
    )
