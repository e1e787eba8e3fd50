"""Contracts of a trade that are not what they were: on the chain since the start, or on the fork alone (I13, I17)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sentinel.chain.rpc import Call, JsonRpc
from sentinel.core.decision import Act
from sentinel.core.errors import ForkUnavailable, Refused, RpcError, Unavailable
from sentinel.core.network import Address
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Intent
from sentinel.daemon.guards.contract_alarm import ContractAlarm
from sentinel.daemon.guards.network_watch import NetworkWatch
from sentinel.dex.simulating.contract_watch import SLOTS, ContractWatch
from sentinel.dex.toolkit import DexToolkit
from sentinel.market import Devnet
from tests.attack import detectors
from tests.attack_tally import Tries
from tests.dex.conftest import Desk, candidates, desk_on
from tests.execute.rig import Alone

pytestmark = pytest.mark.attack("code that changes on the way", "refused")

STORED = "0x60005460005260206000f3"  # answers every call with the word in slot 0
BEHIND, OTHER = ("0x" + byte * 20 for byte in ("be", "ad"))


@dataclass(frozen=True)
class Watched:
    desk: Desk
    watch: ContractWatch
    kit: DexToolkit

    async def confirmed(self) -> tuple[Simulation, ...]:
        """A trade of 250 USDC for WETH, up to the last check of its bytes."""
        state = await self.desk.state()
        swap = self.desk.build.swap(state, "USDC", "WETH", 250, "v3-500")
        (tried,) = await self.kit.simulate_all(state, candidates(swap))
        tx = await self.kit.finalise(tried, state, self.desk)
        intent = Intent("ab" * 16, Act(tried, 8, 8, 8, 0), tx, True, tried.env, swap.deadline, 0)
        return await self.kit.confirm(intent, state.head, state)

    async def recode(self, address: Address) -> None:
        """One byte more at the end, which is never run: the contract does what it did."""
        rpc = self.desk.net.rpc
        await rpc.call("anvil_setCode", address, await rpc.call("eth_getCode", address, "latest") + "00")
        await rpc.call("evm_mine")

    def rung(self) -> list[str]:
        kinds: list[str] = []
        alarm = ContractAlarm(self.watch, lambda kind, _: kinds.append(kind))
        alarm.cycle_done(None)  # type: ignore[arg-type]  # it looks at the watch alone
        return kinds


@pytest.fixture
async def watched(devnet: Devnet) -> AsyncIterator[Watched]:
    """The toolkit of a daemon that has just started. USDC is a proxy, and WETH may become one by a slot."""
    tokens = devnet.network.tokens
    await detectors.put(devnet.rpc, devnet.network, "WETH", detectors.proxy(SLOTS[2]))
    usdc = tokens["USDC"].address
    await devnet.rpc.call("anvil_setCode", BEHIND, await devnet.rpc.call("eth_getCode", usdc, "latest"))
    await devnet.rpc.call("anvil_setStorageAt", usdc, SLOTS[0], "0x" + "00" * 12 + BEHIND[2:])
    await devnet.rpc.call("anvil_setCode", usdc, "0x" + detectors.proxy(SLOTS[0]).hex())
    await devnet.rpc.call("evm_mine")
    async with desk_on(devnet) as desk:
        watch = ContractWatch(devnet.network, devnet.rpc)
        await watch.start()
        yield Watched(desk, watch, DexToolkit(devnet.network, desk.fork, watch=watch))


async def test_a_contract_that_changed_since_the_start_is_not_traded(watched: Watched, tries: Tries) -> None:
    """Token, pool, router, Permit2, the slots of a proxy, and what they point to: each is named, and rings once."""
    network, rpc = watched.desk.network, watched.desk.net.rpc
    assert all(one.revert is None for one in await watched.confirmed())
    weth, usdc = (network.tokens[symbol].address for symbol in ("WETH", "USDC"))
    codes = (weth, usdc, network.pools["WETH/USDC-v3-500"].address, network.universal_router, network.permit2)
    slots = [(weth, SLOTS[2]), (usdc, SLOTS[0])]
    for address, slot in [*((one, None) for one in (*codes, BEHIND)), *slots]:
        snapshot = await rpc.call("evm_snapshot")
        if slot is None:
            await watched.recode(address)
        else:
            same = await rpc.call("eth_getCode", detectors.IMPLEMENTATION if address == weth else BEHIND, "latest")
            await rpc.call("anvil_setCode", OTHER, same)
            await rpc.call("anvil_setStorageAt", address, slot, "0x" + "00" * 12 + OTHER[2:])
            await rpc.call("evm_mine")
        with pytest.raises(Refused, match=f"(?i){address}") as refused:
            await watched.confirmed()
        assert refused.value.rule == "contracts"
        with pytest.raises(Refused):
            await watched.confirmed()
        assert len(watched.rung()) <= 1  # the code and the slots of one token ring as one
        await rpc.call("evm_revert", snapshot)
        tries.refused()
    other = network.pools["WBTC/USDC-v3-3000"].address
    await watched.recode(other)
    assert len(await watched.confirmed()) == 3  # it is not on the path


async def test_decimals_that_change_without_the_code_stop_every_trade(watched: Watched, tries: Tries) -> None:
    """A token keeps them in storage. Off the path too: equity and limits count every token."""
    rpc, network = watched.desk.net.rpc, watched.desk.network
    other = network.tokens["WBTC"]
    await rpc.call("anvil_setCode", other.address, STORED)
    await rpc.call("anvil_setStorageAt", other.address, "0x" + "00" * 32, f"0x{other.decimals:064x}")
    await rpc.call("evm_mine")
    watch = ContractWatch(network, rpc)
    await watch.start()
    kit = DexToolkit(network, watched.desk.fork, watch=watch)
    told: list[tuple[str, str]] = []
    looks = NetworkWatch(rpc, network, watch, lambda kind, why: told.append((kind, why)), None)  # type: ignore[arg-type]
    changed = replace(watched, watch=watch, kit=kit)
    assert len(await changed.confirmed()) == 3
    await looks.look()
    assert told == []

    await rpc.call("anvil_setStorageAt", other.address, "0x" + "00" * 32, f"0x{18:064x}")
    await rpc.call("evm_mine")
    wrong = f"WBTC: decimals() is 18 on the chain and {other.decimals} in the file"
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await changed.confirmed()
        assert (refused.value.rule, str(refused.value)) == ("decimals", wrong)
    assert changed.rung() == ["decimals"]
    await looks.look()
    await looks.look()  # it lasts, so the alert does
    assert told == [("decimals", wrong)] * 2
    tries.refused()


async def test_a_change_is_noticed_without_a_trade(watched: Watched) -> None:
    """The code of a pool that nothing trades, and blocks that have no base fee any more."""
    rpc, network = watched.desk.net.rpc, watched.desk.network
    told: list[tuple[str, str]] = []
    looks = NetworkWatch(rpc, network, watched.watch, lambda *alarm: told.append(alarm), None)  # type: ignore[arg-type]
    await looks.look()
    assert told == []
    pool = network.pools["WBTC/USDC-v3-3000"]
    await watched.recode(pool.address)
    await looks.look()
    assert told == [("contracts", f"since the start the code has changed of {pool.name} ({pool.address})")]

    told.clear()
    looks.rpc = OldFees(rpc)
    looks.contracts = None
    await looks.look()
    assert told == [("fee_form", "blocks have no base fee, but the network file says EIP-1559")]


class OldFees(Alone):
    """A node whose blocks have no base fee."""

    def __init__(self, rpc: JsonRpc) -> None:
        self.rpc = rpc

    async def call(self, method: str, *params: object, timeout: float | None = None) -> Any:
        reply = await self.rpc.call(method, *params)
        return {k: v for k, v in reply.items() if k != "baseFeePerGas"} if method == "eth_getBlockByNumber" else reply

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        return await self.rpc.batch(calls)


async def test_a_web_page_that_changes_the_fork_is_noticed(watched: Watched, tries: Tries) -> None:
    """`anvil_setCode` on the fork leaves the head as it is. The fork is moved anew, and its next answer counts."""
    desk, network = watched.desk, watched.desk.network
    await watched.confirmed()
    for address in (network.tokens["WETH"].address, network.pools["WETH/USDC-v3-500"].address):
        state = await desk.state()
        async with desk.fork.at(state.head) as rpc:
            await rpc.call("anvil_setCode", address, await rpc.call("eth_getCode", address, "latest") + "00")
        with pytest.raises(ForkUnavailable, match="somebody else uses it"):
            await watched.confirmed()
        assert watched.rung() == ["fork_code"]
        assert all(one.revert is None for one in await watched.confirmed())
        tries.refused()
    assert watched.rung() == []


class Mute(Alone):
    """A node that answers as it is told to."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[object]:
        return [self.answer] * len(calls)


@pytest.mark.parametrize("answer", [RpcError("no such method", code=-32601), "0x", None, "0x" + "00" * 32])
async def test_without_an_answer_nothing_is_confirmed(watched: Watched, answer: object) -> None:
    """A node that does not tell the code of a contract does not say that it is unchanged."""
    watched.watch._rpc = Mute(answer)  # type: ignore[assignment]
    with pytest.raises(Unavailable):
        await watched.confirmed()
