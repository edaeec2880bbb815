"""Whether a part of a page was asked for, or all of it."""

from fastapi import Request


def is_fragment(request: Request) -> bool:
    """HTMX swaps the part in; who has no script, or none yet, gets the whole page that says the same."""
    return request.headers.get("hx-request") == "true"
