"""New heads, in order and without gaps: subscribed over WebSocket, and polled while no subscription gives them.

    async for head in HeadStream(rpc, ws_urls, times=HeadTimes.of(block_time)): ...

Each yielded head is the child of the one before it, with two exceptions that show in its number: after a reorg the next
head's number is not higher than the last one's (the new branch is yielded from its first block), and after a pause
longer than `backfill` blocks the numbers jump.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

import aiohttp
import structlog
from eth_utils.address import to_checksum_address
from pydantic_core import from_json

from sentinel.chain.head_watch import HeadTimes, HeadWatch
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


@dataclass(frozen=True, slots=True)
class _Notice:
    head: Head | None  # None: a poll without an answer
    subscribed: bool  # whether the subscription gave it


_Notices = asyncio.Queue[_Notice | Exception]


class HeadStream:
    """The stream of heads, from a subscription and from polls, whichever is first. Iterate it only once.

    While the subscription is silent (`head_watch`) polls alone carry the stream. One that owes heads is made anew.

    `reconnects`, `backfilled` (blocks) and `reorgs` are counters for the metrics.
    """

    def __init__(
        self,
        rpc: Endpoint,
        ws_urls: tuple[str, ...] = (),
        *,
        times: HeadTimes,
        backfill: int = 64,
        on_reorg: Callable[[int], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """If one of `ws_urls` fails, the next one is used. `backfill`: most blocks that are looked up and remembered.

        `on_reorg` is called with the lowest replaced block number before the new branch's first head is yielded,
        because a consumer that takes only the newest head would not notice the reorg.
        """
        self._rpc = rpc
        self._ws_urls = ws_urls
        self._ws_turn = 0  # index into ws_urls; each failure moves to the next one
        self._times = times
        self._watch = HeadWatch(times, clock)
        self._backfill = backfill
        self._on_reorg = on_reorg
        self._recent: dict[int, str] = {}  # number -> hash of each yielded head, ascending
        self._last_notice = ""  # hash of the subscription's last head
        self._looked = asyncio.Event()
        self.reconnects = 0
        self.backfilled = 0
        self.reorgs = 0

    def __aiter__(self) -> AsyncIterator[Head]:
        return self._heads()

    async def looked(self) -> None:
        """Wait until the stream has dealt with another notice or poll, whether that brought a new head or not.

        NOTE: it shows that reading heads is not stuck. A restart helps neither a chain that stands still nor an
        endpoint that is down, so polls that show the known head, or that fail, count too.
        """
        await self._looked.wait()

    async def _heads(self) -> AsyncGenerator[Head]:
        notices = _Notices(maxsize=64)
        sources = [self._polls, *([self._subscriptions] if self._ws_urls else [])]
        tasks = [asyncio.create_task(_run(source, notices)) for source in sources]
        try:
            while True:
                notice = await notices.get()
                if isinstance(notice, Exception):
                    raise notice
                for head in await self._news(notice):
                    yield head
                self._looked.set()
                self._looked = asyncio.Event()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _news(self, notice: _Notice) -> list[Head]:
        """The new heads that a notice leads to, oldest first."""
        head = notice.head
        if head is None:
            return []
        try:
            branch = await self._since_last(head)
        except Unavailable as error:
            log.warning("heads.backfill_failed", number=head.number, error=str(error))
            return []  # nothing was remembered, so the next notice looks up the same blocks again
        if branch:
            self._watch.moved()
        elif (seconds := self._watch.tell_stall()) is not None:
            log.warning("heads.stalled", number=head.number, seconds=round(seconds))
        if not notice.subscribed:
            self._watch.showed(new=bool(branch))
            return branch
        newest = self._recent.get(max(self._recent, default=0)) == head.hash
        if branch or (newest and head.hash != self._last_notice):  # the second: a poll was quicker
            self._watch.heard()
        self._last_notice = head.hash
        return branch

    # ------------------------------------------------------------ receiving notices

    async def _polls(self, notices: _Notices) -> None:
        while True:
            if self._watch.poll_in() > 0:
                await asyncio.sleep(min(self._watch.poll_in(), self._times.poll_every))
                continue
            try:
                head = await latest_head(self._rpc)
            except Unavailable as error:
                if self._watch.poll_failed():
                    log.warning("heads.poll_failed", error=str(error))
                await notices.put(_Notice(None, subscribed=False))
                continue
            self._watch.polled()
            await notices.put(_Notice(head, subscribed=False))

    async def _subscriptions(self, notices: _Notices) -> None:
        while True:
            await asyncio.sleep(self._watch.connect_in())
            self._watch.connecting()
            url = self._ws_urls[self._ws_turn % len(self._ws_urls)]
            try:
                await self._subscribed(url, notices)
            except (aiohttp.ClientError, OSError, Unavailable) as error:
                if self._watch.tell_silence():
                    log.warning("heads.reconnect", error=f"{type(error).__name__}: {plain(error)}")
            self._watch.ended()
            self.reconnects += 1
            self._ws_turn += 1

    async def _subscribed(self, ws_url: str, notices: _Notices) -> None:
        """Put the heads of one subscription into `notices`. Returns once it is deaf; raises if it ends by itself."""
        watch, closing = self._watch, aiohttp.ClientWSTimeout(ws_close=1)
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(self._times.connect_within):
                ws = await session.ws_connect(ws_url, heartbeat=_HEARTBEAT, timeout=closing)
                await ws.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            async with ws:
                watch.subscribed()
                while not watch.deaf:
                    # NOTE: `receive(timeout)` of aiohttp starts anew at each pong, so this timer is our own.
                    try:
                        async with asyncio.timeout(self._times.poll_every):
                            message = await ws.receive()
                    except TimeoutError:
                        continue
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        raise RpcError(f"{redact(ws_url)}: the WebSocket ended ({message.type.name.lower()})")
                    if (head := _notified(message.data)) is not None:
                        await notices.put(_Notice(head, subscribed=True))
                if watch.tell_silence():
                    meaning = "the chain goes on without the subscription, so heads are polled"
                    log.warning("heads.silent", endpoint=redact(ws_url), meaning=meaning)

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


async def _run(source: Callable[[_Notices], Awaitable[None]], notices: _Notices) -> None:
    """Run a source of heads; an error of ours ends the stream."""
    try:
        await source(notices)
    except Exception as error:
        await notices.put(error)


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
