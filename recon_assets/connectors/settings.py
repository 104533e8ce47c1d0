"""Settings of the Microsoft Graph connector: `RECON_GRAPH_*` variables or `.env`; secrets never show in a text."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import EnvironmentSettings, is_secure, read_settings

_PREFIX = "RECON_GRAPH_"


class GraphSettings(EnvironmentSettings):
    """How Microsoft Graph is asked: an app registration (secret or certificate), addresses, patience."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    tenant_id: str = Field(min_length=1, description="Microsoft Entra tenant of the partner.")
    client_id: str = Field(min_length=1, description="Application (client) id of the app registration.")
    client_secret: SecretStr | None = Field(None, description="Client secret; or give a certificate.")
    certificate_path: Path | None = Field(None, description="PEM or PKCS12 certificate with its private key.")
    certificate_password: SecretStr | None = Field(None, description="Password of the certificate file.")

    base_url: str = Field("https://graph.microsoft.com/v1.0", description="Microsoft Graph of your cloud.")
    authority: str = Field("https://login.microsoftonline.com", description="Microsoft Entra of your cloud.")
    scope: str | None = Field(None, description="Token scope; default <origin of base_url>/.default.")
    partner_center_url: str = Field(
        "https://api.partnercenter.microsoft.com", description="Partner Center REST API, asked for a month's invoices."
    )

    blob_hosts: list[str] = Field(
        [".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"],
        examples=['[".blob.core.windows.net"]'],
        description="Ends of the names of hosts that files may be downloaded from, each beginning with a dot.",
    )

    attempts: int = Field(6, ge=1, le=100, description="Attempts of one request before it counts as failed.")
    first_wait_seconds: float = Field(1, ge=0, description="First pause of the exponential backoff.")
    longest_wait_seconds: float = Field(120, ge=0, description="Longest pause, also when Retry-After asks for more.")
    poll_seconds: float = Field(10, ge=0, description="Pause between looks at an export without Retry-After.")
    poll_shortest_seconds: float = Field(1, ge=0, description="Shortest pause between two looks.")
    poll_timeout_seconds: float = Field(7200, gt=0, description="How long an export may take to be made.")
    read_timeout_seconds: float = Field(60, gt=0, description="How long a connection may be silent.")
    parallelism: int = Field(4, ge=1, le=64, description="Files downloaded at the same time.")

    @field_validator("base_url", "authority", "partner_center_url")
    @classmethod
    def _secure_address(cls, value: str) -> str:
        value = value.rstrip("/")
        if not is_secure(value):
            raise ValueError("write an https:// address (http:// is only for this computer itself)")
        return value

    @field_validator("blob_hosts")
    @classmethod
    def _ends_of_names(cls, value: list[str]) -> list[str]:
        if not value or not all(end.startswith(".") and len(end) > 2 for end in value):
            raise ValueError('write the ends of host names, for example [".blob.core.windows.net"]')
        return [end.lower() for end in value]

    @model_validator(mode="after")
    def _one_credential(self) -> "GraphSettings":
        if (self.client_secret is None) == (self.certificate_path is None):
            raise ValueError(f"set either {_PREFIX}CLIENT_SECRET or {_PREFIX}CERTIFICATE_PATH")
        if self.certificate_path is not None and not self.certificate_path.is_file():
            raise ValueError(f"{_PREFIX}CERTIFICATE_PATH: there is no file {self.certificate_path}")
        return self

    @property
    def graph_scope(self) -> str:
        return self.scope or origin_scope(self.base_url)

    @property
    def partner_center_scope(self) -> str:
        return origin_scope(self.partner_center_url)


def origin_scope(url: str) -> str:
    """The scope that asks for every application permission granted at the service behind `url`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/.default"


def load_graph_settings() -> GraphSettings:
    """Settings from the environment; InputError names each variable that is wrong or missing, never its value."""
    return read_settings(GraphSettings, "Microsoft Graph cannot be asked with these settings.")
