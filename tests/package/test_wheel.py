"""The built wheel runs in an empty folder: what the package needs comes with it, or is named with what gets it."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel import __version__
from sentinel.core.host.places import student_folder
from tests.daemon.running import KEY, ORDER, WALLET
from tests.package.installed import Installed

MODEL_AND_PORTS = {
    "SENTINEL_PROPOSER": "oracle",
    "SENTINEL_STRATEGY__ORDER": ORDER,
    "SENTINEL_FORK__PORT": "0",
    "SENTINEL_WEB__PORT": "0",
}


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def market(sentinel: Installed) -> Iterator[dict[str, str]]:
    """`sentinel devnet` of the wheel; the settings that reach it."""
    log = sentinel.folder.parent / "devnet.log"
    process = sentinel.start("devnet", "--port", "0", "--block-time", "1", "--fund", WALLET, "--json", log=log)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()
    facts = json.loads(line)
    yield {"SENTINEL_RPC__URL": facts["rpc_url"], "SENTINEL_RPC__WS_URL": facts["ws_url"], **MODEL_AND_PORTS}
    process.terminate()
    process.stdout.close()
    assert process.wait(20) == 0


def test_the_program_is_that_of_the_wheel(sentinel: Installed) -> None:
    """Nothing of the checkout is on its path."""
    code = "import sentinel, sys; print(sentinel.__file__); print(*sys.path, sep='\\n')"
    python = sentinel.environment / "bin" / "python"
    told = subprocess.run(
        [python, "-c", code], cwd=sentinel.folder, env=sentinel.variables(), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert Path(told[0]).is_relative_to(sentinel.environment)
    assert str(CHECKOUT) not in told
    assert sentinel("--version").stdout == f"sentinel {__version__}\n"


def test_the_version_is_the_same_everywhere(sentinel: Installed) -> None:
    """Written in sentinel/__init__.py; the images' tags follow it."""
    assert sentinel.wheel.name.startswith(f"sentinel_trader-{__version__}-")
    tags = re.findall(r"image: sentinel[\w-]*:(\S+)", (CHECKOUT / "docker-compose.yml").read_text())
    assert set(tags) == {__version__}


def test_the_wheel_has_what_it_needs_and_no_more(sentinel: Installed) -> None:
    """Types, networks, sources and the student; no laboratory, no tests, no key but play money."""
    names = set(zipfile.ZipFile(sentinel.wheel).namelist())
    assert {"sentinel/py.typed", "sentinel/config/networks/devnet.toml", "sentinel/market/solidity/Token.sol"} <= names
    assert {"sentinel/prices/sets/eth-usdc-2022-07.csv.gz", "sentinel/prices/sets/LICENSE"} <= names
    student = student_folder()
    (weights,) = student.glob("*model.safetensors")  # of an adapter, whose base set-up fetches, or a whole model
    needed = (weights.name, "adapter_config.json", "chat_template.jinja")
    assert {f"sentinel/shipped/models/{student.name}/{name}" for name in needed} <= names
    assert {"sentinel/shipped/models/base.toml", "sentinel/shipped/models/student.toml"} <= names
    assert {name.split("/")[0] for name in names} == {"sentinel", f"sentinel_trader-{__version__}.dist-info"}
    assert not [name for name in names if re.search(r"checkpoint\.(?!py)|sqlite|\.key$|__pycache__|\.env$", name)]


def test_settings_are_shown_and_networks_found(sentinel: Installed) -> None:
    """Each network file comes with the package."""
    rows = {row["name"]: row["value"] for row in sentinel.json("show-config")}
    assert rows["SENTINEL_NETWORK"] == "devnet"
    assert sentinel("show-config", "--example").stdout == (CHECKOUT / ".env.example").read_text()
    networks = {path.name for path in (CHECKOUT / "sentinel" / "config" / "networks").glob("*.toml")}
    shipped = zipfile.ZipFile(sentinel.wheel).namelist()
    assert {name.split("/")[-1] for name in shipped if name.startswith("sentinel/config/networks/")} == networks


