"""What the browser may send to a callback: the body's shape and the kind of every value, checked before Dash reads it.

A body of another shape is refused here with 400: what reaches a callback is of the declared kind, so a callback needs
no checks of its own but those of meaning (is there such a table, such a row).
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from flask import abort
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, TypeAdapter, ValidationError

_Text = StrictStr | None
_Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
_Id = StrictStr | dict[StrictStr, StrictStr]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Output(_Strict):
    id: _Id
    property: str


class _Value(_Output):
    value: Any = None


class _Sort(_Strict):
    colId: str  # noqa: N815  the grid's own name
    sort: str


class _Rows(_Strict):
    """A block of rows that a grid asks for."""

    startRow: _Count  # noqa: N815
    endRow: _Count  # noqa: N815
    sortModel: list[_Sort] | None = None  # noqa: N815


class _Shown(_Strict):
    """The page that the browser shows, and the moment it is of; neither before the first one."""

    page: str
    moment: str


class _Nothing(_Strict):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Selected(_Strict):
    id: str | None = None


class _IssueRead(_Strict):
    id: _Count
    version: _Count
    form: str


class _Asked(_Strict):
    """How many rows a reader was asked about, and the newest decision that they were told of."""

    count: _Count
    newest: _Count


class _Body(_Strict):
    output: str
    outputs: _Output | list[_Output]
    inputs: list[_Value | list[_Value]]
    state: list[_Value | list[_Value]] = []
    changedPropIds: list[str] = []  # noqa: N815


# Kind of each value by component (its id, or the type of a pattern) and property.
_KINDS: dict[tuple[str, str], Any] = {
    ("url", "pathname"): _Text,
    ("url", "search"): _Text,
    ("landed-look", "data"): _Count | None,
    ("more-open", "n_clicks"): _Count | None,
    ("amounts-open", "n_clicks"): _Count | None,
    ("shown", "data"): _Shown | _Nothing | None,
    ("grid", "getRowsRequest"): _Rows | None,
    ("grid", "selectedRows"): list[_Selected] | dict[StrictStr, Any] | None,
    ("run-start", "n_clicks"): _Count | None,
    ("run-stop", "n_clicks"): _Count | None,
    ("run-job", "value"): _Text,
    ("run-month", "value"): _Text,
    ("run-poll", "n_intervals"): _Count | None,
    ("columns", "value"): list[StrictStr] | None,
    ("view-save", "n_clicks"): _Count | None,
    ("view-name", "value"): _Text,
    ("view-remove", "n_clicks"): _Count | None,
    ("filter", "id"): dict[StrictStr, StrictStr],
    ("filter", "value"): _Text | list[StrictStr] | list[StrictInt],
    ("months", "data"): list[StrictStr] | None,
    ("days", "value"): Annotated[list[_Count], Field(min_length=2, max_length=2)],
    ("days-first", "data"): _Text,
    **{(f"day-{end}", "value"): _Text for end in ("first", "last")},
    ("issue-filter", "id"): dict[StrictStr, StrictStr],
    ("issue-filter", "value"): _Text | list[StrictStr],
    ("report-send", "n_clicks"): _Count | None,
    ("report-form", "data"): _Text,
    ("report-title", "value"): _Text,
    ("report-description", "value"): _Text,
    ("report-assignee", "value"): _Text,
    **{(f"{form}-{field}", "value"): _Text for form in ("decide", "bulk") for field in ("action", "reason", "until")},
    ("decide-send", "n_clicks"): _Count | None,
    ("decide-seen", "data"): dict[StrictStr, _Count] | None,
    ("bulk-ask", "n_clicks"): _Count | None,
    ("bulk-confirm", "n_clicks"): _Count | None,
    ("bulk-asked", "data"): _Asked | None,
    ("assign-send", "n_clicks"): _Count | None,
    ("assign-count", "data"): _Count,
    **{(f"assign-{field}", "value"): _Text for field in ("assignee", "title", "description")},
    ("issue-save", "n_clicks"): _Count | None,
    ("issue-add", "n_clicks"): _Count | None,
    ("issue-status", "value"): _Text,
    ("issue-assignee", "value"): _Text,
    ("issue-comment", "value"): _Text,
    ("issue-read", "data"): _IssueRead | None,
}
KINDS = {key: TypeAdapter(kind) for key, kind in _KINDS.items()}


def require_shape(data: bytes, callbacks: Mapping[str, Mapping[str, Any]]) -> None:
    """Abort with 400 unless `data` is a call of one of Dash's `callbacks` (its callback_map) and its values fit."""
    try:
        body = _Body.model_validate(_plain_json(data))
        known = callbacks.get(body.output)
        if known is None:
            raise ValueError("there is no such callback")
        _require_outputs(body)
        _require_items(body.inputs, known["inputs"])
        _require_items(body.state, known["state"])
    except (ValidationError, ValueError, RecursionError) as error:
        abort(400, f"The request is not one that a page of this app sends ({_reason(error)}). Reload the page.")


def _plain_json(data: bytes) -> Any:
    """The body; ValueError for what is no JSON, or holds lone surrogates, which no answer could repeat."""
    found = json.loads(data)
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    return found


def _require_outputs(body: _Body) -> None:
    """`..a.x...b.y..` names two outputs, `a.x` one; behind an @ stands what tells callbacks of one output apart."""
    declared = [name.split("@")[0].rpartition(".")[2] for name in body.output.strip(".").split("...")]
    outputs = body.outputs if isinstance(body.outputs, list) else [body.outputs]
    _, keys, _ = _component(body.output.rpartition(".")[0])
    is_other = [output.property.split("@")[0] for output in outputs] != declared
    if is_other or any(_keys(output.id) != keys for output in outputs):
        raise ValueError("it asks for other outputs")


def _require_items(given: list[_Value | list[_Value]], declared: list[dict[str, str]]) -> None:
    if len(given) != len(declared):
        raise ValueError("it has another number of values")
    for item, spec in zip(given, declared, strict=True):
        component, keys, is_many = _component(spec["id"])
        if isinstance(item, list) != is_many:
            raise ValueError(f"{component} is not what was asked")
        for value in item if isinstance(item, list) else [item]:
            own = value.id if isinstance(value.id, str) else value.id.get("type")
            if (own, _keys(value.id), value.property) != (component, keys, spec["property"]):
                raise ValueError(f"{component}.{spec['property']} is missing")
            KINDS[component, value.property].validate_python(value.value)


def _keys(given: str | dict[str, str]) -> set[str]:
    return set() if isinstance(given, str) else set(given)


def _component(declared: str) -> tuple[str, set[str], bool]:
    """The id of a component; of a pattern its type, the keys of its ids, and whether it stands for several."""
    if not declared.startswith("{"):
        return declared, set(), False
    pattern = json.loads(declared)
    return str(pattern["type"]), set(pattern), ["ALL"] in pattern.values()


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"[:200]
    return str(error)[:200]
