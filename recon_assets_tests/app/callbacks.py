"""Pressing a button of a page without a browser: the request that the page would send."""

import json
from typing import Any

from flask.testing import FlaskClient

ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def press(client: FlaskClient, button: str, address: str, user: str | None = None, **values: Any) -> str:
    """The text of the answer to a click of `button` on the page of `address`, with these values in its forms.

    Names of values are ids with underscores for dashes. With a `user` the proxy says who it is (`PROXIED`).
    """
    known = client.get("/_dash-dependencies", **_from(user)).get_json()
    callback = next(c for c in known if any(item["id"] == button for item in c["inputs"]))
    path, _, search = address.partition("?")
    given = {"url.pathname": path, "url.search": f"?{search}" if search else "", "shown.data": None}

    def item(spec: dict[str, str]) -> dict[str, Any]:
        own = f"{spec['id']}.{spec['property']}"
        value = given.get(own, values.get(spec["id"].replace("-", "_"), 1 if spec["id"] == button else None))
        return {"id": spec["id"], "property": spec["property"], "value": value}

    names = callback["output"].strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    body = {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": [item(spec) for spec in callback["inputs"]],
        "state": [item(spec) for spec in callback["state"]],
        "changedPropIds": [f"{button}.n_clicks"],
    }
    answer = client.post("/_dash-update-component", json=body, **_from(user))
    assert answer.status_code in (200, 204), answer.get_data(as_text=True)
    return json.dumps(answer.get_json(), ensure_ascii=False) if answer.data else ""


def _from(user: str | None) -> dict[str, Any]:
    if user is None:
        return {"headers": ORIGIN}
    return {"headers": {**ORIGIN, "X-User": user}, "environ_overrides": {"REMOTE_ADDR": "10.0.0.1"}}
