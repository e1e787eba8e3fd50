"""The frozen values that pass between stages.

On-chain amounts are ints in base units of their token; wei for the native coin and for fees per gas. Tokens and pools
are named by the symbols of the network file (never by what a contract says of itself); `NATIVE` is the chain's coin.
Ratios are ints in basis points (bps, 1/10,000). Times are Unix seconds. Bytes are `bytes`, hashes 0x-hex strings,
addresses EIP-55 strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Symbol = str
PoolName = str
Address = str
HexHash = str

NATIVE: Symbol = "ETH"
UNWRAP = "unwrap"  # pool and venue of a route's last leg that turns the wrapped token into the native coin, 1 to 1
WRAP = "wrap"  # of a first leg that turns the native coin into the wrapped token, 1 to 1; such coin is sent as value
COIN_LEGS = frozenset((WRAP, UNWRAP))  # they cross no pool
BPS = 10_000

FeeMarket = Literal["eip1559", "legacy"]


# ---------------------------------------------------------------- the network: what may be touched at all


@dataclass(frozen=True, slots=True)
class Token:
    symbol: Symbol
    address: Address
    decimals: int
    code_hash: HexHash | None = None  # keccak of the runtime code, checked by doctor and at start


@dataclass(frozen=True, slots=True)
class Pool:
    name: PoolName  # e.g. "WETH/USDC-v3-500"; unique in a network
    venue: str  # "uniswap_v2" | "uniswap_v3" | "uniswap_v4"
    address: Address  # V4: the PoolManager, which holds many pools
    token0: Symbol
    token1: Symbol
    fee_pips: int  # 1/1,000,000 of the amount in: 3000 is 0.30 %
    tick_spacing: int = 0  # V3 and V4
    pool_id: HexHash | None = None  # V4 only: what the PoolManager calls it, keccak of the pool's key


@dataclass(frozen=True, slots=True)
class Feed:
    """A Chainlink-style aggregator (latestRoundData) that prices `token` in the quote token."""

    token: Symbol
    address: Address
    decimals: int
    max_age: int  # seconds after which the answer is stale


@dataclass(frozen=True, slots=True)
class Network:
    """One file of deploy/networks/. `quote` is the token that equity is counted in; `wrapped` wraps the native coin."""

    name: str
    chain_id: int
    pinned_block: int | None
    pinned_hash: HexHash | None  # None only on 31337, where every fresh chain has its own genesis
    quote: Symbol
    wrapped: Symbol
    tokens: Mapping[Symbol, Token]
    pools: Mapping[PoolName, Pool]
    feeds: Mapping[Symbol, Feed]
    universal_router: Address
    permit2: Address
    multicall3: Address
    v3_quoter: Address | None
    hardfork: str  # Anvil's --hardfork
    block_time: float  # seconds, typical
    code_hashes: Mapping[Address, HexHash] = field(default_factory=dict)  # of routers, Permit2, Multicall3, pools
    quote_feed: Feed | None = None  # what the quote token costs in the feeds' unit (USD); None: exactly 1
    fees: FeeMarket = "eip1559"  # legacy: transactions of type 0 with one gas price, whatever blocks show
    data_fee: Literal["op-stack"] | None = None  # a rollup that charges for a transaction's bytes too, and how


# ---------------------------------------------------------------- the chain at one block


@dataclass(frozen=True, slots=True)
class Head:
    number: int
    hash: HexHash
    parent_hash: HexHash
    timestamp: int  # seconds
    base_fee: int  # wei per gas; 0 where blocks have none
    gas_limit: int
    coinbase: Address
    prev_randao: HexHash


@dataclass(frozen=True, slots=True)
class V2State:
    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class V3State:
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]  # (tick, liquidity_net) of every initialised tick in [low, high], ascending
    tick_low: int  # the window that was read; a swap that would leave it raises QuoteError
    tick_high: int


@dataclass(frozen=True, slots=True)
class V4State(V3State):
    """As a V3 pool, but the fee is the state's: 1/1,000,000 of the amount in, what the protocol takes included."""

    fee_up: int  # token1 goes in, the price rises
    fee_down: int  # token0 goes in, the price falls


PoolState = V2State | V3State | V4State


@dataclass(frozen=True, slots=True)
class Reference:
    """A price independent of the pools: quote tokens per whole token = answer / 10**decimals."""

    answer: int
    decimals: int
    updated_at: int  # seconds


