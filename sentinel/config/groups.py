"""The groups of settings, SENTINEL_<GROUP>__<NAME>, but for the chain's endpoints (rpc.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from sentinel.config.rpc import Group, List

Playbook = Literal["rebalance", "momentum", "arbitrage", "triangle", "mean_reversion", "reduce_risk", "slice"]


def _pairs(value: object, what: str) -> object:
    if not isinstance(value, str):
        return value
    pairs = [item.split("=", 1) for item in value.split(",") if item.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"write it as SYMBOL={what},SYMBOL={what}")
    return {symbol.strip(): number.strip() for symbol, number in pairs}


def _weights(value: object) -> object:
    """'WETH=5000,USDC=5000' -> {'WETH': 5000, 'USDC': 5000}."""
    return _pairs(value, "BPS")


def _amounts(value: object) -> object:
    """'WETH=0.5,USDC=2000' -> {'WETH': 0.5, 'USDC': 2000.0}."""
    return _pairs(value, "AMOUNT")


Weights = Annotated[dict[str, Annotated[int, Field(ge=0, le=10_000)]], NoDecode, BeforeValidator(_weights)]
Amounts = Annotated[dict[str, Annotated[float, Field(gt=0)]], NoDecode, BeforeValidator(_amounts)]


class ForkSettings(Group):
    url: str = Field("", description="a running Anvil fork; empty: Sentinel starts one itself")
    port: int = Field(8546, ge=0, le=65535, description="port of the fork that Sentinel starts")
    anvil: str = Field("", description="path of Anvil 1.7.1; empty: node_modules/.bin/anvil, then PATH")
    timeout: float = Field(5.0, gt=0, description="seconds for one batch of simulations")
    direct: Literal["auto", "never", "always"] = Field(
        "auto",
        description="simulate on the chain's own node: auto, while the fork fails; never; always, without a fork",
    )


class ModelSettings(Group):
    url: str = Field("http://127.0.0.1:8100/v1", description="OpenAI-compatible endpoint of the student (vLLM)")
    name: str = Field("sentinel-nano", description="served model name; another one at the endpoint is refused")
    n: int = Field(8, ge=1, le=256, description="samples a step")
    n_max: int | None = Field(
        None, ge=1, le=256, description="most final actions asked for where the vote is close; empty: n, never more"
    )
    temperature: float = Field(0.4, ge=0, le=2, description="sampling temperature; 0 only with n = 1")
    top_p: float = Field(0.8, gt=0, le=1, description="nucleus sampling")
    max_tokens: int = Field(256, ge=16, description="most tokens of one thought and code action")
    max_steps: int = Field(5, ge=1, le=10, description="most steps of one episode")
    timeout: float = Field(10.0, gt=0, description="seconds for one step; later is Hold")
    episode_timeout: float = Field(30.0, gt=0, le=100, description="seconds for all steps of a block; later is Hold")
    seed: int | None = Field(None, description="seed of the sampler; empty: vLLM's own")
    api_key_file: Path | None = Field(None, description="file with the endpoint's API key")

    @model_validator(mode="after")
    def _greedy_is_single(self) -> ModelSettings:
        if self.temperature == 0 and self.n > 1:
            raise ValueError("temperature 0 gives n equal samples: set n to 1 or the temperature above 0")
        if self.n_max is not None and self.n_max < self.n:
            raise ValueError(f"n_max = {self.n_max} is below n = {self.n}")
        if self.n_max is not None and self.n_max > self.n and self.temperature == 0:
            raise ValueError("temperature 0 gives equal samples: more of them tell nothing")
        return self


class ShadowSettings(Group):
    url: str = Field("", description="endpoint of a student that decides beside the live one and sends nothing")
    name: str = Field("", description="its served model name, as `sentinel distill promote` asks for it")
    api_key_file: Path | None = Field(None, description="file with that endpoint's API key")

    @model_validator(mode="after")
    def _both_or_none(self) -> ShadowSettings:
        if bool(self.url) != bool(self.name):
            raise ValueError("a student in shadow needs both, url and name")
        return self


class StrategySettings(Group):
    playbook: Playbook = Field("rebalance", description=f"what the trader does: {', '.join(get_args(Playbook))}")
    base: str = Field("WETH", description="token traded against the quote token")
    venue: Literal["", "uniswap_v2", "uniswap_v3", "uniswap_v4"] = Field(
        "", description="the only venue that the trader may see and use; empty: all"
    )
    target_weights: Weights = Field({"WETH": 5000, "USDC": 5000}, description="bps of equity, summing to 10000")
    band: float = Field(
        0.02, gt=0, lt=1, description="rebalance: distance from the target that is left alone; reduce_risk: above it"
    )
    bars: int = Field(20, ge=2, le=500, description="momentum, mean_reversion, reduce_risk: blocks looked back")
    threshold: float = Field(
        0.004, gt=0, lt=1, description="least move (momentum), distance from the mean, fall (reduce_risk) that counts"
    )
    size: float = Field(500.0, gt=0, description="most that one action may put in, quote tokens")
    least: float = Field(10.0, ge=0, description="smallest trade (arbitrage, triangle: net profit), quote tokens")
    until: int = Field(0, ge=0, le=10**12, description="slice: block of the last slice; past: the order is over")
    every: int = Field(10, ge=1, le=10**9, description="slice: blocks from one slice to the next, back from `until`")

    @model_validator(mode="after")
    def _slices_end(self) -> StrategySettings:
        if self.playbook == "slice" and self.until == 0:
            raise ValueError("the slice playbook needs `until`, the number of the block of its last slice")
        return self

    @model_validator(mode="after")
    def _weights_sum(self) -> StrategySettings:
        if sum(self.target_weights.values()) != 10_000:
            raise ValueError(f"target_weights sum to {sum(self.target_weights.values())}, not 10000 bps")
        return self


class AnalystSettings(Group):
    source: Literal["settings", "model"] = Field(
        "settings", description="whose view the trader follows: strategy.target_weights, or a model that leans them"
    )
    name: str = Field("analyst", description="its served model name, at the student's endpoint")
    every: int = Field(10, ge=1, le=100_000, description="blocks that a view is valid; the next is asked for before")
    without: Literal["settings", "hold"] = Field(
        "settings", description="while no view is valid: follow strategy.target_weights, or hold"
    )
    n: int = Field(1, ge=1, le=64, description="samples a step; most of them must say the same. 1 is greedy")
    timeout: float = Field(10.0, gt=0, le=100, description="seconds for one analysis; it runs beside the cycles")
    trend: float = Field(0.002, gt=0, lt=1, description="quick average off the slow one by this: up or down")
    swing: float = Field(0.0014, gt=0, lt=1, description="volatility a block above which the market is in stress")
    fall: float = Field(0.02, gt=0, lt=1, description="distance below the high of 60 blocks that is stress too")
    least_confidence: float = Field(0.5, ge=0, le=1, description="a view that is less sure is not taken")
    max_step_bps: int = Field(2000, ge=1, le=10_000, description="most that one view may change a token's weight")
    least_bps: Weights = Field({}, description="least weight of a token, whatever the model says; not named: 0")
    most_bps: Weights = Field({}, description="most weight of a token; not named: limits.inventory_bps, or 10000")


class VoteSettings(Group):
    quorum_bps: int = Field(5000, ge=0, lt=10_000, description="Act needs more votes than this share of those asked")
    agreement_bps: int = Field(500, ge=0, le=5000, description="largest distance of amounts that still agree")
    dust: float = Field(0.01, ge=0, description="net changes below this (quote tokens) are not compared")
    calibration_file: Path | None = Field(
        None, description="JSON of `sentinel calibrate`; it may only raise the quorum (docs/self-consistency.md)"
    )
    max_risk: float = Field(0.05, gt=0, lt=1, description="with a calibration: largest share of acts that may be wrong")
    size_by_agreement: bool = Field(
        False, description="with a calibration: trade only so much of the size as its agreement supports"
    )

    @model_validator(mode="after")
    def _sizes_are_measured(self) -> VoteSettings:
        if self.size_by_agreement and self.calibration_file is None:
            raise ValueError("size_by_agreement takes the sizes from a calibration: set calibration_file too")
        return self


class LimitSettings(Group):
    max_trade: float = Field(1000.0, gt=0, description="largest trade, quote tokens")
    min_trade: float = Field(1.0, ge=0, description="smallest trade, quote tokens")
    slippage_bps: int = Field(50, ge=1, le=100, description="min_out below the own quote at the head")
    max_slippage_bps: int = Field(100, ge=1, le=300, description="hard limit against the reference, pool fee on top")
    reference_tolerance_bps: int = Field(100, ge=1, le=1000, description="pool price against the reference price")
    min_profit: float = Field(0.5, ge=0, description="a closed cycle's least gain after gas, quote tokens")
    max_gas: int = Field(2_000_000, ge=21_000, le=2**24, description="gas units a transaction")
    max_fee_gwei: float = Field(200.0, gt=0, description="absolute cap on the fee per gas")
    max_priority_fee_gwei: float = Field(5.0, gt=0, description="absolute cap on the tip per gas (not legacy)")
    max_cost_eth: float = Field(
        0.1, gt=0, description="absolute cap on gas limit x fee cap and the data fee, native coin"
    )
    gas_reserve_eth: float = Field(0.02, ge=0, description="native coin that must remain for gas")
    max_head_age: int = Field(60, ge=1, description="seconds after which a head is stale")
    deadline: int = Field(120, ge=10, le=600, description="seconds from the head to a trade's deadline")
    daily_loss: float = Field(200.0, gt=0, description="realised loss a UTC day, gas included, quote tokens")
    daily_volume: float = Field(50_000.0, gt=0, description="gross amount put in a UTC day, quote tokens")
    inventory_bps: Weights = Field({}, description="most of equity that a token may be after a trade")
    max_drift_bps: float = Field(100.0, gt=0, description="one trade realised this far below its simulation: pause")
    max_mean_drift_bps: float = Field(30.0, gt=0, description="the same for the mean over the last drift_trades: pause")
    drift_trades: int = Field(10, ge=2, le=1000, description="confirmed trades that the mean is taken over")
    approval: float = Field(20_000.0, gt=0, description="ERC-20 allowance to Permit2 a token, in quote tokens' worth")


class ExecutionSettings(Group):
    mode: Literal["dry", "live"] = Field("dry", description="dry sends nothing; live needs a key")
    confirmations: int = Field(3, ge=1, le=64, description="blocks on top until a transaction counts as confirmed")
    bump_after_blocks: int = Field(3, ge=1, description="blocks without inclusion until both fee caps are raised")
    resend_after: float = Field(60.0, gt=0, description="seconds until the same bytes are sent again")
    min_priority_fee_gwei: float = Field(1.0, ge=0, description="floor of the tip, or of a legacy gas price")
    live_chain_id: int | None = Field(
        None, ge=1, description="live on any chain but 31337 needs its chain id here too, and a green `sentinel doctor`"
    )


class WalletSettings(Group):
    address: str = Field("", description="the wallet to watch in a dry run; live takes it from the key")
    keystore_file: Path | None = Field(None, description="encrypted keystore (`sentinel wallet new`)")
    password_file: Path | None = Field(None, description="file with the keystore's password")
    dev_key_file: Path | None = Field(None, description="raw key, refused on any chain id but 31337")
    web3signer_url: str = Field("", description="Web3Signer that holds the key of wallet.address; in place of a file")
    signer_socket: Path | None = Field(
        None, description="socket of a signer that runs by itself; empty: the daemon starts one as its child"
    )

    @model_validator(mode="after")
    def _one_key(self) -> WalletSettings:
        given = [self.keystore_file, self.dev_key_file, self.web3signer_url]
        if sum(bool(one) for one in given) > 1:
            raise ValueError("one key: keystore_file, dev_key_file or web3signer_url")
        return self


class SignerSettings(Group):
    """Read by the signer's process; the caps by token are needed where it is not the daemon that starts it."""

    trades: Amounts = Field({}, description="most that one trade may take, whole tokens, e.g. WETH=0.5,USDC=2000")
    approvals: Amounts = Field({}, description="most that Permit2 may be allowed, whole tokens")
    daily: Amounts = Field({}, description="most that a UTC day's trades may take, whole tokens")
    daily_gas_eth: float = Field(
        4.0,
        gt=0,
        description="gas signed for in a UTC day at its worst, native coin; 50 trades of 300,000 gas at 200 gwei are 3",
    )
    daily_signatures: int = Field(5000, ge=1, description="signatures in a UTC day, permits and raised fees included")
    peer_uid: int | None = Field(None, ge=0, description="number of the user that may ask it; empty: its own")


class WebSettings(Group):
    host: str = Field("127.0.0.1", description="address of /metrics, /healthz, /readyz and the status page")
    port: int = Field(8787, ge=0, le=65535, description="their port; 0 picks a free one")


class LogSettings(Group):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is written")
    format: Literal["json", "console"] = Field("json", description="json for machines, console for people")


class NotifySettings(Group):
    """Messages to people; nothing is sent while no file names anybody."""

    urls_file: Path | None = Field(
        None, description="file of apprise addresses, one a line: json://, tgram://, discord://"
    )
    events: List = Field(
        ("fills", "refusals", "alarms", "pauses", "summary"),
        description="what is told, with commas: fills, refusals, alarms, pauses, summary, service",
    )
    every: float = Field(
        30.0, gt=0, description="seconds between messages once five went out at once; others are left out"
    )
    hour: int = Field(6, ge=0, le=23, description="UTC hour of the day's summary")
