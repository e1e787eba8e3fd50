"""Groups of settings: all but endpoints (rpc_settings.py), limits (limits.py) and strategy (strategy_settings.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sentinel.config.credentials import is_credential, only_secret
from sentinel.config.group import (
    HTTP,
    MAX_COIN,
    MAX_GWEI,
    MAX_TIMEOUT,
    SECRET_ERROR,
    Amounts,
    CommaList,
    HttpUrl,
    HttpUrlOrNone,
    KeylessHttpUrl,
    SettingsGroup,
    check_url,
    distinct,
)
from sentinel.core.network import MAX_CHAIN_ID
from sentinel.core.units import BPS

Event = Literal["fills", "refusals", "alarms", "pauses", "summary", "service"]  # kinds of messages
MAX_DUST = 1_000.0  # quote tokens; the vote treats a smaller change as none
MAX_SEED = 2**63 - 1  # of vLLM's sampler


class ForkSettings(SettingsGroup):
    socket: Path | None = Field(
        None,
        description="unix socket of a fork that runs as a service of its own; if empty, Sentinel starts one",
    )
    port: int = Field(
        0,
        ge=0,
        le=65535,
        description="TCP port of the fork that Sentinel starts, if it cannot have a network namespace of its own; "
        "0 picks a free one",
    )
    anvil_path: str = Field(
        "", description="path of Anvil 1.7.1; if empty, the one that `sentinel setup` fetched, else the one in PATH"
    )
    timeout: float = Field(5.0, gt=0, le=MAX_TIMEOUT, description="timeout of one batch of simulations (seconds)")
    node_simulation: Literal["auto", "never", "always"] = Field(
        "auto",
        description="simulation on the chain's own node: auto (final bytes, and all while the fork fails), never, "
        "or always (no fork)",
    )


class ModelSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {"samples", "max_samples", "max_steps", "episode_timeout", "resample"}
    )

    url: HttpUrl = Field("http://127.0.0.1:8100/v1", description="OpenAI-compatible endpoint of the student (vLLM)")
    name: str = Field("sentinel-student", description="served model name; an endpoint with another is refused")
    samples: int = Field(8, ge=1, le=256, description="number of samples per step")
    max_samples: int | None = Field(
        None, ge=1, le=256, description="largest number of final actions for a close vote; if empty, `samples`"
    )
    temperature: float = Field(0.4, ge=0, le=2, description="sampling temperature; 0 is allowed only if samples = 1")
    top_p: float = Field(0.8, gt=0, le=1, description="probability mass of nucleus sampling (0 to 1)")
    max_tokens: int = Field(256, ge=16, le=32_768, description="largest length of one thought and code action (tokens)")
    max_steps: int = Field(
        5, ge=1, le=10, description="largest number of steps per episode; a program of an order is one"
    )
    timeout: float = Field(10.0, gt=0, le=100, description="timeout of one step (seconds); the cycle holds after it")
    episode_timeout: float = Field(
        30.0, gt=0, le=100, description="timeout of all steps of a block (seconds); the cycle holds after it"
    )
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="seed of the sampler; if empty, vLLM chooses it")
    resample: int = Field(
        1, ge=1, le=1_000_000, description="blocks for which the programs of an order are kept; 1: asked at each block"
    )
    api_key_file: Path | None = Field(
        None, description="file that holds the API key of the endpoint; if empty, no key is sent"
    )

    @model_validator(mode="after")
    def _greedy_is_single(self) -> ModelSettings:
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("temperature 0 gives equal samples: set samples to 1, or temperature above 0")
        if self.max_samples is not None and self.max_samples < self.samples:
            raise ValueError(f"max_samples = {self.max_samples} is below samples = {self.samples}")
        if self.max_samples is not None and self.max_samples > self.samples and self.temperature == 0:
            raise ValueError("temperature 0 gives equal samples: max_samples must be 1")
        return self


class ShadowSettings(SettingsGroup):
    url: HttpUrlOrNone = Field(
        "", description="endpoint of a student that decides on live blocks and sends nothing; if empty, no shadow"
    )
    name: str = Field("", description="served model name of the shadow, the name that `sentinel distill promote` takes")
    api_key_file: Path | None = Field(
        None, description="file that holds the API key of that endpoint; if empty, no key is sent"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> ShadowSettings:
        if bool(self.url) != bool(self.name):
            raise ValueError("a student in shadow needs both url and name")
        return self


class VoteSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {"quorum_bps", "agreement_bps", "dust", "calibration_file", "max_risk", "size_by_agreement"}
    )

    quorum_bps: int = Field(
        5000, ge=0, lt=BPS, description="share of the samples asked for that the votes of an act must exceed (bps)"
    )
    agreement_bps: int = Field(500, ge=0, le=5000, description="largest distance of amounts that still agree (bps)")
    dust: float = Field(
        0.01,
        ge=0,
        le=MAX_DUST,
        description="value below which a net change is not compared (quote tokens); 0 compares every change",
    )
    calibration_file: Path | None = Field(
        None, description="file from `sentinel calibrate`; it only raises the quorum; if empty, quorum_bps applies"
    )
    max_risk: float = Field(
        0.05, gt=0, lt=1, description="largest share of acts that may be wrong (fraction); used only with a calibration"
    )
    size_by_agreement: bool = Field(
        False,
        description="reduction of each trade to the size that its agreement supports; needs a calibration. A trade of "
        "an order keeps the order's size",
    )

    @model_validator(mode="after")
    def _sizes_are_measured(self) -> VoteSettings:
        if self.size_by_agreement and self.calibration_file is None:
            raise ValueError("size_by_agreement needs a calibration: set calibration_file too")
        return self


class ExecutionSettings(SettingsGroup):
    mode: Literal["dry", "live"] = Field("dry", description="dry sends nothing; live signs and sends, and needs a key")
    confirmations: int = Field(
        3, ge=1, le=64, description="number of blocks on top of a transaction's block after which it is confirmed"
    )
    bump_after_blocks: int = Field(
        3,
        ge=1,
        le=1_000,
        description="number of blocks without inclusion after which both fee caps are raised",
    )
    resend_after_seconds: float = Field(
        60.0, gt=0, le=3_600, description="time after which the same bytes are sent again (seconds)"
    )
    min_priority_fee_gwei: float = Field(
        1.0,
        ge=0,
        le=MAX_GWEI,
        description="lower bound of the priority fee, or of the gas price on a legacy network (gwei)",
    )
    live_chain_id: int | None = Field(
        None,
        ge=1,
        le=MAX_CHAIN_ID,
        description="chain id that confirms live mode unless it is 31337; `sentinel doctor` must also pass",
    )


class WalletSettings(SettingsGroup):
    address: str = Field("", description="address of the wallet in a dry run; live mode takes it from the key")
    keystore_file: Path | None = Field(None, description="encrypted keystore, made by `sentinel wallet new`")
    password_file: Path | None = Field(None, description="file that holds the password of the keystore")
    dev_key_file: Path | None = Field(
        None, description="file that holds a raw private key; refused on every chain id other than 31337"
    )
    web3signer_url: HttpUrlOrNone = Field(
        "", description="address of the Web3Signer that holds the key of wallet.address, instead of a key file"
    )
    signer_socket: Path | None = Field(
        None, description="socket of a signer that runs separately; if empty, the daemon starts one as its child"
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        from eth_utils.address import is_address  # slow to import, and most commands need no address

        if value and not is_address(value):  # not quoted: it may be a key that was written in the wrong place
            raise PydanticCustomError(SECRET_ERROR, "this is not an address, or its checksum is wrong")
        return value

    @model_validator(mode="after")
    def _one_key(self) -> WalletSettings:
        given = [self.keystore_file, self.dev_key_file, self.web3signer_url]
        if sum(bool(one) for one in given) > 1:
            raise ValueError("set one of keystore_file, dev_key_file and web3signer_url, not several")
        return self


class SignerSettings(SettingsGroup):
    """Settings of the signer's process. The caps by token are required if the signer runs by itself."""

    max_trade: Amounts = Field(
        {}, description="largest input of one trade (whole tokens by token), e.g. WETH=0.5,USDC=2000"
    )
    max_approval: Amounts = Field({}, description="largest allowance to Permit2 (whole tokens by token)")
    max_daily_volume: Amounts = Field({}, description="largest input of all trades per UTC day (whole tokens by token)")
    max_daily_gas_eth: float = Field(
        4.0,
        gt=0,
        le=MAX_COIN,
        description="largest worst-case gas cost signed for per UTC day (native coin)",
    )
    max_daily_signatures: int = Field(
        5000,
        ge=1,
        le=1_000_000,
        description="largest number of signatures per UTC day, permits and replacements included",
    )
    max_daily_loss: float = Field(
        1000.0,
        gt=0,
        le=1e12,
        description="largest sum per UTC day of what trades may lose at their minimum outputs (quote tokens)",
    )
    rpc_url: KeylessHttpUrl = Field(
        "",
        description="JSON-RPC endpoint at which the signer reads the feeds and the wallet's balance itself; "
        "if empty, it takes the prices that policy gives, within max_price_move_bps",
    )
    rpc_url_file: Path | None = Field(None, description="file that holds `rpc_url`; needed if it contains a key")
    prices: Amounts = Field(
        {},
        description="prices that given ones are compared with (quote tokens by token), e.g. WETH=2000; needed by a "
        "signer that runs separately without an endpoint",
    )
    max_price_move_bps: int = Field(
        2000,
        ge=1,
        le=9000,
        description="largest distance of a given price from that of an earlier day, or from `prices` (bps)",
    )
    peer_uid: int | None = Field(
        None,
        ge=0,
        le=2**32 - 2,
        description="user id that may send requests to the signer; if empty, the signer's own user id",
    )

    @model_validator(mode="after")
    def _one_endpoint(self) -> SignerSettings:
        if self.rpc_url and self.rpc_url_file is not None and not is_credential(self.rpc_url_file):
            raise ValueError("rpc_url or rpc_url_file, not both")
        return self

    def endpoint(self) -> str:
        """The signer's own endpoint, empty if it has none. Raises ValueError if its file cannot be read."""
        if self.rpc_url or self.rpc_url_file is None:  # a setting takes precedence over a credential
            return self.rpc_url
        return check_url(only_secret(self.rpc_url_file), HTTP)


class WebSettings(SettingsGroup):
    host: str = Field("127.0.0.1", description="listening address of /metrics, /healthz, /readyz and the status page")
    port: int = Field(8787, ge=0, le=65535, description="port of these pages; 0 picks a free one")
    control_token_file: Path | None = Field(
        None, description="file of the token (32 characters or more) for the page's controls; if empty, it is read-only"
    )


class LogSettings(SettingsGroup):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level that is logged")
    format: Literal["json", "console"] = Field("json", description="log format: json for machines, console for people")


class NotifySettings(SettingsGroup):
    """Messages to people. Nothing is sent without a file of addresses."""

    urls_file: Path | None = Field(
        None, description="file of apprise addresses, one per line (tgram://...); if empty, no messages are sent"
    )
    events: Annotated[tuple[Event, ...], CommaList, AfterValidator(distinct)] = Field(
        ("fills", "refusals", "alarms", "pauses", "summary"),
        description="kinds of messages (commas)",
    )
    min_interval_seconds: float = Field(
        30.0,
        ge=0.1,
        le=86_400,
        description="smallest interval of the messages of one kind after a burst of five (seconds)",
    )
    summary_hour: int = Field(6, ge=0, le=23, description="hour of the daily summary (UTC, 0 to 23)")
