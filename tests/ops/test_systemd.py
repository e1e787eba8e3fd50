"""The units: what systemd's own tools say of them, and what the processes tell a service manager."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.chain.heads import latest_head
from sentinel.core.host.namespaces import without_network
from sentinel.core.host.places import cache_dir
from sentinel.dex.simulating.fork import SOCKET, Fork
from sentinel.market import Devnet
from sentinel.observe.health import Health
from sentinel.observe.systemd import Notifier, Pulse
from tests.daemon import values
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import Cli, moving
from tests.ops.tools import tool

UNITS = CHECKOUT / "deploy" / "systemd"
EXPOSURE = {"sentinel": 1.5, "sentinel-signer": 0.5, "sentinel-fork": 0.5, "sentinel-vllm": 2.0}


def script(name: str, *arguments: str | Path) -> str:
    return subprocess.run([UNITS / name, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that install.sh made, with this checkout as its prefix."""
    root = tmp_path_factory.mktemp("root")
    script("install.sh", "--root", root, "--prefix", CHECKOUT)
    return root


def units(root: Path) -> list[Path]:
    return sorted((root / "etc/systemd/system").glob("*.service"))


def test_systemd_has_nothing_to_say_on_the_units(installed: Path) -> None:
    """`systemd-analyze verify`: exit code 0, and nothing on standard error."""
    assert len(units(installed)) == 4
    done = subprocess.run(
        [*tool("systemd-analyze"), "verify", *units(installed)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", EXPOSURE)
def test_a_unit_is_hardened(installed: Path, unit: str) -> None:
    """`systemd-analyze security` finds an exposure within the unit's bound."""
    path = installed / f"etc/systemd/system/{unit}.service"
    command: list[str | Path] = [*tool("systemd-analyze"), "security", "--offline=true", "--no-pager", path]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert float(level) <= EXPOSURE[unit]


def test_vllm_is_a_user_of_its_own_without_the_sockets(installed: Path) -> None:
    """Of no group of the daemon's; of the daemon's state it sees the students, and of the signer and the settings
    nothing."""
    text = {unit.stem: unit.read_text().splitlines() for unit in units(installed)}
    users = {name: [line for line in lines if line.startswith(("User=", "Group="))] for name, lines in text.items()}
    assert users["sentinel-vllm"] == ["User=sentinel-vllm", "Group=sentinel-vllm"]
    assert [name for name, lines in users.items() if "User=sentinel-vllm" in lines] == ["sentinel-vllm"]
    members = (installed / "usr/lib/sysusers.d/sentinel.conf").read_text()
    assert not re.search(r"^m sentinel-vllm", members, re.MULTILINE)
    vllm = text["sentinel-vllm"]
    assert "TemporaryFileSystem=%S/sentinel:ro,mode=0755" in vllm  # over the control socket
    assert [line for line in vllm if line.startswith("Bind")] == ["BindReadOnlyPaths=-%S/sentinel/students"]
    (closed,) = [line for line in vllm if line.startswith("InaccessiblePaths=")]
    socket_of_signer = next(line for line in text["sentinel-signer"] if "SIGNER_SOCKET=" in line).rpartition("=")[2]
    assert f"-{socket_of_signer.rpartition('/')[0]}" in closed.partition("=")[2].split()
    assert "-/etc/sentinel" in closed
    assert not [line for line in vllm if "Supplementary" in line]
    folders = (installed / "usr/lib/tmpfiles.d/sentinel.conf").read_text()
    assert "d /var/lib/sentinel 0700 sentinel sentinel" in folders
    assert "d /var/lib/sentinel/students 0755 sentinel sentinel" in folders


def test_an_upgrade_keeps_settings_and_an_uninstall_keeps_the_journal(tmp_path: Path) -> None:
    """Installing twice leaves what the operator wrote; --purge alone takes settings and journal."""
    script("install.sh", "--root", tmp_path, "--prefix", "/opt/sentinel")
    env, journal = tmp_path / "etc/sentinel/sentinel.env", tmp_path / "var/lib/sentinel/journal.sqlite"
    assert "@PREFIX@" not in "".join(unit.read_text() for unit in units(tmp_path))
    env.write_text("SENTINEL_NETWORK=base\n")
    journal.parent.mkdir(parents=True)
    journal.touch()
    assert "kept    /etc/sentinel/sentinel.env" in script("install.sh", "--root", tmp_path)
    assert env.read_text() == "SENTINEL_NETWORK=base\n"
    script("uninstall.sh", "--root", tmp_path)
    assert not units(tmp_path)
    assert env.exists()
    assert journal.exists()
    script("uninstall.sh", "--root", tmp_path, "--purge")
    assert not env.exists()
    assert not journal.exists()


def arguments_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


class Manager:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.heard: list[str] = []
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def listen(self) -> list[str]:
        """Every message so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self._socket.recv(65536).decode().split("\n")
        return self.heard

    async def until(self, message: str, within: float = 60.0) -> None:
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            if any(message in heard for heard in self.listen()):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"not heard: {message}; heard: {self.heard[-20:]}")

    def forget(self) -> None:
        self.listen()
        self.heard.clear()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Manager]:
    told = Manager(tmp_path / "notify")
    yield told
    told.close()


async def test_the_service_is_ready_when_readyz_is(devnet: Devnet, manager: Manager, tmp_path: Path) -> None:
    """Without a student the start waits and says for what; with one it is ready, tells each cycle, and stops."""
    model = Endpoint()
    cli = await Cli.on(devnet, tmp_path, SENTINEL_PROPOSER="student", SENTINEL_MODEL__URL=model.url)
    cli.settings["NOTIFY_SOCKET"] = str(manager.path)
    async with moving(devnet, 0.5):
        daemon = await cli.spawn("run")
        try:
            await manager.until("STATUS=waiting for model")
            assert "READY=1" not in manager.listen()
            assert any(heard.startswith("EXTEND_TIMEOUT_USEC=") for heard in manager.heard)
            await model.start()
            await manager.until("READY=1")
            status = await cli.json("status")
            assert all(check["ok"] for check in status["checks"])
            manager.forget()
            await manager.until("STATUS=block ")
            await manager.until("WATCHDOG=1")
            (line,) = [heard for heard in manager.heard if heard.startswith("STATUS=block ")][-1:]
            assert "WETH" in line
            assert "READY=1" not in manager.listen()
            daemon.send_signal(signal.SIGTERM)
            await manager.until("STOPPING=1")
            assert await asyncio.wait_for(daemon.wait(), 30) == 0
        finally:
            await cli.end()
            await model.stop()


async def test_the_signer_is_ready_when_it_answers(devnet: Devnet, manager: Manager, tmp_path: Path) -> None:
    """Type=notify holds for the signer's own unit too."""
    cli = await Cli.on(
        devnet,
        tmp_path,
        SENTINEL_SIGNER__MAX_TRADE="WETH=1,USDC=2000",
        SENTINEL_SIGNER__MAX_APPROVAL="WETH=5,USDC=9000",
        SENTINEL_SIGNER__MAX_DAILY_VOLUME="WETH=9,USDC=9000",
        SENTINEL_SIGNER__PRICES="WETH=2000",
        SENTINEL_WALLET__SIGNER_SOCKET=str(tmp_path / "signer.sock"),
    )
    cli.settings["NOTIFY_SOCKET"] = str(manager.path)
    signer = await cli.spawn("signer")
    try:
        await manager.until("READY=1")
        assert (tmp_path / "signer.sock").is_socket()
        signer.terminate()
        await manager.until("STOPPING=1")
        assert await asyncio.wait_for(signer.wait(), 30) == 0
    finally:
        await cli.end()


async def test_nothing_feeds_the_watchdog_while_a_cycle_is_stuck(manager: Manager) -> None:
    """Probes and looks go on to end; systemd hears of them again once the cycle has ended."""
    now = 0.0
    health = Health(max_head_age=60, parts=(), ticks=lambda: now)
    pulse = Pulse(Notifier({"NOTIFY_SOCKET": str(manager.path)}), health)
    with health.busy("cycle"):
        pulse.beat()
        assert manager.listen().count("WATCHDOG=1") == 1
        now += 121.0
        pulse.beat()
        assert manager.listen().count("WATCHDOG=1") == 1
    pulse.beat()
    assert manager.listen().count("WATCHDOG=1") == 2


async def test_the_units_fork_is_put_on_any_head(devnet: Devnet) -> None:
    """fork.sh, in a network with nothing in it as its unit has, starts an Anvil that Sentinel puts on a later head.

    It is told neither the node's address nor anything else: it waits for the daemon.
    """
    folder = Path(tempfile.mkdtemp(prefix="sentinel-unit-"))
    environment = {"PATH": "/usr/bin:/bin", "SENTINEL_CACHE_DIR": str(cache_dir())}
    command = [*without_network(), str(UNITS / "fork.sh"), str(folder)]
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        await devnet.market.step()
        head = await latest_head(devnet.rpc)
        fork = Fork(devnet.network, devnet.rpc_url, socket=folder / SOCKET, timeout=30.0)
        async with fork, fork.at(head) as there:
            pools = [pool.address for pool in devnet.network.pools.values()]
            assert len(str(await there.call("eth_getCode", pools[0], "latest"))) > 100
            assert devnet.rpc_url not in arguments_of(process.pid)
            assert devnet.rpc_url not in str(await there.call("anvil_nodeInfo"))
            assert fork.reachable is not bool(without_network())  # else the unit gives one
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(folder)


def test_the_forks_unit_has_no_network_and_no_key(installed: Path) -> None:
    """It is given the folder of the sockets alone, and the daemon's unit names the socket that the fork's makes."""
    fork = (installed / "etc/systemd/system/sentinel-fork.service").read_text()
    assert {"PrivateNetwork=yes", "IPAddressDeny=any"} <= set(fork.splitlines())
    assert "EnvironmentFile" not in fork
    assert "LoadCredential" not in fork
    assert f"ExecStart={UNITS}/fork.sh %t/sentinel-fork\n" in fork
    assert "RuntimeDirectory=sentinel-fork\n" in fork
    assert "SENTINEL_FORK__SOCKET=%t/sentinel-fork/fork.sock\n" in (UNITS / "sentinel.service").read_text()
    assert not (installed / "etc/sentinel/fork.env").exists()


async def test_ready_is_said_again_until_it_gets_through(tmp_path: Path) -> None:
    """The queue of messages is short: where it was full when the service became ready, the next beat says it."""
    path = tmp_path / "notify"
    pulse = Pulse(Notifier({"NOTIFY_SOCKET": str(path)}), Health(max_head_age=60, parts=()))
    head = replace(values.record(values.act()).head, timestamp=int(time.time()))
    pulse._health.head_seen(head)
    assert not pulse.beat()  # nobody listens
    manager = Manager(path)
    assert pulse.beat()
    assert "READY=1" in manager.listen()
    manager.close()
