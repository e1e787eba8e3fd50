from __future__ import annotations

import dataclasses

from sentinel.core.decision import HoldReason
from sentinel.core.transaction import shortfall_bps
from sentinel.observe import plain_words
from tests.daemon import values


def test_an_act_reads_as_a_person_would_say_it() -> None:
    """A swap names amounts in whole tokens, the pool, and the votes."""
    said = plain_words.cycle(values.record(values.act()), values.NETWORK)
    swap = "swap 0.1 WETH to USDC over WETH/USDC-v3-500, giving 200 USDC (5 of 8 votes)"
    assert said.startswith(f"block 7: {swap}; 1 refused (slippage), 2 discarded (")


def test_an_act_of_part_of_the_size_says_so() -> None:
    """The part in percent, and where it comes from; nothing of the kind at full size."""
    part = plain_words.decision(dataclasses.replace(values.act(), size_bps=6000), values.NETWORK)
    assert part.endswith("giving 200 USDC, sized to 60 % by calibration (5 of 8 votes)")
    assert "sized" not in plain_words.decision(values.act(), values.NETWORK)


def test_a_hold_says_why_in_plain_words() -> None:
    """Every reason has a sentence, and details are added."""
    assert plain_words.decision(values.hold(), values.NETWORK) == "hold: too few candidates agreed (3 of 8 votes)"
    assert (
        plain_words.hold(values.hold(HoldReason.MODEL_UNAVAILABLE, "HTTP 500")) == "the model did not answer: HTTP 500"
    )
    assert plain_words.HOLDS.keys() == set(HoldReason)


def test_the_shortfall_is_what_a_trade_realised_below_its_simulation() -> None:
    """199 for a promised 200 is 50 bps less."""
    assert shortfall_bps(values.simulation(), values.settled(usdc=199 * 10**6)) == 50.0
    assert shortfall_bps(values.simulation(), values.settled()) == 0.0
