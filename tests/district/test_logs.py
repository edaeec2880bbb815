"""Log lines: one form for all, and nothing in them that says who."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from district import logs
from district.settings import LogFormat, Settings

CANARIES = (
    "+358401234567",
    "+86 138 0013 8000",
    "ada@example.com",
    "02:aa:22:33:44:66",
    "02-AA-22-33-44-66",
    "helsinki.s.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE",
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(Settings(log_level="INFO", log_format=LogFormat.JSON), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("canary", CANARIES)
def test_contacts_devices_and_tokens_are_masked_wherever_they_stand(
    written: io.StringIO, canary: str
) -> None:
    structlog.get_logger().info("offer.issued", note=f"for {canary}!", nested={"deep": [canary]}, mac=canary)
    logging.getLogger("some.library").warning("refused %s", canary)
    try:
        raise ValueError(f"Key (phone)=({canary}) already exists")
    except ValueError:
        structlog.get_logger().exception("request.failed")
        logging.getLogger("other").exception("failed")
    lines = written.getvalue().splitlines()
    assert len(lines) == 4
    assert canary not in written.getvalue()


def test_a_failure_is_named_with_its_place_and_causes(written: io.StringIO) -> None:
    try:
        try:
            raise KeyError("secret words")
        except KeyError as error:
            raise RuntimeError("more secret words") from error
    except RuntimeError:
        structlog.get_logger().exception("job.failed", job="retention")
    line = json.loads(written.getvalue())
    assert (line["event"], line["error"], line["causes"]) == ("job.failed", "RuntimeError", "KeyError")
    assert "test_logs.py" in line["trace"]
    assert "secret words" not in written.getvalue()


def test_ids_numbers_and_levels_stay(written: io.StringIO) -> None:
    log = structlog.get_logger()
    log.debug("too.fine")
    log.info("offer.issued", offer="018f4e9a-0000-7000-8000-000000000000", count=3, is_new=True)
    (line,) = (json.loads(line) for line in written.getvalue().splitlines())
    assert line["offer"] == "018f4e9a-0000-7000-8000-000000000000"
    assert (line["count"], line["is_new"], line["level"]) == (3, True, "info")


def test_text_lines_are_key_and_value(written: io.StringIO) -> None:
    stream = io.StringIO()
    logs.configure(Settings(), stream=stream)
    structlog.get_logger().warning("snapshot.stale", channels="a,b")
    assert "level=warning event=snapshot.stale channels=a,b" in stream.getvalue()


@pytest.mark.parametrize(
    "values",
    [{"log_level": "loud"}, {"trusted_proxies": "all"}, {"secret": "short"}, {"secret": "changeme" * 5}],
)
def test_settings_that_cannot_be_meant_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Settings(**values)  # type: ignore[arg-type]
