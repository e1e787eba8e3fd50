"""doctor's word on fees: what the chain really does against what the network file says."""

from __future__ import annotations

from dataclasses import replace

from sentinel.chain.fee_market import OP_ORACLE
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.network import FeeMarket, Network
from sentinel.daemon.doctor.fee_checks import fees
from sentinel.daemon.doctor.findings import Finding
from sentinel.market import Devnet
from tests.chains import before_london, rollup


async def found(net: Devnet, network: Network, settings: Settings | None = None) -> list[Finding]:
    return [finding async for finding in fees(Terms.of(settings or load(env_file=None), network), net.rpc)]


async def test_blocks_without_a_base_fee_are_legacy() -> None:
    """A file that says otherwise fails, since no transaction would be taken; the right one shows the gas price."""
    async with before_london() as net:
        (wrong,) = await found(net, replace(net.network, fees=FeeMarket.EIP1559))
        assert (wrong.grade, 'fees = "legacy"' in wrong.hint) == ("fail", True)
        (right,) = await found(net, net.network)
        assert right.grade == "ok"
        assert "gas price 1.875 gwei by eth_gasPrice" in right.what


async def test_a_floor_far_above_the_market_is_told(devnet: Devnet) -> None:
    """On a real chain it would be paid in every trade; so is a cap below what inclusion costs."""
    for _ in range(3):
        await devnet.market.step()
    elsewhere = replace(devnet.network, chain_id=5)
    settings = load(env_file=None, execution={"min_priority_fee_gwei": 1.1})
    (told,) = await found(devnet, elsewhere, settings)
    assert (told.grade, "floor is 1.1" in told.what) == ("warn", True)  # the crowd pays a tenth of a gwei
    capped = load(env_file=None, limits={"max_priority_fee_gwei": 0.01}, execution={"min_priority_fee_gwei": 0.0})
    (told,) = await found(devnet, elsewhere, capped)
    assert (told.grade, "cap is 0.01" in told.what) == ("warn", True)
    (told,) = await found(devnet, devnet.network)
    assert told.grade == "ok"


async def test_a_data_fee_needs_its_oracle() -> None:
    """Where the oracle answers, its price is shown; where it does not, the file is wrong."""
    async with rollup() as net:
        _, told = await found(net, net.network)
        assert (told.grade, "1 KiB" in told.what) == ("ok", True)
        await net.rpc.call("anvil_setCode", OP_ORACLE, "0x00")
        _, told = await found(net, net.network)
        assert (told.grade, told.name) == ("fail", "data fee")
