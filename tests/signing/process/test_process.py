"""The signer's real process: what it signs, what it refuses, what it remembers, and what cannot take it down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from sentinel.core.errors import OperatorError, SettingsError, SignerRefused, SignerUnavailable
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.observe.logs import logger
from sentinel.signing.client import ask, ask_greeting, send_caps
from sentinel.signing.process.daily_caps import DayCaps
from sentinel.signing.process.keys import LocalKey
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.signer_process import own_limits
from sentinel.signing.process.signing_ledger import FILE, SigningLedger
from sentinel.signing.process.socket_server import SignerServer
from tests.signing.process.world import (
    CAPS,
    FEES,
    KEY,
    NETWORK,
    USDC,
    WALLET,
    cancel,
    permit,
    records,
    running,
    settings,
    trade,
)

CHAIN = 31337
STRANGER = "0x" + "9" * 40


async def refused(what: Any) -> str:
    """The rule that said no."""
    with pytest.raises(SignerRefused) as error:
        await what
    return error.value.rule


async def test_it_signs_what_is_allowed_and_counts_it(tmp_path: Path) -> None:
    """Transaction and permit recover to the wallet; a bump counts once; the caps of the day hold."""
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert client.address == WALLET
        first = trade(1500)
        signed = await client.sign_transaction(CHAIN, 7, first, FEES)
        assert Account.recover_transaction(signed.raw) == WALLET
        signature = await client.sign_permit(permit(1500))
        typed = encode_typed_data(full_message=permit(1500))
        assert Account.recover_message(typed, signature=signature) == WALLET

        bumped = await client.sign_transaction(CHAIN, 7, first, Fees(60 * GWEI, 3 * GWEI))
        assert bumped.tx_hash != signed.tx_hash
        assert await refused(client.sign_transaction(CHAIN, 8, trade(1500), FEES)) == "volume"
        await client.sign_transaction(CHAIN, 8, trade(1000), FEES)  # 2,500 in all: the bump was counted once
        assert await refused(client.sign_transaction(CHAIN, 9, trade(1), FEES)) == "volume"
        await client.sign_transaction(CHAIN, 9, cancel(), FEES)
    told = records(tmp_path)
    assert [kind for kind, _ in told] == [
        *("opened", "caps", "signed", "permit", "signed", "refused", "signed", "refused", "signed")
    ]
    assert [body.get("taken") for kind, body in told if kind == "signed"] == [
        *({USDC.lower(): "1500000000"}, {}, {USDC.lower(): "1000000000"}, {})
    ]
    assert signature.hex()[:64] not in json.dumps(told)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_counters_and_nonces_survive_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    """However the process ends: the day's volume stands, and a nonce stays with the bytes it was signed for."""
    first = trade(2000)
    async with running(tmp_path) as keeper:
        await keeper.client.sign_transaction(CHAIN, 3, first, FEES)
        assert keeper.child is not None
        os.kill(keeper.child.pid, end)
        await keeper.child.wait()
        with pytest.raises(SignerUnavailable):
            await keeper.client.sign_transaction(CHAIN, 3, first, FEES)
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(CHAIN, 4, trade(501), FEES)) == "volume"
        assert await refused(client.sign_transaction(CHAIN, 3, trade(1), FEES)) == "nonce"
        again = await client.sign_transaction(CHAIN, 3, first, FEES)
        assert Account.recover_transaction(again.raw) == WALLET
        await client.sign_transaction(CHAIN, 3, cancel(), FEES)
        await client.sign_transaction(CHAIN, 4, trade(500), FEES)


async def test_a_record_that_is_gone_is_no_fresh_start(tmp_path: Path) -> None:
    """Counters are never forgotten in silence: without its file the signer does not start, and says why."""
    async with running(tmp_path) as keeper:
        await keeper.client.sign_transaction(CHAIN, 0, trade(100), FEES)
    (tmp_path / "state" / "signer" / FILE).unlink()
    with pytest.raises(SettingsError, match="has been in use"):
        async with running(tmp_path):
            pass


async def test_one_key_has_one_signer(tmp_path: Path) -> None:
    """A second signer on the same record ends with a clear message, and the first one goes on."""
    async with running(tmp_path) as keeper:
        with pytest.raises(SettingsError, match="another Sentinel signs"):
            async with running(tmp_path, wallet={"dev_key_file": tmp_path / "key"}):
                pass
        assert keeper.child is not None
        assert (await ask_greeting(keeper.client.path)).pid == keeper.child.pid


