"""I23: a key that is searched for everywhere while the real daemon trades with it, and found in its own file alone.

The signer's process holds it, so the daemon's own is searched to its last page of memory, and every file that it and
its Python children open is written down by an audit hook.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from eth_account import Account

from sentinel.config.settings import load
from sentinel.market import Devnet
from tests.attack.searched import children, found_in, seen_by_others, served, told, written
from tests.daemon.running import ALLOWED, PURSE, Cli, moving

pytestmark = pytest.mark.attack("secrets told to others", "contained")

KEY = "c0ffee" * 10 + "d00d"  # worth nothing anywhere
WALLET = Account.from_key(KEY).address
PASSWORD = "canary-password-1f9d"  # of a keystore that lives for one test
RAW = bytes.fromhex(KEY)
WATCHER = """
import os, sys
def _note(event, arguments):
    if event == "open":
        os.write(_log, f"{os.getpid()} {arguments[0]!r}\\n".encode())
_log = os.open(os.environ["WATCHED"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
sys.addaudithook(_note)
"""
SHAPES = {
    "hex": KEY.encode(),
    "upper-case hex": KEY.upper().encode(),
    "raw bytes": RAW,
    "reversed bytes": RAW[::-1],
    "decimal": str(int(KEY, 16)).encode(),
    "base64": base64.b64encode(RAW)[:40],
    "a repr of the bytes": repr(RAW)[2:40].encode(),
    "half of the hex": KEY[:32].encode(),
    "password": PASSWORD.encode(),
}


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    """A live daemon's command line, its key in an encrypted keystore."""
    async with moving(devnet, 0.6):  # much faster ones carry the chain's clock, in whole seconds, ahead of ours
        cli = await Cli.on(devnet, tmp_path)
        await devnet.fund(WALLET, PURSE)
        await devnet.allow_permit2(WALLET, {**ALLOWED, "WBTC": 4 * 10**7})
        secrets = tmp_path / "secrets"
        secrets.mkdir(mode=0o700)
        for name, text in (("key", KEY), ("password", PASSWORD)):
            (secrets / name).touch(mode=0o600)
            (secrets / name).write_text(text + "\n")
        del cli.settings["SENTINEL_WALLET__DEV_KEY_FILE"]
        cli.settings |= {
            "SENTINEL_WALLET__KEYSTORE_FILE": str(secrets / "keystore"),
            "SENTINEL_WALLET__PASSWORD_FILE": str(secrets / "password"),
            "SENTINEL_EXECUTION__CONFIRMATIONS": "1",
            "SENTINEL_LOG__LEVEL": "debug",
            "PYTHONPATH": f"{tmp_path / 'watcher'}:{os.getcwd()}",
            "WATCHED": str(tmp_path / "opened"),
        }
        (tmp_path / "watcher").mkdir()
        (tmp_path / "watcher" / "sitecustomize.py").write_text(WATCHER)
        yield cli
        await cli.end()


async def test_the_key_is_nowhere_but_in_its_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imported, traded with and stopped: logs, journal, status, metrics, argv, environment, memory, replies, reprs."""
    secrets = cli.folder / "secrets"
    places: dict[str, bytes] = {}
    code, out, err = await cli("wallet", "import", str(secrets / "key"))
    assert code == 0, err
    places["import"] = (out + err).encode()
    (secrets / "key").unlink()
    (cli.folder / "opened").unlink(missing_ok=True)  # of the import, which is a process of its own

    daemon = await cli.spawn("run", "--live")
    status = await cli.until(lambda found: found["transactions"].get("confirmed", 0) > 0, "status", within=120)
    tree = [daemon.pid, *children(daemon.pid)]
    assert len(tree) >= 4  # the signer, the fork and a worker of the sandbox among them
    places |= seen_by_others(tree)
    signer = next(pid for pid in tree if b"sentinel.signing.process" in places[f"cmdline of {pid}"])
    memory = await asyncio.to_thread(_memory, daemon.pid)
    if memory is not None:  # where the kernel lets one process read another's
        places["memory of the daemon"] = memory
        assert WALLET.lower().encode() in memory.lower()
    places |= await served(status["web"]) | await told(cli)
    cycle = next(line["id"] for line in await cli.json("decisions", "-n", "500") if line["act"])
    places["replay"] = "".join((await cli("replay", str(cycle)))[1:]).encode()
    for name, value in cli.settings.items():
        monkeypatch.setenv(name, value)
    settings = load(None)
    places["repr of the settings"] = f"{settings!r}{settings}{settings.model_dump_json()}".encode()

    daemon.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(daemon.wait(), 20) == 0
    opened = (cli.folder / "opened").read_text().splitlines()
    assert any(line.startswith(f"{daemon.pid} ") and "devnet.toml" in line for line in opened)
    assert [line for line in opened if str(secrets) in line] == []
    assert not [line for line in opened if line.startswith(f"{signer} ")]  # it has an environment of its own
    places |= written(cli.folder, secrets / "password")
    assert any(name.endswith("journal.sqlite3") for name in places)
    assert len(places["file stderr"]) > 1_000
    assert WALLET.lower().encode() in b"".join(places.values()).lower()  # the search does see what is there
    assert found_in(places, SHAPES) == []


def test_the_search_finds_what_it_looks_for() -> None:
    """The search itself: each shape of the key is found where it stands."""
    for shape, secret in SHAPES.items():
        assert f"{shape} in x" in found_in({"x": b"..." + secret + b"..."}, SHAPES)


def _memory(pid: int) -> bytes | None:
    """All that the process has written to and can still read."""
    found = bytearray()
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                area, rights = line.split()[:2]
                start, end = (int(place, 16) for place in area.split("-"))
                if rights.startswith("rw"):
                    with contextlib.suppress(OSError, ValueError):
                        memory.seek(start)
                        found += memory.read(end - start)
    except PermissionError:
        return None
    return bytes(found)
