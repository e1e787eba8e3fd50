"""The compose file and the images: checked by their own tools, hardened, and run as far as no engine is needed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from sentinel.core.host.process import free_port
from sentinel.dex.simulating.fork import Fork
from sentinel.market import Devnet
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import KEY, PURSE, WALLET, Cli, moving
from tests.ops.image import COMPOSE, DOCKERFILES, UID, Tree, compose, entry_of, exported, stages
from tests.ops.monitored import monitoring
from tests.ops.tools import tool

SERVICES = compose()["services"]
PROFILES = sorted({profile for service in SERVICES.values() for profile in service["profiles"]})


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def test_the_compose_file_fits_its_schema() -> None:
    """check-jsonschema, with the Compose specification that comes with it."""
    program = Path(sys.executable).with_name("check-jsonschema")
    done = run(program, "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_docker_compose_reads_each_profile(profile: str, tmp_path: Path) -> None:
    """Debian's docker-compose resolves every anchor, variable and path."""
    (tmp_path / "docker-compose.yml").write_text(COMPOSE.read_text())
    done = run(*tool("docker-compose"), "--profile", profile, "config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "127.0.0.1" in done.stdout


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    """No rule is left out."""
    done = run(Path(sys.executable).with_name("hadolint"), "--no-color", dockerfile)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_bounded_and_watched(name: str) -> None:
    """Read-only, no capability, no new rights, no root, limits, a health check, a pinned image, loopback alone."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["stop_grace_period"]
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "privileged" not in service


def test_the_fork_has_no_network_and_no_secret() -> None:
    """Nothing of it is published; it shares one folder of sockets with the daemon."""
    fork, daemon = SERVICES["fork"], SERVICES["sentinel"]
    assert fork["network_mode"] == "none"
    assert not {"ports", "secrets", "networks", "environment"} & fork.keys()
    (volume,) = fork["volumes"]
    assert volume in daemon["volumes"]
    folder = volume.partition(":")[2]
    assert fork["entrypoint"][-1] == folder
    assert daemon["environment"]["SENTINEL_FORK__SOCKET"] == f"{folder}/fork.sock"
    assert folder in DOCKERFILES[0].read_text()  # a new volume takes its owner from the image's folder


@pytest.mark.parametrize("name", ["vllm", "vllm-cpu"])
def test_vllm_has_neither_socket(name: str) -> None:
    """It is another user than daemon and signer, and has no volume that holds one of the sockets."""
    assert SERVICES[name]["user"] not in {SERVICES[other]["user"] for other in ("sentinel", "signer", "trader")}
    volumes = {volume.partition(":")[0] for volume in SERVICES[name]["volumes"]}
    assert "students" in volumes
    assert not volumes & {"state", "socket", "signer"}
    assert all(volume.endswith(":ro") for volume in SERVICES[name]["volumes"])


def test_a_stop_has_longer_than_the_daemon_takes() -> None:
    """The running cycle has GRACE for its end, and each of a dozen services five seconds."""
    from sentinel.daemon.daemon import GRACE

    for name in ("sentinel", "trader"):
        assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= GRACE + 12 * 5


def test_the_play_money_is_the_key_that_the_market_funds() -> None:
    """And no other key is in the repository's image context."""
    assert (CHECKOUT / "deploy/docker/play-money").read_text().strip() == KEY
    assert SERVICES["devnet"]["command"][-1] == WALLET
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!") and ("docker" in line or "env" in line)]


def health(name: str) -> list[str]:
    """The command of a service's health check, with this checkout's Python for the image's."""
    command: list[str] = SERVICES[name]["healthcheck"]["test"][1:]
    return [sys.executable if word in ("python", "python3") else word for word in command]


async def checked(name: str, swaps: dict[str, str], environment: dict[str, str]) -> int:
    """Exit code of a health check whose ports are those of the test."""
    command = [_swapped(word, swaps) for word in health(name)]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment}, cwd=CHECKOUT)
    return await asyncio.wait_for(process.wait(), 60)


def _swapped(word: str, swaps: dict[str, str]) -> str:
    for old, new in swaps.items():
        word = word.replace(old, new)
    return word


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    async with moving(devnet):
        cli = await Cli.on(devnet, tmp_path, SENTINEL_WEB__PORT=str(free_port()))
        yield cli
        await cli.end()


