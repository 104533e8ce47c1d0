"""Settings of the BSS connector: `RECON_BSS_*` variables or `.env`; secrets never show in a text."""

import datetime as dt
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import EnvironmentSettings, is_secure, read_settings

_PREFIX = "RECON_BSS_"


class BssSettings(EnvironmentSettings):
    """How the billing platform is asked for invoices: address, an API user of its own, pages, patience."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    url: str = Field(description="Address of the BSS, without /api.")
    username: str = Field(min_length=1, description="API user.")
    password: SecretStr = Field(description="Password of the API user.")
    client_id: str = Field(min_length=1, description="Client id of the API application.")
    client_secret: SecretStr = Field(description="Secret of the API application.")

    since: dt.date = Field(dt.date(2000, 1, 1), description="The first fetch takes invoices updated from this day on.")
    page_size: int = Field(500, ge=1, le=500, description="Invoices per page.")
    first_page: int = Field(1, ge=0, le=1, description="Index of the first page.")
    overlap_minutes: int = Field(
        15,
        ge=0,
        le=525_600,
        description="How far before the watermark a fetch begins: updates may become visible late.",
    )
    passes: int = Field(
        3, ge=1, le=100, description="How often all pages are read again when invoices change meanwhile."
    )

    attempts: int = Field(6, ge=1, le=100, description="Attempts of one request before it counts as failed.")
    first_wait_seconds: float = Field(1, ge=0, description="First pause of the exponential backoff.")
    longest_wait_seconds: float = Field(120, ge=0, description="Longest pause, also when Retry-After asks for more.")
    read_timeout_seconds: float = Field(120, gt=0, description="How long a connection may be silent.")

    @field_validator("url")
    @classmethod
    def _secure_address(cls, value: str) -> str:
        if not is_secure(value) or urlsplit(value).query or urlsplit(value).username:
            raise ValueError("write an https:// address (http:// is only for this computer itself)")
        return value.rstrip("/")


def load_bss_settings() -> BssSettings:
    """Settings from the environment; InputError names each variable that is wrong or missing, never its value."""
    return read_settings(BssSettings, "The BSS cannot be asked for invoices with these settings.")
