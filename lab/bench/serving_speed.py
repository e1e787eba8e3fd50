"""Speed of several ways of serving: one student behind several vLLM servers with the same requests.

Every server gets the two requests of an order (its reading, and its program after the first thought) at each n. The
servers alternate from request to request, so that noise affects all alike. The samples that parse are counted too,
because a faster server that garbles text is useless.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.parse import parse as code
from sentinel.agent.prompt import Message
from sentinel.agent.read_prompt import read_messages
from sentinel.agent.trade_prompt import trade_messages, trade_prefill
from sentinel.agent.vllm_server import NAME, served
from sentinel.core.errors import Unavailable
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.typed.order import Order

WAYS: Mapping[str, tuple[str, ...]] = {
    "as served": (),
    "compiled": ("--no-enforce-eager",),
    "no prefix cache": ("--no-enable-prefix-caching",),
    "at most 32 at once": ("--max-num-seqs", "32"),
    "no async scheduling": ("--no-async-scheduling",),
    "n-gram speculation": (
        "--speculative-config",
        '{"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4}',
    ),
}
WORDS = "Every 6 hours put 150 dollars into ether while gas is under 25 gwei, and leave 400 USDC alone."
READING = "Buy 150 USDC worth of WETH, every 6 hours. Only while the gas price is below 25 gwei. Keep 400 USDC."

Say = Callable[[str], None]


async def measure(
    model: Path, sizes: Sequence[int], rounds: int, log: Path, say: Say, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Start all servers (about 40 s and 2.5 GB each), measure, and stop them. Reports a way that fails to start."""
    ways: dict[str, Any] = {}
    seconds: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
    good: defaultdict[str, list[bool]] = defaultdict(list)
    requests = _requests()
    async with contextlib.AsyncExitStack() as stack:
        students: dict[str, StudentModel] = {}
        for name, flags in WAYS.items():
            say(f"vLLM starts: {name}")
            started = time.perf_counter()
            try:
                server = await stack.enter_async_context(served(model, log=log, flags=flags))
            except Unavailable as error:
                ways[name] = {"failed": str(error)[:300]}
                continue
            students[name] = await stack.enter_async_context(StudentModel(server.url, NAME, Sampling(), timeout=120.0))
            ways[name] = {"flags": " ".join(flags), "ready_s": round(time.perf_counter() - started, 1)}
        for done in range(-1, rounds):  # the first round warms up and is not counted
            for n in sizes:
                for name, student in students.items():
                    for kind, (request, prefill) in requests.items():
                        began = time.perf_counter()
                        samples = await student.sample(request, n, prefill)
                        if done >= 0:
                            seconds[name, kind, n].append(time.perf_counter() - began)
                            good[name] += [_good(kind, sample.text) for sample in samples]
            progress(done + 1, rounds)
    for name in students:
        for kind in requests:
            times = {n: median(seconds[name, kind, n]) for n in sizes}
            ways[name][f"{kind}_ms"] = {n: round(taken * 1e3, 1) for n, taken in times.items()}
            ratios = {n: taken / median(seconds["as served", kind, n]) for n, taken in times.items()}
            ways[name][f"{kind}_ratio"] = {n: round(ratio, 3) for n, ratio in ratios.items()}
        ways[name] |= {"parsed": sum(good[name]), "samples": len(good[name])}
    return {"model": model.name, "rounds": rounds, "ways": ways}


def _requests() -> dict[str, tuple[list[Message], str]]:
    """The two requests of an order, with their prefills."""
    order = parse(READING, "USDC")
    assert isinstance(order, Order)
    return {"read": (read_messages(WORDS), ""), "trade": (trade_messages(WORDS), trade_prefill(order))}


def _good(kind: str, text: str) -> bool:
    """Whether the text is what was asked for."""
    if kind == "trade":
        return isinstance(code(text), str)
    return not isinstance(read_draft(text.strip(), "USDC"), NotRead)
