"""What a demo was made with: its log-ins and keys, kept in a private file so that a second start shows the same."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from district.demo.access import Loaded
from district.embedded.errors import StartRefused
from district.embedded.files import write_private

FILE_NAME = "demo.json"


def read(data_dir: Path, slug: str) -> Loaded | None:
    """What was kept for a district; None when nothing was.

    Raises: StartRefused when the file cannot be read.
    """
    kept = _all(data_dir / FILE_NAME).get(slug)
    return Loaded(**kept) if kept else None


def keep(data_dir: Path, loaded: Loaded) -> None:
    """Keep it, readable by its owner alone."""
    path = data_dir / FILE_NAME
    write_private(
        path, json.dumps({**_all(path), loaded.slug: asdict(loaded)}, ensure_ascii=False, indent=2) + "\n"
    )


def _all(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        raise StartRefused(f"{path} is damaged; begin anew with RESET=1") from None
    return found


def pages(base_url: str, slug: str) -> Mapping[str, str]:
    """Where each kind of person starts."""
    return {
        "home": f"{base_url}/",
        "portal": f"{base_url}/demo/join?district={slug}",
        "shopper": f"{base_url}/d/{slug}",
        "nearest": f"{base_url}/d/{slug}/nearest",
        "merchant": f"{base_url}/merchant",
        "operator": f"{base_url}/operator",
    }


def document(base_url: str, loaded: Loaded) -> dict[str, Any]:
    """What ``--info`` writes, for scripts."""
    return {
        "base_url": base_url,
        "district": loaded.slug,
        "users": loaded.users,
        "keys": loaded.keys,
        "gateways": loaded.gateways,
        "pages": dict(pages(base_url, loaded.slug)),
    }
