"""What an error says to the reader of a page: in the page's language, as a whole and place by place."""

from district.problems import DistrictError
from district.web.language import Language


def explained(error: DistrictError, language: Language) -> str:
    """The error's own words: its ``detail_zh`` for those who read Chinese, where it has one."""
    chinese = error.members.get("detail_zh")
    if language is Language.ZH and isinstance(chinese, str):
        return chinese
    return error.detail or error.title


def by_pointer(error: DistrictError, language: Language) -> dict[str, str]:
    """What is wrong at each place (JSON Pointer) that the error names."""
    found: dict[str, str] = {}
    for one in error.members.get("errors", ()):
        words = one.get("detail_zh") if language is Language.ZH else None
        found.setdefault(str(one.get("pointer", "")), str(words or one.get("detail", "")))
    return found
