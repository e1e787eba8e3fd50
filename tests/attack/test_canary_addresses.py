"""I23 for what is no wallet key: the keys of endpoints, in their addresses and in a file, are told to nobody else."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel.chain.socket_rpc import SocketRpc
from sentinel.market import Devnet
from tests.attack.keyed import Hosted
from tests.attack.searched import children, found_in, seen_by_others, served, told, written
from tests.daemon.endpoint import NAME, Endpoint
from tests.daemon.running import Cli, moving

pytestmark = pytest.mark.attack("secrets told to others", "contained")

SECRETS = {"key in the path": b"canary-path-5d1e7a90", "key in the query": b"canary-query-77ab02c4"}
SECRETS |= {"key of the model": b"canary-model-93f0cc21"}


@pytest.fixture
async def hosted(devnet: Devnet) -> AsyncIterator[Hosted]:
    path, query, _ = (secret.decode() for secret in SECRETS.values())
    async with moving(devnet, 0.6), Hosted(devnet.rpc_url, devnet.ws_url, path, query) as endpoint:
        yield endpoint


@pytest.fixture
async def cli(devnet: Devnet, hosted: Hosted, tmp_path: Path) -> AsyncIterator[Cli]:
    """A live daemon whose endpoint and model both want a key; addresses stand in `.env`, as they do for most."""
    model = Endpoint()
    await model.start()
    key = tmp_path / "model-key"
    key.touch(mode=0o600)
    key.write_bytes(SECRETS["key of the model"])
    cli = await Cli.on(devnet, tmp_path)
    for name in ("SENTINEL_RPC__URL", "SENTINEL_RPC__WS_URL"):
        del cli.settings[name]
    (tmp_path / ".env").touch(mode=0o600)
    (tmp_path / ".env").write_text(f"SENTINEL_RPC__URL={hosted.url}\nSENTINEL_RPC__WS_URL={hosted.ws_url}\n")
    cli.settings |= {
        "SENTINEL_PROPOSER": "student",
        "SENTINEL_MODEL__URL": model.url,
        "SENTINEL_MODEL__NAME": NAME,
        "SENTINEL_MODEL__API_KEY_FILE": str(key),
        "SENTINEL_EXECUTION__CONFIRMATIONS": "1",
        "SENTINEL_LOG__LEVEL": "debug",
    }
    yield cli
    await cli.end()
    await model.stop()


async def test_keys_of_endpoints_are_nowhere_but_where_they_were_given(cli: Cli, hosted: Hosted) -> None:
    """Traded with, complained about by the endpoint itself, stopped: the search finds none of them."""
    daemon = await cli.spawn("run", "--live")
    status = await cli.until(lambda found: found["transactions"].get("confirmed", 0) > 0, "status", within=120)
    tree = [daemon.pid, *children(daemon.pid)]
    assert len(tree) >= 4  # the signer, the fork and a worker of the sandbox among them
    places = seen_by_others(tree)
    forked = next(data.split(b"\0") for data in places.values() if b"--fork-url" in data)
    async with SocketRpc(Path(forked[forked.index(b"--ipc") + 1].decode())) as fork:
        places["anvil_nodeInfo"] = json.dumps(await fork.call("anvil_nodeInfo")).encode()
    assert b"forkUrl" in places["anvil_nodeInfo"]
    hosted.complaints = 12  # in a row: they are logged, held on and journaled
    await cli.until(lambda _: hosted.complaints == 0, "status", within=60)
    seen = status["cycles"]
    await cli.until(lambda found: found["cycles"] > seen + 3, "status", within=60)
    places |= await served(status["web"]) | await told(cli)
    daemon.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(daemon.wait(), 30) == 0
    places |= written(cli.folder, cli.folder / ".env", cli.folder / "model-key")
    assert any(name.endswith("journal.sqlite3") for name in places)
    assert b"is over its rate" in places["file stderr"]  # the complaint did come through, less its secrets
    assert found_in(places, SECRETS) == []
