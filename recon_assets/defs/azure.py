"""The platform on Azure: dagster-azure's resource says which account it is and as whom. Imported for az:// only."""

import os
from contextlib import ExitStack

import dagster as dg
from azure.storage.blob import BlobServiceClient
from dagster_azure.blob import (
    AzureBlobStorageDefaultCredential,
    AzureBlobStorageKeyCredential,
    AzureBlobStorageResource,
)
from pydantic import PrivateAttr

from recon_assets.azure.account import StorageAccount, credential_options, open_account
from recon_assets.azure.settings import PREFIX, AzureSettings, load_azure_settings
from recon_assets.defs.resources import PlatformResource


class AzurePlatformResource(PlatformResource):
    """The platform, with the connection to its storage account open as long as the resource is in use."""

    account: AzureBlobStorageResource
    _open: ExitStack = PrivateAttr(default_factory=ExitStack)
    _service: BlobServiceClient | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._service = self._open.enter_context(self.account.get_client())

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self._open.close()

    def _account(self) -> StorageAccount:
        return open_account(service=self._service)


def azure_platform_resource() -> AzurePlatformResource:
    return AzurePlatformResource(account=storage_account(load_azure_settings()))


def storage_account(azure: AzureSettings) -> AzureBlobStorageResource:
    """The account as a resource. Its key stays in the environment: what a resource holds is shown in the Dagster UI."""
    if azure.account_key is not None:
        # It may come from a .env file, which EnvVar does not read.
        os.environ.setdefault(f"{PREFIX}ACCOUNT_KEY", azure.account_key.get_secret_value())
        key = AzureBlobStorageKeyCredential(key=dg.EnvVar(f"{PREFIX}ACCOUNT_KEY"))
        return AzureBlobStorageResource(account_url=azure.account_url, credential=key)
    identity = AzureBlobStorageDefaultCredential(kwargs=credential_options())
    return AzureBlobStorageResource(account_url=azure.account_url, credential=identity)
