"""Secrets out of texts: values that the environment names as secret or a connector met, and the shapes they have."""

import os
import re
from collections.abc import Mapping

from recon_assets.environment import dot_env

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"^(RECON|DAGSTER|AZURE|POSTGRES)_.*(SECRET|PASSWORD|KEY|TOKEN|CONNECTION_STRING)$|WEBHOOK_URL$"
)
_SHORTEST = 6  # a shorter value would hide common words
_SHAPES = (
    (
        re.compile(r"(?i)\b(sig|code|client_secret|password|access_token|AccountKey|SharedAccessKey)=[^&;\s\"'<>]+"),
        r"\1=",
    ),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[A-Za-z0-9+/._~=-]{8,}"), r"\1 "),
    (re.compile(r"(\w://[^/\s:@]+:)[^/\s@]+(?=@)"), r"\1"),
)


def redact(text: str, environment: Mapping[str, str | None] | None = None) -> str:
    """The text with every secret replaced by three stars; `environment` is .env and the process's own by default."""
    for secret in secrets_of({**dot_env(), **os.environ} if environment is None else environment):
        text = text.replace(secret, HIDDEN)
    for shape, kept in _SHAPES:
        text = shape.sub(kept + HIDDEN, text)
    return text


def secrets_of(environment: Mapping[str, str | None]) -> list[str]:
    """Values of the variables whose names say that they are secret, longest first: one may hold another."""
    values = {value for name, value in environment.items() if value and _SECRET_NAME.search(name)}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)


class Secrets:
    """The secret values in use, so that a text from outside can be shown without them."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Hide `value`, and the values of its parameters when it is a query string (a SAS token)."""
        parts = [part.partition("=")[2] for part in value.split("&")] if "&" in value else []
        self._values.update(part for part in (value, *parts) if len(part) >= 8)

    def scrub(self, text: str) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} values)"
