"""Comparison of the heads of all endpoints: which endpoints lag, and whether all of them show one chain (I11)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from sentinel.chain.endpoints import disputes
from sentinel.chain.endpoints.checked_endpoints import CheckedEndpoints
from sentinel.chain.endpoints.endpoint_health import FailoverRules
from sentinel.chain.endpoints.request_kinds import Kind
from sentinel.chain.rpc import quantity
from sentinel.core.errors import ChainMismatch, RpcError, Unavailable
from sentinel.core.network import HexHash

log = structlog.get_logger("sentinel.chain.endpoints")


class HeadComparison:
    def __init__(
        self, endpoints: CheckedEndpoints, rules: FailoverRules, every: float, clock: Callable[[], float]
    ) -> None:
        """`every`: seconds between two comparisons in `run`."""
        self._endpoints = endpoints
        self._rules = rules
        self._every = every
        self._clock = clock
        self._dispute = disputes.Dispute(rules.dispute_after)

    @property
    def disputed(self) -> str | None:
        """The reason why no decision may be taken on a head now; None if the endpoints have not disagreed too long."""
        return self._dispute.standing(self._clock())

    async def compare(self) -> None:
        """Compare the heads of all endpoints once. Raises nothing for an endpoint that fails."""
        endpoints = self._endpoints
        if endpoints.genesis is None:  # the preferred endpoint decides which first block the others must have
            with contextlib.suppress(RpcError, ChainMismatch):
                await endpoints.check(endpoints.health.current(Kind.HEADS))
        asked = endpoints.health.awake()
        heads = await self._blocks(dict.fromkeys(asked, "latest"))
        if not heads:
            return
        lagging = disputes.behind({i: number for i, (number, _) in heads.items()}, self._rules.lag)
        for i in endpoints.health.lags(lagging, heads.keys()):
            log.warning("endpoint.lagging", endpoint=endpoints.names[i], block=heads[i][0])
        level = {i: block for i, block in heads.items() if i not in lagging}
        lowest = min(number for number, _ in level.values())
        higher = {i: hex(lowest) for i, (number, _) in level.items() if number > lowest}
        above = await self._blocks(higher)
        comparable = {i: above.get(i, block) for i, block in level.items() if i in above or block[0] == lowest}
        dispute = self._disagreement(comparable)
        if dispute is None and len(level) == 1:  # no other endpoint is at its height: compare at theirs
            (alone,) = level
            for i in lagging:
                below = await self._blocks({alone: hex(heads[i][0])})
                dispute = dispute or self._disagreement({i: heads[i], **below})
        if dispute is None and len(heads) + len(above) < len(asked) + len(higher):
            return  # an endpoint that did not answer now ends no dispute: only one that agrees, or rests, does
        before = self.disputed
        self._dispute.seen(dispute, self._clock())
        if (reason := self.disputed) is not None and before is None:
            log.error("endpoint.disputed", why=reason, meaning="nothing is decided until the endpoints agree")

    async def run(self) -> None:
        """Compare for ever, with a pause after each comparison."""
        while True:
            try:
                await self.compare()
            except Unavailable as error:
                log.warning("endpoint.check_failed", error=str(error))
            except Exception as error:  # a bug of ours: log it, and decide nothing on heads that were not compared
                log.error("endpoint.check_failed", error=f"{type(error).__name__}: {error}", exc_info=error)
                self._dispute.seen("the endpoints' heads cannot be compared, see the log", self._clock())
            await asyncio.sleep(self._every)

    def _disagreement(self, blocks: dict[int, tuple[int, HexHash]]) -> str | None:
        return disputes.disagreement({self._endpoints.names[i]: block for i, block in blocks.items()})

    async def _blocks(self, numbers: dict[int, str]) -> dict[int, tuple[int, HexHash]]:
        """(number, hash) of the block that `numbers` names for each endpoint; an endpoint that fails is left out."""
        endpoints = self._endpoints

        async def block(i: int) -> tuple[int, HexHash]:
            await endpoints.check_if_due(i)
            client = endpoints.client(i)
            raw = await client.call("eth_getBlockByNumber", numbers[i], False)
            try:
                if not isinstance(raw, dict) or not isinstance(raw.get("hash"), str):
                    raise RpcError(f"{endpoints.names[i]}: no such block: {numbers[i]}")
                return quantity(raw.get("number"), 63), raw["hash"]
            except RpcError as error:
                client.unusable(error)
                raise

        blocks: dict[int, tuple[int, HexHash]] = {}
        replies = await asyncio.gather(*map(block, numbers), return_exceptions=True)
        for i, reply in zip(numbers, replies, strict=True):
            if isinstance(reply, ChainMismatch):
                endpoints.refuse(i, reply)
            elif isinstance(reply, RpcError):
                continue  # its client has counted it
            elif isinstance(reply, BaseException):
                raise reply
            else:
                blocks[i] = reply
        return blocks