def test_the_dockerfiles_copy_what_earlier_stages_made() -> None:
    """Each COPY --from names a stage, and a path that the stage makes or has."""
    for dockerfile in DOCKERFILES:
        made = stages(dockerfile)
        for word, rest in (step for steps in made.values() for step in steps):
            if word == "COPY" and rest.startswith("--from="):
                stage, source = rest.removeprefix("--from=").split()[:2]
                assert stage in made
                copied = {
                    f"/opt/sentinel/{rest.split()[-1].split('/')[0]}" for word, rest in made[stage] if word == "COPY"
                }
                assert source in ("/usr/local/", "/opt/sentinel/.venv", "/opt/sentinel/cache", *copied) or (
                    stage == "fetched" and source.startswith("/opt/sentinel/cache/artifacts")
                )


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_an_image_of_the_student_finds_its_base_and_merges_where_it_may_write(target: str) -> None:
    """The base lies in the read-only cache; a promoted adapter is merged below /tmp, the one writable place."""
    steps = stages(CHECKOUT / "deploy" / "docker" / "Dockerfile.vllm")[target]
    env = " ".join(rest for word, rest in steps if word == "ENV")
    assert "SENTINEL_CACHE_DIR=/opt/sentinel/cache" in env
    assert "SENTINEL_SERVE_CACHE=/tmp/students" in env
    (service,) = [one for one in SERVICES.values() if (one.get("build") or {}).get("target") == target]
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    assert "entrypoint" not in service
    assert entry_of(CHECKOUT / "deploy" / "docker" / "Dockerfile.vllm", target)[0].endswith("serve-student.sh")


def test_compose_asks_for_no_setting_that_there_is_none_of() -> None:
    """What compose's .env may name with Sentinel's prefix is a setting: the command line refuses others."""
    from sentinel.config.settings import names

    asked = set(re.findall(r"\$\{(SENTINEL_\w+)", COMPOSE.read_text()))
    given = {name for one in SERVICES.values() for name in one.get("environment", {}) if name.startswith("SENTINEL_")}
    assert asked <= set(names())
    assert given <= set(names())


async def test_health_checks_of_daemon_signer_and_nodes(cli: Cli, devnet: Devnet, tmp_path: Path) -> None:
    """Each command of the file passes on the real thing, and fails where it is not there."""
    socket = tmp_path / "signer.sock"
    cli.settings |= {"SENTINEL_WALLET__SIGNER_SOCKET": str(socket)}
    for name in ("MAX_TRADE", "MAX_APPROVAL", "MAX_DAILY_VOLUME"):
        cli.settings[f"SENTINEL_SIGNER__{name}"] = "WETH=9,USDC=9000"
    cli.settings["SENTINEL_SIGNER__PRICES"] = "WETH=2000"
    port = int(cli.settings["SENTINEL_WEB__PORT"])
    for name in ("sentinel", "trader", "signer"):
        assert await checked(name, {}, cli.settings) != 0
    signer = await cli.spawn("signer")
    await cli.until(lambda _: True, "health", "--signer")
    await cli.spawn("run")
    await cli.until(lambda found: found["cycles"] > 0, "status")
    for name in ("sentinel", "trader", "signer"):
        assert await checked(name, {}, cli.settings) == 0
    code, out, _ = await cli("health", "--ready", "--json")
    assert code == 0, out
    assert await checked("devnet", {"http://127.0.0.1:8545": devnet.rpc_url}, {}) == 0
    assert await checked("devnet", {"http://127.0.0.1:8545": f"http://127.0.0.1:{free_port()}"}, {}) != 0
    async with Fork(devnet.network, devnet.rpc_url) as fork:
        assert await checked("fork", {"/run/sentinel-fork/fork.sock": str(fork.socket)}, {}) == 0
    assert await checked("fork", {"/run/sentinel-fork": str(tmp_path)}, {}) != 0
    assert port
    signer.terminate()
    await signer.wait()


