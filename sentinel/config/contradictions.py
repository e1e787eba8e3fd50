"""Settings that are valid alone but contradict each other or the network, so that a guard or a trade cannot work.

Rules for a single setting stand beside that setting. Each rule here compares two or more values and names them.
"""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.config.setting_groups import ModelSettings
from sentinel.config.settings import PREFIX, Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, FeeMarket, Network

CYCLE_SECONDS = 120.0  # a cycle that takes longer counts as stuck (observe/health.py)


def contradictions(settings: Settings, network: Network) -> tuple[str, ...]:
    """One line for each contradiction, with the places of its settings, for a person to fix."""
    rules = (_proposer, _heads, _deadlines, _cycles, _sizes)
    return tuple(settings.with_lines(line) for rule in rules for line in rule(settings, network))


def require_consistent(settings: Settings, network: Network) -> None:
    """Raises SettingsError with all contradictions."""
    if lines := contradictions(settings, network):
        raise SettingsError("\n".join(lines))


def _proposer(settings: Settings, network: Network) -> Iterator[str]:
    proposer, file = settings.proposer, settings.strategy.file
    shown = f"{PREFIX}PROPOSER={'URL' if settings.proposer_url else proposer}"
    if proposer == "code" and file is None:
        yield f"{shown} runs the program in SENTINEL_STRATEGY__FILE, which is not set"
    if proposer != "code" and file is not None:
        yield f"{shown} does not run SENTINEL_STRATEGY__FILE={file}: set {PREFIX}PROPOSER=code, or leave the file out"
    if proposer == "code" and settings.shadow.url:
        yield f"{shown} asks no model that SENTINEL_SHADOW__URL could be compared with"
    if proposer == "code" and settings.vote.calibration_file is not None:
        yield f"{shown} has one vote, and SENTINEL_VOTE__CALIBRATION_FILE is measured on a model's"
    if settings.proposer_url and settings.model.url != ModelSettings().url:
        yield f"{shown} and SENTINEL_MODEL__URL name two servers: leave one of them out"


def _heads(settings: Settings, network: Network) -> Iterator[str]:
    limits, rpc, block = settings.limits, settings.rpc, network.block_time
    most = _named("limits.max_head_age", limits.max_head_age)
    if limits.max_head_age <= block:
        yield f"{most} is not above the block_time of {block:g} s of network {network.name}: each head is stale soon"
    if rpc.read_timeout >= limits.max_head_age:
        yield f"{_named('rpc.read_timeout', rpc.read_timeout)} is not below {most}: a head is stale once it is read"
    if settings.fork.timeout >= limits.max_head_age:
        yield f"{_named('fork.timeout', settings.fork.timeout)} is not below {most}: a head is stale once simulated"
    if limits.max_head_age > limits.max_deadline and network.chain_id != DEVELOPMENT_CHAIN:  # its time may run ahead
        yield (
            f"{most} is above {_named('limits.max_deadline', limits.max_deadline)}: policy would pass what the signer, "
            "which has a clock of its own, refuses"
        )
    for symbol, feed in network.feeds.items():
        if feed.max_age <= block:
            yield f"max_age {feed.max_age} of the feed of {symbol} is not above the block_time of {block:g} s"


def _deadlines(settings: Settings, network: Network) -> Iterator[str]:
    limits, execution, block = settings.limits, settings.execution, network.block_time
    deadline = _named("limits.max_deadline", limits.max_deadline)
    deciding = _deciding(settings)
    if deciding + settings.fork.timeout + block > limits.max_deadline:
        parts = _named("fork.timeout", settings.fork.timeout)
        if deciding:
            parts = f"{_named('model.episode_timeout', deciding)} and {parts}"
        yield f"{deadline} is below {parts} with one block of {block:g} s: a trade may be dead before it is sent"
    if execution.bump_after_blocks * block >= limits.max_deadline:
        raised = _named("execution.bump_after_blocks", execution.bump_after_blocks)
        yield f"{raised} are {execution.bump_after_blocks * block:g} s, not below {deadline}: no trade is ever raised"
    if execution.resend_after_seconds >= limits.max_deadline:
        again = _named("execution.resend_after_seconds", execution.resend_after_seconds)
        yield f"{again} is not below {deadline}: no trade is ever sent again"
    if settings.rpc.send_timeout >= limits.max_deadline:
        yield f"{_named('rpc.send_timeout', settings.rpc.send_timeout)} is not below {deadline}"


def _cycles(settings: Settings, network: Network) -> Iterator[str]:
    longest = _deciding(settings) + 2 * settings.fork.timeout + settings.rpc.read_timeout
    if longest >= CYCLE_SECONDS:
        parts = [_named("model.episode_timeout", settings.model.episode_timeout)] if _deciding(settings) else []
        parts += [_named("fork.timeout", settings.fork.timeout), _named("rpc.read_timeout", settings.rpc.read_timeout)]
        yield f"{' and '.join(parts)} let a cycle take {longest:g} s; from {CYCLE_SECONDS:g} s it is stuck"


def _sizes(settings: Settings, network: Network) -> Iterator[str]:
    limits, execution = settings.limits, settings.execution
    floor = _named("execution.min_priority_fee_gwei", execution.min_priority_fee_gwei)
    cap = "max_fee_gwei" if network.fees is FeeMarket.LEGACY else "max_priority_fee_gwei"
    if execution.min_priority_fee_gwei > getattr(limits, cap):
        yield f"{floor} is above {_named(f'limits.{cap}', getattr(limits, cap))}: no fee is within both"
    smallest = _named("limits.min_trade", limits.min_trade)
    for name in ("max_trade", "max_daily_volume", "max_approval"):
        if limits.min_trade > getattr(limits, name):
            yield f"{smallest} is above {_named(f'limits.{name}', getattr(limits, name))}: no trade is within both"
    if limits.slippage_bps > limits.max_slippage_bps:
        yield (
            f"{_named('limits.slippage_bps', limits.slippage_bps)} is above "
            f"{_named('limits.max_slippage_bps', limits.max_slippage_bps)}: policy refuses what is built"
        )


def _deciding(settings: Settings) -> float:
    """Seconds that an episode may take; 0 for a proposer that asks no model."""
    return settings.model.episode_timeout if settings.asks_model else 0.0


def _named(name: str, value: float) -> str:
    return f"{PREFIX}{name.replace('.', '__')}".upper() + f"={value:g}"
