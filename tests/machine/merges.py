"""Memberships that become one, and two again."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from district.members import merging
from tests.machine.base import PEOPLE, PICKS
from tests.machine.shoppers import Shoppers

LEFT_APART = 2
"""So many memberships stay open."""


@dataclass(kw_only=True)
class Merged:
    """What one membership gave another."""

    id: uuid.UUID
    kept: int
    merged: int
    offers: list[uuid.UUID] = field(default_factory=list)
    tickets: list[int] = field(default_factory=list)
    silenced: bool = False
    """Whether the kept one was silent only since."""
    is_undone: bool = False


class Merges(Shoppers):
    """The rules of memberships of one person."""

    def __init__(self) -> None:
        super().__init__()
        self.merges: list[Merged] = []

    @rule(kept=PEOPLE, merged=PEOPLE, often=st.integers(0, 2))
    def merge(self, kept: int, merged: int, often: int) -> None:
        """Offers, caps and points follow the person; what either refused is refused."""
        gone = self.model.gone
        if often or len(self.members) - len(gone) <= LEFT_APART:
            return
        out = self.in_session(lambda session: self.merge_in(session, kept, merged))
        if kept == merged:
            assert out == "invalid"
        elif kept in gone or merged in gone:
            assert out == "not-found"
        else:
            assert not isinstance(out, str), out
            done = Merged(id=out, kept=kept, merged=merged)
            self.model.merge(done)
            self.merges.append(done)
        self.check()

    def merge_in(self, session: Any, kept: int, merged: int) -> uuid.UUID:
        row = merging.merge(
            session,
            self.info,
            kept_id=self.members[kept],
            merged_id=self.members[merged],
            reason="machine",
            clock=self.clock,
        )
        return row.id

    @precondition(lambda self: self.merges)
    @rule(pick=PICKS)
    def undo_merge(self, pick: int) -> None:
        """What moved goes back, what came since stays; a membership that is closed or merged on stays as it is."""
        done = self.merges[pick % len(self.merges)]
        out = self.in_session(lambda session: merging.undo(session, self.info, done.id, clock=self.clock).id)
        if self.model.is_merge_standing(done):
            assert out == done.id, (out, done)
            self.model.undo(done)
        else:
            assert out in {"conflict", "not-found"}, (out, done)  # of who has left nothing is kept
        self.check()

    def spoken(self, member: int) -> None:
        """Who has decided since is not asked again when a merge is undone."""
        for one in self.merges:
            if one.kept == member:
                one.silenced = False
