"""Children end with us, whatever happens to either side."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.chain.anvil import find_anvil, start_anvil
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import OperatorError, RpcTimeout
from sentinel.core.host.process import Child, ChildFailed
from tests.frozen import wait_until_stopped


def alive(pid: int) -> bool:
    """A zombie does not count: it has ended and waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int, within: float = 5.0) -> bool:
    return await eventually(lambda: not alive(pid), within)


async def number(path: Path) -> int:
    assert await eventually(lambda: read(path).endswith("\n"), 20)
    return int(read(path))


async def eventually(condition: Callable[[], bool], within: float) -> bool:
    for _ in range(round(within / 0.02)):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return condition()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_stopping_ends_the_whole_group(tmp_path: Path) -> None:
    """Grandchildren go too, even one that ignores SIGTERM."""
    note = tmp_path / "pid"
    script = f"sh -c 'trap \"\" TERM; echo $$ > {note}; while :; do sleep 1; done' & wait"
    async with Child("family", ["/bin/sh", "-c", script], stop_within=1.0) as child:
        grandchild = await number(note)
        assert alive(grandchild)
        pid = child.pid
    assert await gone(grandchild)
    assert await gone(pid)


async def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    """SIGKILL of the process that started it ends the child and the grandchild."""
    note = tmp_path / "pid"
    program = (
        "import asyncio\n"
        "from sentinel.core.host.process import Child\n"
        "async def main():\n"
        f"    await Child('c', ['/bin/sh', '-c', 'sleep 600 & echo $! > {note}; wait']).start()\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    grandchild = await number(note)
    parent.kill()
    await parent.wait()
    assert await gone(grandchild)


async def test_a_killed_parent_leaves_nothing_even_of_a_frozen_child(tmp_path: Path) -> None:
    """A child that hangs when its parent dies is ended too."""
    note = tmp_path / "pid"
    program = (
        "import asyncio\n"
        "from sentinel.core.host.process import Child\n"
        "async def main():\n"
        f"    child = await Child('c', ['/bin/sh', '-c', 'echo $$ > {note}; exec sleep 600']).start()\n"
        "    await asyncio.sleep(0.5)\n"
        "    child.suspend()\n"
        f"    open('{note}.frozen', 'w').write('yes')\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    child = await number(note)
    assert await eventually(tmp_path.joinpath("pid.frozen").exists, 20)
    parent.kill()
    await parent.wait()
    assert await gone(child)


async def test_a_child_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    """A failed start says what the program wrote, and is no running child."""

    async def never() -> bool:
        return False

    log = tmp_path / "log"
    child = Child("broken", ["/bin/sh", "-c", "echo no such model >&2; exit 3"], log=log, ready=never)
    with pytest.raises(ChildFailed, match=r"(?s)ended with 3.*no such model"):
        await child.start()
    assert not child.running


async def test_a_child_that_is_never_ready_is_ended() -> None:
    """Waiting for readiness is bounded, and the command does not stay behind."""

    async def never() -> bool:
        raise OSError("connection refused")

    child = Child("slow", ["sleep", "600"], ready=never, ready_within=0.2)
    with pytest.raises(ChildFailed, match="not ready within"):
        await child.start()
    assert not child.running


async def test_environment_and_exit_status_pass_through(tmp_path: Path) -> None:
    """The command is run as given: its own environment, its own exit status, arguments untouched."""
    out = tmp_path / "log"
    command = ["/bin/sh", "-c", 'echo "$GREETING $1"; exit 7', "sh", "two  words; $HOME"]
    child = await Child("echo", command, log=out, env={"GREETING": "hello"}).start()
    assert await child.wait() == 7
    await child.stop()
    assert out.read_text() == "hello two  words; $HOME\n"


async def test_a_frozen_anvil_answers_again_and_can_be_stopped() -> None:
    """suspend makes a node hang without closing its port; resume mends it; a frozen one still stops."""
    child, url = await start_anvil()
    pid = child.pid
    try:
        async with Rpc(url) as rpc:
            child.suspend()
            wait_until_stopped(pid)
            with pytest.raises(RpcTimeout):
                await rpc.call("eth_chainId", timeout=0.2)
            child.resume()
            assert await rpc.call("eth_chainId") == "0x7a69"
            child.suspend()
    finally:
        await child.stop()
    assert await gone(pid)


async def test_a_taken_port_is_an_error_that_leaves_nothing() -> None:
    """Two nodes never share a port, and the second start fails instead of talking to the first node."""
    child, url = await start_anvil()
    try:
        with pytest.raises(ChildFailed, match="taken"):
            await start_anvil(port=int(url.rsplit(":", 1)[1]))
    finally:
        await child.stop()


def test_another_anvil_version_is_refused(tmp_path: Path) -> None:
    """Only the pinned Anvil simulates as we measured it."""
    other = tmp_path / "anvil"
    other.write_text("#!/bin/sh\necho 'anvil Version: 1.8.0-stable'\n")
    other.chmod(0o755)
    with pytest.raises(OperatorError, match=r"1\.8\.0.*pinned to 1\.7\.1"):
        find_anvil(other)
    with pytest.raises(OperatorError, match="not a file"):
        find_anvil(tmp_path / "nothing")
