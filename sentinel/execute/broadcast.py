"""Broadcast of signed bytes: to all healthy endpoints at once, or to one relay alone, each exactly once (I6).

An answer says whether a node takes the bytes, never whether they took effect.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinel.chain.rpc import JsonRpc, Sender, plain
from sentinel.core.errors import RpcError
from sentinel.execute.relay import Relay
from sentinel.execute.send_errors import BEST_FIRST, Answer, classify

PUBLIC = "public"  # the way of bytes that go to the endpoints


@dataclass(frozen=True, slots=True)
class BroadcastReply:
    """The best of all answers. `detail` names every endpoint's answer, and is None if all took the bytes."""

    answer: Answer
    detail: str | None = None


class Broadcaster:
    """A new intent goes to the relay if one is set. Later attempts go the way of the first one, or are held."""

    def __init__(self, endpoints: JsonRpc, relay: Relay | None = None, *, timeout: float = 5.0) -> None:
        """`timeout`: seconds per answer."""
        self._endpoints = endpoints
        self._relay = relay
        self._timeout = timeout

    @property
    def way(self) -> str:
        """The way of a new intent's first attempt: the relay's name, or `public`."""
        return PUBLIC if self._relay is None else self._relay.name

    async def send(self, raw: bytes, way: str) -> BroadcastReply:
        """Send once, only by `way`, which is where this intent's first attempt went. Never raises RpcError."""
        if self._relay is not None and way == self._relay.name:
            self._relay.watch(raw)
            return await offer(self._relay.rpc, raw, self._timeout)
        if way != PUBLIC:  # what a private relay got must not become public
            return BroadcastReply(
                Answer.HELD, f"its first attempt went to {way}: set SENTINEL_RPC__RELAY_URL to that relay again"
            )
        if not (senders := self._endpoints.senders()):
            return BroadcastReply(Answer.HELD, "no endpoint has proved that it serves the right chain")
        replies = await asyncio.gather(*(offer(sender, raw, self._timeout) for _, sender in senders))
        return best({name: reply for (name, _), reply in zip(senders, replies, strict=True)})


async def offer(sender: Sender, raw: bytes, timeout: float) -> BroadcastReply:
    """Send one request and classify its answer. Never raises RpcError."""
    try:
        await sender.call("eth_sendRawTransaction", "0x" + raw.hex(), timeout=timeout)
    except RpcError as error:
        return BroadcastReply(classify(error), plain(error)[:200])
    return BroadcastReply(Answer.SENT)


def best(replies: dict[str, BroadcastReply]) -> BroadcastReply:
    """The best answer by BEST_FIRST, with every endpoint's answer in the detail unless all took the bytes."""
    answer = min((reply.answer for reply in replies.values()), key=BEST_FIRST.index)
    details = [f"{name}: {reply.detail or reply.answer.value}" for name, reply in replies.items()]
    plain_consent = all(reply.answer is Answer.SENT for reply in replies.values())
    return BroadcastReply(answer, None if plain_consent else "; ".join(details))
