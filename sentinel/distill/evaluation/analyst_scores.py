"""Judge a served analyst on held-out states: its agreement with the full oracle and its use of tokens.

The endpoint's tokenizer counts the tokens of both analysts: those that each writes, and those that are sent and written
over all requests of its episode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from random import Random
from statistics import mean, median
from time import perf_counter
from typing import Any

import aiohttp

from sentinel.agent.action_format import closed
from sentinel.agent.episode import Sampler
from sentinel.core.actions import Proposal
from sentinel.core.market_state import MarketView
from sentinel.core.statistics import Share
from sentinel.distill.collecting.analyst_rows import WITHIN, agree, analyst, draw_brief, oracle, view_row
from sentinel.distill.states.split import SplitPart
from sentinel.distill.states.tasks import Task, segments
from sentinel.distill.teaching.analysis import FAST, FULL

APART = 5  # bars between two judged states of a segment, because neighbours are nearly the same


@dataclass(frozen=True, slots=True)
class JudgedView:
    """One state's view compared with the full oracle's."""

    state: str  # day/start/seed/bar/wallet
    base: str
    full: str  # regime of the full oracle
    ours: str  # regime of the student; "" if it gave no view
    agrees: bool
    oracle_agrees: bool  # the fast oracle agrees with the full one, which is the best that the student can learn
    full_written: int  # tokens that the full oracle writes
    written: int  # tokens that the student writes
    full_all: int  # tokens sent and written, full oracle
    all: int  # tokens sent and written, student
    seconds: float  # of the student's episode


async def judge(
    student: Sampler,
    part: SplitPart,
    count: int,
    tokens: TokenCounter,
    *,
    seed: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Judge the student on `count` states. The same part, count and seed give the same states for every student."""
    judged: list[JudgedView] = []
    async with aclosing(_apart(part, seed)) as stream:
        async for case in stream:
            judged.append(await _one(case, student, tokens))
            progress(len(judged))
            if len(judged) == count:
                return summary(judged)
    raise AssertionError("the stream of cases has no end")


async def _apart(part: SplitPart, seed: int) -> AsyncGenerator[Task]:
    passed = 0
    async with aclosing(segments(part, seed)) as stream:
        async for _, bar in stream:
            passed += 1
            if passed % APART == 0:
                yield bar[0]


async def _one(case: Task, student: Sampler, tokens: TokenCounter) -> JudgedView:
    brief, standing = draw_brief(Random(f"judged {case.id}"), case)
    full, fast = (oracle(case, steps, brief, standing) for steps in (FULL, FAST))
    full_proposal = await full.propose(case.state)
    full_view, fast_view = view_row(full, full_proposal, case), view_row(fast, await fast.propose(case.state), case)
    ours, started = analyst(case, student, brief, standing), perf_counter()
    proposal = await ours.propose(case.state)
    seconds, view = perf_counter() - started, view_row(ours, proposal, case)
    (full_all, full_written), (all_of_ours, written) = await tokens.of(full_proposal), await tokens.of(proposal)
    return JudgedView(
        state=case.id,
        base=brief.base,
        full=_regime(full_view),
        ours=_regime(view),
        agrees=agree(view, full_view),
        oracle_agrees=agree(fast_view, full_view),
        full_written=full_written,
        written=written,
        full_all=full_all,
        all=all_of_ours,
        seconds=round(seconds, 3),
    )


def summary(judged: Sequence[JudgedView]) -> dict[str, Any]:
    """Shares of agreement by the full oracle's regime, and mean tokens per view."""
    slices: dict[str, list[JudgedView]] = {}
    for state in judged:
        for name in ("all", state.full):
            slices.setdefault(name, []).append(state)
    written, full_written = mean(state.written for state in judged), mean(state.full_written for state in judged)
    everything, full_all = mean(state.all for state in judged), mean(state.full_all for state in judged)
    return {
        "within_bps": WITHIN,
        "apart": APART,
        "agreement": {name: Share(sum(j.agrees for j in of), len(of)).as_json() for name, of in slices.items()},
        "fast_oracle": Share(sum(state.oracle_agrees for state in judged), len(judged)).as_json(),
        "as_the_fast_oracle": sum(state.agrees == state.oracle_agrees for state in judged),
        "tokens_written": {"student": round(written, 1), "full": round(full_written, 1)},
        "tokens_sent_and_written": {"student": round(everything, 1), "full": round(full_all, 1)},
        "written_share": round(written / full_written, 4),
        "sent_and_written_share": round(everything / full_all, 4),
        "median_seconds": round(median(state.seconds for state in judged), 3),
        "misses": dict(Counter(f"{state.full} -> {state.ours or 'no view'}" for state in judged if not state.agrees)),
        "judged": [asdict(state) for state in judged],
    }


class TokenCounter:
    """Counts tokens of texts and conversations by vLLM's /tokenize for one model."""

    def __init__(self, session: aiohttp.ClientSession, url: str, model: str) -> None:
        """`url` ends in /v1."""
        self._session, self._url, self._model = session, url.removesuffix("/v1") + "/tokenize", model
        self._known: dict[str, int] = {}

    async def of(self, proposal: Proposal) -> tuple[int, int]:
        """Tokens of an episode with one sample per step: sent and written over all requests, then written only."""
        sent = written = 0
        begun = [at for at, message in enumerate(proposal.prompt) if message["role"] == "assistant"]
        for end in [*begun, len(proposal.prompt)]:
            sent += await self._count({"messages": [dict(m) for m in proposal.prompt[:end]]})
        for text in [*(proposal.prompt[at]["content"] for at in begun), proposal.samples[-1].text]:
            written += await self._count({"prompt": closed(text), "add_special_tokens": False})
        return sent + written, written

    async def _count(self, request: Mapping[str, Any]) -> int:
        key = repr(request)
        if key not in self._known:
            async with self._session.post(self._url, json={"model": self._model, **request}) as response:
                response.raise_for_status()
                self._known[key] = int((await response.json())["count"])
        return self._known[key]


def _regime(view: MarketView | None) -> str:
    return view.regime if view is not None else ""
