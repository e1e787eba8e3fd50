"""Broken replies: nothing that can be taken for a node's judgement."""

from __future__ import annotations

from lab.faults import (
    CutReply,
    CutRequest,
    DelayedReply,
    FaultEffect,
    HttpStatus,
    LostReply,
    OtherBody,
    OversizedReply,
    SlowReply,
    TruncatedReply,
)

NO_REPLY: list[FaultEffect] = [
    LostReply(),
    CutRequest(),
    CutReply(),
    HttpStatus(429),
    HttpStatus(503),
    OtherBody(b"<html>502</html>"),
    OtherBody(b"null"),
    OtherBody(b""),
    TruncatedReply(),
    OversizedReply(2**21),
    DelayedReply(1.5),
    SlowReply(0.1),
]