HOSTILE = (
    b"\n",
    b"{}\n",
    b"[1]\n",
    b'"x"\n',
    b"\xff\xfe\x00\n",
    b'{"v": 1}\n',
    b'{"v": 2, "do": "hello"}\n',
    b'{"v": 1, "do": "hello", "more": 1}\n',
    b'{"v": 1, "do": "sign_hash", "hash": "0x' + b"11" * 32 + b'"}\n',
    b'{"v": 1, "do": "sign_message", "message": "I owe you"}\n',
    b'{"v": 1, "do": "sign_transaction"}\n',
    b'{"v": 1, "do": "sign_transaction", "chain_id": 31337, "nonce": true, "tx": {}, "fees": {}}\n',
    b'{"v": 1, "do": "sign_transaction", "chain_id": 31337, "nonce": -1, "tx": 3, "fees": null}\n',
    b'{"v": 1, "do": "sign_permit", "typed_data": []}\n',
    b'{"v": 1, "do": "sign_permit", "typed_data": {"domain": {}, "message": {"details": 1e400}}}\n',
    b'{"v": 1, "do": "sign_permit", "typed_data": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}\n",
    b'{"v": 1, "do": "sign_transaction", "chain_id": ' + b"9" * 5000 + b', "nonce": 0, "tx": {}, "fees": {}}\n',
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
        await keeper.client.sign_transaction(CHAIN, 0, trade(1), FEES)
        assert keeper.child.pid == pid
        assert keeper.child.running


async def test_it_refuses_what_is_not_its_business(tmp_path: Path) -> None:
    """Other chains, other recipients, other permits, far deadlines and boundless fees; caps that are set stay."""
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(1, 0, trade(1), FEES)) == "chain"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(1, recipient=STRANGER), FEES)) == "recipient"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(1, ahead=1000), FEES)) == "deadline"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(2001), FEES)) == "amount"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(1), Fees(201 * GWEI, 1))) == "fee"
        assert await refused(client.sign_permit({**permit(1), "primaryType": "Order"})) == "permit"
        assert await refused(client.sign_permit(permit(2001))) == "amount"
        caps = {USDC: 10**30}
        assert await refused(send_caps(client.path, caps, caps, caps)) == "caps"
        with pytest.raises(SignerUnavailable, match="known requests"):
            await ask(client.path, "sign_hash", hash="0x" + "11" * 32)


async def test_before_its_caps_are_set_it_is_not_ready(tmp_path: Path) -> None:
    """Nothing is signed, and nothing refused, which would end an intent: it waits, and is signed afterwards."""
    async with running(tmp_path, caps=False) as keeper:
        client = keeper.client
        for asked in (trade(1), cancel()):
            with pytest.raises(SignerUnavailable, match="not set yet"):
                await client.sign_transaction(CHAIN, 0, asked, FEES)
        with pytest.raises(SignerUnavailable, match="not set yet"):
            await client.sign_permit(permit(1))
        await keeper.allow(CAPS)
        await client.sign_transaction(CHAIN, 0, trade(1), FEES)
    assert [kind for kind, _ in records(tmp_path)] == ["opened", "caps", "signed"]


async def test_another_life_of_the_day_gets_no_higher_caps(tmp_path: Path) -> None:
    """A daemon that hands higher caps to a new child, or other tokens, is held to the day's first; the log says so."""
    async with running(tmp_path):
        pass
    async with running(tmp_path, limits={"max_trade": 5000.0, "max_daily_volume": 50_000.0}) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(CHAIN, 0, trade(2001), FEES)) == "amount"
        await client.sign_transaction(CHAIN, 0, trade(2000), FEES)
        assert await refused(client.sign_transaction(CHAIN, 1, trade(501), FEES)) == "volume"
    assert "signer.caps_unchanged" in (tmp_path / "state" / "signer.log").read_text()
    async with running(tmp_path, caps=False) as keeper:
        everything, nothing = {USDC: 10**30}, dict[str, int]()
        assert await refused(send_caps(keeper.client.path, everything, nothing, everything)) == "caps"
        with pytest.raises(SignerUnavailable, match="not set yet"):
            await keeper.client.sign_transaction(CHAIN, 1, trade(1), FEES)


