"""Final actions that gave no ballot: how many, what became of them, and what an operator can change. Pure.

A sample is lost at the first stage that fails it. What follows from that (a text that was cut has no code, an episode
without code runs out of steps) is no cause of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.actions import Discarded, DiscardReason, Finish, Proposal
from sentinel.core.simulation import Refusal
from sentinel.core.untrusted_text import one_line
from sentinel.decide.rule_settings import with_settings

NAMED = 3  # causes that are named; the others are counted together
MAX_DETAIL = 200  # characters of a sandbox error, a revert reason or a rule's numbers

_NO_CODE_ACTION = "serve a student that writes code actions (SENTINEL_MODEL__NAME)"
_FATES: Mapping[DiscardReason, tuple[str, str]] = {  # what became of the samples, and what to change
    DiscardReason.MISSING: ("were missing from the answer", ""),
    DiscardReason.TRUNCATED: ("were cut", "raise SENTINEL_MODEL__MAX_TOKENS"),
    DiscardReason.ABORTED: ("were aborted by the model server", "read its log"),
    DiscardReason.MODEL_TIMEOUT: ("came too late", "raise SENTINEL_MODEL__EPISODE_TIMEOUT"),
    DiscardReason.EMPTY: ("were empty", _NO_CODE_ACTION),
    DiscardReason.TEXT_AFTER_END: ("had text after their end", _NO_CODE_ACTION),
    DiscardReason.NO_THOUGHT: ("had no thought", _NO_CODE_ACTION),
    DiscardReason.NO_CODE: ("had no code", _NO_CODE_ACTION),
    DiscardReason.NO_FENCE: ("had code without a fence", _NO_CODE_ACTION),
    DiscardReason.UNCLOSED: ("had an unclosed code block", _NO_CODE_ACTION),
    DiscardReason.TEXT_AFTER_CODE: ("had text after their code", _NO_CODE_ACTION),
    DiscardReason.MANY_BLOCKS: ("had several code blocks", _NO_CODE_ACTION),
    DiscardReason.EMPTY_CODE: ("had an empty code block", _NO_CODE_ACTION),
    DiscardReason.CODE_TOO_LONG: ("had code that is too long", ""),
    DiscardReason.NOT_ASCII: ("had code with other characters than ASCII", ""),
    DiscardReason.FAILED: ("failed in the sandbox", ""),
    DiscardReason.UNBUILDABLE: ("wanted an action that cannot be built", ""),
    DiscardReason.TWO_FINALS: ("ended with more than one final action", ""),
    DiscardReason.NOT_FINAL: ("did not end with a final action", ""),
    DiscardReason.NO_FRESH_READ: ("decided without reading the market", ""),
    DiscardReason.TOO_MANY_STEPS: ("gave no final action", "raise SENTINEL_MODEL__MAX_STEPS"),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """`count` samples were lost to one cause: `fate` follows 'of 8 samples', `change` is what to do or empty."""

    count: int
    fate: str
    change: str = ""


def losses(proposal: Proposal, refusals: Sequence[Refusal]) -> list[Loss]:
    """The causes, most frequent first, and the earlier stage first among equals."""
    causes: Counter[tuple[str, str]] = Counter()
    for discard in sorted(proposal.discarded, key=lambda discard: discard.index):
        causes[_discarded(discard, proposal)] += 1
    by_rule: dict[str, str] = {}  # the numbers differ a little from candidate to candidate: the first one's are told
    for refusal in sorted(refusals, key=lambda refusal: refusal.index):
        fate = f"were refused by {refusal.rule}: {one_line(refusal.detail, MAX_DETAIL)}"
        causes[by_rule.setdefault(refusal.rule, with_settings(refusal.rule, fate)), ""] += 1
    ranked = [Loss(count, fate, change) for (fate, change), count in causes.most_common()]
    if len(ranked) <= NAMED + 1:
        return ranked
    return [*ranked[:NAMED], Loss(sum(loss.count for loss in ranked[NAMED:]), "were lost in other ways")]


def _discarded(discard: Discarded, proposal: Proposal) -> tuple[str, str]:
    fate, change = _FATES.get(discard.reason, (f"were discarded as {one_line(str(discard.reason), MAX_DETAIL)}", ""))
    if discard.reason is DiscardReason.TRUNCATED:
        fate += f" at {_cap(proposal)} tokens"
    elif discard.reason is DiscardReason.TOO_MANY_STEPS:
        fate += f" in {proposal.steps} steps"
    if discard.detail:
        fate += f": {one_line(discard.detail, MAX_DETAIL)}"
    return fate, change


def _cap(proposal: Proposal) -> int:
    """The length at which samples were cut: that of the longest one that was."""
    return max((sample.tokens for sample in proposal.samples if sample.finish is Finish.LENGTH), default=0)
