"""Settings that contradict each other are refused at the start and at a reload, each with a line that names both."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from sentinel.config.contradictions import CYCLE_SECONDS, contradictions, require_consistent
from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.core.errors import SettingsError
from sentinel.core.network import FeeMarket, Network
from sentinel.observe.health import STUCK_AFTER
from tests.attack_tally import Tries

DEVNET, ETHEREUM = load_network("devnet"), load_network("ethereum")
FAST = dataclasses.replace(DEVNET, block_time=0.25)
STUDENT: dict[str, Any] = {"proposer": "student"}
CODE: dict[str, Any] = {"proposer": "code", "strategy": {"file": "dca.py"}}
URL: dict[str, Any] = {"proposer": "http://127.0.0.1:9/v1"}

CASES: tuple[tuple[Network, Mapping[str, Any], str, str], ...] = (
    (DEVNET, {"proposer": "code"}, "PROPOSER=code", "STRATEGY__FILE"),
    (DEVNET, {"strategy": {"file": "dca.py"}}, "PROPOSER=student", "STRATEGY__FILE=dca.py"),
    (DEVNET, URL | {"strategy": {"file": "dca.py"}}, "PROPOSER=URL", "STRATEGY__FILE=dca.py"),
    (DEVNET, CODE | {"shadow": {"url": "http://127.0.0.1:9/v1", "name": "x"}}, "PROPOSER=code", "SHADOW__URL"),
    (DEVNET, CODE | {"vote": {"calibration_file": "c.json"}}, "PROPOSER=code", "VOTE__CALIBRATION_FILE"),
    (DEVNET, URL | {"model": {"url": "http://127.0.0.1:8/v1"}}, "PROPOSER=URL", "MODEL__URL"),
    (DEVNET, URL | {"limits": {"max_deadline": 36}}, "LIMITS__MAX_DEADLINE=36", "MODEL__EPISODE_TIMEOUT=30"),
    (ETHEREUM, CODE | {"limits": {"max_deadline": 16}}, "LIMITS__MAX_DEADLINE=16", "one block of 12 s"),
    (ETHEREUM, {"limits": {"max_head_age": 12}}, "LIMITS__MAX_HEAD_AGE=12", "block_time"),
    (DEVNET, {"limits": {"max_head_age": 2}, "rpc": {"read_timeout": 1}}, "LIMITS__MAX_HEAD_AGE=2", "block_time"),
    (DEVNET, {"limits": {"max_head_age": 10}}, "LIMITS__MAX_HEAD_AGE=10", "RPC__READ_TIMEOUT=10"),
    (DEVNET, {"limits": {"max_head_age": 20}, "fork": {"timeout": 20}}, "LIMITS__MAX_HEAD_AGE=20", "FORK__TIMEOUT=20"),
    (ETHEREUM, {"limits": {"max_head_age": 121}}, "LIMITS__MAX_HEAD_AGE=121", "LIMITS__MAX_DEADLINE=120"),
    (DEVNET, STUDENT | {"limits": {"max_deadline": 36}}, "LIMITS__MAX_DEADLINE=36", "MODEL__EPISODE_TIMEOUT=30"),
    (ETHEREUM, {"limits": {"max_deadline": 16}, "proposer": "oracle"}, "LIMITS__MAX_DEADLINE=16", "one block of 12 s"),
    (ETHEREUM, {"execution": {"bump_after_blocks": 10}}, "EXECUTION__BUMP_AFTER_BLOCKS=10", "LIMITS__MAX_DEADLINE=120"),
    (DEVNET, {"execution": {"resend_after_seconds": 120}}, "RESEND_AFTER_SECONDS=120", "LIMITS__MAX_DEADLINE=120"),
    (DEVNET, {"rpc": {"send_timeout": 120}}, "RPC__SEND_TIMEOUT=120", "LIMITS__MAX_DEADLINE=120"),
    (DEVNET, {"model": {"episode_timeout": 100}}, "MODEL__EPISODE_TIMEOUT=100", "FORK__TIMEOUT=5"),
    (DEVNET, {"limits": {"min_trade": 1001}}, "LIMITS__MIN_TRADE=1001", "LIMITS__MAX_TRADE=1000"),
    (DEVNET, {"limits": {"min_trade": 60, "max_daily_volume": 50}}, "LIMITS__MIN_TRADE=60", "MAX_DAILY_VOLUME=50"),
    (DEVNET, {"limits": {"min_trade": 60, "max_approval": 50}}, "LIMITS__MIN_TRADE=60", "MAX_APPROVAL=50"),
    (DEVNET, {"limits": {"slippage_bps": 99, "max_slippage_bps": 98}}, "SLIPPAGE_BPS=99", "MAX_SLIPPAGE_BPS=98"),
    (DEVNET, {"execution": {"min_priority_fee_gwei": 6}}, "MIN_PRIORITY_FEE_GWEI=6", "MAX_PRIORITY_FEE_GWEI=5"),
    (
        dataclasses.replace(DEVNET, fees=FeeMarket.LEGACY),
        {"execution": {"min_priority_fee_gwei": 201}},
        "MIN_PRIORITY_FEE_GWEI=201",
        "MAX_FEE_GWEI=200",
    ),
)


@pytest.mark.parametrize("network", [DEVNET, ETHEREUM, load_network("base"), FAST])
def test_what_is_shipped_contradicts_nothing(network: Network) -> None:
    """The defaults fit each network, fast blocks too, with each proposer."""
    for proposer in ({"proposer": "student"}, {"proposer": "oracle"}, CODE, URL):
        assert contradictions(load(None, **proposer), network) == ()


@pytest.mark.attack("two clocks for one deadline", "refused")
def test_each_contradiction_is_refused_and_names_both(tries: Tries) -> None:
    """At the start and at each reload a contradiction is an error, in one line."""
    for network, given, first, second in CASES:
        with pytest.raises(SettingsError) as refused:
            require_consistent(load(None, **given), network)
        lines = [line for line in str(refused.value).splitlines() if first in line and second in line]
        assert len(lines) == 1, (given, str(refused.value))
        tries.refused()


@pytest.mark.parametrize(
    "given",
    [
        {"limits": {"max_head_age": 11}},
        {"limits": {"max_deadline": 61}},
        {"execution": {"bump_after_blocks": 59}},
        {"execution": {"resend_after_seconds": 119}},
        {"limits": {"min_trade": 500}},
        {"limits": {"max_head_age": 3600, "max_deadline": 600}},  # the development chain's time may run ahead
    ],
)
def test_what_just_fits_is_taken(given: Mapping[str, Any]) -> None:
    """The rules are no stricter than they say."""
    assert contradictions(load(None, **given), DEVNET) == ()


def test_a_feed_that_is_stale_within_a_block_is_refused() -> None:
    """max_age of a feed in the network file, below the block time there."""
    feed = dataclasses.replace(ETHEREUM.feeds["WETH"], max_age=12)
    (line,) = contradictions(load(None), dataclasses.replace(ETHEREUM, feeds={**ETHEREUM.feeds, "WETH": feed}))
    assert "WETH" in line
    assert "block_time" in line


def test_a_cycle_is_stuck_by_the_same_time_everywhere() -> None:
    """The health checks and this page of rules mean one number."""
    assert CYCLE_SECONDS == STUCK_AFTER
