"""A promotion from end to end, as an operator does it, with two real students, real vLLM and a trading daemon.

A poor student is live. A better one is refused because it was not in shadow. Then it runs in shadow on a local market,
is judged and becomes live. The live server and the daemon switch to it without a restart. Then `--undo` is tested.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from eth_account import Account

from lab.bench.decision_time import ORDER
from sentinel.agent.model import StudentModel
from sentinel.agent.vllm_server import NAME, SCRIPT
from sentinel.core.errors import OperatorError
from sentinel.core.host.process import Child, free_port
from sentinel.core.network import NATIVE
from sentinel.distill import student_plan
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.promote import served_name
from sentinel.distill.promotion.students import StudentStore, identity
from sentinel.distill.student_recipe import make_student
from sentinel.distill.tuning import base_pin
from sentinel.distill.tuning.merge import servable
from sentinel.market import Devnet

KEY = "0x" + "9b" * 32  # holds nothing on any real chain
PURSE = {"WETH": 10**18, "USDC": 10_000 * 10**6, NATIVE: 10**18}  # base units; far from equal values
ALLOWED = {"WETH": 10**19, "USDC": 20_000 * 10**6}
BLOCK_TIME = 4.0  # seconds
PATIENCE = 900.0  # seconds for a server to start and for the blocks in shadow, on a busy machine
POOR_ROWS, POOR_STEPS, POOR_SEED = 2_000, 40, 8


def poor_student(folder: Path) -> Path:
    """An adapter that was stopped long before it reads orders. Existing files are used again."""
    plan = student_plan.load()
    tuning = plan.tuning.model_copy(update={"steps": POOR_STEPS, "seed": POOR_SEED})
    data = plan.data.model_copy(update={"count": POOR_ROWS, "seed": POOR_SEED})
    out = folder / "student"
    make_student(plan.model_copy(update={"data": data, "tuning": tuning}), base_pin.load().folder, out, work=folder)
    return out


@dataclass(slots=True)
class PromotionProof:
    """The observed facts, in order. `check` raises OperatorError at the first wrong one."""

    say: Callable[[str], None]
    seen: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def check(self, name: str, good: bool, what: Any) -> None:
        self.seen[name] = what
        self.say(f"{time.monotonic() - self.began:6.0f} s  {name}: {json.dumps(what)[:300]}")
        if not good:
            raise OperatorError(f"{name} is wrong: {json.dumps(what)}")


async def prove(
    poor: Path, new: Path, home: Path, *, heldout: int, shadow_blocks: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run all steps. `home` is an empty folder for state and logs. Raises OperatorError if a step ends wrongly."""
    proof, store = PromotionProof(say), StudentStore(home / "state" / "students")
    if store.live is not None:
        raise OperatorError(f"{home} holds students already: name an empty folder")
    with store.alone():
        first = store.promote(poor, {"why": "the poor student is live from the start"})
    proof.check("live at first", True, first.name)
    command = ("distill", "promote", str(new), "--heldout", str(heldout), "--shadow-blocks", str(shadow_blocks))
    async with Devnet.start() as net:
        proof.seen["prices"] = net.market.source
        blocks = asyncio.create_task(net.market.run(BLOCK_TIME))
        try:
            settings = await _settings(net, home)
            async with _live(home, settings) as url:
                settings["SENTINEL_MODEL__URL"] = url
                proof.check("served at first", await _root(url) == await _served_of(first.student), first.identity)
                code, report = await _sentinel(settings, *command)
                proof.check("promoted without shadow", code == 1 and report["promoted"] is None, report["reasons"])
                async with _daemon(home, settings, new, shadow_blocks) as daemon:
                    code, report = await _sentinel(settings, *command)
                    proof.check("promoted", code == 0, {"name": report["promoted"], "reasons": report["reasons"]})
                    proof.seen["evidence"] = report["evidence"]
                    after = store.live
                    assert after is not None
                    proof.check("live", after.identity == identity(new), after.name)
                    proof.check("seconds until it is served", True, await _until_served(url, after.student))
                    proof.check("decisions of both", *await _both_decided(settings))
                    code, undone = await _sentinel(settings, "distill", "promote", "--undo")
                    proof.check("undo", code == 0 and undone["live"] == first.name, undone)
                    proof.check("seconds until the old one is", True, await _until_served(url, first.student))
                    proof.check("the daemon ran all the while", daemon.running, True)
        finally:
            blocks.cancel()
            await asyncio.wait({blocks})
    proof.check("events", True, [event["event"] for event in store.history()])
    proof.check("seconds", True, round(time.monotonic() - proof.began))
    return proof.seen


