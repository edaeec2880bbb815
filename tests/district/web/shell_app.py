"""A real application around the shell: its middleware, its static files and a few pages."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from district import problems
from district.web import security, static_files
from district.web.templating import Shell, render

NOW = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
SHELL = Shell(
    district_slug="helsinki",
    district_name="<Kluuvi> & co",
    zone=ZoneInfo("Europe/Helsinki"),
    is_demo=True,
    is_simulated=True,
    is_openstreetmap=True,
    user_name="zio",
)
LOG_INS = {"shopper": "aino", "merchant": "zio", "operator": "ops"}


def make_app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(security.SecurityHeaders)
    static_files.mount(app)

    @app.get("/")
    def home(request: Request, demo: bool = True) -> HTMLResponse:
        return render(
            request,
            "home.html",
            shell=replace(SHELL, is_demo=demo, is_simulated=demo),
            now=NOW,
            picture="",
            figures=[],
            portal_address="/portal/demo",
            log_ins=LOG_INS if demo else {},
        )

    @app.get("/pages/{name}")
    def page(request: Request, name: str) -> HTMLResponse:
        return render(request, f"layouts/{name}.html", shell=SHELL, now=NOW, tabs=[])

    @app.get("/sheet")
    def sheet(request: Request) -> HTMLResponse:
        targets = ("http://192.168.1.1:2050",)
        return render(
            request, "layouts/portal.html", shell=SHELL, now=NOW, form_targets=targets, keeps_cookies=False
        )

    @app.post("/change", dependencies=[Depends(security.require_own_form)])
    def change() -> dict[str, bool]:
        return {"changed": True}

    return app


class Visitor:
    """A synchronous client of an ASGI application that keeps cookies and follows no redirects."""

    def __init__(self, app: FastAPI) -> None:
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._runner.run(self._http.get(path, headers=headers))

    def post(
        self, path: str, data: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._runner.run(self._http.post(path, data=data, headers=headers))

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()
