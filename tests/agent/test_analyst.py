"""The analyst's role: the trader's frame, a prompt of its own, and one final action, a view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sentinel.agent import prompt
from sentinel.agent.analyst import ModelAnalyst, SettingsAnalyst
from sentinel.agent.analyst_tools import REGIMES, AnalystToolbox
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import HoldAction, View
from sentinel.core.errors import AgentFault, NoView
from sentinel.core.mandate import Brief
from sentinel.distill.teaching.analysis import FAST, FULL, OracleAnalyst
from tests.agent.doubles import NETWORK, STATE, PaperBuilder, PaperQuoter, Script, toolbox, turn

BRIEF = Brief("WETH", 0.002, 0.0014, 0.02, 500.0)
STANDING = SettingsAnalyst({"WETH": 5000, "USDC": 5000})
LOOK = 'w = weight("WETH")\n'


def analyst(sampler: Any, sandbox: Sandbox, **given: Any) -> ModelAnalyst:
    return ModelAnalyst(sampler, sandbox, NETWORK, PaperQuoter(), PaperBuilder(), BRIEF, STANDING, **given)


def opinions() -> AnalystToolbox:
    return AnalystToolbox(toolbox())


async def test_a_view_is_typed_names_its_source_and_ends_with_its_block(sandbox: Sandbox) -> None:
    """The episode begins with the analyst's own prompt."""
    script = Script([[turn(LOOK + 'view({"WETH": 0.3, "USDC": 0.7}, "down", 0.8)')]], source="student:analyst")
    view = await analyst(script, sandbox, valid_for=7).look(STATE)
    assert (view.regime, view.confidence, view.source) == ("down", 0.8, "student:analyst")
    assert view.target_weights == {"WETH": 3000, "USDC": 7000}
    assert view.valid_until == STATE.head.number + 7
    messages, _, prefill = script.asked[0]
    assert (messages, prefill) == (prompt.analysis(BRIEF, "USDC"), "")
    assert messages[1]["content"].startswith("Role: analyst\n")


@pytest.mark.parametrize(
    "final",
    [
        'swap("WETH", "USDC", 0.1, "v2")',
        'cycle("USDC", "WETH", 10, "v2", "v3-500")',
        'route(["WETH", "USDC"], 0.1, ["v2"])',
        'approve("WETH", 1)',
        'hold("calm")',
    ],
)
async def test_an_analyst_cannot_trade(sandbox: Sandbox, final: str) -> None:
    """The trader's final actions are unknown names to it."""
    script = Script([[turn(LOOK + final)]])
    proposal = await analyst(script, sandbox, max_steps=1).propose(STATE)
    assert proposal.candidates == ()
    assert f"name '{final.partition('(')[0]}'" in str((await sandbox.run(final, opinions())).error)


async def test_a_view_is_no_action_that_a_trader_can_take(sandbox: Sandbox) -> None:
    """And wherever one came to anyway, it is a hold."""
    run = await sandbox.run('view({"WETH": 0.3, "USDC": 0.7}, "down", 0.8)', toolbox())
    assert run.error is not None
    assert run.finals == ()
    assert isinstance(opinions().view({"WETH": 0.3, "USDC": 0.7}, "down", 0.8), HoldAction)


async def test_a_view_without_a_look_at_the_market_is_none(sandbox: Sandbox) -> None:
    """`lean` reads the operator's shares alone."""
    script = Script([[turn('view(lean("WETH", "up"), "up", 0.9)')]])
    with pytest.raises(NoView, match="1 of 1 samples decided without reading the market"):
        await analyst(script, sandbox).look(STATE)


async def test_samples_that_differ_give_no_view(sandbox: Sandbox) -> None:
    """More than half of those asked must say the same; two of four are not."""
    up, down = (turn(LOOK + f'view(lean("WETH", "{regime}"), "{regime}", 0.9)') for regime in ("up", "down"))
    with pytest.raises(NoView):
        await analyst(Script([[up, up, down, down]]), sandbox, n=4).look(STATE)
    assert (await analyst(Script([[up, up, up, down]]), sandbox, n=4).look(STATE)).regime == "up"


