"""The daemon's own parts give the trader its memory."""

from __future__ import annotations

from pathlib import Path

from eth_utils.address import to_checksum_address

from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.daemon.assemble import assembled
from sentinel.daemon.files import MEMORY
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.market import Devnet
from tests.agent.doubles import Script, turn

WALLET = to_checksum_address("0x" + "c7" * 20)


async def test_a_code_action_remembers_what_the_journal_holds(devnet: Devnet, tmp_path: Path) -> None:
    """On a real market: after a dozen journaled blocks, `similar` answers a block's code with what followed."""
    await devnet.fund(WALLET, {"WETH": 10**18, "USDC": 10**9, NATIVE: 10**18})
    settings = load(
        env_file=None,
        rpc={"url": devnet.rpc_url},
        state_dir=tmp_path,
        fork={"port": 0},
    )
    terms = Terms.of(settings, devnet.network)
    code = 'past = similar(1)\nprint(len(past), past[0]["age"] >= 16, recall(1), weight("WETH") > 0)'
    script = Script([[turn(code)], [turn('hold("seen")')]])
    prior = {symbol: [price * (1 + i % 7 / 1000) for i in range(60)] for symbol, price in (("WETH", 2000.0),)}
    async with assembled(Lifecycle(), terms, WALLET, trader_model=script, prior=prior) as parts:
        for _ in range(12):
            await devnet.market.step()
            state = await parts.market.read(await latest_head(devnet.rpc))
            parts.journal.record(CycleRecord(state.head, state, None, None, (), (), Hold(HoldReason.TIE), (), None, {}))
        await devnet.market.step()
        state = await parts.market.read(await latest_head(devnet.rpc))
        await parts.trader.propose(state, parts.analyst.view(state), 1)
        assert script.asked[1][0][-1]["content"] == "Observation: 1 True [] True"
    assert (tmp_path / MEMORY).stat().st_mode & 0o777 == 0o600
