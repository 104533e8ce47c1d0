"""Settings of the reporting app alone: `RECON_APP_*` variables or `.env`."""

from typing import Annotated

from pydantic import Field, IPvAnyNetwork, field_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import DuckDBMemory, EnvironmentSettings, HostName, read_settings
from recon_assets.errors import InputError

_PREFIX = "RECON_APP_"


class AppSettings(EnvironmentSettings):
    """Who may use the app, and how much memory its queries take."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, populate_by_name=True, hide_input_in_errors=False)

    identity_header: str | None = Field(None, description="Header in which the reverse proxy names the user.")
    proxies: list[IPvAnyNetwork] = Field(
        default_factory=list,
        examples=['["10.0.0.5/32"]'],
        description="Addresses (CIDR) of the reverse proxy; others are refused.",
    )
    editors: list[str] = Field(
        default_factory=list,
        examples=['["ana@example.com"]'],
        description="Users who may report and change issues; * is all.",
    )
    hosts: list[HostName] = Field(
        default_factory=list,
        examples=['["recon.example.com"]'],
        description="Host names the app answers to, besides loopback.",
    )
    memory_limit: DuckDBMemory = Field("256MB", description="DuckDB memory limit of the app; it spills to disk beyond.")
    upload_bytes: Annotated[int, Field(ge=1_000, le=2_000_000_000)] = Field(
        50_000_000, description="Largest file that an editor may upload, in bytes."
    )
    threads: Annotated[int, Field(ge=1, le=64)] = Field(8, description="Requests answered at the same time.")
    show_usage: bool = Field(
        True, validation_alias="SHOW_RECONCILIATION_REPORTING", description="Whether there is a usage area."
    )

    @field_validator("identity_header")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        if value is not None and not value.replace("-", "").isalnum():
            raise ValueError("write a header's name, for example X-Forwarded-User")
        return value


def load_app_settings() -> AppSettings:
    """Settings from the environment; InputError names each variable that is wrong."""
    settings = read_settings(AppSettings, "A setting of the app is wrong.")
    if (settings.identity_header is None) != (not settings.proxies):
        raise InputError(
            f"{_PREFIX}IDENTITY_HEADER and {_PREFIX}PROXIES belong together: a header is only as good as who sends it."
        )
    return settings
