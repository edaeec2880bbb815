"""What migrations leave alone: the partitions that come and go with the days, and PostGIS's own tables."""

from typing import Any

from geoalchemy2 import alembic_helpers

from district.sightings.partitions import is_partition


def include_object(schema_item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Whether Alembic compares this object with the models."""
    if kind == "table" and name is not None and is_partition(name):
        return False
    return bool(alembic_helpers.include_object(schema_item, name, kind, reflected, other))  # type: ignore[no-untyped-call]  # the library's
