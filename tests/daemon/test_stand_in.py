"""What is said of a node that may have to simulate: by doctor, and at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.agent.oracle import OracleModel
from sentinel.chain.rpc import Rpc
from sentinel.config import settings as settings_
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.daemon.doctor import simulation_checks
from sentinel.daemon.wiring import opened
from sentinel.market import Devnet
from tests.dex.nodes import Disguise, refusing


def given(url: str, folder: Path, direct: str) -> Settings:
    return settings_.load(
        env_file=None,
        proposer="oracle",
        state_dir=folder,
        rpc={"url": url},
        fork={"port": 0, "node_simulation": direct},
        web={"port": 0},
        log={"level": "error"},
    )


@pytest.mark.parametrize(
    ("direct", "has_it", "grade"),
    [("auto", True, "ok"), ("always", True, "ok"), ("auto", False, "warn"), ("always", False, "fail")],
)
async def test_doctor_says_whether_the_node_can_stand_in(
    devnet: Devnet, tmp_path: Path, direct: str, has_it: bool, grade: str
) -> None:
    """Well where it has the method; else a warning, and a failure where nothing else would simulate."""
    async with Disguise(devnet.rpc_url).running() as node:
        if not has_it:
            node.twist = refusing
        asked = given(node.url, tmp_path, direct)
        async with Rpc(node.url) as rpc:
            (finding,) = [one async for one in simulation_checks.stand_in(asked, devnet.network, rpc)]
        assert (finding.name, finding.grade) == ("stand in", grade)
        assert bool(finding.hint) == (grade != "ok")


async def test_no_start_where_nothing_could_simulate(devnet: Devnet, tmp_path: Path) -> None:
    """Without a fork the node must have the method: else a person must mend it, and is told how."""
    async with Disguise(devnet.rpc_url).running() as node:
        node.twist = refusing
        with pytest.raises(SettingsError, match="SENTINEL_FORK__NODE_SIMULATION=always"):
            async with opened(given(node.url, tmp_path, "always"), trader_model=OracleModel()):
                pass


async def test_a_start_with_a_fork_needs_no_such_node(devnet: Devnet, tmp_path: Path) -> None:
    """The fork is there; what the node lacks is known from the start."""
    async with Disguise(devnet.rpc_url).running() as node:
        node.twist = refusing
        async with opened(given(node.url, tmp_path, "auto"), trader_model=OracleModel()) as app:
            simulator = app.parts.toolkit.simulator
            assert simulator.node is not None
            assert simulator.node.able is False
            assert not simulator.node_first
