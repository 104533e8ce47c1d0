"""Blocks of the models' YAML that hold an entry per compared field, filled in from the seed.

    # fields texts: {name: "{field}_key", description: "{text}, as it is compared: {form}."}
    # end of fields

The comment says which fields (identifiers, texts, amounts, identifiers and amounts) and what an entry, or several of
each field, looks like; what stands between the two comments is generated.
"""

import re

import yaml

from recon_assets.catalogue.compared import ComparedField, Form, compared_fields

_BLOCK = re.compile(
    r"^(?P<head>(?P<indent> *)# fields (?P<chosen>[a-z ]+): (?P<entry>.+)\n)(?:.*\n)*?(?P<tail> *# end of fields)$",
    re.MULTILINE,
)

_TYPES = {"date": "date", "amount": "decimal(18, 2)"}
_FORMS: dict[Form, str] = {
    "tin": "upper case, without zeros after its letters",
    "type": "two digits",
    "text": "NFKC, upper case, blanks collapsed; punctuation counts",
    "date": "a day",
    "amount": "magnitude at 2 decimals",
}


def with_blocks(text: str) -> str:
    """The text of a YAML file with its blocks of compared fields as the seed has them."""
    return _BLOCK.sub(_filled, text)


def has_blocks(text: str) -> bool:
    return _BLOCK.search(text) is not None


def _filled(block: re.Match[str]) -> str:
    shapes = yaml.safe_load(block["entry"])
    entries = "".join(
        _entry(field, shape, block["indent"])
        for field in _fields(block["chosen"])
        for shape in (shapes if isinstance(shapes, list) else [shapes])
    )
    return block["head"] + entries + block["tail"]


def _fields(chosen: str) -> list[ComparedField]:
    if chosen == "texts":
        return [field for field in compared_fields() if field.has_key]
    kinds = {word.removesuffix("s") for word in chosen.split(" and ")}
    return [field for field in compared_fields() if field.kind in kinds]


def _entry(field: ComparedField, shape: dict[str, str], indent: str) -> str:
    words = {"text": field.label, "type": _TYPES.get(field.form, "varchar"), "form": _FORMS[field.form]}
    values = {key: value.format(field=field.name, **words) for key, value in shape.items()}
    rest = "".join(f'{indent}  {key}: "{value}"\n' for key, value in values.items() if key != "name")
    return f"{indent}- name: {values['name']}\n{rest}"