async def _settings(net: Devnet, home: Path) -> dict[str, str]:
    wallet = Account.from_key(KEY).address
    await net.fund(wallet, PURSE)
    await net.allow_permit2(wallet, ALLOWED)
    key = home / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    return {
        "SENTINEL_STATE_DIR": str(home / "state"),
        "SENTINEL_RPC__URL": net.rpc_url,
        "SENTINEL_RPC__WS_URL": net.ws_url,
        "SENTINEL_FORK__PORT": "0",
        "SENTINEL_WEB__PORT": "0",
        "SENTINEL_WALLET__DEV_KEY_FILE": str(key),
        "SENTINEL_EXECUTION__CONFIRMATIONS": "1",
        "SENTINEL_STRATEGY__ORDER": ORDER,
        "SENTINEL_MODEL__TIMEOUT": "30",
    }


async def _sentinel(settings: Mapping[str, str], *arguments: str) -> tuple[int, Any]:
    """Run one command. Returns its exit code and the JSON that it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sentinel", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **settings},
    )
    out, _ = await process.communicate()
    if not out:
        raise OperatorError(
            f"sentinel {' '.join(arguments)} ended with exit code {process.returncode} and printed nothing"
        )
    return process.returncode or 0, json.loads(out)


@contextlib.asynccontextmanager
async def _server(name: str, log: Path, *arguments: str | Path, env: Mapping[str, str]) -> AsyncIterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    folder, *flags = arguments

    async def ready() -> bool:
        async with StudentModel(url, name, timeout=2.0) as probe:
            await probe.health()
        return True

    command = [SCRIPT, folder, str(port), *flags]
    async with Child("vllm", command, log=log, env=env, ready=ready, ready_within=PATIENCE, stop_within=20.0):
        yield url


@contextlib.asynccontextmanager
async def _live(home: Path, settings: Mapping[str, str]) -> AsyncIterator[str]:
    """Serve the live student like a service, which names no folder."""
    async with _server(NAME, home / "vllm-live.log", "", env=settings) as url:
        yield url


@contextlib.asynccontextmanager
async def _daemon(home: Path, settings: dict[str, str], new: Path, blocks: int) -> AsyncIterator[Child]:
    """A trading daemon, yielded after `blocks` blocks of `new` in shadow. Its shadow server stays up to the end."""
    name, log = served_name(new), home / "state" / shadow_log.FILE
    async with _server(name, home / "vllm-shadow.log", new, "--served-model-name", name, env={}) as shadow:
        env = {**settings, "SENTINEL_SHADOW__URL": shadow, "SENTINEL_SHADOW__NAME": name}
        run = [sys.executable, "-m", "sentinel", "run", "--live"]
        async with Child("daemon", run, log=home / "daemon.log", env=env, stop_within=60.0) as daemon:
            async with asyncio.timeout(PATIENCE):
                while sum(not block.failed for block in shadow_log.read(log, name)) < blocks:
                    if not daemon.running:
                        raise OperatorError(
                            f"the daemon ended with exit code {daemon.returncode}: see {home / 'daemon.log'}"
                        )
                    await asyncio.sleep(1.0)
            yield daemon


async def _root(url: str) -> Path | None:
    """The folder of the served student; None if the server does not answer."""
    try:
        within = aiohttp.ClientTimeout(2.0)
        async with aiohttp.ClientSession(timeout=within) as session, session.get(f"{url}/models") as response:
            return Path((await response.json())["data"][0]["root"])
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _served_of(student: Path) -> Path:
    """The folder that vLLM serves for a student."""
    return await asyncio.to_thread(lambda: servable(student).resolve())


async def _until_served(url: str, folder: Path) -> float:
    """Wait until the student in `folder` is served. Returns the seconds that it took."""
    started, target = time.monotonic(), await _served_of(folder)
    while await _root(url) != target:
        if time.monotonic() > started + PATIENCE:
            raise OperatorError(f"{target} is not served within {PATIENCE:g} s")
        await asyncio.sleep(0.5)
    return round(time.monotonic() - started, 1)


async def _both_decided(settings: Mapping[str, str]) -> tuple[bool, dict[str, int]]:
    """Wait for a decision after the cycles that found no model. Returns the number of cycles by reason."""
    async with asyncio.timeout(PATIENCE):
        while True:
            _, newest_first = await _sentinel(settings, "decisions", "-n", "10000", "--json")
            reasons = [line["reason"] for line in newest_first]
            if "model_unavailable" in reasons and reasons[0] not in ("model_unavailable", "model_timeout"):
                return True, dict(Counter(reasons))
            await asyncio.sleep(1.0)
