from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.simulation import Refusal
from sentinel.core.transaction import shortfall_bps
from sentinel.observe import plain_words
from sentinel.observe.logs import cycle_fields, logger
from sentinel.observe.messages.messenger import Messenger
from sentinel.observe.status_board import Board
from tests.daemon import values


def test_an_act_reads_as_a_person_would_say_it() -> None:
    """A swap names amounts in whole tokens, the pool, and the votes; what was lost follows."""
    said = plain_words.cycle(values.record(values.act()), values.NETWORK)
    swap = "swap 0.1 WETH to USDC over WETH/USDC-v3-500, giving 200 USDC (5 of 8 votes)"
    assert said.startswith(f"block 7: {swap}; 1 of 8 samples had no code: ")
    assert "; 1 of 8 samples was refused by slippage: too much" in said


def test_an_act_of_part_of_the_size_says_so() -> None:
    """The part in percent, and where it comes from; nothing of the kind at full size."""
    part = plain_words.act(replace(values.act(), size_bps=6000), values.NETWORK)
    assert part.endswith("giving 200 USDC, sized to 60 % by calibration (5 of 8 votes)")
    assert "sized" not in plain_words.act(values.act(), values.NETWORK)


def test_log_page_screen_messages_and_commands_give_one_reason() -> None:
    """Word for word, so that nobody has to compare them."""
    record = values.record(values.hold(HoldReason.REFUSED, "fee_caps: max fee 62 gwei is over 30"))
    told = plain_words.told(record, values.NETWORK)
    assert told == "hold: a hard limit refused the trade: fee_caps: max fee 62 gwei is over 30"
    assert cycle_fields(record, values.NETWORK)["reason"] == told
    board = Board(values.NETWORK)
    board.observe(record)
    assert board.line().endswith(f" | {told}")
    assert plain_words.cycle(record, values.NETWORK) == f"block 7: {told}"  # `decisions`, messages, the demo's lines


def test_the_shortfall_is_what_a_trade_realised_below_its_simulation() -> None:
    """199 for a promised 200 is 50 bps less."""
    assert shortfall_bps(values.simulation(), values.settled(usdc=199 * 10**6)) == 50.0
    assert shortfall_bps(values.simulation(), values.settled()) == 0.0


@pytest.mark.parametrize("all_refused", [True, False])
def test_a_message_says_what_hard_limits_left_nothing_of(all_refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does when one refused the winner of the vote; not if candidates merely disagreed."""
    refusals = (Refusal(5, "fee_caps", "max fee 62 gwei is over 30"),) if all_refused else ()
    record = replace(values.record(Hold(HoldReason.NO_MAJORITY, 0, 8)), refusals=refusals)
    messages: list[str] = []
    messenger = Messenger(
        (), values.NETWORK, logger(), events=(), hour=6, paused=lambda: None, summary=lambda: "a good day"
    )
    monkeypatch.setattr(messenger, "tell", lambda event, title, text: messages.append(f"{event}: {text}"))
    messenger.cycle_done(record)
    assert messages == ([f"refusals: {plain_words.cycle(record, values.NETWORK)}"] if all_refused else [])