def test_the_recorded_days_and_their_notice_come_with_the_wheel(sentinel: Installed, market: dict[str, str]) -> None:
    """A market of the wheel follows them where there are no other data, and says so."""
    (days,) = sentinel.json("data", "list")
    assert (days["name"], days["packaged"], days["minutes"], days["gaps"]) == ("eth-usdc-2022-07", True, 2880, 0)
    found = {
        finding["name"]: finding["what"]
        for finding in sentinel.json("doctor", SENTINEL_WALLET__ADDRESS=WALLET, **market)
    }
    assert f"eth-usdc-2022-07 sha256 {days['sha256']} from 2022-07-19T08:20Z" in found["prices"]
    notice = zipfile.ZipFile(sentinel.wheel).read("sentinel/prices/sets/LICENSE").decode()
    assert "MIT License" in notice
    assert "zelos-alpha" in notice


def test_a_market_of_the_wheel_is_traded_by_the_wheel(sentinel: Installed, market: dict[str, str]) -> None:
    """doctor passes, a dry run decides, a live one sends: its signer is a process of its own."""
    doctor = sentinel("doctor", SENTINEL_WALLET__ADDRESS=WALLET, **market)
    assert doctor.returncode == 0, doctor.stdout
    dry = sentinel("run", "--blocks", "2", SENTINEL_WALLET__ADDRESS=WALLET, **market)
    assert dry.returncode == 0, dry.stderr
    assert '"decision": "act"' in dry.stdout + dry.stderr
    key = sentinel.folder.parent / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    state = str(sentinel.folder.parent / "live")
    own = {**market, "SENTINEL_WALLET__DEV_KEY_FILE": str(key), "SENTINEL_STATE_DIR": state}
    live = sentinel("run", "--live", "--blocks", "4", **own)
    assert live.returncode == 0, live.stderr
    assert sentinel.json("trades", **own)
    assert not list(sentinel.folder.iterdir())


def test_set_up_of_the_wheel_finds_what_that_of_the_checkout_fetched(sentinel: Installed) -> None:
    """One way to fetch, one cache: nothing is done twice."""
    done = sentinel("setup")
    assert (done.returncode, done.stdout) == (0, "set-up: everything is installed\n")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("devnet", "--port", "0"), "run `sentinel setup`"),
        (("serve-student",), "run `sentinel setup --serve auto`"),
        (("bench", "engines"), "clone the repository"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_gets_it(
    sentinel: Installed, tmp_path: Path, command: tuple[str, ...], says: str
) -> None:
    """With an empty cache; exit code 4, as for everything that a person must mend."""
    done = sentinel(*command, SENTINEL_CACHE_DIR=str(tmp_path))
    assert (done.returncode, says in done.stderr) == (4, True), done.stderr


def test_a_missing_anvil_is_named_with_the_command_that_gets_it(sentinel: Installed, tmp_path: Path) -> None:
    """The contracts are there, and no `anvil` is on PATH."""
    (tmp_path / "artifacts").mkdir()
    for path in (sentinel.cache / "artifacts").iterdir():
        if not path.name.startswith("@foundry-rs"):
            (tmp_path / "artifacts" / path.name).symlink_to(path)
    done = sentinel("devnet", "--port", "0", SENTINEL_CACHE_DIR=str(tmp_path), PATH="/nowhere")
    assert (done.returncode, "Anvil 1.7.1 is missing: run `sentinel setup`" in done.stderr) == (4, True), done.stderr


def test_deploy_files_are_whole(sentinel: Installed, tmp_path: Path) -> None:
    """The units start the wheel's program, and all that the images are built from is there."""
    folder, root = tmp_path / "deploy", tmp_path / "root"
    done = sentinel("deploy-files", folder)
    assert done.returncode == 0, done.stderr
    for dockerfile in (folder / "deploy" / "docker").glob("Dockerfile*"):
        for rest in re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE):
            assert all((folder / source).exists() for source in rest.split()[:-1]), rest
    mounted = re.findall(r"[\"\s](\./[\w/.-]+)(?=:|\})", (folder / "docker-compose.yml").read_text())
    assert {path for path in mounted if not (folder / path).exists()} == {"./settings"}
    script = folder / "deploy" / "systemd" / "install.sh"
    subprocess.run([script, "--root", root, "--bin", sentinel.program.parent], capture_output=True, check=True)
    units = [path.read_text() for path in (root / "etc/systemd/system").glob("*.service")]
    started = [Path(line.split()[0]) for unit in units for line in re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)]
    assert len(started) == 4
    assert all(path.is_file() and path.stat().st_mode & 0o111 for path in started), started
    assert sentinel("deploy-files", folder).returncode == 4
