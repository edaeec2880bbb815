"""How the sink misbehaves: rules in a file that tests replace while it runs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

RULES: Final = "rules.json"


class Fault(StrEnum):
    """What the sink does instead of taking a message and saying so."""

    THROTTLED = "throttled"
    """429 with Retry-After, 451, ESME_RTHROTTLED."""
    BUSY = "busy"
    """503, 421, ESME_RMSGQFUL."""
    ELSEWHERE = "elsewhere"
    """307 to another path, whose calls are written down too."""
    BROKEN = "broken"
    """500 after it was taken; 554 and ESME_RSYSERR, which leave no doubt that it was not."""
    RESET = "reset"
    """Taken, then the connection is reset."""
    CUT = "cut"
    """Taken, then the answer ends in the middle."""
    DRIP = "drip"
    """Taken, then the answer comes a byte a second."""
    HOLE = "hole"
    """Taken, then nothing comes."""
    ERROR_BODY = "error_body"
    """200 with a body that speaks of an error."""
    BOMB = "bomb"
    """200 with a small gzip body that unpacks to 1 GiB."""
    FLOOD = "flood"
    """200 with a body of 1 GiB."""
    HEADERS = "headers"
    """Taken, then 101 headers of 64 KiB each."""
    ENDLESS = "endless"
    """200 with a body in chunks that never ends."""
    SLOW = "slow"
    """The connection is taken and not read for some seconds."""


REFUSES: Final = frozenset({Fault.THROTTLED, Fault.BUSY, Fault.ELSEWHERE})
"""After these it is certain that a message by HTTP was not taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """fault: for so many messages (None: all) of this channel ("": any) to addresses with this beginning.

    wait is what Retry-After says instead of the seconds; to is where another place is.
    """

    fault: Fault
    channel: str = ""
    beginning: str = ""
    seconds: int = 1
    wait: str = ""
    to: str = ""
    times: int | None = None


@dataclass(slots=True)
class Script:
    """The rules in force, read anew when their file was replaced."""

    directory: Path
    _read: tuple[int, int] = (0, 0)
    _rules: list[Rule] = field(default_factory=list)
    _left: list[int | None] = field(default_factory=list)

    def next(self, channel: str, path: str) -> Rule | None:
        """What happens to this message; None: it is taken."""
        self._refresh()
        for place, rule in enumerate(self._rules):
            left = self._left[place]
            is_meant = rule.channel in {"", channel} and path.startswith(rule.beginning)
            if is_meant and left != 0 and rule.fault is not Fault.SLOW:
                self._left[place] = None if left is None else left - 1
                return rule
        return None

    def waits_s(self, channels: Sequence[str]) -> int:
        """How long a new connection is not read."""
        self._refresh()
        slow = (one for one in self._rules if one.fault is Fault.SLOW and one.channel in {"", *channels})
        return max((one.seconds for one in slow), default=0)

    def _refresh(self) -> None:
        try:
            seen = (self.directory / RULES).stat()
        except FileNotFoundError:
            return
        if (seen.st_ino, seen.st_mtime_ns) != self._read:
            self._read = (seen.st_ino, seen.st_mtime_ns)
            rows = json.loads((self.directory / RULES).read_text())
            self._rules = [Rule(**{**row, "fault": Fault(row["fault"])}) for row in rows]
            self._left = [rule.times for rule in self._rules]


def write(directory: Path, rules: Sequence[Rule]) -> None:
    """Put rules in force from the next message on."""
    new = directory / f"{RULES}.new"
    new.write_text(json.dumps([asdict(rule) for rule in rules]))
    new.replace(directory / RULES)
