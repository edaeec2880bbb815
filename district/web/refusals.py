"""What a browser is told instead of a problem document: a page, in the reader's language, with a way on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from district import problems
from district.web.language import gettext as _
from district.web.templating import Shell, render

Handler = Callable[[Request, Any], Response | Awaitable[Response]]
PROGRAMS = ("/v1/", "/api/", "/capport/", "/static/")


@dataclass(frozen=True, kw_only=True)
class Words:
    """A heading, and what to do; both are translated where they are shown."""

    title: str
    text: str


def install(app: FastAPI) -> None:
    """Answer people with pages; programs keep their problem documents."""
    for kind, handler in tuple(app.exception_handlers.items()):
        if handler.__module__ == problems.__name__:
            app.add_exception_handler(kind, _pages_first(handler))


def _pages_first(problem: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        answer = problem(request, error)
        told = await answer if isawaitable(answer) else answer
        if told.status_code < HTTPStatus.BAD_REQUEST or not is_page(request):
            return told
        page = _page(request, told.status_code)
        for name, value in told.headers.items():
            if name in {"retry-after", "hx-redirect"}:
                page.headers[name] = value
        return page

    return handle


def is_page(request: Request) -> bool:
    """Whether a person's browser asks for something to look at."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(PROGRAMS)


def _page(request: Request, status: int) -> Response:
    return render(
        request,
        "refusal.html",
        shell=Shell(),
        now=request.app.state.clock.now(),
        status_code=status,
        keeps_cookies=False,
        words=words_of(status),
    )


def words_of(status: int) -> Words:
    """What a status means to a person."""
    match status:
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return Words(
                title=_("There is nothing here"), text=_("The address is mistyped, or the page is gone.")
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Words(
                title=_("This is not open to you"),
                text=_("Go back, open the page again, and log in if it asks."),
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Words(title=_("That was too often"), text=_("Wait a few minutes, then try again."))
        case _other if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Words(title=_("Not available just now"), text=_("Try again in a moment."))
        case _other:
            return Words(
                title=_("That did not work"), text=_("Go back, check what you typed, and send it again.")
            )
