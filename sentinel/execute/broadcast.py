"""Signed bytes out of the house: the same bytes to every healthy endpoint at once, each asked once (I6).

An answer says what a node thinks of the bytes, never what became of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sentinel.errors import RpcError
from sentinel.execute.send_errors import BEST_FIRST, Answer, classify
from sentinel.rpc import plain

PUBLIC = "public"  # the way of bytes that go to the endpoints that are read from


class Sender(Protocol):
    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...


class Endpoints(Protocol):
    def senders(self) -> Sequence[tuple[str, Sender]]:
        """By name, each that may be given bytes now; never empty."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The best answer of all, and each that was not plain consent."""

    answer: Answer
    detail: str | None = None


class Broadcaster:
    """The public way: whoever reads the mempool sees the bytes."""

    way = PUBLIC

    def __init__(self, endpoints: Endpoints, *, timeout: float = 5.0) -> None:
        """`timeout`: seconds for each endpoint's answer."""
        self._endpoints = endpoints
        self._timeout = timeout

    async def send(self, raw: bytes, way: str) -> Reply:
        """Once to each. `way` is where this intent's first bytes went: nothing goes out by another one. Never raises
        for what an endpoint answers."""
        if way != self.way:
            return Reply(Answer.HELD, f"the intent's first bytes went by way of {way}, and settings give none such")
        senders = self._endpoints.senders()
        replies = await asyncio.gather(*(offer(sender, raw, self._timeout) for _, sender in senders))
        return best({name: reply for (name, _), reply in zip(senders, replies, strict=True)})


async def offer(sender: Sender, raw: bytes, timeout: float) -> Reply:
    """One request, its answer classified."""
    try:
        await sender.call("eth_sendRawTransaction", "0x" + raw.hex(), timeout=timeout)
    except RpcError as error:
        return Reply(classify(error), plain(error)[:200])
    return Reply(Answer.SENT)


def best(replies: dict[str, Reply]) -> Reply:
    """Of several endpoints' answers the one nearest to consent; the others are told by name."""
    answer = min((reply.answer for reply in replies.values()), key=BEST_FIRST.index)
    told = [f"{name}: {reply.detail or reply.answer.value}" for name, reply in replies.items()]
    plain_consent = all(reply.answer is Answer.SENT for reply in replies.values())
    return Reply(answer, None if plain_consent else "; ".join(told))
