"""Trials and the readings of their effects, shared by both engines. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.core import gas
from sentinel.core.abi import encode
from sentinel.core.actions import Candidate, Swap
from sentinel.core.network import NATIVE, Address, Network, Symbol
from sentinel.core.simulation import Log, SimEnv, Simulation, TxRequest
from sentinel.core.units import MAX_TX_GAS, TRANSFER_GAS, WORD
from sentinel.dex.building.permit2 import allowance_call, allowance_slot, pack_allowance
from sentinel.dex.simulating.environment import SkippedBlock
from sentinel.dex.simulating.storage_slots import Overrides

_BALANCE_OF = bytes.fromhex("70a08231")
_ETH_BALANCE = bytes.fromhex("4d2301cc")  # Multicall3.getEthBalance(address)
_SUCCEEDED = (1).to_bytes(WORD) + (2 * WORD).to_bytes(WORD)  # true, and the offset of the return data

Balances = Mapping[Symbol, int]  # base units, NATIVE in wei


@dataclass(slots=True)  # not frozen: hundreds are created in every block
class Grant:
    """The wallet's Permit2 allowance for the router, written to storage instead of a signed permit."""

    token: Address
    amount: int  # base units
    expiration: int  # Unix seconds
    nonce: int

    def storage(self, network: Network, wallet: Address) -> tuple[str, str]:
        """Slot and value in Permit2's storage, each as 0x-hex."""
        slot = allowance_slot(wallet, self.token, network.universal_router)
        return slot, pack_allowance(self.amount, self.expiration, self.nonce)


@dataclass(slots=True)
class EarlierTransaction:
    """A transaction of the wallet in the block of a trial, or in one of the blocks below it."""

    tx: TxRequest
    nonce: int
    number: int  # of its block


@dataclass(slots=True)
class Trial:
    """One transaction to simulate in one block environment."""

    candidate: Candidate
    tx: TxRequest
    env: SimEnv
    grant: Grant | None  # None if the bytes need no Permit2 allowance, or contain a signed permit
    data_fee: int = 0  # wei; upper bound for the final bytes
    skipped: tuple[SkippedBlock, ...] = ()  # the empty blocks below `env`
    proposer_balance: int = 0  # wei for a proposer that the chain does not have
    earlier: tuple[EarlierTransaction, ...] = ()  # sent by the wallet before it
    charged: bool = False  # a rollup's node may take the data fee: its prices are as on the chain
    paper: Overrides = field(default_factory=dict)  # what makes the wallet hold paper balances; empty: the chain's


@dataclass(slots=True)
class TransactionEffect:
    """The effect of one transaction. `balances` are the wallet's after it, with its gas paid."""

    gas_used: int
    logs: tuple[Log, ...]
    revert: str | None
    balances: Balances
    router_allowance: int


class WalletReadings:
    """The reads of a wallet's state: all token balances, the native coin, and Permit2's allowance for the router."""

    def __init__(self, network: Network, wallet: Address) -> None:
        self._network = network
        self._wallet = wallet
        self._symbols = tuple(network.tokens)
        data = _BALANCE_OF + encode(["address"], [wallet])
        self._balances: list[Read] = [(token.address, data) for token in network.tokens.values()]
        self._balances.append((network.multicall3, _ETH_BALANCE + encode(["address"], [wallet])))
        self._encoded: dict[Symbol | None, str] = {}  # cached, because many candidates sell the same token

    def calldata(self, trial: Trial) -> str:
        """Multicall3 calldata as 0x-hex. The allowance comes last, and only for a trade that Permit2 pays for."""
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
        """The balances and the remaining allowance (0 if it was not read) from a Multicall3 reply.

        Raises ValueError if a value is missing.
        """
        values = self._plain(returned) or [_word(answer) for answer in decode_aggregate3(returned)]
        balances = dict(zip((*self._symbols, NATIVE), values, strict=False))
        return balances, values[len(self._balances)] if len(values) > len(self._balances) else 0

    def _plain(self, returned: bytes) -> list[int] | None:
        """The values, by the fixed layout of a reply in which all reads succeed; None for any other reply."""
        count = len(self._balances)
        with_allowance = len(returned) > _layout(count, False)[0].size
        layout, separators = _layout(count, with_allowance)
        if len(returned) != layout.size:
            return None
        parts = layout.unpack(returned)
        if parts[0 : 2 * len(separators) : 2] != separators:
            return None
        return [int.from_bytes(part) for part in parts[1 : 2 * len(separators) : 2]]


@lru_cache(maxsize=16)
def _layout(count: int, with_allowance: bool) -> tuple[struct.Struct, tuple[bytes, ...]]:
    """The byte layout of a Multicall3 reply in which all reads succeed, and the separators expected in it.

    The struct alternates separators and values. There are `count` one-word reads, then optionally the three-word
    allowance, of which only the first word is used.
    """
    items = count + with_allowance
    separators = [
        b"".join(word.to_bytes(WORD) for word in (WORD, items, *range(items * WORD, items * 5 * WORD, 4 * WORD)))
    ]
    separators += [b""] * (items - 1)
    sizes = [WORD] * count + [3 * WORD] * with_allowance
    separators = [
        separator + _SUCCEEDED + size.to_bytes(WORD) for separator, size in zip(separators, sizes, strict=True)
    ]
    shape = "".join(f"{len(separator)}s{WORD}s" for separator in separators) + ("64s" if with_allowance else "")
    return struct.Struct(shape), tuple(separators)


def simulation_of(trial: Trial, before: Balances, effect: TransactionEffect) -> Simulation:
    """The Simulation of a trial, from its effect. The wallet's own gas is removed from the change of NATIVE."""
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
        held=before.get(action.token_out) if isinstance(action, Swap) else None,
        data_fee=trial.data_fee,
    )


def failed(trial: Trial, reason: str) -> Simulation:
    """The Simulation of a trial that could not run."""
    return Simulation(trial.candidate, trial.tx, trial.env, {}, 0, 0, (), reason)


def why_invalid(trial: Trial, funds: int) -> str | None:
    """Why a node would reject this transaction; None if it would accept it. `funds` is the wallet's wei.

    It is checked here because one invalid call fails a whole simulation request, and because Anvil checks neither nonce
    nor fee caps.
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
    """The minimum gas limit of a call with this calldata, including the floor of EIP-7623."""
    zeros = data.count(0)
    tokens = zeros + 4 * (len(data) - zeros)
    return TRANSFER_GAS + 10 * tokens


def _word(answer: bytes | None) -> int:
    if answer is None or len(answer) < 32:
        raise ValueError("a balance could not be read")
    return int.from_bytes(answer[:32])
