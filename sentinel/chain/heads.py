"""New heads, in order and without gaps: subscribed over WebSocket, or polled if there is only an HTTP endpoint.

    async for head in HeadStream(rpc, ws_urls): ...

Each yielded head is the child of the one before it, with two exceptions that show in its number: after a reorg the next
head's number is not higher than the last one's (the new branch is yielded from its first block), and after a pause
longer than `backfill` blocks the numbers jump.
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
_HEARTBEAT = 20.0  # seconds between WebSocket pings, which detect a dead peer even if no head arrives


def parse_head(raw: object) -> Head:
    """The head in a JSON-RPC block object. Raises RpcError if `raw` is not one (null means an unknown block)."""
    if not isinstance(raw, dict):
        raise RpcError(f"the node does not know this block: {str(raw)[:80]}")
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
        raise ValueError(f"not a hash: {str(value)[:80]!r}")
    return HexHash(value)


async def latest_head(rpc: Endpoint) -> Head:
    """The endpoint's newest head. Raises RpcError."""
    return parse_head(await rpc.call("eth_getBlockByNumber", "latest", False))


async def heads_by_number(rpc: Endpoint, numbers: Iterable[int]) -> list[Head]:
    """The heads at these block numbers, in the same order, in one batch. Raises RpcError if one is missing."""
    replies = await rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    for reply in replies:
        if isinstance(reply, RpcError):
            raise reply
    return [parse_head(reply) for reply in replies]


class HeadStream:
    """The stream of heads. It reconnects without limit, with capped and jittered pauses. Iterate it only once.

    `reconnects`, `backfilled` (blocks) and `reorgs` are counters for the metrics.
    """

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
        """All times are in seconds. If one of `ws_urls` fails, the next one is used.

        `backfill` is the maximum number of missed or reorged blocks that are looked up and remembered.

        `on_reorg` is called with the lowest replaced block number before the new branch's first head is yielded,
        because a consumer that takes only the newest head would not notice the reorg.
        """
        self._rpc = rpc
        self._ws_urls = ws_urls
        self._ws_turn = 0  # index into ws_urls; each failure moves to the next one
        self._poll_every = poll_every
        self._stall_after = stall_after
        self._backfill = backfill
        self._max_pause = max_pause
        self._on_reorg = on_reorg
        self._recent: dict[int, str] = {}  # number -> hash of each yielded head, ascending
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
                    continue  # nothing was remembered, so the next notice looks up the same blocks again
                for head in branch:
                    yield head

    # ------------------------------------------------------------ receiving notices

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
        """The WebSocket URL to use now; empty if there is none."""
        return self._ws_urls[self._ws_turn % len(self._ws_urls)] if self._ws_urls else ""

    async def _subscribed(self, ws_url: str) -> AsyncGenerator[Head]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(ws_url, heartbeat=_HEARTBEAT, timeout=aiohttp.ClientWSTimeout(ws_close=1)) as ws,
        ):
            await ws.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            yield await latest_head(self._rpc)  # the head that arrived while the stream was not connected
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
        """The node's newest head after `stall_after` seconds without a notice.

        Raises RpcError if it is newer than the last yielded head, because then the subscription is dead.
        """
        head = await latest_head(self._rpc)
        if self._recent and head.number > max(self._recent):
            raise RpcError(f"{redact(self._ws_url)}: the subscription stopped, but the chain has newer heads")
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

    # ------------------------------------------------------------ from a notice to heads

    async def _since_last(self, head: Head) -> list[Head]:
        """The blocks after the last yielded one (or after the fork point of a reorg) up to `head`, oldest first.

        Empty if `head` is known already: the notice is repeated, or the node lags. Also empty if `head` is below all
        remembered blocks, because a node that lags far behind is more likely than a reorg that deep. Such a reorg is
        found as soon as its branch reaches a remembered height.
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
                    break  # a reorg after the notice; the loop below follows the parent hashes instead
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
        """Count and log a reorg or a backfill, and forget the blocks that a reorg replaced."""
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
    """The head in a subscription message; None if it is the reply to eth_subscribe. Raises RpcError for an error."""
    try:
        message = from_json(text)
    except ValueError as error:
        raise RpcError(f"the WebSocket sent a message that is not JSON: {text[:80]!r}") from error
    if not isinstance(message, dict):
        raise RpcError(f"the WebSocket sent a message that is not a JSON-RPC object: {text[:80]!r}")
    if "error" in message:
        raise RpcError(f"eth_subscribe: {plain(message['error'])}")
    if message.get("method") != "eth_subscription":
        return None
    params = message.get("params")
    return parse_head(params.get("result") if isinstance(params, dict) else None)
