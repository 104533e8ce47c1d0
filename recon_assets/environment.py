"""Settings classes and what they share: read from variables or `.env`, checked when they are read, told by name.

A value that is not allowed is an error that says which variable, and what is allowed. What a setting means belongs to
the class that declares it.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from recon_assets.errors import InputError
from recon_assets.months import is_month

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt])(i?)b", re.IGNORECASE)
_LEAST_MEMORY = 16 * 1000**2  # bytes; with less DuckDB cannot start
_FIELD = re.compile(r'field "(\w+)"')
_ALLOWED = {"bool_parsing": "write true or false", "bool_type": "write true or false"}

Class = TypeVar("Class", bound="EnvironmentSettings")


class EnvironmentSettings(BaseSettings):
    """Base of all settings; a class gives its prefix. Errors leave values out: they may be secret."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    @classmethod
    def variable(cls, name: str) -> str:
        """The environment variable of a field, which may be named by its alias: then that is the variable."""
        field = cls.model_fields.get(name)
        alias = field.validation_alias if field else name
        return str(alias or f"{cls.model_config.get('env_prefix', '')}{name.upper()}")


def read_settings(settings: type[Class], wrong: str) -> Class:
    """The settings as the environment has them; InputError begins with `wrong` and names each variable."""
    try:
        return settings()
    except ValidationError as error:
        problems = list(_problems(settings, error))
    except SettingsError as error:  # not JSON, where the setting is a list or an object
        problems = [_not_json(settings, str(error))]
    except UnicodeDecodeError:
        problems = ["The file .env is not text in UTF-8; write it anew"]
    raise InputError(f"{wrong} {'; '.join(problems)}.")


def dot_env() -> dict[str, str | None]:
    """Variables of `.env`; none when it cannot be read, which reading the settings says."""
    try:
        return dict(dotenv_values(".env"))
    except UnicodeDecodeError:
        return {}


def _problems(settings: type[EnvironmentSettings], error: ValidationError) -> Iterator[str]:
    shown = not settings.model_config.get("hide_input_in_errors")
    for item in error.errors():
        text = _ALLOWED.get(item["type"]) or item["msg"].removeprefix("Value error, ")
        if not item["loc"]:  # of several settings together: the text names them
            yield text
            continue
        name, *place = (str(part) for part in item["loc"])
        inside = f" ({', '.join(place)})" if place else ""
        # Addresses may hold a password or a token.
        value = f" (got {item['input']!r})" if shown and not name.endswith("_url") else ""
        yield f"{settings.variable(name)}{inside}: {text}{value}"


def _not_json(settings: type[EnvironmentSettings], text: str) -> str:
    found = _FIELD.search(text)
    name = found[1] if found else ""
    return f"{settings.variable(name)}: write JSON{_example(settings.model_fields.get(name))}"


def _example(field: FieldInfo | None) -> str:
    return f", for example {field.examples[0]}" if field and field.examples else ""


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def is_secure(url: str) -> bool:
    """Whether this is an https:// address, or an http:// one of this computer itself."""
    parts = _parts(url)
    return bool(parts and parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        return None
    return parts


def _web_address(value: str) -> str:
    parts = _parts(value)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
        raise ValueError("write an address that begins with http:// or https://")
    return value.rstrip("/")


def _memory(value: str) -> str:
    match = _MEMORY.fullmatch(value.strip())
    unit = 1024 if match and match[3] else 1000
    if not match or float(match[1]) * unit ** (1 + "kmgt".index(match[2].lower())) < _LEAST_MEMORY:
        raise ValueError("write an amount of memory of at least 16MB, for example 512MB or 4GB")
    return value.strip()


def _month(value: str) -> str:
    if not is_month(value):
        raise ValueError("write a month as YYYY-MM, for example 2022-01")
    return value


def matching(pattern: str, what: str) -> AfterValidator:
    """Text that a pattern describes; `what` completes the advice, as in 'write an e-mail address'."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"write {what}")
        return value

    return AfterValidator(check)


Month = Annotated[str, AfterValidator(_month)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
DuckDBMemory = Annotated[str, AfterValidator(_memory)]
JavaMemory = Annotated[str, matching(r"[1-9]\d*[kmgtKMGT]b?", "an amount of memory such as 512m or 2g")]
MailAddress = Annotated[str, matching(r"[^@\s<>]+@[^@\s<>]+", "an e-mail address")]
HostName = Annotated[str, matching(r"[A-Za-z0-9.:_\[\]-]+", "the name of a host, without http:// or a path")]
