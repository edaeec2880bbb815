"""Decisions: how many a CPU-second decides in batches, beside the same ones asked one by one; answers equal.

A crowd of 2,000 members before 200 campaigns (tests/push/crowds.py): 20,000 questions at four moments, as messages of
the event log bring them together, with everything in use: hours, audiences, hold-outs, caps, quiet hours, a fitted
model, prices and turns of new merchants. About a third ends in an offer; the others meet each reason there is.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Final

from push.decision import OfferDraft, decide, decide_batch
from tests.benchmarks.measures import Figure, verdict
from tests.push.crowds import asks, campaigns, market_policy, members

GOAL: Final = 50_000.0
CAMPAIGNS: Final = 200
MEMBERS: Final = 2_000
QUESTIONS: Final = 20_000
CHECKED: Final = 5_000
ROUNDS: Final = 5


def run() -> Figure:
    """The best of some rounds. Stops the programme if the answers differ."""
    random = Random(1)
    policy = market_policy(random=random, merchants=60)
    offered = campaigns(CAMPAIGNS, random=random, merchants=60)
    people = members(MEMBERS, random=random, of=offered)
    every = asks(QUESTIONS, random=random, of=offered, by=people)
    alone = [
        decide(one.crossing, one.campaign, one.member, now=one.now, policy=policy) for one in every[:CHECKED]
    ]
    if decide_batch(every[:CHECKED], policy=policy) != alone:
        sys.exit("A batch is decided otherwise than each alone.")
    drafts = sum(isinstance(one, OfferDraft) for one in decide_batch(every, policy=policy))
    gc.collect()
    gc.freeze()  # as roles do once they have started
    batch_s = min(_spent(lambda: decide_batch(every, policy=policy)) for _ in range(ROUNDS))
    alone_s = min(
        _spent(
            lambda: [
                decide(one.crossing, one.campaign, one.member, now=one.now, policy=policy)
                for one in every[:CHECKED]
            ]
        )
        for _ in range(2)
    )
    gc.unfreeze()
    return Figure(
        name="decisions in batches",
        value=QUESTIONS / batch_s,
        goal=GOAL,
        unit="a CPU-s",
        made_of=f"{QUESTIONS:,} in {batch_s * 1e3:,.0f} ms, {drafts:,} offers; one by one {CHECKED / alone_s:,.0f} a CPU-s",
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the figure; 1 if it is below the goal times --slack."""
    parser = argparse.ArgumentParser(prog="bench_decide")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices, 0.6 in CI")
    options = parser.parse_args(arguments)
    return verdict("decide: 2,000 members before 200 campaigns", [run()], options.slack)


def _spent(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    sys.exit(main())
