"""Commands that only tell: the settings, the API's description."""

import json
from typing import Any
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from district.settings import Settings, get_settings

PREFIX = "DISTRICT_"
MASK = "********"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("settings")(show_settings)
    app.command()(openapi)


def shown(value: Any) -> str:
    """A setting's value for a screen: secrets and passwords inside URLs are masked."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return MASK
    text = str(value)
    if "://" in text and (password := urlsplit(text).password):
        return text.replace(f":{password}@", f":{MASK}@")
    return text


def show_settings() -> None:
    """Print every setting, its value here, and what it means."""
    settings = get_settings()
    for name, field in Settings.model_fields.items():
        typer.echo(f"{PREFIX}{name.upper()}={shown(getattr(settings, name))}  # {field.description or ''}")


def openapi() -> None:
    """Print the API's OpenAPI description as JSON."""
    from district.app import create_app  # noqa: PLC0415 keeps `district --help` quick

    typer.echo(json.dumps(create_app(get_settings()).openapi(), ensure_ascii=False, indent=2))
