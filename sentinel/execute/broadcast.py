"""Signed bytes out of the house: to every healthy endpoint at once, or to one relay alone; each asked once (I6).

An answer says what a node thinks of the bytes, never what became of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinel.chain.rpc import JsonRpc, plain
from sentinel.core.errors import RpcError
from sentinel.execute.relay import Relay
from sentinel.execute.send_errors import BEST_FIRST, Answer, classify

PUBLIC = "public"  # the way of bytes that go to the endpoints that are read from


@dataclass(frozen=True, slots=True)
class BroadcastReply:
    """The best answer of all, and each that was not plain consent."""

    answer: Answer
    detail: str | None = None


class Broadcaster:
    """New intents go by the relay where there is one; those that began by another way go on by it, or are held."""

    def __init__(self, endpoints: JsonRpc, relay: Relay | None = None, *, timeout: float = 5.0) -> None:
        """`timeout`: seconds for each answer."""
        self._endpoints = endpoints
        self._relay = relay
        self._timeout = timeout

    @property
    def way(self) -> str:
        return PUBLIC if self._relay is None else self._relay.name

    async def send(self, raw: bytes, way: str) -> BroadcastReply:
        """Once. `way` is where this intent's first bytes went: nothing goes out by another one."""
        if self._relay is not None and way == self._relay.name:
            self._relay.watch(raw)
            return await offer(self._relay.rpc, raw, self._timeout)
        if way != PUBLIC:  # what a relay was given must not be shown to everybody
            return BroadcastReply(
                Answer.HELD, f"it began by way of {way}: set SENTINEL_RPC__RELAY_URL to that relay again"
            )
        if not (senders := self._endpoints.senders()):
            return BroadcastReply(Answer.HELD, "no endpoint has shown our chain")
        replies = await asyncio.gather(*(offer(sender, raw, self._timeout) for _, sender in senders))
        return best({name: reply for (name, _), reply in zip(senders, replies, strict=True)})


async def offer(sender: JsonRpc, raw: bytes, timeout: float) -> BroadcastReply:
    """One request, its answer classified."""
    try:
        await sender.call("eth_sendRawTransaction", "0x" + raw.hex(), timeout=timeout)
    except RpcError as error:
        return BroadcastReply(classify(error), plain(error)[:200])
    return BroadcastReply(Answer.SENT)


def best(replies: dict[str, BroadcastReply]) -> BroadcastReply:
    """Of several endpoints' answers the one nearest to consent; the others are told by name."""
    answer = min((reply.answer for reply in replies.values()), key=BEST_FIRST.index)
    told = [f"{name}: {reply.detail or reply.answer.value}" for name, reply in replies.items()]
    plain_consent = all(reply.answer is Answer.SENT for reply in replies.values())
    return BroadcastReply(answer, None if plain_consent else "; ".join(told))
