"""The trader and the analyst: from a state to a proposal, through the shared prompt."""

from __future__ import annotations

import pytest

from sentinel.agent import prompt
from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from tests.agent.doubles import NETWORK, STATE, VIEW, PaperBuilder, PaperQuoter, Script, turn

READING = "Buy 50 USDC worth of WETH, every 1 hour."


@pytest.mark.parametrize(("reading", "shown"), [(READING, READING), ("", "No order is approved.")])
async def test_a_server_is_shown_the_order_and_nothing_of_the_market(
    sandbox: Sandbox, reading: str, shown: str
) -> None:
    """Every fact must come from a tool, so the request is the same at each block; no first thought is sent."""
    script = Script([[turn('gap = weight("WETH") - 0.5\nprint(gap)')] * 2, [turn('hold("calm")')] * 2])
    trader = ModelTrader(script, sandbox, NETWORK, PaperQuoter(), PaperBuilder(), reading=reading)
    proposal = await trader.propose(STATE, VIEW, 2)
    messages, n, prefill = script.asked[0]
    assert [message["content"] for message in messages] == [prompt.SYSTEM, shown]
    assert (n, prefill) == (2, "")
    assert (proposal.asked, proposal.steps, len(proposal.candidates)) == (2, 2, 2)


def test_the_view_from_settings_says_so() -> None:
    """It holds the operator's weights for the state's block."""
    view = SettingsAnalyst({"WETH": 4000, "USDC": 6000}).view(STATE)
    assert view.source == "settings"
    assert view.target_weights == {"WETH": 4000, "USDC": 6000}
    assert view.valid_until == STATE.head.number
