"""Groups of settings, SENTINEL_<GROUP>__<NAME>, except the endpoints (rpc_settings.py) and the limits (limits.py)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import Field, model_validator

from sentinel.config.group import Amounts, CommaList, SettingsGroup, Weights
from sentinel.core.units import BPS

Playbook = Literal["rebalance", "momentum", "arbitrage", "triangle", "mean_reversion", "reduce_risk", "slice"]


class ForkSettings(SettingsGroup):
    url: str = Field("", description="address of a running Anvil fork; if empty, Sentinel starts one")
    port: int = Field(8546, ge=0, le=65535, description="port of the fork that Sentinel starts; 0 picks a free one")
    anvil_path: str = Field(
        "", description="path of Anvil 1.7.1; if empty, the one that `sentinel setup` fetched, else the one in PATH"
    )
    timeout: float = Field(5.0, gt=0, description="timeout of one batch of simulations (seconds)")
    node_simulation: Literal["auto", "never", "always"] = Field(
        "auto",
        description="simulation on the chain's own node: auto (while the fork fails), never, or always (no fork)",
    )


class ModelSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset({"samples", "max_samples", "max_steps", "episode_timeout"})

    url: str = Field("http://127.0.0.1:8100/v1", description="OpenAI-compatible endpoint of the student (vLLM)")
    name: str = Field("sentinel-nano", description="served model name; an endpoint that serves another name is refused")
    samples: int = Field(8, ge=1, le=256, description="number of samples per step")
    max_samples: int | None = Field(
        None, ge=1, le=256, description="largest number of final actions for a close vote; if empty, `samples`"
    )
    temperature: float = Field(0.4, ge=0, le=2, description="sampling temperature; 0 is allowed only if samples = 1")
    top_p: float = Field(0.8, gt=0, le=1, description="probability mass of nucleus sampling (0 to 1)")
    max_tokens: int = Field(256, ge=16, description="largest length of one thought and code action (tokens)")
    max_steps: int = Field(5, ge=1, le=10, description="largest number of steps per episode")
    timeout: float = Field(10.0, gt=0, description="timeout of one step (seconds); the cycle holds after it")
    episode_timeout: float = Field(
        30.0, gt=0, le=100, description="timeout of all steps of a block (seconds); the cycle holds after it"
    )
    seed: int | None = Field(None, description="seed of the sampler; if empty, vLLM chooses it")
    api_key_file: Path | None = Field(
        None, description="file that holds the API key of the endpoint; if empty, no key is sent"
    )

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
    url: str = Field(
        "", description="endpoint of a student that decides on live blocks and sends nothing; if empty, no shadow"
    )
    name: str = Field("", description="served model name of the shadow, the name that `sentinel distill promote` takes")
    api_key_file: Path | None = Field(
        None, description="file that holds the API key of that endpoint; if empty, no key is sent"
    )

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

    playbook: Playbook = Field("rebalance", description=f"strategy of the trader: {', '.join(get_args(Playbook))}")
    base: str = Field("WETH", description="token that is traded against the quote token")
    venue: Literal["", "uniswap_v2", "uniswap_v3", "uniswap_v4"] = Field(
        "", description="the only venue that the trader may see and use; if empty, all venues"
    )
    target_weights: Weights = Field(
        {"WETH": 5000, "USDC": 5000}, description="target weights (bps of equity by token); their sum is 10000"
    )
    band: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="deviation (reduce_risk: excess) that is left alone (fraction of equity)",
    )
    lookback_blocks: int = Field(
        20, ge=2, le=500, description="lookback of momentum, mean_reversion and reduce_risk (blocks)"
    )
    threshold: float = Field(
        0.004, gt=0, lt=1, description="smallest move, distance from the mean or fall that counts (fraction)"
    )
    max_size: float = Field(500.0, gt=0, description="largest input of one action (quote tokens)")
    min_size: float = Field(
        10.0, ge=0, description="smallest trade, or smallest net profit for arbitrage and triangle (quote tokens)"
    )
    last_slice_block: int = Field(
        0, ge=0, le=10**12, description="slice: number of the block of the last slice; required for this playbook"
    )
    slice_interval_blocks: int = Field(
        10, ge=1, le=10**9, description="slice: distance between slices, counted back from the last (blocks)"
    )

    @model_validator(mode="after")
    def _slices_end(self) -> StrategySettings:
        if self.playbook == "slice" and self.last_slice_block == 0:
            raise ValueError("the slice playbook needs last_slice_block, the number of the block of its last slice")
        return self

    @model_validator(mode="after")
    def _weights_sum(self) -> StrategySettings:
        if sum(self.target_weights.values()) != BPS:
            raise ValueError(f"target_weights sum to {sum(self.target_weights.values())}, not 10000 bps")
        return self


class AnalystSettings(SettingsGroup):
    source: Literal["settings", "model"] = Field(
        "settings", description="source of the view: strategy.target_weights, or a model that adjusts them"
    )
    name: str = Field("analyst", description="served model name of the analyst, at the endpoint of the student")
    valid_blocks: int = Field(
        10, ge=1, le=100_000, description="validity of a view (blocks); the next view is requested before it ends"
    )
    fallback: Literal["settings", "hold"] = Field(
        "settings", description="behaviour while no view is valid: follow strategy.target_weights (settings), or hold"
    )
    samples: int = Field(
        1, ge=1, le=64, description="number of samples per step, most of which must agree; 1 samples greedily"
    )
    timeout: float = Field(
        10.0, gt=0, le=100, description="timeout of one analysis, which runs in parallel with the cycles (seconds)"
    )
    trend_threshold: float = Field(
        0.002, gt=0, lt=1, description="distance of the fast from the slow average that is a trend (fraction)"
    )
    stress_volatility: float = Field(
        0.0014, gt=0, lt=1, description="volatility per block above which the market is in stress (fraction)"
    )
    stress_drawdown: float = Field(
        0.02, gt=0, lt=1, description="drawdown in 60 blocks above which the market is in stress (fraction)"
    )
    min_confidence: float = Field(
        0.5, ge=0, le=1, description="smallest confidence of a view that is accepted (0 to 1)"
    )
    max_step_bps: int = Field(2000, ge=1, le=BPS, description="largest change of a token's weight by one view (bps)")
    min_weight_bps: Weights = Field({}, description="smallest weight in a view (bps by token); not named: 0")
    max_weight_bps: Weights = Field(
        {}, description="largest weight in a view (bps by token); not named: limits.max_inventory_bps, or 10000"
    )


class VoteSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {"quorum_bps", "agreement_bps", "dust", "calibration_file", "max_risk", "size_by_agreement"}
    )

    quorum_bps: int = Field(
        5000, ge=0, lt=BPS, description="share of the samples asked for that the votes of an act must exceed (bps)"
    )
    agreement_bps: int = Field(500, ge=0, le=5000, description="largest distance of amounts that still agree (bps)")
    dust: float = Field(
        0.01, ge=0, description="value below which a net change is not compared (quote tokens); 0 compares every change"
    )
    calibration_file: Path | None = Field(
        None, description="file from `sentinel calibrate`; it only raises the quorum; if empty, quorum_bps applies"
    )
    max_risk: float = Field(
        0.05, gt=0, lt=1, description="largest share of acts that may be wrong (fraction); used only with a calibration"
    )
    size_by_agreement: bool = Field(
        False, description="reduction of each trade to the size that its agreement supports; needs a calibration"
    )

    @model_validator(mode="after")
    def _sizes_are_measured(self) -> VoteSettings:
        if self.size_by_agreement and self.calibration_file is None:
            raise ValueError("size_by_agreement takes the sizes from a calibration: set calibration_file too")
        return self


class ExecutionSettings(SettingsGroup):
    mode: Literal["dry", "live"] = Field("dry", description="dry sends nothing; live signs and sends, and needs a key")
    confirmations: int = Field(
        3, ge=1, le=64, description="number of blocks on top of a transaction's block after which it is confirmed"
    )
    bump_after_blocks: int = Field(
        3, ge=1, description="number of blocks without inclusion after which both fee caps are raised"
    )
    resend_after_seconds: float = Field(
        60.0, gt=0, description="time after which the same bytes are sent again (seconds)"
    )
    min_priority_fee_gwei: float = Field(
        1.0, ge=0, description="lower bound of the priority fee, or of the gas price on a legacy network (gwei)"
    )
    live_chain_id: int | None = Field(
        None, ge=1, description="chain id that confirms live mode unless it is 31337; `sentinel doctor` must also pass"
    )


class WalletSettings(SettingsGroup):
    address: str = Field("", description="address of the wallet in a dry run; live mode takes it from the key")
    keystore_file: Path | None = Field(None, description="encrypted keystore, made by `sentinel wallet new`")
    password_file: Path | None = Field(None, description="file that holds the password of the keystore")
    dev_key_file: Path | None = Field(
        None, description="file that holds a raw private key; refused on every chain id other than 31337"
    )
    web3signer_url: str = Field(
        "", description="address of the Web3Signer that holds the key of wallet.address, instead of a key file"
    )
    signer_socket: Path | None = Field(
        None, description="socket of a signer that runs separately; if empty, the daemon starts one as its child"
    )

    @model_validator(mode="after")
    def _one_key(self) -> WalletSettings:
        given = [self.keystore_file, self.dev_key_file, self.web3signer_url]
        if sum(bool(one) for one in given) > 1:
            raise ValueError("one key: keystore_file, dev_key_file or web3signer_url")
        return self


class SignerSettings(SettingsGroup):
    """Read by the signer's process; the caps by token are needed where it is not the daemon that starts it."""

    max_trade: Amounts = Field(
        {}, description="largest input of one trade (whole tokens by token), e.g. WETH=0.5,USDC=2000"
    )
    max_approval: Amounts = Field({}, description="largest allowance to Permit2 (whole tokens by token)")
    max_daily_volume: Amounts = Field({}, description="largest input of all trades per UTC day (whole tokens by token)")
    max_daily_gas_eth: float = Field(
        4.0,
        gt=0,
        description="largest worst-case gas cost signed for per UTC day (native coin)",
    )
    max_daily_signatures: int = Field(
        5000, ge=1, description="largest number of signatures per UTC day, permits and replacements included"
    )
    peer_uid: int | None = Field(
        None, ge=0, description="user id that may send requests to the signer; if empty, the signer's own user id"
    )


class WebSettings(SettingsGroup):
    host: str = Field("127.0.0.1", description="listening address of /metrics, /healthz, /readyz and the status page")
    port: int = Field(8787, ge=0, le=65535, description="port of these pages; 0 picks a free one")


class LogSettings(SettingsGroup):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level that is logged")
    format: Literal["json", "console"] = Field("json", description="log format: json for machines, console for people")


class NotifySettings(SettingsGroup):
    """Messages to people; nothing is sent while no file names anybody."""

    urls_file: Path | None = Field(
        None, description="file of apprise addresses, one per line (tgram://...); if empty, no messages are sent"
    )
    events: CommaList = Field(
        ("fills", "refusals", "alarms", "pauses", "summary"),
        description="kinds of messages: fills, refusals, alarms, pauses, summary, service (commas)",
    )
    min_interval_seconds: float = Field(
        30.0, gt=0, description="interval of the messages of one kind after a burst of five (seconds)"
    )
    summary_hour: int = Field(6, ge=0, le=23, description="hour of the daily summary (UTC, 0 to 23)")
