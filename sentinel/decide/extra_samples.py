"""Whether a close vote is worth more samples. Pure.

The question is asked once, after the first vote. It depends only on the ballots that were counted and on the number of
samples asked for.
NOTE: a ballot that becomes a failure can only lower both numbers compared here. So failures never cause another round,
and they stay among the samples asked for.
"""

from __future__ import annotations

from sentinel.core.decision import Decision
from sentinel.core.units import BPS

DISSENT_BPS = 2500  # of the samples asked for; with less dissent the largest set is clear enough


def extra_samples(decision: Decision, ballots: int, max_samples: int, quorum_bps: int) -> int:
    """The number of further final actions to ask for: all that remain up to `max_samples`, or 0.

    `ballots` is the number of ballots in the vote. A vote is close if at least DISSENT_BPS of the samples asked for
    cast a ballot outside the largest agreeing set, and if this set can still reach a quorum of `max_samples`.
    """
    remaining = max_samples - decision.asked
    if remaining <= 0:
        return 0
    dissent = ballots - decision.votes
    divided = dissent > 0 and dissent * BPS >= DISSENT_BPS * decision.asked
    reachable = (decision.votes + remaining) * BPS > quorum_bps * max_samples
    return remaining if divided and reachable else 0