async def test_health_checks_of_the_student_and_the_monitoring(tmp_path: Path) -> None:
    """Prometheus and Alertmanager are Debian's; vLLM's /health is a stand-in's here (its own is asked by the tests that
    run vLLM), and Grafana cannot be had on the build machines, so its page is a stand-in's too."""
    model = Endpoint()
    await model.start()
    try:
        for name in ("vllm", "vllm-cpu"):
            assert await checked(name, {"127.0.0.1:8100": f"127.0.0.1:{model.port}"}, {}) == 0
            assert await checked(name, {"127.0.0.1:8100": f"127.0.0.1:{free_port()}"}, {}) != 0
        async with monitoring(tmp_path, sentinel=f"127.0.0.1:{model.port}") as monitor:
            for name, own, real in (
                ("prometheus", "127.0.0.1:9090", monitor.prometheus),
                ("alertmanager", "127.0.0.1:9093", monitor.alertmanager),
            ):
                assert await checked(name, {own: real.removeprefix("http://")}, {}) == 0
                assert await checked(name, {own: f"127.0.0.1:{free_port()}"}, {}) != 0
        grafana = {"127.0.0.1:3000/api/health": f"127.0.0.1:{model.port}/health"}
        assert await checked("grafana", grafana, {}) == 0
    finally:
        await model.stop()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    if os.geteuid() != 0:
        pytest.skip("a mount namespace of its own needs root")
    made = Tree(tmp_path_factory.mktemp("image"))
    made.root.chmod(0o755)
    made.build()
    return made


@pytest.mark.ops
@pytest.mark.timeout(600)
async def test_the_image_trades_on_a_read_only_tree(devnet: Devnet, tree: Tree, tmp_path: Path) -> None:
    """The Dockerfile's steps make a tree; on it, read-only, as the image's user and without capabilities, the compose
    file's own command with its own environment trades, passes its health check, and stops."""
    await devnet.fund(WALLET, PURSE)
    service, model, port = SERVICES["trader"], Endpoint(), free_port()
    await model.start()
    secrets, state = tmp_path / "secrets", tmp_path / "state"
    for folder in (secrets, state, tmp_path):
        folder.mkdir(exist_ok=True)
        os.chown(folder, UID, UID)
    (secrets / "play_money").write_text(KEY)
    for parent in tmp_path.parents:
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(0o755)
    # The market's and the student's names of the compose network are this machine's; blocks come faster than seconds.
    own = {
        "SENTINEL_RPC__URL": devnet.rpc_url,
        "SENTINEL_RPC__WS_URL": devnet.ws_url,
        "SENTINEL_MODEL__URL": model.url,
        "SENTINEL_WEB__PORT": str(port),
        "SENTINEL_FORK__PORT": "0",
        "SENTINEL_LIMITS__MAX_HEAD_AGE": "3600",
        "SENTINEL_LIMITS__MAX_DEADLINE": "600",
    }
    environment = {**tree.environment(), **service["environment"], **own}
    command = [*entry_of(DOCKERFILES[0], "daemon"), *service["command"]]
    mounts = [
        *("mount -t tmpfs tmpfs /run", "mkdir -p /run/secrets", f"mount --bind {secrets} /run/secrets"),
        *("mount -t tmpfs tmpfs /var/lib", "mkdir -p /var/lib/sentinel", f"mount --bind {state} /var/lib/sentinel"),
    ]
    script = "exec " + shlex.join([*exported(environment), *command])
    with (tmp_path / "log").open("wb") as log:
        daemon = await asyncio.create_subprocess_exec(*tree.inside(script, more=mounts), stdout=log, stderr=log)
    try:
        async with moving(devnet, 0.5):
            for _ in range(600):
                if b'"outcome": "confirmed"' in _read(tmp_path / "log"):
                    break
                assert daemon.returncode is None, _read(tmp_path / "log").decode()[-3000:]
                await asyncio.sleep(0.2)
            text = _read(tmp_path / "log").decode()
            assert '"outcome": "confirmed"' in text, text[-3000:]
            probe = shlex.join([*exported(environment), *service["healthcheck"]["test"][1:]])
            asked = await asyncio.create_subprocess_exec(*tree.inside(probe, more=mounts))
            assert await asyncio.wait_for(asked.wait(), 60) == 0
            with contextlib.suppress(ProcessLookupError):
                daemon.terminate()
            assert await asyncio.wait_for(daemon.wait(), 60) == 0
    finally:
        if daemon.returncode is None:
            daemon.kill()
            await daemon.wait()
        await model.stop()
    assert sorted(path.name for path in tree.root.iterdir()) == sorted(_named(tree))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _named(tree: Tree) -> set[str]:
    """What the Dockerfile puts there; running it has added nothing."""
    return {".venv", "bin", "deploy", "models", "requirements", "sentinel"}
