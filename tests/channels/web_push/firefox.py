"""Debian's own Firefox without a screen, told what to do through its built-in Marionette: a real browser, no driver."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.product import NeverHappened, wait_for

PROGRAM = "/usr/bin/firefox-esr"
FLAGS = ("--headless", "--no-remote", "--marionette", "--remote-allow-system-access")
STARTS_WITHIN_S = 150
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# A notification of a page without the desktop's own service is a window of the browser's.
ALERTS = """
const text = (one, id) => { const found = one.document.getElementById(id); return found?.textContent || found?.value || ""; };
return [...Services.wm.getEnumerator("alert:alert")]
  .map((one) => ({ title: text(one, "alertTitleLabel"), text: text(one, "alertTextLabel") }))
  .filter((one) => one.title && one.text);
"""
CLICK_ALERT = """
const [one] = [...Services.wm.getEnumerator("alert:alert")];
one.onAlertClick();
"""


class Firefox:
    """One browser with a profile of its own."""

    def __init__(self, push_socket: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="district-firefox-", dir="/tmp"))
        (self._home / "profile").mkdir()
        (self._home / "profile" / "user.js").write_text(_preferences(push_socket))
        environment = os.environ | {
            "HOME": str(self._home),
            "MOZ_HEADLESS": "1",
            "MOZ_DISABLE_CONTENT_SANDBOX": "1",
        }
        self._log = (self._home / "firefox.log").open("wb")
        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, "--profile", str(self._home / "profile"), "about:blank"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._number = 0
        self._socket = wait_for("Firefox answers", self._connected, timeout_s=STARTS_WITHIN_S)
        self._stream = self._socket.makefile("rwb")
        self._read()
        self.command("WebDriver:NewSession", {"capabilities": {}})
        self.command("WebDriver:SetTimeouts", {"implicit": 0, "pageLoad": 120_000, "script": 120_000})

    def _connected(self) -> socket.socket | None:
        """It writes the port that it chose into its profile."""
        port = self._home / "profile" / "MarionetteActivePort"
        if not port.exists() or not port.read_text().strip():
            assert self._process.poll() is None, self.log()
            return None
        try:
            return socket.create_connection(("127.0.0.1", int(port.read_text())), timeout=150)
        except OSError:
            return None

    def log(self) -> str:
        """The end of what it printed."""
        return (self._home / "firefox.log").read_text(errors="replace")[-2_000:]

    def command(self, name: str, values: dict[str, Any]) -> Any:
        """One command and its answer."""
        self._number += 1
        body = json.dumps([0, self._number, name, values]).encode()
        self._stream.write(f"{len(body)}:".encode() + body)
        self._stream.flush()
        _, _, error, answer = self._read()
        assert error is None, f"{name}: {error}"
        return answer

    def _read(self) -> Any:
        size = b""
        while (letter := self._stream.read(1)) != b":":
            assert letter, self.log()
            size += letter
        return json.loads(self._stream.read(int(size)))

    def open(self, address: str) -> None:
        self.command("WebDriver:Navigate", {"url": address})

    @property
    def address(self) -> str:
        found: str = self.command("WebDriver:GetCurrentURL", {})["value"]
        return found

    def addresses(self) -> list[str]:
        """Of every tab."""
        return [
            str(one) for one in self.system("return gBrowser.browsers.map((one) => one.currentURI.spec);")
        ]

    def cookie(self, name: str, value: str) -> None:
        self.command("WebDriver:AddCookie", {"cookie": {"name": name, "value": value, "path": "/"}})

    def click(self, selector: str) -> None:
        """Click as a person does."""
        found = self.command("WebDriver:FindElement", {"using": "css selector", "value": selector})
        self.command("WebDriver:ElementClick", {"id": found["value"][ELEMENT]})

    def write(self, selector: str, text: str) -> None:
        """Type as a person does."""
        found = self.command("WebDriver:FindElement", {"using": "css selector", "value": selector})
        self.command("WebDriver:ElementSendKeys", {"id": found["value"][ELEMENT], "text": text})

    def script(self, code: str) -> Any:
        """In the page."""
        return self.command("WebDriver:ExecuteScript", {"script": code, "args": []})["value"]

    def script_later(self, code: str) -> Any:
        """In the page, with a last argument that is called with the answer."""
        return self.command("WebDriver:ExecuteAsyncScript", {"script": code, "args": []})["value"]

    def system(self, code: str) -> Any:
        """In the browser itself."""
        self.command("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.script(code)
        finally:
            self.command("Marionette:SetContext", {"value": "content"})

    def notifications(self) -> list[dict[str, str]] | None:
        """What is shown to who sits before it; None: nothing."""
        found: list[dict[str, str]] = self.system(ALERTS)
        return found or None

    def click_notification(self) -> None:
        self.system(CLICK_ALERT)

    def until(self, what: str, holds: Callable[[], Any], *, timeout_s: float = 120) -> Any:
        try:
            return wait_for(what, holds, timeout_s=timeout_s)
        except NeverHappened as late:
            raise NeverHappened(f"{late}; at {self.address}; {self.log()}") from None

    def close(self) -> None:
        """End it and forget its profile."""
        self._stream.close()
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        deadline = time.monotonic() + 5
        while self._home.exists() and time.monotonic() < deadline:
            shutil.rmtree(self._home, ignore_errors=True)


def _preferences(push_socket: str) -> str:
    """No screen, no vendor's servers, our push service. The thumbnailer would subscribe too."""
    chosen: dict[str, Any] = {
        "dom.push.serverURL": push_socket,
        "dom.push.testing.allowInsecureServerURL": True,
        "dom.push.connection.enabled": True,
        "permissions.default.desktop-notification": 1,
        "dom.webnotifications.requireuserinteraction": False,
        "alerts.useSystemBackend": False,
        "browser.pagethumbnails.capturing_disabled": True,
        "marionette.port": 0,
        "remote.prefs.recommended": False,
        "app.update.disabledForTesting": True,
        "browser.shell.checkDefaultBrowser": False,
        "browser.aboutwelcome.enabled": False,
        "browser.startup.homepage_override.mstone": "ignore",
        "browser.safebrowsing.malware.enabled": False,
        "browser.safebrowsing.phishing.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "toolkit.telemetry.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "extensions.update.enabled": False,
        "services.settings.server": "http://127.0.0.1:9/",
        "browser.newtabpage.enabled": False,
        "network.proxy.type": 0,
    }
    return "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in chosen.items())


@contextmanager
def firefox(push_socket: str) -> Iterator[Firefox]:
    """A browser for one test."""
    browser = Firefox(push_socket)
    try:
        yield browser
    finally:
        browser.close()