@dataclass(frozen=True, slots=True)
class DataFee:
    """What a rollup takes beside gas at one block, as bounds from above that grow with bytes and gas; wei.

    `sentinel.gas.data_fee` reckons with it.
    """

    least: int  # for the bytes of a transaction of at most `gas.SMALL`
    more: int  # for `gas.LARGE` bytes above that
    fixed: int = 0  # the operator's, a transaction
    per_gas: int = 0  # the operator's, for `gas.MUCH` gas


@dataclass(frozen=True, slots=True)
class MarketState:
    """All that the agent may see and the simulation needs, read at ONE block hash."""

    head: Head
    wallet: Address
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    pools: Mapping[PoolName, PoolState]
    prices: Mapping[Symbol, float]  # quote tokens per whole token, mid price of the deepest pool; 1.0 for the quote
    reference: Mapping[Symbol, Reference]
    history: Mapping[Symbol, tuple[float, ...]]  # closes, one a block, oldest first, the last is `prices`
    nonce: int  # of the wallet, mined transactions only
    permit_nonces: Mapping[Symbol, int]  # Permit2's nonce of (wallet, token, router)
    allowances: Mapping[Symbol, int]  # ERC-20 allowance wallet -> Permit2, base units
    priority_fee: int  # wei per gas, what inclusion costs now: the tip, or all of the price on a legacy network
    data_fee: DataFee | None = None  # None where the chain takes none


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the analyst wants the portfolio to be."""

    target_weights: Mapping[Symbol, int]  # bps of equity; sums to 10,000 over the traded tokens and the quote
    regime: str
    confidence: float  # 0..1
    valid_until: int  # block number
    source: str  # "settings", or the analyst's name


@dataclass(frozen=True, slots=True)
class Mandate:
    """What the operator asks of the trader; it stands in the prompt. Numbers are whole quote tokens and fractions."""

    playbook: str  # a name of agent/playbooks.py
    base: Symbol  # the token that is traded against the quote; triangle: any token may stand between
    band: float  # rebalance: least distance from the target weight; reduce_risk: least excess; fraction of equity
    bars: int  # momentum, mean_reversion, reduce_risk: blocks looked back
    threshold: float  # least relative move (momentum), distance from the mean (mean_reversion), fall (reduce_risk)
    size: float  # most that one action may put in, whole quote tokens
    least: float  # smallest trade or (arbitrage, triangle) net profit worth a transaction, whole quote tokens
    until: int = 0  # slice: number of the block of the last slice; past: the order is over and nothing is done
    every: int = 1  # slice: blocks from one slice to the next, counted back from `until`


@dataclass(frozen=True, slots=True)
class Brief:
    """What the operator asks of the analyst; it stands in the analyst's prompt. Fractions where not said otherwise."""

    base: Symbol  # the token whose share is leaned; the quote token takes the rest
    trend: float  # least distance of the quick average from the slow one that counts as one
    swing: float  # volatility per bar above which it is stress
    fall: float  # distance below the highest of the bars above which it is stress
    size: float  # a market that takes no more than this within 1 % is thin; whole quote tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits outside the model; base units of the quote token where not said otherwise."""

    max_trade: int
    min_trade: int
    max_slippage_bps: int  # simulated output against the reference price, and min_out against the same
    reference_tolerance_bps: int  # pool mid price against the reference
    min_profit: int  # a closed cycle's least gain after gas
    max_gas: int  # gas units a transaction
    max_fee: int  # wei per gas
    max_priority_fee: int  # wei per gas
    max_cost: int  # wei, gas_limit x max_fee and the data fee
    gas_reserve: int  # wei of the native coin that must remain
    max_head_age: int  # seconds
    max_deadline: int  # seconds from the head's timestamp
    daily_loss: int
    daily_volume: int
    inventory_bps: Mapping[Symbol, int]  # most of equity that a token may be after the trade; absent: no cap
    max_approval: int = 0  # most that the ERC-20 allowance wallet -> Permit2 of one token may be worth


@dataclass(frozen=True, slots=True)
class Spent:
    """Today's totals (UTC day) from the journal, in base units of the quote token."""

    loss: int  # realised loss, gas included; never negative
    volume: int  # gross put in, unfinished intents included


# ---------------------------------------------------------------- what may be proposed


