"""The storage account: who we are to it, and its containers. What is in a container belongs to `container.py`."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from recon_assets.azure.container import BlobContainer, problem_of
from recon_assets.azure.settings import AzureSettings, load_azure_settings
from recon_assets.clock import Clock, utc_now
from recon_assets.transport.redaction import Secrets
from recon_assets.transport.retry import RetryPolicy

STORAGE_SCOPE = "https://storage.azure.com/.default"
_PUBLIC_AUTHORITY = "login.microsoftonline.com"
# Variables of azure-identity whose values are secret.
_SECRET_VARIABLES = ("AZURE_CLIENT_SECRET", "AZURE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD")


@dataclass(frozen=True)
class StorageAccount:
    settings: AzureSettings
    service: BlobServiceClient
    policy: RetryPolicy
    secrets: Secrets

    def container(self, name: str) -> BlobContainer:
        # Without retries of its own: the SDK's know neither 429 nor Retry-After.
        client = ContainerClient(
            self.service.url,
            name,
            credential=self.service.credential,
            retry_total=0,
            connection_timeout=20,
            read_timeout=self.settings.read_timeout_seconds,
        )
        return BlobContainer(client, self.policy, self.secrets, self.settings.list_page_size)

    def delta_options(self) -> dict[str, str]:
        """Storage options of delta-rs: address, patience and a credential that is good for at least minutes."""
        seconds = max(1, round(self.settings.attempts * self.settings.longest_wait_seconds))
        return {
            "azure_storage_account_name": str(self.service.account_name),
            "azure_storage_endpoint": self.settings.account_url,
            "azure_allow_http": str(self.settings.account_url.startswith("http://")).lower(),
            "max_retries": str(4 * self.settings.attempts),
            "retry_timeout": f"{seconds}s",
            "timeout": f"{max(1, round(self.settings.read_timeout_seconds))}s",
            **self._delta_credential(),
        }

    def _delta_credential(self) -> dict[str, str]:
        if self.settings.account_key is not None:
            return {"azure_storage_account_key": self.settings.account_key.get_secret_value()}
        return {"bearer_token": self._token()}

    def _token(self) -> str:
        try:
            token: str = self.service.credential.get_token(STORAGE_SCOPE).token
        except AzureError as error:
            raise problem_of(error, "the storage account", self.policy, self.secrets) from None
        self.secrets.add(token)
        return token


def open_account(
    settings: AzureSettings | None = None,
    service: BlobServiceClient | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Clock = utc_now,
) -> StorageAccount:
    """The account of the settings; `service` is a client that somebody else made for it (dagster-azure's resource).

    No request is sent yet. InputError when a setting is wrong.
    """
    settings = settings or load_azure_settings()
    # Its failures come back as errors of ours; without any handler Python would print them a second time.
    logging.getLogger("azure.identity").addHandler(logging.NullHandler())
    secrets = Secrets()
    for secret in (settings.account_key.get_secret_value() if settings.account_key else None, *_secret_variables()):
        if secret:
            secrets.add(secret)
    policy = RetryPolicy(settings.attempts, settings.first_wait_seconds, settings.longest_wait_seconds, sleep, clock)
    return StorageAccount(settings, service or _service(settings), policy, secrets)


def credential_options() -> dict[str, Any]:
    """Arguments of DefaultAzureCredential: an authority of one's own is trusted as set, Microsoft's is not asked."""
    authority = os.environ.get("AZURE_AUTHORITY_HOST", "")
    return {"disable_instance_discovery": True} if authority and _PUBLIC_AUTHORITY not in authority else {}


def _service(settings: AzureSettings) -> BlobServiceClient:
    key = settings.account_key
    credential = key.get_secret_value() if key else DefaultAzureCredential(**credential_options())
    return BlobServiceClient(settings.account_url, credential=credential)


def _secret_variables() -> list[str]:
    return [os.environ[name] for name in _SECRET_VARIABLES if os.environ.get(name)]
