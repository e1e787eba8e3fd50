"""What is to be simulated, and what of its effect is read back: shared by both engines. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.core import gas
from sentinel.core.abi import encode
from sentinel.core.actions import Candidate, Swap
from sentinel.core.network import NATIVE, Address, Network, Symbol
from sentinel.core.simulation import Log, SimEnv, Simulation, TxRequest
from sentinel.core.units import MAX_TX_GAS, TRANSFER_GAS, WORD
from sentinel.dex.building.permit2 import allowance_call, allowance_slot, pack_allowance

_BALANCE_OF = bytes.fromhex("70a08231")
_ETH_BALANCE = bytes.fromhex("4d2301cc")  # Multicall3.getEthBalance(address)
_SUCCEEDED = (1).to_bytes(WORD) + (2 * WORD).to_bytes(WORD)  # true, and where the answer's bytes begin

Balances = Mapping[Symbol, int]  # base units, NATIVE in wei


@dataclass(slots=True)  # not frozen: they are made by the hundred in every block, and live for a moment
class Grant:
    """A Permit2 allowance wallet -> router that is put in place instead of a signed permit."""

    token: Address
    amount: int  # base units
    expiration: int  # Unix seconds
    nonce: int

    def storage(self, network: Network, wallet: Address) -> tuple[str, str]:
        """Slot and value in Permit2's storage, 0x-hex."""
        slot = allowance_slot(wallet, self.token, network.universal_router)
        return slot, pack_allowance(self.amount, self.expiration, self.nonce)


@dataclass(slots=True)
class Trial:
    candidate: Candidate
    tx: TxRequest
    env: SimEnv
    grant: Grant | None  # None where the bytes need no allowance of Permit2's, or carry a signed permit
    data_fee: int = 0  # wei, at most, for the final bytes


@dataclass(slots=True)
class TransactionEffect:
    """What one transaction did. `balances` are the wallet's afterwards, with its gas paid."""

    gas_used: int
    logs: tuple[Log, ...]
    revert: str | None
    balances: Balances
    router_allowance: int


class WalletReadings:
    """The reads that show a wallet's state: every token, the native coin, and Permit2's allowance to the router."""

    def __init__(self, network: Network, wallet: Address) -> None:
        self._network = network
        self._wallet = wallet
        self._symbols = tuple(network.tokens)
        data = _BALANCE_OF + encode(["address"], [wallet])
        self._balances: list[Read] = [(token.address, data) for token in network.tokens.values()]
        self._balances.append((network.multicall3, _ETH_BALANCE + encode(["address"], [wallet])))
        self._encoded: dict[Symbol | None, str] = {}  # many candidates sell the same token

    def calldata(self, trial: Trial) -> str:
        """For Multicall3, 0x-hex. The allowance is read for trades that Permit2 pays for, and comes last."""
        action = trial.candidate.action
        symbol = action.token_in if isinstance(action, Swap) and not action.value else None
        if symbol not in self._encoded:
            reads = list(self._balances)
            if symbol is not None:
                token, router = self._network.tokens[symbol].address, self._network.universal_router
                reads.append((self._network.permit2, allowance_call(self._wallet, token, router)))
            self._encoded[symbol] = "0x" + encode_aggregate3(reads).hex()
        return self._encoded[symbol]

    def decode(self, returned: bytes) -> tuple[dict[Symbol, int], int]:
        """Balances, and the allowance left (0 where it was not read), from what Multicall3 gave.

        Raises ValueError where an answer is missing.
        """
        values = self._plain(returned) or [_word(answer) for answer in decode_aggregate3(returned)]
        balances = dict(zip((*self._symbols, NATIVE), values, strict=False))
        return balances, values[len(self._balances)] if len(values) > len(self._balances) else 0

    def _plain(self, returned: bytes) -> list[int] | None:
        """The values where every read gave what it should: then all but the values is known. Else None."""
        count = len(self._balances)
        with_allowance = len(returned) > _layout(count, False)[0].size
        layout, between = _layout(count, with_allowance)
        if len(returned) != layout.size:
            return None
        parts = layout.unpack(returned)
        if parts[0 : 2 * len(between) : 2] != between:
            return None
        return [int.from_bytes(part) for part in parts[1 : 2 * len(between) : 2]]


@lru_cache(maxsize=16)
def _layout(count: int, with_allowance: bool) -> tuple[struct.Struct, tuple[bytes, ...]]:
    """How Multicall3's answer lies where `count` reads of one word (and one of three) all succeed: what stands between
    the values, and the values, by turns. The allowance's other two words come last and are not looked at."""
    items = count + with_allowance
    between = [
        b"".join(word.to_bytes(WORD) for word in (WORD, items, *range(items * WORD, items * 5 * WORD, 4 * WORD)))
    ]
    between += [b""] * (items - 1)
    sizes = [WORD] * count + [3 * WORD] * with_allowance
    between = [head + _SUCCEEDED + size.to_bytes(WORD) for head, size in zip(between, sizes, strict=True)]
    shape = "".join(f"{len(head)}s{WORD}s" for head in between) + ("64s" if with_allowance else "")
    return struct.Struct(shape), tuple(between)


def simulation_of(trial: Trial, before: Balances, effect: TransactionEffect) -> Simulation:
    """The effect as the rest of the system sees it: the wallet's own gas is taken out of NATIVE's change."""
    own_gas = gas.cost(effect.gas_used, gas.price(trial.env), 0)
    after = {**effect.balances, NATIVE: effect.balances[NATIVE] + own_gas}
    action = trial.candidate.action
    return Simulation(
        candidate=trial.candidate,
        tx=trial.tx,
        env=trial.env,
        deltas={symbol: after[symbol] - before[symbol] for symbol in after if after[symbol] != before[symbol]},
        gross=action.amount_in if isinstance(action, Swap) and effect.revert is None else 0,
        gas_used=effect.gas_used,
        logs=effect.logs,
        revert=effect.revert,
        router_allowance=effect.router_allowance,
        data_fee=trial.data_fee,
    )


def failed(trial: Trial, reason: str) -> Simulation:
    """A trial that could not even run."""
    return Simulation(trial.candidate, trial.tx, trial.env, {}, 0, 0, (), reason)


def why_invalid(trial: Trial, funds: int) -> str | None:
    """Why a node would not take this transaction at all; None where it would. `funds` is the wallet's wei.

    One such call fails a whole simulation request, and Anvil checks neither nonce nor fee caps: so it is done here.
    """
    tx, env = trial.tx, trial.env
    if len(tx.to) != 42 or not tx.to.startswith("0x"):
        return "no address to send to"
    if tx.value < 0 or env.nonce < 0:
        return "negative value or nonce"
    if tx.gas_limit > min(MAX_TX_GAS, env.gas_limit):
        return "gas limit above what a block takes"
    if tx.gas_limit < intrinsic_gas(tx.data):
        return "gas limit below intrinsic gas"
    if not env.base_fee <= env.max_fee or not 0 <= env.priority_fee <= env.max_fee:
        return "fee cap below base fee"
    if tx.value + gas.cost(tx.gas_limit, env.max_fee, trial.data_fee) > funds:
        return "insufficient funds for gas"
    return None


def intrinsic_gas(data: bytes) -> int:
    """The least gas limit of a call with this calldata, the floor of EIP-7623 included."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    return TRANSFER_GAS + 10 * tokens


def _word(answer: bytes | None) -> int:
    if answer is None or len(answer) < 32:
        raise ValueError("a balance could not be read")
    return int.from_bytes(answer[:32])