@dataclass(frozen=True, slots=True)
class Leg:
    pool: PoolName
    token_in: Symbol
    token_out: Symbol
    venue: str


@dataclass(frozen=True, slots=True)
class Route:
    legs: tuple[Leg, ...]  # the output of one is the input of the next
    amount_in: int  # base units of the first leg's token_in


@dataclass(frozen=True, slots=True)
class Swap:
    """All routes share first token_in and last token_out; where those are one token it is a closed cycle."""

    routes: tuple[Route, ...]
    min_out: int  # base units of the last token_out, over all routes; set by the toolkit, never by the model
    deadline: int  # Unix seconds

    @property
    def token_in(self) -> Symbol:
        return self.routes[0].legs[0].token_in

    @property
    def token_out(self) -> Symbol:
        return self.routes[0].legs[-1].token_out

    @property
    def amount_in(self) -> int:
        return sum(route.amount_in for route in self.routes)

    @property
    def value(self) -> int:
        """Wei that is sent along: all that goes in, where that is the native coin. Permit2 then has no part in it."""
        return self.amount_in if self.token_in == NATIVE else 0

    @property
    def is_cycle(self) -> bool:
        return self.token_in == self.token_out


@dataclass(frozen=True, slots=True)
class Approve:
    """Allow `spender` (only "permit2" in the first slice) to take at most `amount` base units of `token`."""

    token: Symbol
    spender: str
    amount: int
    expiry: int  # Unix seconds


@dataclass(frozen=True, slots=True)
class HoldAction:
    reason: str


@dataclass(frozen=True, slots=True)
class View(HoldAction):
    """An analyst's last word. As an action it is a hold: no stage that trades can make anything else of it."""

    weights: Mapping[Symbol, int]  # bps of equity; sums to 10,000
    regime: str  # a name of agent/opinion.py
    confidence: float  # 0..1


Action = Swap | Approve | HoldAction


@dataclass(frozen=True, slots=True)
class Candidate:
    index: int  # 0..asked-1, the sample it came from
    action: Action
    text: str  # the model's last thought and code


@dataclass(frozen=True, slots=True)
class Discarded:
    index: int
    stage: str  # "sample" | "parse" | "code" | "action" | "episode"
    reason: str  # a stable short name, used as a metric label: e.g. "no_fresh_read"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated code action, kept for the record and for distillation."""

    step: int
    index: int
    text: str
    tokens: int
    finish: str  # "stop" | "length" | "abort"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an episode gave: `asked` final actions were wanted, each is a candidate or a discard."""

    asked: int
    candidates: tuple[Candidate, ...]
    discarded: tuple[Discarded, ...]
    prompt: tuple[Mapping[str, str], ...]  # messages of the last request, as sent
    samples: tuple[Sample, ...]
    steps: int
    source: str  # "student:<id>" or "oracle"
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)  # seconds: "prompt", "model", "sandbox"


# ---------------------------------------------------------------- what it would do


@dataclass(frozen=True, slots=True)
class TxRequest:
    """NOTE: no nonce and no fees here: callers may not choose them."""

    to: Address
    data: bytes
    value: int  # wei
    gas_limit: int


@dataclass(frozen=True, slots=True)
class SimEnv:
    """The block environment that a simulation ran in."""

    nonce: int
    max_fee: int  # wei per gas
    priority_fee: int  # wei per gas
    parent_hash: HexHash  # the head that it was simulated upon
    number: int
    timestamp: int
    base_fee: int
    gas_limit: int
    coinbase: Address
    prev_randao: HexHash


