"""What is wrong with a document, place by place, in words for the person who wrote it."""

from dataclasses import dataclass, field
from enum import StrEnum

from push.errors import PushError
from push.wording import Localised, both

MAX_PROBLEMS = 20
_MAX_KEY = 40


class Reason(StrEnum):
    """Why a part of a document is refused."""

    UNSUPPORTED = "unsupported"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    WRONG_LENGTH = "wrong_length"
    WRONG_SPELLING = "wrong_spelling"
    BLANK = "blank"
    OPENING_HOURS = "opening_hours"
    RECURRENCE = "recurrence"
    DATE = "date"
    GEOMETRY = "geometry"
    CONTRADICTION = "contradiction"


_SENTENCES = {
    Reason.UNSUPPORTED: both(zh="不支持，请改用：{}。", en="This is not supported; use {}."),
    Reason.MISSING: both(zh="缺少此项，请补充。", en="This is missing; add it."),
    Reason.WRONG_TYPE: both(zh="类型不对，应为{}。", en="This has the wrong type; send {}."),
    Reason.OUT_OF_RANGE: both(zh="超出范围，应为 {}。", en="This is out of range; send {}."),
    Reason.WRONG_LENGTH: both(zh="长度不对，应为 {}。", en="This has the wrong length; send {}."),
    Reason.WRONG_SPELLING: both(
        zh="写法不对，例如：{}。", en="This is not spelt as it should be; write it like {}."
    ),
    Reason.BLANK: both(zh="内容为空，请填写可见文字。", en="This is blank; write a text that can be seen."),
    Reason.OPENING_HOURS: both(
        zh="不是有效的营业时间：{}。", en="This is not a valid opening_hours text: {}."
    ),
    Reason.RECURRENCE: both(zh="重复规则无效：{}", en="This is not a usable schedule: {}"),
    Reason.DATE: both(
        zh="没有这个日期或时间，例如：{}。", en="There is no such date or time; write it like {}."
    ),
    Reason.GEOMETRY: both(zh="围栏无效：{}", en="This is not a usable fence: {}"),
    Reason.CONTRADICTION: both(zh="与其他内容矛盾：{}。", en="This contradicts another part: {}."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with a document, named by its JSON Pointer (RFC 6901)."""

    pointer: str
    reason: Reason
    wanted: Localised | str = ""

    @property
    def detail(self) -> Localised:
        """What to do about it, in both languages."""
        sentence = _SENTENCES[self.reason]
        zh, en = (
            (self.wanted, self.wanted) if isinstance(self.wanted, str) else (self.wanted.zh, self.wanted.en)
        )
        return both(
            zh=(sentence.zh or "").replace("{}", zh or ""), en=(sentence.en or "").replace("{}", en or "")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The place in a document being looked at, and all problems found so far (at most MAX_PROBLEMS)."""

    pointer: str = ""
    problems: list[Problem] = field(default_factory=list)

    def at(self, key: str | int) -> "Report":
        token = str(key)[:_MAX_KEY].replace("~", "~0").replace("/", "~1")
        return Report(pointer=f"{self.pointer}/{token}", problems=self.problems)

    def add(self, reason: Reason, wanted: Localised | str = "") -> None:
        if not self.is_full:
            self.problems.append(Problem(pointer=self.pointer, reason=reason, wanted=wanted))

    @property
    def is_full(self) -> bool:
        return len(self.problems) >= MAX_PROBLEMS


class DocumentRefused(PushError):
    """A document that says what is not supported or not valid; problems names each place."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        places = ", ".join(problem.pointer or "/" for problem in problems[:3])
        super().__init__(f"{len(problems)} part(s) of the document cannot be used: {places}.")
