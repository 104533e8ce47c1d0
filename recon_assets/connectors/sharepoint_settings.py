"""Settings of the SharePoint connector: `RECON_SHAREPOINT_*` variables or `.env`. Tenant and app are RECON_GRAPH_*."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from recon_assets.environment import EnvironmentSettings, is_secure, read_settings

_PREFIX = "RECON_SHAREPOINT_"


class SharePointSettings(EnvironmentSettings):
    """Which folder is mirrored: of a site's library or of a person's OneDrive, and to where in the landing zone."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    site: str | None = Field(None, description="Address of the SharePoint site; or name a user.")
    library: str | None = Field(None, description="Document library of the site; without it the site's default one.")
    user: str | None = Field(None, description="Sign-in name of the person whose OneDrive it is.")
    folder: str = Field("", description="Folder in the library, such as Reconciliation/landing; empty: all of it.")
    target: str = Field("", description="Folder below the landing root that it is mirrored to; empty: the root.")
    hosts: list[str] = Field(
        [".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us", ".sharepoint.cn"],
        examples=['[".sharepoint.com"]'],
        description="Ends of the names of hosts that files may be downloaded from, each beginning with a dot.",
    )

    @field_validator("site")
    @classmethod
    def _secure_address(cls, value: str | None) -> str | None:
        if value and (not is_secure(value) or urlsplit(value).query or urlsplit(value).username):
            raise ValueError("write the site's https:// address, as https://contoso.sharepoint.com/sites/finance")
        return value.rstrip("/") if value else None

    @field_validator("folder", "target")
    @classmethod
    def _plain_folder(cls, value: str) -> str:
        parts = [part for part in value.replace("\\", "/").split("/") if part]
        if any(part in (".", "..") or ":" in part for part in parts):
            raise ValueError("write a folder with forward slashes, such as Reconciliation/landing")
        return "/".join(parts)

    @field_validator("hosts")
    @classmethod
    def _ends_of_names(cls, value: list[str]) -> list[str]:
        if not value or not all(end.startswith(".") and len(end) > 2 for end in value):
            raise ValueError('write the ends of host names, for example [".sharepoint.com"]')
        return [end.lower() for end in value]

    @model_validator(mode="after")
    def _one_place(self) -> "SharePointSettings":
        if bool(self.site) == bool(self.user):
            raise ValueError(f"set either {_PREFIX}SITE or {_PREFIX}USER")
        if self.library and not self.site:
            raise ValueError(f"{_PREFIX}LIBRARY belongs to {_PREFIX}SITE")
        return self


def load_sharepoint_settings() -> SharePointSettings:
    """Settings from the environment; InputError names each variable that is wrong or missing."""
    return read_settings(SharePointSettings, "No SharePoint or OneDrive folder can be fetched with these settings.")
