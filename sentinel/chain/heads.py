"""New heads, in order and without holes: subscribed over WebSocket, or polled where there is only an HTTP endpoint.

    async for head in HeadStream(rpc, ws_urls): ...

Each head that is yielded is the child of the one before it, but for two cases that the consumer can tell by its
number: after a reorg the next head's number is not higher than the last one's (the new branch is yielded from where
it left the old one), and after a pause longer than `backfill` blocks the numbers jump.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing

import aiohttp
import structlog
from eth_utils.address import to_checksum_address
from pydantic_core import from_json

from sentinel.chain.rpc import Endpoint, plain, quantity, redact
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash

log = structlog.get_logger("sentinel.chain.heads")

_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_HEARTBEAT = 20.0  # seconds between WebSocket pings; a dead peer is noticed without any head


def parse_head(raw: object) -> Head:
    """A block object of any JSON-RPC reply. Raises RpcError where it is not one (null: the block is not known)."""
    if not isinstance(raw, dict):
        raise RpcError(f"the node knows no such block: {str(raw)[:80]}")
    try:
        return Head(
            number=quantity(raw["number"], 63),
            hash=_hash(raw["hash"]),
            parent_hash=_hash(raw["parentHash"]),
            timestamp=quantity(raw["timestamp"], 48),
            base_fee=quantity(raw.get("baseFeePerGas") or "0x0"),
            gas_limit=quantity(raw["gasLimit"], 63),
            coinbase=to_checksum_address(raw["miner"]),
            prev_randao=_hash(raw.get("mixHash") or "0x" + "00" * 32),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RpcError(f"the node's block is malformed: {type(error).__name__} {error}") from error


def _hash(value: object) -> HexHash:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError(f"no hash: {str(value)[:80]!r}")
    return HexHash(value)


async def latest_head(rpc: Endpoint) -> Head:
    return parse_head(await rpc.call("eth_getBlockByNumber", "latest", False))


async def heads_by_number(rpc: Endpoint, numbers: Iterable[int]) -> list[Head]:
    """In one batch, in the order asked. Raises RpcError when one is missing."""
    replies = await rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    for reply in replies:
        if isinstance(reply, RpcError):
            raise reply
    return [parse_head(reply) for reply in replies]


class HeadStream:
    """Reconnects for ever, with capped and jittered pauses. Iterate it once; counters are for metrics."""

    def __init__(
        self,
        rpc: Endpoint,
        ws_urls: tuple[str, ...] = (),
        *,
        poll_every: float = 1.0,
        stall_after: float = 60.0,
        backfill: int = 64,
        max_pause: float = 15.0,
        on_reorg: Callable[[int], object] | None = None,
    ) -> None:
        """Times are seconds. Of `ws_urls` the next one is taken where one fails.

        `backfill` is the most missed or reorged blocks that are looked up and remembered.

        `on_reorg` is told the lowest number that was replaced, before the new branch's first head is yielded: a
        consumer that takes only the newest head would not see it.
        """
        self._rpc = rpc
        self._ws_urls = ws_urls
        self._ws_turn = 0  # which of them; the next one after each failure
        self._poll_every = poll_every
        self._stall_after = stall_after
        self._backfill = backfill
        self._max_pause = max_pause
        self._on_reorg = on_reorg
        self._recent: dict[int, str] = {}  # number -> hash of what was yielded, ascending
        self.reconnects = 0
        self.backfilled = 0
        self.reorgs = 0

    def __aiter__(self) -> AsyncIterator[Head]:
        return self._heads()

    async def _heads(self) -> AsyncGenerator[Head]:
        async with aclosing(self._notices()) as notices:
            async for notice in notices:
                try:
                    branch = await self._since_last(notice)
                except Unavailable as error:
                    log.warning("heads.backfill_failed", number=notice.number, error=str(error))
                    continue  # nothing was noted, so the next notice looks the same blocks up again
                for head in branch:
                    yield head

    # ------------------------------------------------------------ where notices come from

    async def _notices(self) -> AsyncGenerator[Head]:
        failures = 0
        while True:
            try:
                async with aclosing(self._subscribed(self._ws_url) if self._ws_url else self._polled()) as notices:
                    async for head in notices:
                        failures = 0
                        yield head
            except (aiohttp.ClientError, OSError, Unavailable) as error:
                self.reconnects += 1
                pause = min(self._max_pause, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)
                failures += 1
                self._ws_turn += 1
                log.warning("heads.reconnect", error=f"{type(error).__name__}: {plain(error)}", pause=round(pause, 2))
                await asyncio.sleep(pause)

    @property
    def _ws_url(self) -> str:
        """Empty: there is none."""
        return self._ws_urls[self._ws_turn % len(self._ws_urls)] if self._ws_urls else ""

    async def _subscribed(self, ws_url: str) -> AsyncGenerator[Head]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(ws_url, heartbeat=_HEARTBEAT, timeout=aiohttp.ClientWSTimeout(ws_close=1)) as ws,
        ):
            await ws.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            yield await latest_head(self._rpc)  # what came while we were not connected
            while True:
                try:
                    message = await ws.receive(timeout=self._stall_after)
                except TimeoutError:
                    yield await self._after_silence()
                    continue
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise RpcError(f"{redact(ws_url)}: the WebSocket ended ({message.type.name.lower()})")
                head = _notified(message.data)
                if head is not None:
                    yield head

    async def _after_silence(self) -> Head:
        """The head that the node has after `stall_after` without a notice. A newer one means a dead subscription."""
        head = await latest_head(self._rpc)
        if self._recent and head.number > max(self._recent):
            raise RpcError(f"{redact(self._ws_url)}: the subscription fell silent while the chain went on")
        self._stall(head)
        return head

    async def _polled(self) -> AsyncGenerator[Head]:
        seen, silent_since = "", asyncio.get_running_loop().time()
        while True:
            head = await latest_head(self._rpc)
            now = asyncio.get_running_loop().time()
            if head.hash != seen:
                seen, silent_since = head.hash, now
                yield head
            elif now - silent_since > self._stall_after:
                silent_since = now
                self._stall(head)
            await asyncio.sleep(self._poll_every)

    def _stall(self, head: Head) -> None:
        log.warning("heads.stalled", number=head.number, seconds=self._stall_after)

    # ------------------------------------------------------------ what a notice means

    async def _since_last(self, head: Head) -> list[Head]:
        """The blocks from the last one that was yielded (or from where the chains part) up to `head`, oldest first.

        Empty where `head` is known already: a repeated notice, or a node that is behind. So it is below all that is
        remembered: that a node far behind has taken over is likelier than so deep a reorg, which shows itself as soon
        as its branch has reached a height that we know.
        """
        if self._recent.get(head.number) == head.hash:
            return []
        if self._recent and head.number < min(self._recent):
            log.info("heads.lagging", number=head.number, newest=max(self._recent))
            return []
        branch = [head]
        if self._recent:
            newest, oldest = max(self._recent), min(self._recent)
            gap = range(max(newest + 1, head.number - self._backfill), head.number)
            for older in reversed(await heads_by_number(self._rpc, gap)):
                if older.hash != branch[0].parent_hash:
                    break  # the node changed its branch between the notice and now; walk by hash below
                branch.insert(0, older)
            while branch[0].number > oldest and len(branch) <= self._backfill:
                if self._recent.get(branch[0].number - 1) == branch[0].parent_hash:
                    break
                branch.insert(0, parse_head(await self._rpc.call("eth_getBlockByHash", branch[0].parent_hash, False)))
            self._note(branch, newest)
        for new in branch:
            self._recent[new.number] = new.hash
        for number in sorted(self._recent)[: -self._backfill - 1]:
            del self._recent[number]
        return branch

    def _note(self, branch: list[Head], newest: int) -> None:
        depth = newest - branch[0].number + 1
        if depth > 0:
            self.reorgs += 1
            log.warning("heads.reorg", depth=depth, number=branch[-1].number, hash=branch[-1].hash)
            for number in [number for number in self._recent if number >= branch[0].number]:
                del self._recent[number]
            if self._on_reorg is not None:
                self._on_reorg(branch[0].number)
        elif len(branch) > 1 or depth < 0:
            self.backfilled += len(branch) - 1
            log.info("heads.backfilled", blocks=len(branch) - 1, missing=-depth, number=branch[-1].number)


def _notified(text: str) -> Head | None:
    """The head in a subscription message; None for the reply to eth_subscribe. Raises RpcError for an error reply."""
    try:
        message = from_json(text)
    except ValueError as error:
        raise RpcError(f"the WebSocket sent no JSON: {text[:80]!r}") from error
    if not isinstance(message, dict):
        raise RpcError(f"the WebSocket sent no JSON-RPC object: {text[:80]!r}")
    if "error" in message:
        raise RpcError(f"eth_subscribe: {plain(message['error'])}")
    if message.get("method") != "eth_subscription":
        return None
    params = message.get("params")
    return parse_head(params.get("result") if isinstance(params, dict) else None)
