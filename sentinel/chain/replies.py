"""The table that classifies the errors with which nodes and providers answer reads. Pure.

Only a judgement of the call itself is an answer. Every other error says something about the endpoint: the read goes to
the next endpoint, and the error is counted. The table of answers to sends is `sentinel.execute.send_errors`.

It holds the wordings of geth, Erigon, Nethermind, Besu, Reth, Anvil and Hardhat, and of hosted providers. An error that
matches no row, and no reply at all, is `UNKNOWN`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from sentinel.core.errors import RpcError


class Reply(StrEnum):
    JUDGEMENT = "judgement"  # of the call: it reverts, runs out of gas, is invalid. The same at every endpoint
    RATE_LIMITED = "rate_limited"  # the endpoint answers no more for a while, or until its plan is raised
    UNSUPPORTED = "unsupported"  # this endpoint cannot: method, parameter, size or access
    MISSING = "missing"  # this endpoint cannot: it lacks the block or its state
    UNKNOWN = "unknown"  # it decides nothing


# JSON-RPC codes that mean one thing only. Others, such as -32000 and -32603, say nothing without their wording.
_CODES: Mapping[int, Reply] = {
    3: Reply.JUDGEMENT,  # a revert: geth, Erigon, Reth, Anvil
    -32600: Reply.UNSUPPORTED,  # invalid request: ours are well-formed, so a batch or a method is not taken
    -32601: Reply.UNSUPPORTED,  # JSON-RPC: method not found
    -32602: Reply.UNSUPPORTED,  # JSON-RPC: invalid params, such as a block named by its hash
    -32001: Reply.MISSING,  # EIP-1474: resource not found. Reth
    -32002: Reply.MISSING,  # EIP-1474: resource unavailable. Nethermind
    -32004: Reply.UNSUPPORTED,  # EIP-1474: method not supported
    -32005: Reply.RATE_LIMITED,  # EIP-1474: limit exceeded. Infura, Tenderly
    -32006: Reply.UNSUPPORTED,  # EIP-1474: version of JSON-RPC
    -32007: Reply.RATE_LIMITED,  # QuickNode
    -32009: Reply.RATE_LIMITED,  # QuickNode
    -32014: Reply.MISSING,  # Goldsky
    -32016: Reply.RATE_LIMITED,  # Base
    -32021: Reply.RATE_LIMITED,  # MegaETH: network traffic
    -32022: Reply.RATE_LIMITED,  # MegaETH: compute units
    -32029: Reply.RATE_LIMITED,  # TheRPC
    -32605: Reply.RATE_LIMITED,  # BlockVision
    -32607: Reply.RATE_LIMITED,  # BlockVision: the plan's limit
    -39001: Reply.MISSING,  # Besu, Erigon: unknown block
    # HTTP statuses, which some providers put into the JSON-RPC error too
    401: Reply.UNSUPPORTED,
    402: Reply.RATE_LIMITED,  # Infura: the day's credits are used up
    403: Reply.UNSUPPORTED,
    404: Reply.UNSUPPORTED,
    405: Reply.UNSUPPORTED,
    410: Reply.UNSUPPORTED,
    413: Reply.UNSUPPORTED,
    415: Reply.UNSUPPORTED,
    429: Reply.RATE_LIMITED,
}

# The first row that matches counts. Wordings of reverts come first and match only at the start of the message, because
# a contract chooses what follows them. Wordings decide before codes, which providers use at their own discretion.
TABLE: tuple[tuple[str, Reply], ...] = (
    (r"^(err: )?execution reverted", Reply.JUDGEMENT),  # geth, Erigon, Reth, Anvil, Besu; Nethermind with -32000
    (r"^VM execution error", Reply.JUDGEMENT),  # Nethermind with -32015, OpenEthereum
    (r"^VM Exception while processing transaction", Reply.JUDGEMENT),  # Hardhat, Ganache
    (r"^(error: )?transaction (execution )?reverted", Reply.JUDGEMENT),  # Hardhat
    (r"^revert(ed)?\b", Reply.JUDGEMENT),  # Nethermind, OpenEthereum
    # --- the endpoint answers no more for a while
    (r"^(HTTP )?429\b", Reply.RATE_LIMITED),  # op-geth, which passes on what its sequencer answered
    (r"too many requests", Reply.RATE_LIMITED),  # most providers
    (r"rate.?limit", Reply.RATE_LIMITED),  # Base "over rate limit", Infura "request rate limited", Ankr
    (r"(request|call|usage|quota|capacity|throughput|credit|traffic|(compute )?units?) limit", Reply.RATE_LIMITED),
    (r"(request|requests|calls) limited to", Reply.RATE_LIMITED),
    (r"(request count|request rate|quota|capacity|throughput|compute units?|credits?) (was |is |has been )?"
     r"(exceeded|exhausted|reached)", Reply.RATE_LIMITED),  # Infura, Alchemy
    (r"(exceeded|reached) .*(quota|capacity|compute units?|credits?|free tier|plan|rate|qps|rps|requests)",
     Reply.RATE_LIMITED),  # Alchemy, Chainstack
    (r"(requests per second|rps|qps|compute units per second) .*(higher|limit|exceed)",
     Reply.RATE_LIMITED),  # QuickNode
    (r"(maximum|max) (qps|rps|calls per sec\w*)", Reply.RATE_LIMITED),
    (r"limit for your current plan|monthly capacity|daily (request|usage|credit)", Reply.RATE_LIMITED),
    (r"(?<!gas )(?<!range )limit exceeded", Reply.RATE_LIMITED),  # EIP-1474's wording
    (r"throttl|slow down|under too much load|overloaded|server (is )?busy|payment required", Reply.RATE_LIMITED),
    (r"would exceed context deadline", Reply.RATE_LIMITED),  # Go's rate limiter
    # --- timeouts, before the rows that name what was asked
    (r"timed? ?out|execution aborted|deadline exceeded|context cancell?ed", Reply.UNKNOWN),  # geth, Erigon
    (r"method handler crashed", Reply.UNKNOWN),  # geth, Erigon
    # --- this endpoint cannot: it does not serve that
    (r"method\b.* (does not exist|not found|(is )?(not|un)[ -]?(available|supported|allowed|whitelisted|implemented|"
     r"enabled)|(is |was )?(disabled|deprecated|restricted|blocked|forbidden))", Reply.UNSUPPORTED),  # geth, providers
    (r"(unsupported|unknown|unrecogni[sz]ed|invalid|disallowed|unallowed|forbidden) (rpc |json-?rpc )?method",
     Reply.UNSUPPORTED),
    (r"method[_ -]?not[_ -]?(found|supported|available|allowed|implemented)", Reply.UNSUPPORTED),  # MethodNotFound
    (r"(module|namespace|api) .*(not|un)[ -]?(available|supported|enabled)|(is|are) not (supported|implemented)|"
     r"not (yet )?(supported|implemented)$", Reply.UNSUPPORTED),
    (r"not included in your( current)? plan|upgrade your|(paid|higher) (plan|tier)", Reply.UNSUPPORTED),
    (r"unauthori[sz]ed|must authenticate|api key|access denied|permission denied|forbidden|not allowed to access",
     Reply.UNSUPPORTED),  # Ankr
    (r"(response|request|batch|payload|body)( size| content)? (is )?too (large|big|long)|batch (size )?limit|"
     r"batch requests? (is|are) ", Reply.UNSUPPORTED),  # geth with -32003
    (r"not a supported|malformed block ?number|invalid block (tag|number)|unknown block tag", Reply.UNSUPPORTED),
    (r"^(invalid|missing|too (many|few)) (argument|param|value)|invalid params", Reply.UNSUPPORTED),
    (r"invalid type: map", Reply.UNSUPPORTED),  # a block by its hash, to a node without EIP-1898
    # --- this endpoint cannot: it does not have that
    (r"missing trie node|missing ?trie ?node", Reply.MISSING),  # geth, Nethermind, bor
    (r"\b(header|block|blockhash|hash|head|resource|receipts?|transaction)\b.* (was |is |be |could |can)*"
     r"(not|n't) (be )?(found|known|available)", Reply.MISSING),  # geth, Reth, Erigon, Anvil
    (r"(could|can) ?not be found|cannot find (the )?(block|header)", Reply.MISSING),  # Nethermind
    (r"(unknown|no such|missing|nonexistent) (block|header|hash)", Reply.MISSING),  # Besu, Erigon, Reth
    (r"not (currently )?canonical|non-?canonical", Reply.MISSING),  # geth, Erigon
    (r"(state|data|trie|history)\b.* (is |was |are |has been |yet )*(not|un)[ -]?available|state unavailable",
     Reply.MISSING),  # geth, Besu "World state unavailable", Nethermind
    (r"no state (found|available)|state .*not found|missing (historical )?state|historical state|"
     r"(state|data|history|block)\b.*pruned|pruning", Reply.MISSING),  # Nethermind, Erigon, Reth
    (r"\barchive\b|archival", Reply.MISSING),  # Infura, dRPC, public endpoints
    (r"maximum proof window|does not have the requested block|not yet (synced|processed)|still syncing|"
     r"(node|client) is (not synced|syncing)|indexing is in progress", Reply.MISSING),  # Reth, geth
    (r"block ?(number )?(is )?out ?of ?range|beyond (the )?(current )?head|unfinali[sz]ed data",
     Reply.MISSING),  # Anvil, Avalanche
    (r"database error|failed to get (account|storage|block)", Reply.MISSING),  # Anvil, whose upstream failed
    # --- the EVM or the rules of a transaction refused the call
    (r"out ?of ?gas|gas required exceeds|intrinsic gas|gas limit (is )?(too|exceed)|exceeds (the )?"
     r"(block|transaction)? ?gas (limit|allowance|cap)|gas (is )?too (low|high)|"
     r"(block )?gas limit (reached|exceeded)", Reply.JUDGEMENT),
    (r"invalid opcode|opcode .*(not defined|not activated)|bad instruction|InvalidFEOpcode|OpcodeNotFound",
     Reply.JUDGEMENT),  # geth, OpenEthereum, Anvil
    (r"stack ?(underflow|overflow|limit)|(invalid|bad) ?jump", Reply.JUDGEMENT),
    (r"write protection|StateChangeDuringStaticCall|return data out of bounds|max call depth|"
     r"code ?size ?(limit|exceeded)|contract address collision|precompile.* failed", Reply.JUDGEMENT),
    (r"insufficient (sender )?(funds|balance) for|insufficient sender balance|OutOfFunds|LackOfFund", Reply.JUDGEMENT),
    (r"upfront cost exceeds account balance", Reply.JUDGEMENT),  # Besu
    (r"nonce (is )?too (low|high)|(max ?fee|gas price|fee cap) .*(less|lower|below) .*base ?fee", Reply.JUDGEMENT),
    (r"sender (is )?not an? eoa|sender has deployed code", Reply.JUDGEMENT),
)  # fmt: skip
_ROWS = tuple((re.compile(wording, re.IGNORECASE), reply) for wording, reply in TABLE)
_NOT_THE_NODES = re.compile(r"^\w+: |\bhttps?://\S+")  # the method, put first by `sentinel.chain.rpc`; names of hosts
_RETRY_IN = re.compile(r"(?:retry|try again) (?:in|after) (\d+(?:\.\d+)?) ?(ms|s|sec|m|min)?\b", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "m": 60.0, "min": 60.0}


def classify(error: RpcError) -> Reply:
    """What the error says, by its wording, else by its code."""
    if error.code is None:  # no well-formed reply, so the text is not the node's
        return Reply.UNKNOWN
    if error.code == 3:  # the text of a revert is the contract's
        return Reply.JUDGEMENT
    message = _NOT_THE_NODES.sub("", str(error))
    for wording, reply in _ROWS:
        if wording.search(message):
            return reply
    return _CODES.get(error.code, Reply.UNKNOWN)


def is_answer(error: RpcError) -> bool:
    """Whether the error is an answer to the read: a judgement of the call, which another endpoint would repeat."""
    return classify(error) is Reply.JUDGEMENT


def retry_after(error: RpcError) -> float | None:
    """Seconds after which a rate-limited endpoint wants to be asked again: by its header, its data or its text."""
    if classify(error) is not Reply.RATE_LIMITED:
        return None
    if error.retry_after is not None:
        return error.retry_after
    rate = error.data.get("rate") if isinstance(error.data, dict) else None
    seconds = rate.get("backoff_seconds") if isinstance(rate, dict) else None  # Infura
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < float("inf"):
        return float(seconds)
    match = _RETRY_IN.search(str(error))
    return float(match[1]) * _SECONDS.get((match[2] or "s").lower(), 1.0) if match else None
