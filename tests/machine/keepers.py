"""What the clock, the jobs and the merchant do: sweeps, closed days, pauses, ends, and stock that grows and shrinks."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import finding
from district.campaigns import service as campaigns
from district.campaigns.schemas import CampaignChange
from district.database import new_id
from district.offers import jobs
from district.points import jobs as points_jobs
from district.settlement import jobs as settlement_jobs
from push.campaign_life import CampaignAction
from tests.machine.base import CAMPAIGNS, CUTS, Life
from tests.machine.world import PLANS

_STEPS = {
    "pause": ({"live", "exhausted"}, "paused"),
    "resume": ({"paused"}, "live"),
    "end": ({"live", "exhausted", "paused"}, "ended"),
}


class Keepers(Life):
    """The rules of time and of campaigns."""

    @rule(minutes=st.sampled_from([1, 9, 11, 59, 61, 180, 1_440, 2_100, 44_640]))
    def wait(self, minutes: int) -> None:
        self.wait_for(minutes)
        self.check()

    @rule(cut=CUTS)
    def sweep(self, cut: int) -> None:
        expected = self.model.sweep(self.now())
        done, was_cut = self.cut_short(cut, lambda: jobs.sweep(self.pool, self.info.id, now=self.now()))
        assert done == expected or was_cut
        self.check()

    @rule(cut=CUTS)
    def keep_pools(self, cut: int) -> None:
        self.cut_short(cut, lambda: jobs.keep_pools(self.pool, self.info.id))
        self.check()

    @rule(cut=CUTS, day=st.booleans())
    def close_day(self, cut: int, day: bool) -> None:
        """The jobs log what a cut line does to them and go on at the next tick."""
        if day:
            self.cut_short(cut, lambda: settlement_jobs.close(self.pool, [self.info], self.clock))
        else:
            self.cut_short(cut, lambda: points_jobs.follow(self.pool, [self.info], self.clock))
        self.check()

    @rule(campaign=CAMPAIGNS, action=st.sampled_from(["pause", "resume", "resume", "resume", "end"]))
    def step(self, campaign: int, action: str) -> None:
        stock = self.model.stocks[campaign]
        if action == "end" and self.number % 5:
            return
        sources, target = _STEPS[action]
        out = self.in_session(
            lambda session: campaigns.step(
                session,
                self.info.id,
                self.principal(),
                self.campaigns[campaign],
                CampaignAction(action),
                clock=self.clock,
            )
        )
        if stock.state not in sources:
            assert out == "step-refused"
        else:
            self.stands(campaign, target, out)
        self.check()

    @rule(campaign=CAMPAIGNS, stock=st.integers(0, 8))
    def restock(self, campaign: int, stock: int) -> None:
        if PLANS[campaign].bounds.pieces is not None:
            return
        model = self.model.stocks[campaign]
        out = self.in_session(lambda session: self.change(session, campaign, stock))
        if model.state == "ended":
            assert out == "step-refused"
        elif stock < model.taken:
            assert out == "invalid", out
        else:
            model.quota = stock
            self.stands(campaign, model.state, out)
        self.check()

    def change(self, session: Any, campaign: int, stock: int) -> Any:
        seen = finding.find(session, self.info.id, self.principal(), self.campaigns[campaign])
        return campaigns.change(
            session,
            self.info,
            self.principal(),
            self.campaigns[campaign],
            CampaignChange(version=seen.version, stock=stock),
            clock=self.clock,
        )

    def stands(self, campaign: int, expected: str, out: Any) -> None:
        """A campaign goes to and fro between live and exhausted by itself, as its stock is."""
        assert not isinstance(out, str), out
        stock = self.model.stocks[campaign]
        if expected in {"live", "exhausted"}:
            assert out.state in {"live", "exhausted"}
            assert out.state == "live" or self.model.is_over(campaign)
            expected = str(out.state)
        assert out.state == expected
        stock.state = expected

    def principal(self) -> Principal:
        return Principal(
            role=Role.OPERATOR,
            district_id=self.info.id,
            district_slug=self.info.slug,
            subject_id=new_id(),
        )
