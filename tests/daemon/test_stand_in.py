"""What is said of a node that may have to simulate: by doctor, and at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.chain import anvil
from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc
from sentinel.config import settings as settings_
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.host.namespaces import without_network
from sentinel.daemon.doctor import simulation_checks
from sentinel.daemon.wiring import opened
from sentinel.dex.simulating.fork import Fork
from sentinel.market import Devnet
from tests.dex.nodes import Disguise, refusing
from tests.orders.taught_sampler import TaughtSampler


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
    [
        ("auto", True, "ok"),
        ("always", True, "ok"),
        ("never", True, "warn"),
        ("auto", False, "warn"),
        ("always", False, "fail"),
    ],
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


@pytest.mark.parametrize("alone", [True, False])
async def test_doctor_says_who_can_reach_the_fork(
    devnet: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """Nobody but this user, or, on a system without namespaces, every user of the machine."""
    if not alone:
        monkeypatch.setattr(anvil, "without_network", tuple)
    elif not without_network():
        pytest.skip("this system gives no network namespace")
    async with EndpointPool([devnet.rpc_url], devnet.network) as pool:
        asked = given(devnet.rpc_url, tmp_path, "auto")
        works, access = [one async for one in simulation_checks.fork(asked, devnet.network, pool)]
    assert (works.name, works.grade) == ("fork", "ok")
    assert (access.name, access.grade) == ("fork access", "ok" if alone else "warn")
    assert alone != access.what.startswith("the fork can be reached by other users of this machine")


async def test_doctor_asks_a_fork_that_a_daemon_uses(devnet: Devnet, tmp_path: Path) -> None:
    """It neither moves it nor takes it away; a folder that everybody may enter is a warning."""
    async with Fork(devnet.network, devnet.rpc_url) as used, EndpointPool([devnet.rpc_url], devnet.network) as pool:
        head = await latest_head(devnet.rpc)
        await used.follow(head)
        assert used.socket is not None
        asked = given(devnet.rpc_url, tmp_path, "auto")
        asked = asked.model_copy(update={"fork": asked.fork.model_copy(update={"socket": used.socket})})
        _, access = [one async for one in simulation_checks.fork(asked, devnet.network, pool)]
        assert access.grade == ("ok" if without_network() else "warn")
        used.socket.chmod(0o777)
        used.socket.parent.chmod(0o755)
        _, access = [one async for one in simulation_checks.fork(asked, devnet.network, pool)]
        assert access.grade == "warn"
        await used.follow(head)
        assert used.resets == 1


async def test_no_start_where_nothing_could_simulate(devnet: Devnet, tmp_path: Path) -> None:
    """Without a fork the node must have the method: else a person must mend it, and is told how."""
    async with Disguise(devnet.rpc_url).running() as node:
        node.twist = refusing
        with pytest.raises(SettingsError, match="SENTINEL_FORK__NODE_SIMULATION=always"):
            async with opened(given(node.url, tmp_path, "always"), trader_model=TaughtSampler()):
                pass


async def test_a_start_with_a_fork_needs_no_such_node(devnet: Devnet, tmp_path: Path) -> None:
    """The fork is there; what the node lacks is known from the start."""
    async with Disguise(devnet.rpc_url).running() as node:
        node.twist = refusing
        async with opened(given(node.url, tmp_path, "auto"), trader_model=TaughtSampler()) as app:
            simulator = app.parts.toolkit.simulator
            assert simulator.node is not None
            assert simulator.node.able is False
            assert not simulator.node_first
