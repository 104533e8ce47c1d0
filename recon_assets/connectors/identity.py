"""Access tokens by client credentials (secret or certificate), through azure-identity."""

from collections.abc import Callable

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from pydantic import SecretStr

from recon_assets.connectors.http import Secrets
from recon_assets.connectors.settings import GraphSettings
from recon_assets.errors import InputError, ReconError

TokenSource = Callable[[], SecretStr]

_DEFAULT_AUTHORITY = "https://login.microsoftonline.com"


def make_credential(settings: GraphSettings) -> TokenCredential:
    """The app's credential; InputError when the certificate cannot be used. No request is sent yet."""
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
        except ClientAuthenticationError as error:
            raise InputError(
                f"Microsoft Entra refused the app: {_reason(error, secrets)} Check RECON_GRAPH_TENANT_ID, "
                "RECON_GRAPH_CLIENT_ID and the secret or certificate (expired?)."
            ) from None
        except AzureError as error:
            raise ReconError(
                f"Microsoft Entra gave no token: {_reason(error, secrets)} Check RECON_GRAPH_AUTHORITY and the network."
            ) from None
        secrets.add(value)
        return SecretStr(value)

    return token


def _reason(error: AzureError, secrets: Secrets) -> str:
    first_line = str(error.message).strip().partition("\n")[0].rstrip(".")
    return f"{secrets.scrub(first_line)}."
