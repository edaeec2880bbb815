"""What a campaign's plain fields must be; refused in both languages."""

from datetime import datetime

from district.problems import Invalid
from push.wording import clean


def name(given: str) -> str:
    """The cleaned name. Raises: Invalid when nothing of it can be seen."""
    cleaned = clean(given)
    if not cleaned:
        raise Invalid(
            "See errors.",
            errors=[
                {
                    "pointer": "/name",
                    "detail": "Write a name that can be seen.",
                    "detail_zh": "请填写可见的名称。",
                }
            ],
        )
    return cleaned


def dates(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raises: Invalid when the end is not after the start."""
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        detail = {"detail": "It must be after starts_at.", "detail_zh": "结束时间须晚于开始时间。"}
        raise Invalid("See errors.", errors=[{"pointer": "/ends_at", **detail}])
