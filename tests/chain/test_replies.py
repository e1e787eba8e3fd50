"""What nodes and providers say when they refuse a read: wordings seen in the field or in their documents."""

from __future__ import annotations

import re

import pytest

from sentinel.chain.replies import _CODES, TABLE, Reply, classify, is_answer, retry_after
from sentinel.core.errors import RpcError, RpcTimeout

J, R, U, M, X = Reply.JUDGEMENT, Reply.RATE_LIMITED, Reply.UNSUPPORTED, Reply.MISSING, Reply.UNKNOWN
SAID: list[tuple[int, str, Reply]] = [
    (3, "execution reverted: too many requests", J),
    (-32000, "execution reverted", J),
    (-32603, "execution reverted: missing trie node", J),
    (-32015, "VM execution error.", J),
    (-32000, "err: execution reverted (supplied gas 36000000)", J),
    (-32603, "VM Exception while processing transaction: reverted with reason string 'x'", J),
    (-32000, "Execution reverted", J),
    (-32000, "Reverted 0x7a933234", J),
    (-32603, "Error: Transaction reverted without a reason string", J),
    (-32000, "out of gas", J),
    (-32003, "out of gas", J),
    (-32000, "err: intrinsic gas too low: have 1000, want 22490", J),
    (-32000, "gas required exceeds allowance (50000000)", J),
    (-32000, "invalid opcode: INVALID", J),
    (-32000, "EVM error InvalidFEOpcode", J),
    (-32000, "stack underflow (0 <=> 1)", J),
    (-32000, "stack limit reached 1024 (1023)", J),
    (-32000, "invalid jump destination", J),
    (
        -32000,
        "err: insufficient funds for gas * price + value: address 0x10 have 444 want 124 (supplied gas 124987920)",
        J,
    ),
    (-32003, "insufficient funds for gas * price + value: address 0x1 have 0 want 25", J),
    (-32000, "insufficient sender balance", J),
    (-32000, "insufficient balance for transfer", J),
    (-32000, "Upfront cost exceeds account balance", J),
    (-32000, "nonce too low: address 0x, tx: 0 state: 1", J),
    (-32000, "max fee per gas less than block base fee: address 0x", J),
    (-32000, "write protection", J),
    (-32000, "Precompile failed with error: x", J),
    (-32000, "EVM error OutOfGas", J),
    (-32000, "exceeds block gas limit", J),
    (-32000, "block gas limit exceeded", J),
    (-32016, "over rate limit", R),
    (-32029, "Rate limit exceeded", R),
    (-32029, "", R),
    (-32016, "x", R),
    (-32000, '429 Too Many Requests: {"jsonrpc":"2.0","error":{"code":-32016,"message":"over rate limit"}}', R),
    (-32000, "429 throttled", R),
    (-32603, "rate limit", R),
    (-32005, "limit exceeded", R),
    (-32005, "daily request count exceeded, request rate limited", R),
    (-32005, "project ID request rate exceeded", R),
    (-32005, "compute unit quota exceeded", R),
    (
        429,
        "Your app has exceeded its compute units per second capacity.",
        R,
    ),
    (429, "The requests per second (RPS) of your requests are higher than your plan allows.", R),
    (429, "Your app has reached maximum qps limit", R),
    (402, "Payment Required", R),
    (-32007, "50/second request limit reached - reduce calls per second or upgrade your account at quicknode.com", R),
    (-32011, "request limit reached", R),
    (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s", R),
    (-32000, "rate: Wait(n=1) would exceed context deadline", R),
    (-32022, "over compute unit limit, retry in 3 seconds", R),
    (-32021, "over network traffic limit, retry in 3 seconds", R),
    (-32000, "Monthly capacity limit exceeded. Visit x to upgrade your scaling policy", R),
    (-32001, "Exceeded the quota usage", R),
    (-32603, "You have reached the free tier limit", R),
    (-32000, "server is busy", R),
    (-32601, "the method eth_call does not exist/is not available", U),
    (-32000, "the method eth_call does not exist/is not available", U),
    (-32000, "method eth_call is not supported", U),
    (-32000, "Request method eth_call is not supported", U),
    (-32601, "Method not found", U),
    (-32601, "rpc method is not whitelisted", U),
    (-32601, "Unsupported method", U),
    (-32004, "Method eth_call not supported", U),
    (-32601, "METHOD_NOT_FOUND: The method being requested is not available on this server", U),
    (-32000, "Unsupported method: eth_call. See available methods", U),
    (-32603, "this method is disabled", U),
    (-32000, "Unauthorized: You must authenticate your request with an API key. Create an account on", U),
    (-32016, "Unauthorized", U),
    (-32003, "response too large", U),
    (-32000, "batch limit 10 exceeded", U),
    (-32602, "invalid argument 1: json: cannot unmarshal object into Go value of type string", U),
    (-32602, "Invalid params", U),
    (-32602, "Invalid block hash: 24d0 at line 2 column 91", U),
    (-32000, "eth_call is not supported", U),
    (-32600, "Invalid Request", U),
    (403, "http://x: HTTP 403", U),
    (-32000, "finalized is not a supported commitment level", U),
    (-32613, "method eth_simulateV1 is not included in your current plan", U),
    (-32000, "missing trie node 60bb (path ) state 0xc6 is not available, not found", M),
    (-32000, "missing trie Node 60bb (path )", M),
    (-32000, "header not found", M),
    (-32000, "header for hash not found", M),
    (-32001, "block not found: hash 0xaa", M),
    (-32000, "block not found", M),
    (-39001, "Unknown block", M),
    (-39001, "Block not found", M),
    (-32000, "finalized block not found", M),
    (-32000, "safe block not found", M),
    (-32000, "4294967295 could not be found", M),
    (-32000, "unknown block", M),
    (-32000, "hash 0d30 is not currently canonical", M),
    (-32603, "hash 0d30 is not currently canonical", M),
    (-32000, "historical state not available in path scheme yet", M),
    (-32000, "required historical state unavailable (reexec=128)", M),
    (-32000, "World state unavailable", M),
    (-32000, "state 0xaa is not available", M),
    (-32000, "state already pruned", M),
    (-32002, "No state available for block 0x1", M),
    (-32000, "project ID does not have access to archive state", M),
    (-32701, "Archive requests require a personal token", M),
    (-32000, "distance to target block exceeds maximum proof window", M),
    (-32603, "upstream does not have the requested block yet", M),
    (-32000, "transaction indexing is in progress", M),
    (-32000, "EVM error; database error: failed to get account for 0xaa", M),
    (-32602, "BlockOutOfRangeError: block height is 5 but requested was 9", M),
    (-32000, "old data not available due to pruning", M),
    (-32001, "Resource not found.", M),
    (-32002, "Resource unavailable", M),
    (-32603, "Internal error", X),
    (-32603, "", X),
    (-32000, "method handler crashed", X),
    (-32002, "request timed out", X),
    (-32000, "execution aborted (timeout = 5s)", X),
    (-32015, "Node timeout", X),
    (503, "http://x: HTTP 503", X),
    (502, "HTTP 502", X),
    (-32000, "something", X),
    (-32700, "parse error", X),
    (-32011, "Network error", X),
    (-32603, "backend request failed", X),
    (-32000, "permanent error forwarding request context deadline exceeded", X),
    (-32000, "Sender is not synced, rpc call blocked", X),
    # one more for each wording that no line above shows
    (-32603, "revert", J),
    (-32000, "requests limited to 100/sec", R),
    (-32000, "max qps reached", R),
    (-32000, "that is over the limit for your current plan", R),
    (-32000, "insufficient funds for transfer", J),
    (-32000, "sender not an eoa: address 0x", J),
    (-32601, "unknown method: eth_call", U),
    (-32000, "MethodNotFound", U),
    (-32000, "the eth namespace is not available", U),
    (-32000, "invalid type: map, expected BlockNumber, 'latest', or 'earliest'", U),
    (-32000, "no such block", M),
    (-32000, "state not found", M),
    (-32000, "cannot query unfinalized data", M),
]


@pytest.mark.parametrize(("code", "message", "reply"), SAID)
def test_an_error_is_classified_by_its_wording_then_its_code(code: int, message: str, reply: Reply) -> None:
    """As a client of ours words it, with the method before the message; only a judgement is an answer."""
    error = RpcError(f"eth_call: {message}", code=code)
    assert classify(error) is reply
    assert is_answer(error) == (reply is J)


def test_every_row_of_the_table_decides_something() -> None:
    """Each row is the first that matches some message above."""
    rows = [re.compile(wording, re.IGNORECASE) for wording, _ in TABLE]
    first = {next((i for i, row in enumerate(rows) if row.search(message)), None) for _, message, _ in SAID}
    assert [TABLE[i] for i in range(len(TABLE)) if i not in first] == []


@pytest.mark.parametrize("code", _CODES)
def test_a_code_decides_where_the_wording_does_not(code: int) -> None:
    """In any language, or with no message at all."""
    assert classify(RpcError("eth_call: nein", code=code)) is _CODES[code]
    assert classify(RpcError("eth_call: ", code=code)) is _CODES[code]


def test_the_text_of_a_revert_is_the_contracts() -> None:
    """A contract that reverts with a provider's words neither rests an endpoint nor looks like an unknown block."""
    for text in ("too many requests", "rate limit", "header not found", "the method eth_call does not exist", "429"):
        assert classify(RpcError(f"eth_call: execution reverted: {text}", code=3)) is J
        assert classify(RpcError(f"eth_call: {text}", code=3)) is J
        assert classify(RpcError(f"eth_call: execution reverted: {text}", code=-32000)) is J


def test_the_name_of_a_host_says_nothing() -> None:
    """The URL in an HTTP error is ours."""
    for host in ("archive.example", "rate-limit.example", "method-not-found.example"):
        assert classify(RpcError(f"https://{host}: HTTP 503", code=503)) is X
    assert classify(RpcError("https://archive.example: HTTP 429", code=429)) is R


def test_no_reply_decides_nothing() -> None:
    """Without a code the text is ours or a proxy's."""
    for message in ("execution reverted", "too many requests", "header not found"):
        assert classify(RpcError(message)) is X
        assert classify(RpcTimeout(message)) is X


def test_when_to_ask_again() -> None:
    """By the header, Infura's data, or the text; nothing from an error that is no rate limit."""
    assert retry_after(RpcError("x: HTTP 429", code=429, retry_after=7.0)) == 7.0
    assert retry_after(RpcError("x", code=-32005, data={"rate": {"backoff_seconds": 30}})) == 30.0
    for data in ({"rate": {"backoff_seconds": float("inf")}}, {"rate": {"backoff_seconds": True}}, {"rate": 1}, "x"):
        assert retry_after(RpcError("x", code=-32005, data=data)) is None
    assert retry_after(RpcError("over compute unit limit, retry in 3 seconds", code=-32022)) == 3.0
    assert retry_after(RpcError("too many requests, retry in 1m", code=-32090)) == 60.0
    assert retry_after(RpcError("too many requests, try again in 250ms", code=-32090)) == 0.25
    assert retry_after(RpcError("too many requests", code=429)) is None
    assert retry_after(RpcError("x: HTTP 503", code=503, retry_after=7.0)) is None
