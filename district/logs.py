"""What a role writes down: one line an event, ``key=value`` or JSON, with ids and without personal data."""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, Processor

from district.settings import LogFormat, Settings

MASK: Final = "…"
MOST_FRAMES: Final = 12
MOST_CAUSES: Final = 4
_HIDDEN_KEYS: Final = frozenset(
    [
        "phone",
        "email",
        "contact",
        "mac",
        "alias",
        "token",
        "secret",
        "password",
        "authorization",
        "cookie",
        "otp",
        "ticket",
        "lon",
        "lat",
        "payload",
        "body",
    ]
)
_PERSONAL: Final = re.compile(
    r"[^\s@=,;:<>\"'/]+@[^\s@,;:<>\"'/]+\.[A-Za-z]{2,}"  # e-mail addresses
    r"|\+\d(?:[ -]?\d){6,14}"  # telephone numbers with their country code
    r"|\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"  # MAC addresses
    r"|\b[a-z0-9-]{1,40}\.[sk]\.[\w-]{32,}"  # our tokens and keys
)
_QUIET: Final = {
    "alembic.runtime.plugins": logging.WARNING,
    "nats": logging.WARNING,
    "apscheduler": logging.WARNING,
    "httpx": logging.WARNING,
}


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Make structlog and the standard library's logging write in one way, from ``log_level`` on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_failure,
        hide_personal_data,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.log_format, shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))


def _formatter(form: LogFormat, shared: list[Processor]) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form is LogFormat.JSON
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], bool_as_flag=False
        )
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def name_failure(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and the places it came through.

    Messages stay out: those of a database hold the values that it refused.
    """
    given = event.pop("exc_info", None)
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        given, record.exc_info, record.exc_text = given or record.exc_info, None, None
    failure = _exception_of(given)
    if failure is not None:
        event.update(describe(failure))
    return event


def describe(failure: BaseException) -> dict[str, str]:
    """An exception as values of a log line: its type, what caused it, and its innermost frames."""
    causes: list[str] = []
    cause = failure.__cause__ or failure.__context__
    while cause is not None and len(causes) < MOST_CAUSES:
        causes.append(_type_name(cause))
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(failure.__traceback__)[-MOST_FRAMES:]
    places = (f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in frames)
    found = {"error": _type_name(failure), "trace": " > ".join(places)}
    return found | {"causes": ",".join(causes)} if causes else found


def hide_personal_data(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask values under telling names, and what looks like a contact, a device or a token in any text."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: str, value: Any) -> Any:
    if name.startswith("_"):
        return value
    if name in _HIDDEN_KEYS:
        return MASK
    if isinstance(value, str):
        return _PERSONAL.sub(MASK, value)
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", item) for item in value]
    return value if isinstance(value, int | float | None) else _PERSONAL.sub(MASK, str(value))


def _exception_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def _type_name(failure: BaseException) -> str:
    kind = type(failure)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _short(path: str) -> str:
    return "/".join(path.split("/")[-2:])
