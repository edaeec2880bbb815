"""A till without a line: coupons written down as they are shown, and settled days later, maybe twice."""

import base64
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from district.redemptions import offline_kits, offline_settling
from district.redemptions.offline_judging import mark_of
from district.redemptions.offline_schemas import Entry, EntryOut, Journal, Kit, Told
from tests.machine.base import CUTS, PICKS
from tests.machine.codes import SECRET, Codes, Signed
from tests.machine.counters import Used
from tests.machine.world import PLANS

TILL = 0
OFFLINE = next(place for place, plan in enumerate(PLANS) if plan.bounds.is_offline)
DEVICES = 2
FRESH_FOR = timedelta(seconds=95)
MOST_LATE = timedelta(days=3)
NO_MARK = "0" * 64


@dataclass(kw_only=True)
class Taken:
    """A coupon that a device took."""

    entry: Entry
    code: Signed
    is_fresh: bool
    told: tuple[str, str] | None = None
    """What became of it, once it was brought in."""


@dataclass(kw_only=True)
class Device:
    """A device at the till."""

    journal: uuid.UUID
    key: bytes
    mark: str
    taken: list[Taken] = field(default_factory=list)


class Journals(Codes):
    """The rules of a till without a line."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: list[Device] = []

    @rule(pick=st.integers(0, DEVICES - 1), cut=CUTS)
    def take_kit(self, pick: int, cut: int) -> None:
        """A device gets a journal, or what it may take anew."""
        device = self.devices[pick] if pick < len(self.devices) else None
        asked = offline_kits.Asked(journal=device.journal if device else None, at=self.now())
        kit, _ = self.cut_short(
            cut,
            lambda: offline_kits.give(
                self.pool, self.info, self.tills[TILL], asked, secret=SECRET, clock=self.clock
            ),
        )
        assert isinstance(kit, Kit), kit
        if device is None:
            key = base64.b64decode(kit.journal_key)
            self.devices.append(Device(journal=kit.journal, key=key, mark=str(kit.journal)))
        else:
            done = [one for one in device.taken if one.told is not None]
            assert kit.last_seq == len(done)
        self.check()

    def offline_codes(self) -> list[Signed]:
        return [one for one in self.signed if self.model.offers[one.offer].campaign == OFFLINE]

    @precondition(lambda self: self.devices and self.offline_codes())
    @rule(pick=PICKS, other=st.integers(0, DEVICES - 1))
    def take_offline(self, pick: int, other: int) -> None:
        """Nobody but the device knows of it yet."""
        device, codes = self.devices[other % len(self.devices)], self.offline_codes()
        code = codes[-1 - pick % len(codes)]
        given = {"seq": len(device.taken) + 1, "code": code.text, "at": self.now()}
        unmarked = Entry.model_validate({**given, "mark": NO_MARK})
        device.mark = mark_of(device.key, device.mark, unmarked)
        entry = Entry.model_validate({**given, "mark": device.mark})
        is_fresh = self.now() - code.at < FRESH_FOR
        device.taken.append(Taken(entry=entry, code=code, is_fresh=is_fresh))

    @precondition(lambda self: any(one.taken for one in self.devices))
    @rule(pick=PICKS, again=st.integers(0, 3), cut=CUTS)
    def bring_in(self, pick: int, again: int, cut: int) -> None:
        """Each entry is settled once, in its order, and answered alike for ever."""
        full = [one for one in self.devices if one.taken]
        device = full[pick % len(full)]
        new = [one for one in device.taken if one.told is None]
        sent = device.taken if again == 0 or not new else new
        body = Journal(journal=device.journal, sent_at=self.now(), entries=[one.entry for one in sent])
        out, _ = self.cut_short(
            cut,
            lambda: offline_settling.settle(self.pool, self.tills[TILL], body, clock=self.clock),
        )
        assert not isinstance(out, str), out
        for one, row in zip(sent, out.rows, strict=True):
            self.settled(one, row)
        self.check()

    def settled(self, taken: Taken, row: EntryOut) -> None:
        """One entry's answer."""
        said = (str(row.was if row.outcome is Told.REPLAYED else row.outcome), row.reason)
        if taken.told is not None:
            assert row.outcome is Told.REPLAYED
            assert said == taken.told
            return
        expected = self.becomes(taken, self.now())
        assert said == expected, (said, self.model.offers[taken.code.offer])
        taken.told = said
        if said == ("redeemed", ""):
            self.used_up(Used(offer=taken.code.offer, till=TILL, body=None, answer=row, at=self.now()))

    def becomes(self, taken: Taken, now: datetime) -> tuple[str, str]:
        """What must become of it: it was good when it was shown, and the first use that is written is the use."""
        state = self.model.offers[taken.code.offer].state
        if not taken.is_fresh:
            return "refused", "code-stale"
        if now - taken.code.at > MOST_LATE:
            return "conflict", "too-late"
        if state == "redeemed":
            return "conflict", "used-before"
        return ("conflict", "withdrawn") if state == "void" else ("redeemed", "")