@pytest.mark.parametrize(
    ("weights", "regime", "confidence"),
    [
        ({"WETH": 0.5, "USDC": 0.6}, "up", 0.5),
        ({"WETH": 0.4}, "up", 0.5),  # USDC keeps its standing half
        ({"WETH": 1.5, "USDC": -0.5}, "up", 0.5),
        ({"WETH": float("nan"), "USDC": 0.5}, "up", 0.5),
        ({"WETH": True, "USDC": 0.0}, "up", 0.5),
        ({"DOGE": 0.5, "USDC": 0.5, "WETH": 0.0}, "up", 0.5),
        ({"ETH": 0.5, "USDC": 0.5, "WETH": 0.0}, "up", 0.5),
        ([0.5, 0.5], "up", 0.5),
        ({}, "up", 0.5),
        ({"WETH": 0.5, "USDC": 0.5}, "moon", 0.5),
        ({"WETH": 0.5, "USDC": 0.5}, "up", 1.1),
        ({"WETH": 0.5, "USDC": 0.5}, "up", float("inf")),
        ({"WETH": 0.5, "USDC": 0.5}, "up", "sure"),
    ],
)
def test_what_is_no_view_is_refused(weights: Any, regime: Any, confidence: Any) -> None:
    """Shares of known tokens that sum to 1, a regime of the set, a confidence from 0 to 1: nothing else."""
    with pytest.raises(AgentFault):
        opinions().view(weights, regime, confidence)


def test_shares_become_bps_that_sum_exactly() -> None:
    """A third each is rounded, and a token not named keeps its standing share."""
    thirds = opinions().view({"WETH": 0.3333, "USDC": 0.3333, "WBTC": 0.3333}, "range", 1)
    assert sum(thirds.weights.values()) == 10_000
    assert opinions().view({"WETH": 0.5}, "range", 0).weights == {"WETH": 5000, "USDC": 5000}


def test_leaning_moves_one_token_against_the_quote_and_nothing_else() -> None:
    """In every regime the shares sum to 1; more than the pair has is not given."""
    box = toolbox()
    standing = replace(box.view, target_weights={"WETH": 5500, "USDC": 500, "WBTC": 4000})
    tools = AnalystToolbox(replace(box, view=standing))
    for regime in REGIMES:
        shares = tools.lean("WETH", regime)
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["WBTC"] == 0.4
    assert tools.lean("WETH", "up") == {"WETH": 0.6, "USDC": 0.0, "WBTC": 0.4}
    assert tools.lean("WETH", "stress")["WETH"] == 0.11
    with pytest.raises(AgentFault):
        tools.lean("USDC", "up")


@pytest.mark.parametrize(
    ("closes", "regime"),
    [
        ([2000.0 + 0.02 * i for i in range(60)], "range"),
        ([2000.0 + i + 2 * (i % 2) for i in range(60)], "up"),
        ([2100.0 - 0.5 * i + 2 * (i % 2) for i in range(60)], "down"),
        ([2000.0] * 55 + [1900.0] * 5, "stress"),
    ],
)
async def test_the_full_and_the_fast_oracle_see_the_plain_markets_alike(
    sandbox: Sandbox, closes: list[float], regime: str
) -> None:
    """The full one takes five steps and every kind of tool, the fast one a single step."""
    state = replace(STATE, history={"WETH": tuple(closes), "WBTC": (40000.0,) * 60, "USDC": (1.0,) * 60})
    full, fast = (analyst(OracleAnalyst(steps), sandbox) for steps in (FULL, FAST))
    ours, theirs = await fast.propose(state), await full.propose(state)
    assert (ours.steps, theirs.steps) == (1, 5)
    one, other = fast.read(ours, state), full.read(theirs, state)
    assert (one.regime, one.target_weights) == (other.regime, other.target_weights)
    assert one.regime == regime
    assert one.source == "oracle"


async def test_the_full_oracle_leaves_a_thin_market_alone(sandbox: Sandbox) -> None:
    """Where the venues take no more than the size within 1 %, the standing shares stay, whatever the trend."""

    class Shallow(PaperQuoter):
        def depth(self, *_: Any) -> float:
            return 0.01

    history = {"WETH": tuple(2000.0 + i + 2 * (i % 2) for i in range(60))}
    full = replace(analyst(OracleAnalyst(FULL), sandbox), quoter=Shallow())
    view = await full.look(replace(STATE, history={**history, "WBTC": (40000.0,) * 60}))
    assert (view.regime, view.target_weights) == ("thin", STANDING.target_weights)


def test_an_action_of_an_analyst_is_a_view() -> None:
    """Its only final action is `view`; its reads are the trader's and `lean`."""
    tools, box = opinions(), toolbox()
    assert set(tools.finals) == {"view"}
    assert set(tools.reads) == {*box.reads, "lean"}
    assert isinstance(tools.finals["view"]({"WETH": 0.5}, "range", 0.5), View)
