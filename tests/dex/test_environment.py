"""The block environments of a trade: what they are drawn from, and that a block which cannot include it is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel.core.network import HexHash
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.dex.simulating.environment import BlockEnvironments
from tests.decide.fair_market import NETWORK, STATE


@pytest.mark.parametrize("tip", [1, GWEI // 10, GWEI, 50 * GWEI])
def test_every_environment_can_include_a_legacy_transaction(tip: int) -> None:
    """It offers one gas price, often little above the base fee; base fees still differ, or detectors would not show."""
    offered = Fees(STATE.head.base_fee + tip, STATE.head.base_fee + tip)
    for salt in range(200):
        head = replace(STATE.head, hash=HexHash("0x" + f"{salt + 1:064x}"))
        drawn = BlockEnvironments(NETWORK, salt.to_bytes(32)).final(head, 0, offered, head.timestamp + 120)
        fees = [around.env.base_fee for around in drawn]
        assert max(fees) <= offered.max_fee, (salt, fees)
        assert min(fees) > 0
        assert len(set(fees)) == 3
