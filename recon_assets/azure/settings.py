"""Settings of the storage account: `RECON_AZURE_*` variables or `.env`; secrets never show in a text.

Without an account key the credential is azure-identity's DefaultAzureCredential, which has its own variables: AZURE_*.
"""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import EnvironmentSettings, is_secure, read_settings

PREFIX = "RECON_AZURE_"


class AzureSettings(EnvironmentSettings):
    """Which storage account, its key if there is one, and patience."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    account: str | None = Field(None, pattern=r"^[a-z0-9]{3,24}$", description="Name of the storage account.")
    endpoint: str | None = Field(
        None, description="Address of its blob service; default https://<account>.blob.core.windows.net."
    )
    account_key: SecretStr | None = Field(
        None, description="Account key; without it azure-identity is asked (managed identity, service principal)."
    )

    attempts: int = Field(6, ge=1, le=100, description="Attempts of one request before it counts as failed.")
    first_wait_seconds: float = Field(1, ge=0, description="First pause of the exponential backoff.")
    longest_wait_seconds: float = Field(120, ge=0, description="Longest pause, also when Retry-After asks for more.")
    read_timeout_seconds: float = Field(60, gt=0, description="How long a connection may be silent.")
    list_page_size: int = Field(5000, ge=1, le=5000, description="Names that are asked for with one listing request.")
    cache_bytes: int = Field(
        20 * 1000**3, ge=1, description="Largest size of the local copies of landing files, and of published ones."
    )

    @field_validator("endpoint")
    @classmethod
    def _secure_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not is_secure(value) or urlsplit(value).query or urlsplit(value).username:
            raise ValueError(
                "write an https:// address without a SAS token (http:// is only for an emulator on this computer)"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _some_account(self) -> "AzureSettings":
        if self.account is None and self.endpoint is None:
            raise ValueError(f"set {PREFIX}ACCOUNT (or {PREFIX}ENDPOINT)")
        return self

    def impatient(self) -> "AzureSettings":
        """The same for somebody who waits for a page: storage that does not answer is given up within seconds."""
        return self.model_copy(
            update={
                "attempts": min(self.attempts, 2),
                "first_wait_seconds": min(self.first_wait_seconds, 0.5),
                "longest_wait_seconds": min(self.longest_wait_seconds, 2),
                "read_timeout_seconds": min(self.read_timeout_seconds, 10),
            }
        )

    @property
    def account_url(self) -> str:
        return self.endpoint or f"https://{self.account}.blob.core.windows.net"


def load_azure_settings() -> AzureSettings:
    """Settings from the environment; InputError names each variable that is wrong or missing, never its value."""
    return read_settings(AzureSettings, "Azure storage cannot be used with these settings.")
