"""The reason of a hold in words: the first cause, its numbers, and the setting to change."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.config.settings import fields
from sentinel.core.actions import Candidate, Discarded, DiscardReason, Finish, HoldAction, Proposal, Sample, Stage
from sentinel.core.decision import Hold, HoldReason, Sized, Verdict
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.units import GWEI
from sentinel.decide import hold_reason as module
from sentinel.decide.hold_reason import HOLDS, hold_reason
from sentinel.decide.lost_samples import _FATES
from sentinel.decide.policy import APPROVE_RULES, SWAP_RULES, Policy
from sentinel.decide.rule_settings import LIMITS, RULE_SETTINGS
from sentinel.decide.rules_confirm import FINAL_RULES
from sentinel.decide.vote import vote
from tests.daemon import values
from tests.decide.fair_market import NETWORK
from tests.decide.world import buying

ROOT = Path(__file__).resolve().parents[2]


def proposal(discarded: Sequence[Discarded], *, tokens: int = 256, finish: Finish = Finish.LENGTH) -> Proposal:
    samples = tuple(Sample(5, i, "Thought: …", tokens, finish) for i in range(8))
    return Proposal(8, (), tuple(discarded), (), samples, 5, "student:small")


def holding(*words: str, first: int = 0) -> tuple[Simulation, ...]:
    return tuple(
        replace(values.simulation(i), candidate=Candidate(i, HoldAction(text), ""), tx=None, deltas={}, gross=0)
        for i, text in enumerate(words, start=first)
    )


def voted(asked: Proposal, simulations: Sequence[Simulation] = (), refusals: Sequence[Refusal] = ()) -> CycleRecord:
    """The record of a cycle whose decision is the vote over what was not refused."""
    refused = {refusal.index for refusal in refusals}
    ballots = [simulation for simulation in simulations if simulation.candidate.index not in refused]
    decision = vote(ballots, asked=asked.asked)
    record = values.record(decision)
    return replace(record, proposal=asked, simulations=tuple(simulations), refusals=tuple(refusals))


def lost(reason: DiscardReason, stage: Stage = Stage.SAMPLE, detail: str = "", count: int = 8) -> list[Discarded]:
    return [Discarded(i, stage, reason, detail) for i in range(count)]


def test_samples_that_were_cut_name_their_cap_and_the_setting() -> None:
    """Not the majority that was missed, nor the steps that ran out: the length at which all eight were cut."""
    said = hold_reason(voted(proposal(lost(DiscardReason.TRUNCATED))))
    assert said == "8 of 8 samples were cut at 256 tokens: raise SENTINEL_MODEL__MAX_TOKENS"


def test_an_error_of_the_sandbox_is_told_as_it_was() -> None:
    """The commonest first, and a single one in the singular."""
    failed = [
        *lost(DiscardReason.FAILED, Stage.CODE, "NameError: name 'x' is not defined", 7),
        Discarded(7, Stage.SAMPLE, DiscardReason.MISSING),
    ]
    assert hold_reason(voted(proposal(failed))) == (
        "7 of 8 samples failed in the sandbox: NameError: name 'x' is not defined; "
        "1 of 8 samples was missing from the answer"
    )


def test_what_policy_refused_is_the_reason_and_not_the_missing_majority() -> None:
    """The rule, the numbers of the first candidate, and the setting; candidates differ a little in their numbers."""
    tried = tuple(values.simulation(i) for i in range(8))
    refusals = [Refusal(i, "trade_size", f"puts in 1,00{i}.00 USDC, over the maximum of 900.00 USDC") for i in range(8)]
    assert hold_reason(voted(proposal(()), tried, refusals)) == (
        "8 of 8 samples were refused by trade_size: puts in 1,000.00 USDC, over the maximum of 900.00 USDC "
        "(SENTINEL_LIMITS__MAX_TRADE)"
    )


def test_trades_that_all_revert_say_how() -> None:
    """No ballot remains, and the revert is the first cause."""
    tried = tuple(replace(values.simulation(i), revert="TRANSFER_FROM_FAILED") for i in range(8))
    refusals = [Refusal(i, "reverted", "it reverted in simulation: TRANSFER_FROM_FAILED") for i in range(8)]
    said = hold_reason(voted(proposal(()), tried, refusals))
    assert said.startswith("8 of 8 samples were refused by reverted: it reverted in simulation: TRANSFER_FROM_FAILED")


def test_a_hold_is_told_in_the_words_of_the_program() -> None:
    """Those of the first member if they differ, with the tally, and with what became of the others."""
    record = voted(
        proposal([Discarded(i, Stage.SAMPLE, DiscardReason.TRUNCATED) for i in (0, 6, 7)]),
        holding("next buy in 12 min", "next buy in 11 min", "wait", "wait", "wait", first=1)[::-1],
    )
    assert hold_reason(record) == (
        '"next buy in 12 min" (5 of 8 wanted to hold, 3 gave nothing usable); '
        "3 of 8 samples were cut at 256 tokens: raise SENTINEL_MODEL__MAX_TOKENS"
    )


def test_words_of_a_program_cannot_pass_for_sentinels_own() -> None:
    """One printable line within quotation marks, which the words cannot close."""
    words = 'calm" (8 of 8)\ntrading is halted\u202e\x1b[2J' + "x" * 500
    said = hold_reason(voted(proposal(()), holding(*[words] * 8)))
    assert re.fullmatch(r"\"calm' \(8 of 8\) trading is halted\?\?\[2Jx+\.\.\.\" \(8 of 8 wanted to hold\)", said)


def test_without_words_the_tally_stands_alone() -> None:
    """`hold()` needs no reason."""
    assert hold_reason(voted(proposal(()), holding(*[""] * 8))) == "8 of 8 wanted to hold"


def test_a_divided_vote_says_what_was_lost_too() -> None:
    """With them it might have been a majority."""
    tried = tuple(values.simulation(i) for i in range(4))
    record = voted(proposal([Discarded(i, Stage.SAMPLE, DiscardReason.TRUNCATED) for i in range(4, 8)]), tried)
    assert hold_reason(record) == (
        "too few candidates agreed: 4 of 8 wanted to buy USDC with WETH, 4 gave nothing usable; "
        "a majority needs more than 4; 4 of 8 samples were cut at 256 tokens: raise SENTINEL_MODEL__MAX_TOKENS"
    )


def test_the_rule_that_refused_first_gives_the_reason() -> None:
    """What other rules say of the same bytes follows from it, and is named without its numbers."""
    verdicts = (
        Verdict("action", True, "it has a transaction"),
        Verdict("fee_caps", False, "max fee 62 gwei is over 30"),
        Verdict("max_cost", False, "may cost 0.2 ETH, at most 0.1"),
    )
    record = replace(values.record(values.hold(HoldReason.REFUSED, "the text of an older record")), verdicts=verdicts)
    assert hold_reason(record) == (
        "a hard limit refused the trade: fee_caps: max fee 62 gwei is over 30 "
        "(SENTINEL_LIMITS__MAX_FEE_GWEI); then also max_cost"
    )
    signer = values.record(
        values.hold(HoldReason.REFUSED, "max_trade: the signer refuses: 900 of USDC, the cap is 800")
    )
    assert hold_reason(signer).endswith("trade: max_trade: the signer refuses: 900 of USDC, the cap is 800")


def test_a_refused_smaller_trade_names_the_setting() -> None:
    """The size by calibration, the rule and its setting."""
    detail = "sized to 5 % by calibration: trade_size: puts in 0.50 USDC, below the minimum of 1.00 USDC"
    sized = Sized(values.simulation(), Refusal(0, "trade_size", "puts in 0.50 USDC, below the minimum of 1.00 USDC"))
    record = replace(values.record(values.hold(HoldReason.SIZED_OUT, detail)), sized=sized)
    assert hold_reason(record) == (
        f"no trade at the size that its agreement supports: {detail} (SENTINEL_LIMITS__MIN_TRADE)"
    )


def test_an_outage_says_what_can_be_changed() -> None:
    """The error as it came, then the settings."""
    record = values.record(values.hold(HoldReason.MODEL_TIMEOUT, "no answer within 10 s"))
    assert hold_reason(record) == (
        "the model was too slow: no answer within 10 s (SENTINEL_MODEL__TIMEOUT bounds a request, "
        "SENTINEL_MODEL__EPISODE_TIMEOUT a block)"
    )


def test_many_causes_are_counted_together() -> None:
    """Three are named."""
    reasons = [r for r in DiscardReason if r is not DiscardReason.TRUNCATED][:8]
    said = hold_reason(voted(proposal([Discarded(i, Stage.PARSE, reason) for i, reason in enumerate(reasons)])))
    assert said.count(" of 8 samples ") == 4
    assert said.endswith("; 5 of 8 samples were lost in other ways")


@pytest.mark.parametrize("reason", HoldReason)
def test_every_reason_has_words(reason: HoldReason) -> None:
    """With a detail and without, and after any cycle."""
    assert HOLDS[reason]
    for detail in ("", "detail"):
        assert hold_reason(values.record(values.hold(reason, detail)))


def test_every_discard_has_words() -> None:
    """None is told by its bare name."""
    assert _FATES.keys() == set(DiscardReason)


def test_only_settings_that_exist_are_named() -> None:
    """In hints and for rules."""
    named = set(re.findall(r"SENTINEL_\w+", inspect.getsource(module))) | {
        LIMITS + name for names in RULE_SETTINGS.values() for name in names
    }
    named |= {name for _, change in _FATES.values() for name in re.findall(r"SENTINEL_\w+", change)}
    assert named <= set(fields())


def test_every_rule_that_reads_a_limit_names_its_setting() -> None:
    """A new one is given its line in RULE_SETTINGS."""
    listed: list[Callable[..., object]] = [*SWAP_RULES, *APPROVE_RULES, *FINAL_RULES]
    rules = {rule.__name__: inspect.getsource(rule) for rule in listed}
    with_limits = {name for name, source in rules.items() if "limits" in source}
    assert with_limits <= RULE_SETTINGS.keys() <= rules.keys()


def test_a_fee_over_its_cap_says_by_how_much() -> None:
    """As a person would: the fee, and the cap that it is over."""
    dear = buying().limited(max_fee=30 * GWEI).offering(max_fee=62 * GWEI)
    _, (refusal,) = Policy(NETWORK, dear.limits).screen([dear.simulation()], dear.state, dear.spent)
    assert (refusal.rule, refusal.detail) == ("fee_caps", "max fee 62 gwei is over 30")


def of(reason: HoldReason, detail: str = "") -> CycleRecord:
    return values.record(values.hold(reason, detail))


def refused(*verdicts: tuple[str, str]) -> CycleRecord:
    judged = tuple(Verdict(rule, False, detail) for rule, detail in verdicts)
    return replace(of(HoldReason.REFUSED), verdicts=judged)


def examples() -> list[tuple[str, str]]:
    """The rows of docs/operating.md: the name of a reason, and what is told of a cycle that held for it."""
    trades = tuple(values.simulation(i) for i in range(8))
    size = "puts in 1,200.00 USDC, over the maximum of 1,000.00 USDC"
    smaller = Refusal(0, "trade_size", "puts in 0.50 USDC, below the minimum of 1.00 USDC")
    sized = Sized(values.simulation(), smaller)
    sized_out = of(HoldReason.SIZED_OUT, f"sized to 5 % by calibration: {smaller.rule}: {smaller.detail}")
    name_error = lost(DiscardReason.FAILED, Stage.CODE, "NameError: name 'w' is not defined")
    records = [
        voted(proposal(()), holding(*["next buy in 12 min"] * 8)),
        voted(proposal(lost(DiscardReason.TRUNCATED))),
        voted(proposal(name_error)),
        voted(proposal(lost(DiscardReason.TOO_MANY_STEPS, Stage.EPISODE))),
        voted(proposal(()), trades, [Refusal(i, "trade_size", size) for i in range(8)]),
        voted(proposal(()), trades, [Refusal(i, "reverted", "it reverted in simulation: STF") for i in range(8)]),
        voted(proposal(lost(DiscardReason.TRUNCATED)[:4]), trades[4:]),
        voted(proposal(()), (*trades[:4], *holding(*["wait"] * 4, first=4))),
        refused(("fee_caps", "max fee 62 gwei is over 30"), ("max_cost", "may cost 0.2 ETH, at most 0.1")),
        replace(sized_out, sized=sized),
        of(HoldReason.PAUSED, "trading is halted: paused by the operator"),
        of(HoldReason.IN_FLIGHT, "intent 5e0f"),
        of(HoldReason.MODEL_TIMEOUT, "no answer within 10 s"),
        of(HoldReason.MODEL_UNAVAILABLE, "HTTP 500: out of memory"),
        of(HoldReason.NO_VIEW, "the last one was valid until block 108"),
        of(HoldReason.FORK_UNAVAILABLE, "the fork did not answer within 3 s; the node did not answer within 2 s"),
        of(HoldReason.FORK_IN_USE, "process 4711 uses it"),
        of(HoldReason.RPC_ERROR, "HTTP 429"),
        of(HoldReason.RPC_TIMEOUT, "no answer within 10 s"),
        of(HoldReason.HEAD_GONE, "no endpoint has block 7 and its state"),
        of(HoldReason.SIGNER_UNAVAILABLE, "no answer within 10 s"),
        of(HoldReason.DISPUTED, "2 endpoints show other blocks at 7"),
        of(HoldReason.OVERTAKEN, "a newer block came in each of 4 simulations of the final bytes, last 11"),
        of(HoldReason.STOPPING, "told to stop while this cycle was under way"),
        of(HoldReason.UNAVAILABLE),
    ]
    return [(record.decision.reason, hold_reason(record)) for record in records if isinstance(record.decision, Hold)]


def test_the_page_lists_every_reason_with_its_words() -> None:
    """docs/operating.md has the rows above, word for word, and no other."""
    page = (ROOT / "docs" / "operating.md").read_text().partition("## `sentinel decisions`")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE) == examples()
    assert {reason for reason, _ in examples()} == set(HoldReason)


def test_the_players_reason_is_told_in_full() -> None:
    """It is Sentinel's own and may be long; the words of any other proposer stay short and in quotation marks."""
    why = "1. " + "the price of WETH (1,512.30 USDC) is not below 1,500 USDC; " * 4 + "2. next buy in 12 minutes"
    record = of(HoldReason.HOLD_VOTED)
    assert record.proposal is not None
    played = replace(
        record, played=PlayedOrder("ab", why), proposal=replace(record.proposal, source="oracle"), simulations=()
    )
    assert hold_reason(played).startswith(why)
    asked = replace(played, proposal=replace(record.proposal, source="student:small"))
    assert why not in hold_reason(asked)
