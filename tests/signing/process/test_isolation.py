"""The signer's process among others: who is answered, what cannot take it down, and what it shows to nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from sentinel.core.errors import SignerUnavailable
from sentinel.observe.logs import logger
from sentinel.signing.client import SignerClient, ask_enforced, ask_greeting, send_caps
from sentinel.signing.process.daily_caps import DayCaps
from sentinel.signing.process.keys import LocalKey
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.signer_process import own_limits
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.process.socket_server import SignerServer
from tests.signing.process.world import ANSWERS, CHAIN, FEES, KEY, NETWORK, WALLET, permit, running, settings, trade

HOSTILE = (
    b"\n",
    b"{}\n",
    b"[1]\n",
    b'"x"\n',
    b"\xff\xfe\x00\n",
    b'{"v": 2}\n',
    b'{"v": 1, "do": "hello"}\n',
    b'{"v": 2, "do": "hello", "more": 1}\n',
    b'{"v": 2, "do": "sign_hash", "hash": "0x' + b"11" * 32 + b'"}\n',
    b'{"v": 2, "do": "sign_message", "message": "I owe you"}\n',
    b'{"v": 2, "do": "sign_transaction"}\n',
    b'{"v": 2, "do": "sign_transaction", "chain_id": 31337, "nonce": true, "tx": {}, "fees": {}}\n',
    b'{"v": 2, "do": "sign_transaction", "chain_id": 31337, "nonce": -1, "tx": 3, "fees": null}\n',
    b'{"v": 2, "do": "sign_permit", "typed_data": []}\n',
    b'{"v": 2, "do": "sign_permit", "typed_data": {"domain": {}, "message": {"details": 1e400}}}\n',
    b'{"v": 2, "do": "sign_permit", "typed_data": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}\n",
    b'{"v": 2, "do": "sign_transaction", "chain_id": ' + b"9" * 5000 + b', "nonce": 0, "tx": {}, "fees": {}}\n',
    b"[" * 60_000 + b"\n",
    b"x" * 200_000 + b"\n",
    b"half a line",
)


async def test_nothing_that_it_is_sent_takes_it_down(tmp_path: Path) -> None:
    """Each hostile line is answered with a no, or dropped; afterwards the same process signs."""
    async with running(tmp_path) as keeper:
        assert keeper.child is not None
        pid = keeper.child.pid
        for line in HOSTILE:
            reader, writer = await asyncio.open_unix_connection(str(keeper.client.path))
            writer.write(line)
            writer.write_eof()
            with_answer = await asyncio.wait_for(reader.read(), 5)
            assert with_answer == b"" or b'"ok": false' in with_answer
            assert b"signature" not in with_answer
            writer.close()
        idle = [await asyncio.open_unix_connection(str(keeper.client.path)) for _ in range(40)]
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.05)
        await keeper.client.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)
        assert keeper.child.pid == pid
        assert keeper.child.running


async def test_only_its_own_user_is_answered(tmp_path: Path) -> None:
    """The kernel's word on the peer counts, even where the permissions would let another user in."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        async with running(folder := Path(place)) as keeper:
            path = keeper.client.path
            assert path.stat().st_mode & 0o777 == 0o600
            if os.getuid() == 0:  # only root can become another user
                for opened in (folder, path.parent, path):
                    opened.chmod(0o777)
                assert WALLET.encode() not in await asyncio.to_thread(_as_nobody, path)
                assert "signer.unknown_peer" in (path.parent / "signer.log").read_text()


def _as_nobody(path: Path) -> bytes:
    """What another user is answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(5)
        os.seteuid(65534)  # the kernel tells the other side who connected
        try:
            channel.connect(str(path))
        finally:
            os.seteuid(0)
        try:
            channel.sendall(b'{"v": 2, "do": "hello"}\n')
            return channel.recv(1000)
        except ConnectionError:
            return b""


@pytest.mark.parametrize("peer", [None, os.getuid(), os.getuid() + 1])
async def test_the_user_that_is_named_is_answered(tmp_path: Path, peer: int | None) -> None:
    """Our own where none is named; else that one alone, through a socket that its group may open. The signer's own user
    may then only ask what is enforced."""
    key = LocalKey(bytes.fromhex(KEY))
    book = SigningLedger.open(tmp_path / "book", CHAIN, key.address, DayCaps({}, 1, 1, 1))
    limits, _ = own_limits(settings(tmp_path), NETWORK, child=True)
    path = tmp_path / "s.sock"
    server = SignerServer(path, LocalSigner(key, limits, ledger=book), book, logger(), peer=peer, open_caps=False)
    await server.start()
    try:
        assert path.stat().st_mode & 0o777 == (0o600 if peer is None else 0o660)
        if peer in (None, os.getuid()):
            assert (await ask_greeting(path)).address == WALLET
        else:
            assert (await ask_enforced(path))["address"] == WALLET
            client = SignerClient(path, WALLET)
            for request in (client.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS), client.sign_permit(permit(1))):
                with pytest.raises(SignerUnavailable, match=f"user {peer} alone"):
                    await request
            with pytest.raises(SignerUnavailable, match="alone"):
                await send_caps(path, {}, {}, {}, {})
            assert book.spent.signatures == 0
    finally:
        await server.stop()
        book.close()


async def test_it_ends_with_the_daemon_that_started_it(tmp_path: Path) -> None:
    """A daemon that is killed takes its signer along, and the socket answers nobody."""
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom tests.signing.process.world import ANSWERS, running\n"
        "async def main():\n    async with running(Path(sys.argv[1])) as keeper:\n"
        "        print(keeper.child.pid, flush=True)\n        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    pid = int(await asyncio.wait_for(daemon.stdout.readline(), 60))
    socket_ = tmp_path / "state" / "signer.sock"
    assert (await ask_greeting(socket_)).address == WALLET
    daemon.kill()
    await daemon.wait()
    for _ in range(100):
        if not _alive(pid):
            break
        await asyncio.sleep(0.05)
    assert not _alive(pid)
    with pytest.raises(SignerUnavailable):
        await ask_greeting(socket_)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_it_is_hardened(tmp_path: Path) -> None:
    """No core dump, no privileges to gain, no key in arguments or environment, and a fault leaves no trace of it."""
    async with running(tmp_path) as keeper:
        assert keeper.child is not None
        proc = Path(f"/proc/{keeper.child.pid}")
        assert "Max core file size        0                    0" in (proc / "limits").read_text()
        assert "NoNewPrivs:\t1" in (proc / "status").read_text()
        assert (proc / "environ").stat().st_uid == 0  # not dumpable: the kernel gives its files to root
        for name in ("cmdline", "environ"):
            assert KEY.encode() not in (proc / name).read_bytes()
        assert b"CANARY_OF_THE_DAEMON" not in (proc / "environ").read_bytes()
    assert KEY not in (tmp_path / "state" / "signer.log").read_text()
