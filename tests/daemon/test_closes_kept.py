"""The closes of a daemon outlive it, and those of blocks that a reorg replaced meanwhile do not."""

from __future__ import annotations

from pathlib import Path

from eth_utils.address import to_checksum_address

from sentinel.chain.close_file import read_closes
from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.network import NATIVE
from sentinel.daemon.assemble import assembled
from sentinel.daemon.files import CLOSES
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.market import Devnet
from tests.agent.doubles import Script

WALLET = to_checksum_address("0x" + "c8" * 20)


async def test_closes_outlive_the_daemon_and_orphans_do_not(devnet: Devnet, tmp_path: Path) -> None:
    """On a real chain that is set back by two blocks while nothing runs, and again while the daemon does."""
    await devnet.fund(WALLET, {"WETH": 10**18, "USDC": 10**9, NATIVE: 10**18})
    terms = Terms.of(
        load(env_file=None, rpc={"url": devnet.rpc_url}, state_dir=tmp_path, fork={"port": 0}), devnet.network
    )
    prior = {"WETH": [7.0, 8.0], "USDC": [1.0, 1.0]}
    async with assembled(Lifecycle(), terms, WALLET, trader_model=Script([]), prior=prior) as parts:
        for _ in range(4):
            await devnet.market.step()
            state = await parts.market.read(await latest_head(devnet.rpc))
        assert set(state.closes) == {"WETH", "WBTC"}
        assert state.closes["WETH"].prices[:2] == (7.0, 8.0)
        assert state.closes["WETH"].times[-1] == state.head.timestamp
    kept = read_closes(tmp_path / CLOSES)
    assert [close.number for close in kept[-4:]] == list(range(state.head.number - 3, state.head.number + 1))
    assert (tmp_path / CLOSES).stat().st_mode & 0o777 == 0o600

    await devnet.rpc.call("anvil_reorg", 2, [])
    async with assembled(Lifecycle(), terms, WALLET, trader_model=Script([])) as parts:
        head = parts.latest.value
        now = {close.number: close.hash for close in parts.market.closes.closes}
        assert now[head.number] == head.hash != kept[-1].hash
        assert kept[-2].hash not in now.values()
        assert now[kept[-4].number] == kept[-4].hash  # Anvil gives the new blocks the second of the one before
        on_reorg = parts.heads._on_reorg
        assert on_reorg is not None
        on_reorg(head.number)
        assert read_closes(tmp_path / CLOSES)[-1].number < head.number