async def test_caps_that_somebody_else_set_are_not_accepted(tmp_path: Path) -> None:
    """Where another program was quicker the daemon does not start; a child with caps of its own is no such case."""
    async with running(tmp_path, caps=False) as keeper:
        caps = {USDC: 10**30}
        await send_caps(keeper.client.path, caps, caps, caps)
        with pytest.raises(OperatorError, match="somebody else"):
            await keeper.allow(CAPS)
    own = {"max_trade": "USDC=5,WETH=1", "max_approval": "USDC=50,WETH=1", "max_daily_volume": "USDC=7,WETH=1"}
    async with running(tmp_path, signer=own) as keeper:
        assert await refused(keeper.client.sign_transaction(CHAIN, 0, trade(6), FEES)) == "amount"
        await keeper.client.sign_transaction(CHAIN, 0, trade(5), FEES)


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


@pytest.mark.parametrize("peer", [None, os.getuid(), os.getuid() + 1])
async def test_the_user_that_is_named_is_answered(tmp_path: Path, peer: int | None) -> None:
    """Our own where none is named; else that one alone, through a socket that its group may open."""
    key = LocalKey(bytes.fromhex(KEY))
    book = SigningLedger.open(tmp_path / "book", CHAIN, key.address, DayCaps({}, 1, 1))
    limits, _ = own_limits(settings(tmp_path), NETWORK, child=True)
    path = tmp_path / "s.sock"
    server = SignerServer(path, LocalSigner(key, limits, ledger=book), book, logger(), peer=peer, open_caps=False)
    await server.start()
    try:
        assert path.stat().st_mode & 0o777 == (0o600 if peer is None else 0o660)
        if peer in (None, os.getuid()):
            assert (await ask_greeting(path)).address == WALLET
        else:
            with pytest.raises(SignerUnavailable):
                await ask_greeting(path)
    finally:
        await server.stop()
        book.close()


async def test_it_ends_with_the_daemon_that_started_it(tmp_path: Path) -> None:
    """A daemon that is killed takes its signer along, and the socket answers nobody."""
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom tests.signing.process.world import running\n"
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
            channel.sendall(b'{"v": 1, "do": "hello"}\n')
            return channel.recv(1000)
        except ConnectionError:
            return b""


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


def test_a_signer_by_itself_needs_its_own_caps(tmp_path: Path) -> None:
    """`sentinel signer` without caps by token is a configuration error that names them."""
    (tmp_path / "key").write_text(KEY)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")},
        "SENTINEL_WALLET__DEV_KEY_FILE": str(tmp_path / "key"),
        "SENTINEL_STATE_DIR": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "sentinel", "signer"], env=environment, capture_output=True, timeout=30, text=True
    )
    assert done.returncode == 4
    assert "SENTINEL_SIGNER__MAX_TRADE" in done.stderr


async def test_a_daemon_connects_to_a_signer_by_itself(tmp_path: Path) -> None:
    """With a socket named, the daemon starts nothing, sets no caps, and trades within the signer's own."""
    (tmp_path / "key").write_text(KEY)
    path = tmp_path / "own" / "s.sock"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")},
        "SENTINEL_WALLET__DEV_KEY_FILE": str(tmp_path / "key"),
        "SENTINEL_WALLET__SIGNER_SOCKET": str(path),
        "SENTINEL_STATE_DIR": str(tmp_path / "own"),
        "SENTINEL_SIGNER__MAX_TRADE": "USDC=5,WETH=1",
        "SENTINEL_SIGNER__MAX_APPROVAL": "USDC=50,WETH=1",
        "SENTINEL_SIGNER__MAX_DAILY_VOLUME": "USDC=7,WETH=1",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sentinel", "signer", env=environment)
    try:
        for _ in range(400):
            if path.exists():
                break
            await asyncio.sleep(0.05)
        async with running(tmp_path, wallet={"signer_socket": path}) as keeper:
            assert keeper.child is None
            await keeper.client.sign_transaction(CHAIN, 0, trade(5), FEES)
            assert await refused(keeper.client.sign_transaction(CHAIN, 1, trade(6), FEES)) == "amount"
            assert await refused(keeper.client.sign_transaction(CHAIN, 1, trade(3), FEES)) == "volume"
            assert await keeper.probe() == (True, f"the signer holds the key of {WALLET}")
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    with pytest.raises(OperatorError, match="sentinel signer"):
        async with running(tmp_path, wallet={"signer_socket": path}):
            pass
