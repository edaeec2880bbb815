"""Which metrics there are, and how they are written for Prometheus."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge, generate_latest

NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "shangquan_up": ("1 while the part answers the web role", ("part",)),
    "shangquan_sightings_today": (
        "Rows of feeds on this trading day, by what became of them",
        ("district", "outcome"),
    ),
    "shangquan_offers_today": ("Offers issued on this trading day", ("district",)),
    "shangquan_refusals_today": ("Offers not made on this trading day, by reason", ("district", "reason")),
    "shangquan_deliveries": ("Messages in the outbox, by state", ("district", "state")),
    "shangquan_deliveries_waiting": ("Messages that are due and have not left", ("district", "channel")),
    "shangquan_deliveries_oldest_seconds": (
        "How long the oldest of them has been due, machine time",
        ("district", "channel"),
    ),
    "shangquan_deliveries_sending_oldest_seconds": (
        "How long the oldest call to a provider has lasted, machine time",
        ("district", "channel"),
    ),
    "shangquan_redemptions_today": (
        "Coupons used on this trading day, reversed ones left out",
        ("district",),
    ),
    "shangquan_recorded_at_seconds": (
        "When the newest recorded sighting came in, business time",
        ("district",),
    ),
    "shangquan_engine_epoch": ("Rises each time that an engine takes the district", ("district",)),
    "shangquan_engine_rewinds": (
        "How often the event log was found to have lost what the engine had taken from it",
        ("district",),
    ),
    "shangquan_engine_reading": ("Engines that wait for the district's sightings: 1 is right", ("district",)),
    "shangquan_engine_waiting_messages": (
        "Messages that the district's engine has not taken yet",
        ("district",),
    ),
    "shangquan_recorder_waiting_messages": ("Messages that are not recorded yet", ()),
    "shangquan_session_endings_waiting": ("Wi-Fi sessions that are to end and have not", ("district",)),
    "shangquan_session_endings_oldest_seconds": (
        "How long the oldest of them waits, machine time",
        ("district",),
    ),
    "shangquan_nas_clocks_wrong": (
        "NAS heard in the last hour whose clock is more than two minutes from ours",
        ("district",),
    ),
    "shangquan_nas_times_disbelieved": ("Accounting packets whose time was not believed", ("district",)),
    "shangquan_happenings_waiting": ("Happenings that are due and not decided", ("district",)),
    "shangquan_happenings_oldest_seconds": (
        "How long the oldest of them has been due, business time",
        ("district",),
    ),
    "shangquan_occurrences_late_seconds": (
        "How long the next batch of a schedule's plan has been due, business time",
        ("district",),
    ),
    "shangquan_stream_bytes": ("Bytes of the sighting stream", ()),
    "shangquan_stream_limit_bytes": ("Bytes at which feeds are refused", ()),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value of one metric."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def rendered(samples: Iterable[Sample]) -> bytes:
    """The samples, with the process's own metrics before them."""
    registry = CollectorRegistry()
    gauges = {name: Gauge(name, text, labels, registry=registry) for name, (text, labels) in NAMES.items()}
    for sample in samples:
        gauge = gauges[sample.name]
        (gauge.labels(*sample.labels) if sample.labels else gauge).set(sample.value)
    return generate_latest() + generate_latest(registry)
