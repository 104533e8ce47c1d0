"""Access tokens by client credentials (secret or certificate), through azure-identity."""

import logging
from collections.abc import Callable

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from pydantic import SecretStr

from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import InputError, ReconError
from recon_assets.transport.redaction import Secrets

TokenSource = Callable[[], SecretStr]

_DEFAULT_AUTHORITY = "https://login.microsoftonline.com"


def make_credential(settings: GraphSettings) -> TokenCredential:
    """The app's credential; InputError when the certificate cannot be used. No request is sent yet."""
    # Its failures come back as errors of ours; without any handler Python would print them a second time.
    logging.getLogger("azure.identity").addHandler(logging.NullHandler())
    # An authority of one's own is trusted as set: asking Microsoft's public cloud about it fails in other clouds.
    trusted = settings.authority != _DEFAULT_AUTHORITY
    if settings.client_secret is not None:
        return ClientSecretCredential(
            settings.tenant_id,
            settings.client_id,
            settings.client_secret.get_secret_value(),
            authority=settings.authority,
            disable_instance_discovery=trusted,
        )
    password = settings.certificate_password
    try:
        return CertificateCredential(
            settings.tenant_id,
            settings.client_id,
            str(settings.certificate_path),
            password=password.get_secret_value() if password else None,
            authority=settings.authority,
            disable_instance_discovery=trusted,
        )
    except (OSError, ValueError):
        raise InputError(
            f"RECON_GRAPH_CERTIFICATE_PATH: {settings.certificate_path} cannot be used. It must be PEM or PKCS12 with "
            "the private key, and RECON_GRAPH_CERTIFICATE_PASSWORD must be its password."
        ) from None


def token_source(credential: TokenCredential, scope: str, secrets: Secrets) -> TokenSource:
    """A function that gives a valid token of `scope`; azure-identity keeps it until it runs out.

    Raises InputError when Microsoft Entra refuses the app, ReconError when it cannot be reached.
    """

    def token() -> SecretStr:
        try:
            value = credential.get_token(scope).token
        except AzureError as error:
            raise _refusal(error, secrets) from None
        secrets.add(value)
        return SecretStr(value)

    return token


def _refusal(error: AzureError, secrets: Secrets) -> ReconError:
    """What Entra itself refuses has an AADSTS code; azure-identity raises the same error for a lost connection."""
    reason = secrets.scrub(str(error.message).strip().partition("\n")[0].rstrip("."))
    if isinstance(error, ClientAuthenticationError) and "AADSTS" in reason:
        return InputError(
            f"Microsoft Entra refused the app: {reason}. Check RECON_GRAPH_TENANT_ID, RECON_GRAPH_CLIENT_ID and the "
            "secret or certificate (expired?)."
        )
    return ReconError(f"Microsoft Entra gave no token: {reason}. Check RECON_GRAPH_AUTHORITY and the network.")
