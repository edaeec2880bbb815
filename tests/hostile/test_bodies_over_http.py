"""Bodies that are malformed, huge, compressed to hide their size, or never end: refused at once, and nobody else suffers."""

import gzip
import json
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.benchmarks.measures import resident_bytes
from tests.hostile.conftest import BODY_TIMEOUT_S, Target
from tests.hostile.wire import Probe, Said, chunked, head, sent, whole

MEBIBYTE = 1 << 20
LIMIT_BYTES = 5 * MEBIBYTE
GROWTH_BYTES = 100 * MEBIBYTE


def refused(answer: Said, status: int) -> None:
    """A problem of this status."""
    assert answer.status == status, answer.body[:300]
    assert answer.problem["status"] == status
    assert answer.problem["detail"]


MALFORMED = {
    "nothing": b"",
    "no JSON": b"sightings",
    "half a document": b'{"sightings":[{"id":"1"',
    "a number": b"7",
    "no list": b'{"sightings":{}}',
    "binary": bytes(range(256)) * 64,
    "UTF-16": json.dumps({"sightings": []}).encode("utf-16"),
    "lone surrogate bytes": b'{"sightings":[{"id":"\xed\xa0\x80"}]}',
    "a hundred thousand brackets": b"[" * 100_000,
    "nested objects": b'{"sightings":' + b'[{"a":' * 50_000,
    "a huge number": b'{"sightings":' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_body_is_refused_at_once(target: Target, name: str) -> None:
    parts = whole(target.sightings, target.feed_key, MALFORMED[name])
    answer = sent(target.product.address, parts)
    assert answer.status in (400, 422), answer.body[:300]
    refused(answer, answer.status)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(target: Target) -> None:
    top = head(target.sightings, target.feed_key, headers=[f"Content-Length: {LIMIT_BYTES + 1}"])
    refused(sent(target.product.address, [top]), 413)


def test_a_body_without_a_length_is_refused_at_the_byte_too_many(target: Target) -> None:
    part = b" " * (256 << 10)

    def parts() -> Iterable[bytes]:
        return chunked(target.sightings, target.feed_key, [part] * (LIMIT_BYTES // len(part) + 1))

    refused(sent(target.product.address, parts()), 413)


def test_a_hundred_thousand_items_are_refused(target: Target) -> None:
    body = b'{"sightings":[' + b",".join([b"{}"] * 100_000) + b"]}"
    assert len(body) < LIMIT_BYTES
    refused(sent(target.product.address, whole(target.sightings, target.feed_key, body)), 413)


def test_a_gzip_bomb_is_refused_by_what_it_expands_to(target: Target) -> None:
    parts = whole(target.sightings, target.feed_key, bomb(), headers=["Content-Encoding: gzip"])
    refused(sent(target.product.address, parts), 413)


def bomb() -> bytes:
    """A gigabyte of blanks in a megabyte."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * (16 * MEBIBYTE)
    return b"".join([*(squeezer.compress(blanks) for _ in range(64)), squeezer.flush()])


@pytest.mark.parametrize(
    "body", [b"not gzip at all", gzip.compress(b"{}", mtime=0)[:-6], gzip.compress(b"", mtime=0) * 40]
)
def test_broken_gzip_is_refused(target: Target, body: bytes) -> None:
    parts = whole(target.sightings, target.feed_key, body, headers=["Content-Encoding: gzip"])
    refused(sent(target.product.address, parts), 400)


def test_bad_rows_are_named_and_their_neighbours_kept(target: Target) -> None:
    at = target.product.now().isoformat()
    good = {"mac": "02:00:00:00:00:01", "lon": 24.9445, "lat": 60.1689, "at": at}
    rows = [{"id": str(number)} | good for number in range(5)]
    text = json.dumps({"sightings": rows})
    for bad in ("NaN", "1e999", "true", '"x"'):
        text = text.replace('"lon": 24.9445', f'"lon": {bad}', 1)
    answer = sent(target.product.address, whole(target.sightings, target.feed_key, text.encode()))
    assert answer.status == 202, answer.body[:300]
    said = json.loads(answer.body)
    assert (said["accepted"], [row["index"] for row in said["rejected"]]) == (1, [0, 1, 2, 3])


def test_a_stalled_body_is_given_up_and_others_are_served_meanwhile(target: Target) -> None:
    top = head(target.sightings, target.feed_key, headers=["Content-Length: 1000"])
    with Probe(address=target.product.address) as probe, ThreadPoolExecutor(40) as pool:
        began = time.monotonic()
        stalled = [pool.submit(sent, target.product.address, [top, b'{"sightings":']) for _ in range(40)]
        answers = [one.result() for one in stalled]
        took_s = time.monotonic() - began
    assert {answer.status for answer in answers} == {408}
    assert all(answer.problem["type"].endswith("body-stalled") for answer in answers)
    assert took_s >= BODY_TIMEOUT_S
    assert not probe.failed
    assert probe.answered


def test_a_flood_of_bad_bodies_hurts_nobody_else_and_memory_stays_bounded(target: Target) -> None:
    pid = target.product.pid("web")
    flood = list(every_kind(target))
    for parts in flood:  # what is loaded or kept once is no growth
        sent(target.product.address, parts)
    before = resident_bytes(pid)
    with Probe(address=target.product.address) as probe, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda parts: sent(target.product.address, parts), flood * 10))
    assert {answer.status for answer in answers} <= {400, 413, 422}
    assert resident_bytes(pid) - before < GROWTH_BYTES
    assert target.product.pid("web") == pid, "the web role did not survive"
    assert not probe.failed
    assert probe.answered


def every_kind(target: Target) -> Iterator[list[bytes]]:
    """One of each."""
    path, key = target.sightings, target.feed_key
    yield whole(path, key, b'{"sightings":[' + b",".join([b"{}"] * 100_000) + b"]}")
    yield whole(path, key, bomb(), headers=["Content-Encoding: gzip"])
    yield whole(path, key, b" " * (LIMIT_BYTES - 1))
    yield whole(path, key, b"[" * (LIMIT_BYTES - 1))
    yield whole(path, key, b'{"sightings":"' + b"x" * (LIMIT_BYTES - 100) + b'"}')
    yield from (whole(path, key, body) for body in MALFORMED.values())
