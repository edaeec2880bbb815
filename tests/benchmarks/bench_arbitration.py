"""Arbitration in generated competition: what fairness costs, and whom it still shuts out, beside greed on the same moments.

10,000 moments with 8 merchants each, three times from different seeds; how they are made is in
tests/push/competition.py. Both goals are of the worst of the three.
"""

import argparse
import sys
from typing import Final

from push.arbitration import Fairness
from tests.benchmarks.measures import Figure, verdict
from tests.push.competition import arbitrate, generate, greedily

SEEDS: Final = (1, 2, 3)
VALUE_GOAL: Final = 0.85
SHUT_OUT_GOAL: Final = 0.5


def run() -> list[Figure]:
    """The worst of the seeds, for each goal."""
    pairs = []
    for seed in SEEDS:
        competition = generate(seed)
        pairs.append((greedily(competition), arbitrate(competition, Fairness())))
    greedy, fair = min(pairs, key=lambda pair: pair[1].value_minor / pair[0].value_minor)
    shut, left = max(pairs, key=lambda pair: pair[1].shut_out / pair[0].shut_out)
    return [
        Figure(
            name="expected value of greed's",
            value=fair.value_minor / greedy.value_minor,
            goal=VALUE_GOAL,
            unit="",
            made_of=f"{fair.value_minor:,.0f} of {greedy.value_minor:,.0f} minor units",
        ),
        Figure(
            name="merchants shut out, of greed's",
            value=left.shut_out / shut.shut_out,
            goal=SHUT_OUT_GOAL,
            unit="",
            made_of=f"{left.shut_out} of {shut.shut_out}; top share {left.top_share:.3f} of {shut.top_share:.3f}",
            is_ceiling=True,
        ),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures. They count, they do not time: no slack is needed, and none is given."""
    parser = argparse.ArgumentParser(prog="bench_arbitration")
    parser.add_argument("--slack", type=float, default=1.0, help="taken, as every benchmark takes it")
    parser.parse_args(arguments)
    return verdict("arbitration: 3 x 10,000 moments of 8 merchants", run(), 1.0)


if __name__ == "__main__":
    sys.exit(main())
