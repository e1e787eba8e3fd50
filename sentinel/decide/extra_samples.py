"""Whether a close vote is worth more samples. Pure.

It is asked once, after the first vote, and looks at nothing but the ballots that were counted and how many were asked
for. NOTE: turning any ballot into a failure can only lower both numbers compared here, so failures never buy another
round, and what failed stays among the asked.
"""

from __future__ import annotations

from sentinel.core.decision import Decision
from sentinel.core.units import BPS

DISSENT_BPS = 2500  # of those asked; below it the largest set is clear enough


def extra_samples(decision: Decision, ballots: int, max_samples: int, quorum_bps: int) -> int:
    """How many more final actions to ask for: all that are left up to `most`, or none.

    `ballots` are those that the decision was voted with. Close means that at least DISSENT_BPS of those asked
    cast a ballot outside the largest agreeing set, and that this set could still have its majority of `most`.
    """
    more = max_samples - decision.asked
    if more <= 0:
        return 0
    dissent = ballots - decision.votes
    divided = dissent > 0 and dissent * BPS >= DISSENT_BPS * decision.asked
    reachable = (decision.votes + more) * BPS > quorum_bps * max_samples
    return more if divided and reachable else 0
