"""Speed of several ways of serving: one student behind several vLLM servers with the same requests.

Every server gets the two requests of an episode (the first step with its prefill, the final action) at each n. The
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

from sentinel.agent import action_format, prompt
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.oracle import next_action
from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.vllm_server import NAME, served
from sentinel.core.errors import Unavailable
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime

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
MANDATE = Mandate("rebalance", "WETH", band=0.02, bars=20, threshold=0.004, size=500.0, least=10.0)
VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.NONE, 1.0, 0, "settings")

Say = Callable[[str], None]


async def measure(
    model: Path, sizes: Sequence[int], rounds: int, log: Path, say: Say, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Start all servers (about 40 s and 2.5 GB each), measure, and stop them. Reports a way that fails to start."""
    ways: dict[str, Any] = {}
    seconds: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    good: defaultdict[str, list[bool]] = defaultdict(list)
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
                    for request, prefill in _requests():
                        began = time.perf_counter()
                        samples = await student.sample(request, n, prefill)
                        if done >= 0:
                            seconds[name, n].append(time.perf_counter() - began)
                            good[name] += [isinstance(parse(sample.text), str) for sample in samples]
            progress(done + 1, rounds)
    for name in students:
        steps = {n: round(median(seconds[name, n]) * 1e3, 1) for n in sizes}
        ratios = {n: round(median(seconds[name, n]) / median(seconds["as served", n]), 3) for n in sizes}
        ways[name] |= {"step_ms": steps, "ratio": ratios, "parsed": sum(good[name]), "samples": len(good[name])}
    return {"model": model.name, "rounds": rounds, "ways": ways}


def _requests() -> list[tuple[list[prompt.Message], str]]:
    """The requests of one episode with their prefills. The built-in solver wrote the conversation."""
    first = prompt.messages(VIEW, MANDATE)
    turn = {"role": "assistant", "content": next_action(first)}
    second = [*first, turn, prompt.observation("buy 123.45")]
    return [(first, action_format.prefill(PLAYBOOKS[MANDATE.playbook].first_thought(MANDATE))), (second, "")]
