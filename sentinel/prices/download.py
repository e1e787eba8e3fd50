"""The downloader: the swaps of a pair's pools between two blocks of any EVM endpoint, as a file of minutes.

Ranges of blocks become smaller when the node refuses one, and larger again when it answers. What was fetched is kept
beside the result (`part_file`), so that the same call continues after a kill.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.chain.chain_identity import check_chain
from sentinel.chain.replies import Reply, classify, retry_after
from sentinel.chain.rpc import Endpoint, quantity
from sentinel.core.errors import ChainMismatch, OperatorError, RpcError, RpcTimeout
from sentinel.prices.bar import Bar
from sentinel.prices.bars import PriceHistory, read_prices
from sentinel.prices.csv_file import COLUMNS, ENDINGS, LIQUIDITY
from sentinel.prices.part_file import PartFile
from sentinel.prices.swap_logs import Pair, SwapLog
from sentinel.prices.swap_minutes import SwapMinutes

FIRST_SPAN = 1_000  # blocks of the first request
MAX_SPAN = 10_000  # blocks of one request
TRIES = 18  # failures in a row until the download gives up; about five minutes if the node does not answer
MAX_WAIT = 30.0  # seconds between two of them
HEADERS = 100  # blocks whose times are asked for in one request

# Wordings with which nodes refuse a range: some bear the code of a rate limit
_TOO_MUCH = re.compile(r"results|logs|(block )?range|blocks|response size|too (large|many|big)", re.IGNORECASE)

Progress = Callable[[int, int], None]  # blocks done, all blocks
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Downloaded:
    prices: PriceHistory
    pool: str  # whose prices they are
    requests: int  # ranges of blocks that were asked for


@dataclass(slots=True)
class Download:
    """One download. `first` and `last` are block numbers, both included."""

    rpc: Endpoint
    pair: Pair
    first: int
    last: int
    out: Path
    progress: Progress = lambda done, total: None
    sleep: Sleep = asyncio.sleep
    span: int = FIRST_SPAN
    requests: int = 0

    async def run(self) -> Downloaded:
        """Fetch what is missing and write the file.

        Raises OperatorError if the request or a file is wrong, ChainMismatch, and RpcError after TRIES failures; the
        same call continues then.
        """
        self._check_request()
        await check_chain(self.rpc, self.pair.network)
        end_hash, end_time = await self._block(self.last)
        part = PartFile.open(self.out, self._request(end_hash), self.first - 1)
        try:
            while part.done < self.last:
                self.progress(part.done - self.first + 1, self.last - self.first + 1)
                part.append(*await self._next(part.done + 1))
            self.progress(self.last - self.first + 1, self.last - self.first + 1)
            if (await self._block(self.last))[0] != end_hash:
                raise ChainMismatch(f"block {self.last} was replaced meanwhile: delete {part.path} and start again")
            pool = part.minutes.deepest
            if pool is None:
                raise OperatorError(f"no swap of {self._pools()} in blocks {self.first} to {self.last}")
            network = self.pair.network
            _write(self.out, part.minutes.bars(network.tokens[network.quote].decimals, end_time))
            part.finish()
        finally:
            part.close()
        return Downloaded(read_prices([self.out]), pool, self.requests)

    def _check_request(self) -> None:
        if not 0 <= self.first <= self.last:
            raise OperatorError(f"blocks {self.first} to {self.last}: the first must not be after the last")
        if not self.out.name.endswith(ENDINGS):
            raise OperatorError(f"{self.out}: the file's name must end in {' or '.join(ENDINGS)}")
        if self.out.exists():
            raise OperatorError(f"{self.out} exists already: delete it, or choose another --out")

    def _request(self, end_hash: str) -> dict[str, Any]:
        network = self.pair.network
        return {
            "chain": network.chain_id,
            "coin": self.pair.coin,
            "quote": network.quote,
            "pools": [pool.name for pool in self.pair.pools],
            "filters": self.pair.filters(),
            "from": self.first,
            "to": self.last,
            "hash of the last block": end_hash,
        }

    def _pools(self) -> str:
        return ", ".join(pool.name for pool in self.pair.pools)

    async def _next(self, start: int) -> tuple[int, SwapMinutes]:
        """The minutes from a block on, and the last block that was asked. Raises RpcError after TRIES failures."""
        failures = 0
        while True:
            until = min(start + self.span - 1, self.last)
            try:
                minutes = await self._minutes(await self._swaps(start, until))
            except RpcError as error:
                failures += 1
                if failures >= TRIES:
                    raise
                pause = _pause(error, failures)
                if pause is None:
                    self.span = max(1, (until - start + 1) // 2)
                else:
                    await self.sleep(pause)
                continue
            self.span = min(MAX_SPAN, self.span + max(1, self.span // 4))
            return until, minutes

    async def _swaps(self, start: int, until: int) -> list[SwapLog]:
        self.requests += 1
        blocks = {"fromBlock": hex(start), "toBlock": hex(until)}
        swaps: list[SwapLog] = []
        for answer in await self.rpc.batch([("eth_getLogs", [each | blocks]) for each in self.pair.filters()]):
            if isinstance(answer, RpcError):
                raise answer
            if not isinstance(answer, list):
                raise RpcError("eth_getLogs: the reply is no list")
            swaps += [self.pair.swap(log) for log in answer]
        if any(not start <= swap.block <= until for swap in swaps):
            raise RpcError("eth_getLogs: the reply holds blocks that were not asked for")
        return sorted(swaps, key=lambda swap: (swap.block, swap.index))

    async def _minutes(self, swaps: Sequence[SwapLog]) -> SwapMinutes:
        unknown = sorted({swap.block for swap in swaps if swap.time is None})
        times: dict[int, int] = {}
        for at in range(0, len(unknown), HEADERS):
            blocks = unknown[at : at + HEADERS]
            answers = await self.rpc.batch([("eth_getBlockByNumber", [hex(block), False]) for block in blocks])
            times |= {block: _header(answer, block)[1] for block, answer in zip(blocks, answers, strict=True)}
        minutes = SwapMinutes()
        for swap in swaps:
            minutes.add(swap, times[swap.block] if swap.time is None else swap.time)
        return minutes

    async def _block(self, number: int) -> tuple[str, int]:
        """Hash and time of a block. Raises OperatorError if the chain does not have it yet."""
        answer = await self.rpc.call("eth_getBlockByNumber", hex(number), False)
        if answer is None:
            newest = quantity(await self.rpc.call("eth_blockNumber"))
            raise OperatorError(f"the endpoint does not have block {number}; its newest is {newest}")
        return _header(answer, number)


def _header(answer: object, number: int) -> tuple[str, int]:
    if isinstance(answer, RpcError):
        raise answer
    if not isinstance(answer, dict) or not isinstance(answer.get("hash"), str):
        raise RpcError(f"the endpoint does not show block {number}")
    return answer["hash"], quantity(answer.get("timestamp"), 63)


def _pause(error: RpcError, failures: int) -> float | None:
    """Seconds before the next try; None if the node refused the range, which is then asked for at once and smaller."""
    wait = min(MAX_WAIT, 0.5 * 2.0**failures)
    if _TOO_MUCH.search(str(error)) or isinstance(error, RpcTimeout):
        return None if failures < TRIES // 2 else wait
    if error.code is None or error.retry_after is not None or classify(error) is Reply.RATE_LIMITED:
        return min(retry_after(error) or error.retry_after or wait, 10 * MAX_WAIT)
    return None if failures < TRIES // 2 + 3 else wait


def _write(out: Path, bars: Sequence[Bar]) -> None:
    """Write the file whole or not at all."""
    lines = [",".join((*COLUMNS, LIQUIDITY))]
    lines += [
        f"{bar.time},{bar.open!r},{bar.high!r},{bar.low!r},{bar.close!r},{bar.volume!r},{bar.liquidity}" for bar in bars
    ]
    content = ("\n".join(lines) + "\n").encode()
    temporary = out.with_name(out.name + ".new")
    with temporary.open("wb") as file:
        file.write(gzip.compress(content, mtime=0) if out.name.endswith(".gz") else content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(out)
