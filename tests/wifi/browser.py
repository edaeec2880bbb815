"""A captive browser in the client's namespace: curl with a cookie jar, one navigation after the other."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tests.wifi.lab import Lab


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the browser was answered; status 0: nothing."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        """Where it leads on to."""
        return urljoin(self.url, self.headers["location"])

    @property
    def json(self) -> Any:
        """Its document."""
        return json.loads(self.text)

    @property
    def action(self) -> str:
        """Where its first form goes."""
        return urljoin(self.url, html.unescape(self._found(r'<form[^>]* action="([^"]*)"')))

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of its forms."""
        return {
            name: html.unescape(value)
            for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', self.text)
        }

    @property
    def refreshes_after_s(self) -> int:
        """When it loads itself again, by its own ``meta``."""
        return int(self._found(r'<meta http-equiv="refresh" content="(\d+)"'))

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self.text)
        assert match, f"{pattern} is not in {self.text[:2000]}"
        return match[1]


class Browser:
    """One device's captive sheet."""

    def __init__(self, lab: Lab, *, trusted: Path | None = None) -> None:
        self._lab = lab
        jar = str(lab.directory / "cookies")
        self._options: tuple[str, ...] = ("--cookie", jar, "--cookie-jar", jar)
        if trusted is not None:
            self._options += ("--cacert", str(trusted))

    def get(self, url: str, *headers: str) -> Page:
        """Navigate."""
        return self._ask(url, *(part for header in headers for part in ("-H", header)))

    def post(self, url: str, fields: Mapping[str, str]) -> Page:
        """Send a form."""
        return self._ask(
            url, *(part for item in fields.items() for part in ("--data-urlencode", "=".join(item)))
        )

    def _ask(self, url: str, *options: str) -> Page:
        said = self._lab.curl(url, *self._options, *options)
        head, _, text = said.replace("\r\n", "\n").partition("\n\n")
        lines = head.splitlines()
        if not lines or len(lines[0].split()) < 2:
            return Page(url=url, status=0, headers={}, text="")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        return Page(url=url, status=int(lines[0].split()[1]), headers=headers, text=text)

    def sign_in(self, url: str) -> Page:
        """Open the sign-in page and press its button; where that leads."""
        page = self.get(url)
        assert page.status == 200, page.text
        return self.post(page.action, page.hidden)
