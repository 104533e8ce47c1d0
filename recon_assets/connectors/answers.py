"""Reading JSON answers of a service; errors name the service, never the content."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from recon_assets.errors import ReconError


def json_object(service: str, response: httpx.Response) -> Mapping[str, Any]:
    """The answer as a JSON object (Partner Center begins some with a byte order mark); ReconError otherwise."""
    try:
        content = json.loads(response.content.decode("utf-8-sig"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ReconError(
            f"{service} answered {response.status_code} without a JSON object. A proxy in between? Check the address."
        )
    return content