@dataclass(frozen=True, slots=True)
class Log:
    address: Address
    topics: tuple[HexHash, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Simulation:
    candidate: Candidate
    tx: TxRequest | None  # None for a hold
    env: SimEnv
    deltas: Mapping[Symbol, int]  # the wallet's net change, base units; NATIVE without the transaction's own gas
    gross: int  # base units of token_in that were put in; 0 for a hold
    gas_used: int  # net of refunds
    logs: tuple[Log, ...]
    revert: str | None  # None: it succeeded; else a short, printable reason
    router_allowance: int = 0  # Permit2's allowance wallet -> router left after the trade (I14), base units of token_in
    where: str = "fork"  # what ran it: "fork", or "node" where the chain's own node stood in
    data_fee: int = 0  # wei, the most that the chain takes for the final bytes beside gas; no part of deltas


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why policy took a simulation out of the vote."""

    index: int
    rule: str
    detail: str


# ---------------------------------------------------------------- what is done


@dataclass(frozen=True, slots=True)
class Act:
    simulation: Simulation
    votes: int
    asked: int
    margin: int  # votes ahead of the next class
    spread_bps: int  # of the winning set, over the compared amounts
    size_bps: int = BPS  # of what was voted for, that `simulation` puts in


@dataclass(frozen=True, slots=True)
class Hold:
    reason: str  # stable short name: "hold_voted" | "no_majority" | "tie" | "in_flight" | "model_unavailable" | …
    votes: int = 0
    asked: int = 0
    detail: str = ""  # one sentence in plain words


Decision = Act | Hold


@dataclass(frozen=True, slots=True)
class Sized:
    """The winner made anew at the part of its size that its agreement supports."""

    simulation: Simulation
    refusal: Refusal | None  # why policy took it; None where it may go on


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Intent:
    id: str  # 128 random bits, hex
    decision: Act
    tx: TxRequest  # final bytes
    signed: bool  # the permit in `tx` is signed; False only in a dry run, and then nothing can be sent
    env: SimEnv  # of the screening simulation; its fees are what the first attempt offers
    deadline: int  # Unix seconds; after it the intent may only be cancelled or found mined
    created_at: int


@dataclass(frozen=True, slots=True)
class Fees:
    """On a legacy network both are the gas price."""

    max_fee: int  # wei per gas
    priority_fee: int  # wei per gas


@dataclass(frozen=True, slots=True)
class Attempt:
    intent_id: str
    nonce: int
    fees: Fees
    tx_hash: HexHash
    raw: bytes  # signed; committed before it is sent
    cancel: bool = False  # a pure self-transfer that takes the nonce back
    way: str = "public"  # where the bytes go: to all endpoints, or to the one relay of this name


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Settled:
    """How an intent ended, judged by the receipt and by balance changes."""

    intent_id: str
    outcome: Outcome
    tx_hash: HexHash | None
    block_number: int | None
    gas_used: int
    gas_cost: int  # wei, all that the chain took for it: gas, and on a rollup its data
    realised: Mapping[Symbol, int]  # the wallet's net change over the block, NATIVE without own gas, base units
    block_hash: HexHash | None = None  # of `block_number`; None also in journals of before it was kept
    unread: bool = False  # `realised` is not what it brought: no endpoint has the balances around its block any more


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What the losing candidates would have done in the winner's place: simulated upon the parent of the block that
    included it. Values are what the wallet would have gained, gas taken off, in base units of the quote token at the
    parent's reference prices."""

    intent_id: str
    block_number: int  # of the inclusion
    parent_hash: HexHash
    simulations: tuple[Simulation, ...]  # one a distinct losing action, without logs
    values: tuple[int | None, ...]  # of the same; None where it reverted
    winner: int | None  # the winner simulated at the same place; None where it reverts there
    realised: int  # what the winner really brought


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What the wallet held at one block while nothing of ours was in flight, and the prices to value it at."""

    at: int  # Unix seconds of the journal's clock, which days are counted by
    block: int
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    prices: Mapping[Symbol, Reference]


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One block's whole way, as journaled; enough to decide again and compare."""

    head: Head
    state: MarketState | None  # None where the cycle held before reading
    view: MarketView | None
    proposal: Proposal | None
    simulations: tuple[Simulation, ...]
    refusals: tuple[Refusal, ...]
    decision: Decision
    verdicts: tuple[Verdict, ...]
    intent_id: str | None
    timings: Mapping[str, float]  # seconds by stage
    sized: Sized | None = None  # None where all that was voted for went on, or nothing was made in its place


# ---------------------------------------------------------------- what the student learns from

TrajectorySource = Literal["oracle", "llm"]


@dataclass(frozen=True, slots=True)
class Turn:
    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Trajectory:
    id: str
    playbook: str
    turns: tuple[Turn, ...]  # assistant turns from `given` on carry loss, the others condition
    first_thought: str
    action: str  # the final code action's effect, canonical JSON; empty where there was none
    score: float  # share of the oracle's value that the simulated action captured
    source: TrajectorySource
    state_id: str  # the state it belongs to: segment/bar/variant
    model: str = ""  # which LLM, as its endpoint names it; empty for the oracle and in files older than this field
    given: int = 0  # turns at the beginning that are not the source's own: what a student really did and saw
