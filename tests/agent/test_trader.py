"""The trader and the analyst: from a state to a proposal, through the shared prompt."""

from __future__ import annotations

from sentinel.agent import prompt
from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.core.mandate import Mandate
from tests.agent.doubles import NETWORK, STATE, VIEW, PaperBuilder, PaperQuoter, Script, turn

MANDATE = Mandate("rebalance", "WETH", 0.02, 20, 0.004, 500.0, 10.0)


async def test_a_proposal_begins_with_the_shared_prompt_and_the_playbooks_thought(sandbox: Sandbox) -> None:
    """What is sent is what training rows are rendered from."""
    script = Script([[turn('gap = weight("WETH") - 0.5\nprint(gap)')] * 2, [turn('hold("calm")')] * 2])
    thought = PLAYBOOKS["rebalance"].first_thought(MANDATE)
    trader = ModelTrader(script, sandbox, NETWORK, PaperQuoter(), PaperBuilder(), MANDATE, thought)
    proposal = await trader.propose(STATE, VIEW, 2)
    messages, n, prefill = script.asked[0]
    assert messages == prompt.messages(VIEW, MANDATE, "USDC")
    assert (n, prefill) == (2, f"Thought: {thought}")
    assert (proposal.asked, proposal.steps, len(proposal.candidates)) == (2, 2, 2)


def test_the_view_from_settings_says_so() -> None:
    """It holds the operator's weights for the state's block."""
    view = SettingsAnalyst({"WETH": 4000, "USDC": 6000}).view(STATE)
    assert view.source == "settings"
    assert view.target_weights == {"WETH": 4000, "USDC": 6000}
    assert view.valid_until == STATE.head.number
