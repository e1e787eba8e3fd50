"""The groups of settings, SENTINEL_<GROUP>__<NAME>, but for the endpoints (rpc.py) and the limits (limits.py)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import Field, model_validator

from sentinel.config.group import Amounts, CommaList, SettingsGroup, Weights
from sentinel.core.units import BPS

Playbook = Literal["rebalance", "momentum", "arbitrage", "triangle", "mean_reversion", "reduce_risk", "slice"]


class ForkSettings(SettingsGroup):
    url: str = Field("", description="a running Anvil fork; empty: Sentinel starts one itself")
    port: int = Field(8546, ge=0, le=65535, description="port of the fork that Sentinel starts")
    anvil_path: str = Field(
        "", description="path of Anvil 1.7.1; empty: the one that `sentinel setup` fetched, then PATH"
    )
    timeout: float = Field(5.0, gt=0, description="seconds for one batch of simulations")
    node_simulation: Literal["auto", "never", "always"] = Field(
        "auto",
        description="simulate on the chain's own node: auto, while the fork fails; never; always, without a fork",
    )


class ModelSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset({"samples", "max_samples", "max_steps", "episode_timeout"})

    url: str = Field("http://127.0.0.1:8100/v1", description="OpenAI-compatible endpoint of the student (vLLM)")
    name: str = Field("sentinel-nano", description="served model name; another one at the endpoint is refused")
    samples: int = Field(8, ge=1, le=256, description="samples a step")
    max_samples: int | None = Field(
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
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("temperature 0 gives n equal samples: set n to 1 or the temperature above 0")
        if self.max_samples is not None and self.max_samples < self.samples:
            raise ValueError(f"max_samples = {self.max_samples} is below samples = {self.samples}")
        if self.max_samples is not None and self.max_samples > self.samples and self.temperature == 0:
            raise ValueError("temperature 0 gives equal samples: more of them tell nothing")
        return self


class ShadowSettings(SettingsGroup):
    url: str = Field("", description="endpoint of a student that decides beside the live one and sends nothing")
    name: str = Field("", description="its served model name, as `sentinel distill promote` asks for it")
    api_key_file: Path | None = Field(None, description="file with that endpoint's API key")

    @model_validator(mode="after")
    def _both_or_none(self) -> ShadowSettings:
        if bool(self.url) != bool(self.name):
            raise ValueError("a student in shadow needs both, url and name")
        return self


class StrategySettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {
            "playbook",
            "target_weights",
            "band",
            "threshold",
            "max_size",
            "min_size",
            "last_slice_block",
            "slice_interval_blocks",
        }
    )

    playbook: Playbook = Field("rebalance", description=f"what the trader does: {', '.join(get_args(Playbook))}")
    base: str = Field("WETH", description="token traded against the quote token")
    venue: Literal["", "uniswap_v2", "uniswap_v3", "uniswap_v4"] = Field(
        "", description="the only venue that the trader may see and use; empty: all"
    )
    target_weights: Weights = Field({"WETH": 5000, "USDC": 5000}, description="bps of equity, summing to 10000")
    band: float = Field(
        0.02, gt=0, lt=1, description="rebalance: distance from the target that is left alone; reduce_risk: above it"
    )
    lookback_blocks: int = Field(
        20, ge=2, le=500, description="momentum, mean_reversion, reduce_risk: blocks looked back"
    )
    threshold: float = Field(
        0.004, gt=0, lt=1, description="least move (momentum), distance from the mean, fall (reduce_risk) that counts"
    )
    max_size: float = Field(500.0, gt=0, description="most that one action may put in, quote tokens")
    min_size: float = Field(10.0, ge=0, description="smallest trade (arbitrage, triangle: net profit), quote tokens")
    last_slice_block: int = Field(
        0, ge=0, le=10**12, description="slice: block of the last slice; past: the order is over"
    )
    slice_interval_blocks: int = Field(
        10, ge=1, le=10**9, description="slice: blocks from one slice to the next, back from `until`"
    )

    @model_validator(mode="after")
    def _slices_end(self) -> StrategySettings:
        if self.playbook == "slice" and self.last_slice_block == 0:
            raise ValueError("the slice playbook needs `until`, the number of the block of its last slice")
        return self

    @model_validator(mode="after")
    def _weights_sum(self) -> StrategySettings:
        if sum(self.target_weights.values()) != BPS:
            raise ValueError(f"target_weights sum to {sum(self.target_weights.values())}, not 10000 bps")
        return self


class AnalystSettings(SettingsGroup):
    source: Literal["settings", "model"] = Field(
        "settings", description="whose view the trader follows: strategy.target_weights, or a model that leans them"
    )
    name: str = Field("analyst", description="its served model name, at the student's endpoint")
    valid_blocks: int = Field(
        10, ge=1, le=100_000, description="blocks that a view is valid; the next is asked for before"
    )
    fallback: Literal["settings", "hold"] = Field(
        "settings", description="while no view is valid: follow strategy.target_weights, or hold"
    )
    samples: int = Field(1, ge=1, le=64, description="samples a step; most of them must say the same. 1 is greedy")
    timeout: float = Field(10.0, gt=0, le=100, description="seconds for one analysis; it runs beside the cycles")
    trend_threshold: float = Field(0.002, gt=0, lt=1, description="quick average off the slow one by this: up or down")
    stress_volatility: float = Field(
        0.0014, gt=0, lt=1, description="volatility a block above which the market is in stress"
    )
    stress_drawdown: float = Field(
        0.02, gt=0, lt=1, description="distance below the high of 60 blocks that is stress too"
    )
    min_confidence: float = Field(0.5, ge=0, le=1, description="a view that is less sure is not taken")
    max_step_bps: int = Field(2000, ge=1, le=BPS, description="most that one view may change a token's weight")
    min_weight_bps: Weights = Field({}, description="least weight of a token, whatever the model says; not named: 0")
    max_weight_bps: Weights = Field(
        {}, description="most weight of a token; not named: limits.max_inventory_bps, or 10000"
    )


class VoteSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {"quorum_bps", "agreement_bps", "dust", "calibration_file", "max_risk", "size_by_agreement"}
    )

    quorum_bps: int = Field(5000, ge=0, lt=BPS, description="Act needs more votes than this share of those asked")
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


class ExecutionSettings(SettingsGroup):
    mode: Literal["dry", "live"] = Field("dry", description="dry sends nothing; live needs a key")
    confirmations: int = Field(3, ge=1, le=64, description="blocks on top until a transaction counts as confirmed")
    bump_after_blocks: int = Field(3, ge=1, description="blocks without inclusion until both fee caps are raised")
    resend_after_seconds: float = Field(60.0, gt=0, description="seconds until the same bytes are sent again")
    min_priority_fee_gwei: float = Field(1.0, ge=0, description="floor of the tip, or of a legacy gas price")
    live_chain_id: int | None = Field(
        None, ge=1, description="live on any chain but 31337 needs its chain id here too, and a green `sentinel doctor`"
    )


class WalletSettings(SettingsGroup):
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


class SignerSettings(SettingsGroup):
    """Read by the signer's process; the caps by token are needed where it is not the daemon that starts it."""

    max_trade: Amounts = Field({}, description="most that one trade may take, whole tokens, e.g. WETH=0.5,USDC=2000")
    max_approval: Amounts = Field({}, description="most that Permit2 may be allowed, whole tokens")
    max_daily_volume: Amounts = Field({}, description="most that a UTC day's trades may take, whole tokens")
    max_daily_gas_eth: float = Field(
        4.0,
        gt=0,
        description="gas signed for in a UTC day at its worst, native coin; 50 trades of 300,000 gas at 200 gwei are 3",
    )
    max_daily_signatures: int = Field(
        5000, ge=1, description="signatures in a UTC day, permits and raised fees included"
    )
    peer_uid: int | None = Field(None, ge=0, description="number of the user that may ask it; empty: its own")


class WebSettings(SettingsGroup):
    host: str = Field("127.0.0.1", description="address of /metrics, /healthz, /readyz and the status page")
    port: int = Field(8787, ge=0, le=65535, description="their port; 0 picks a free one")


class LogSettings(SettingsGroup):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is written")
    format: Literal["json", "console"] = Field("json", description="json for machines, console for people")


class NotifySettings(SettingsGroup):
    """Messages to people; nothing is sent while no file names anybody."""

    urls_file: Path | None = Field(
        None, description="file of apprise addresses, one a line: json://, tgram://, discord://"
    )
    events: CommaList = Field(
        ("fills", "refusals", "alarms", "pauses", "summary"),
        description="what is told, with commas: fills, refusals, alarms, pauses, summary, service",
    )
    min_interval_seconds: float = Field(
        30.0, gt=0, description="seconds between messages once five went out at once; others are left out"
    )
    summary_hour: int = Field(6, ge=0, le=23, description="UTC hour of the day's summary")
