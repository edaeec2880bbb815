"""What only one vendor needs to know: validated by the form that its file declares, and shown without what is secret."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from district.gateways.dialect import SecretOption as SecretOption  # noqa: PLC0414 vendors' files stand below this one
from district.gateways.vendors import DIALECTS
from district.problems import Invalid

MAX_REPORTED = 20


def checked(
    vendor: str, values: Mapping[str, Any], *, stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The options of a vendor, complete with their defaults; a secret that is not given stays as it is stored.

    Not when another server is named: it would be told what was meant for the first.

    Raises: Invalid, naming each place as ``/options/…``.
    """
    model = DIALECTS[vendor].options_model
    given = dict(values)
    if stored and _server(given) == _server(stored):
        kept = (name for name in _secrets(model) if stored.get(name) and not given.get(name))
        given |= {name: stored[name] for name in kept}
    try:
        return model.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        raise Invalid(f"The options do not fit {vendor}; see errors.", errors=_places(error)) from None


def shown(vendor: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as an operator reads them: without passwords and keys."""
    secret = _secrets(DIALECTS[vendor].options_model)
    return {name: value for name, value in options.items() if name not in secret}


def _server(options: Mapping[str, Any]) -> str:
    return str(options.get("controller_url", "")).strip().rstrip("/")


def _secrets(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("writeOnly")
    )


def _places(error: ValidationError) -> list[dict[str, str]]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        {
            "pointer": "/".join(("/options", *(str(part)[:60] for part in one["loc"]))),
            "detail": one["msg"],
        }
        for one in found[:MAX_REPORTED]
    ]
