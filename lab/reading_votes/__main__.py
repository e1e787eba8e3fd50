"""Draw many readings of labelled orders in several ways, and say what each way is worth at equal samples.

`python -m lab.reading_votes --url URL --orders FILE … --samples 16 --answers FILE --out FILE`: the student is served
(docs/serving.md); answers are kept, so an interrupted run goes on. A `reading` must be in each line of the files.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from lab.reading_votes.outcomes import Outcome, place_of, summary
from lab.reading_votes.ways import WAYS, Request, Way
from sentinel.agent.model import Sampling
from sentinel.agent.prompt import Message
from sentinel.agent.read_prompt import read_messages
from sentinel.agent.reader import Reader
from sentinel.agent.reading_report import SHOWN
from sentinel.core.actions import Sample
from sentinel.core.errors import SentinelError
from sentinel.distill.evaluation.kept_answers import KeptAnswers
from sentinel.distill.evaluation.labelled_orders import BLOCK, QUOTE, TOKENS, LabelledOrder, read_orders
from sentinel.distill.evaluation.served_reader import KeptSampler
from sentinel.distill.working import progress_bar
from sentinel.orders.battery.groups import Group
from sentinel.orders.language.reading import render

ROUND_TRIP = Sampling(temperature=1.0, top_p=1.0, max_tokens=3, seed=1)
ASKED = 8  # answers to the question of the round trip, for each group
CONCURRENT = 4  # orders


async def outcome(order: LabelledOrder, way: Way, sampler: KeptSampler, judge: KeptSampler, samples: int) -> Outcome:
    """Raises ModelUnavailable."""
    reader = Reader(sampler, QUOTE, TOKENS, samples, min_agreement=0.0, block_seconds=BLOCK)
    requests = way.requests(order.text)
    drawn: list[Sample] = []
    for request in requests:
        drawn += await _drawn(sampler, request, samples // len(requests))
    found = reader.judged(order.text, drawn).groups
    assert order.reading is not None
    chosen = await _round_trip(order.text, found[:SHOWN], judge)
    votes = tuple(group.votes for group in found)
    return Outcome(order.id, order.split or "", samples, votes, place_of(order.reading, found), chosen)


async def _drawn(sampler: KeptSampler, request: Request, count: int) -> list[Sample]:
    return await sampler.sample(read_messages(request.words), count, request.prefill)


async def _round_trip(words: str, found: Sequence[Group], judge: KeptSampler) -> int | None:
    """The group whose reading the model most often calls the same as the words; among equals the largest."""
    if not found:
        return None
    scores = []
    for group in found:
        asked = f"Order: {words}\nReading: {render(group.reading)}\nDo they say the same?"
        messages = [Message(role="system", content="Answer yes or no."), Message(role="user", content=asked)]
        answers = await judge.sample(messages, ASKED)
        scores.append(sum(answer.text.strip().lower().startswith("yes") for answer in answers))
    return scores.index(max(scores))


async def measure(
    orders: Sequence[LabelledOrder], url: str, judge_url: str, kept: Path, samples: int
) -> list[dict[str, object]]:
    """One row for each way and split. Raises ModelUnavailable; what was answered until then is kept."""
    answers = KeptAnswers(kept)
    judge = KeptSampler(judge_url, ROUND_TRIP, answers)
    await judge.start()
    rows: list[dict[str, object]] = []
    turns = asyncio.Semaphore(CONCURRENT)

    async def one(order: LabelledOrder, way: Way, sampler: KeptSampler, done: Callable[[], None]) -> Outcome:
        async with turns:
            found = await outcome(order, way, sampler, judge, samples)
        done()
        return found

    for way in WAYS:
        sampler = KeptSampler(url, way.sampling, answers)
        await sampler.start()
        with progress_bar() as bar:
            done = functools.partial(bar.advance, bar.add_task(way.name, total=len(orders)))
            found = await asyncio.gather(*(one(order, way, sampler, done) for order in orders))
        await sampler.close()
        for split in ("", *sorted({one.split for one in found})):
            rows.append(
                {"way": way.name, "split": split or "all", **summary([o for o in found if split in ("", o.split)])}
            )
    await judge.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="of the served student; ends in /v1")
    parser.add_argument("--judge-url", help="of the model that is asked about the round trip; default: the student")
    parser.add_argument("--orders", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--answers", type=Path, required=True, help="the answers are kept here")
    parser.add_argument("--out", type=Path, required=True, help="JSON of the rows")
    options = parser.parse_args()
    orders = [order for path in options.orders for order in read_orders(path)]
    rows = uvloop.run(measure(orders, options.url, options.judge_url or options.url, options.answers, options.samples))
    options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    try:
        main()
    except SentinelError as error:
        sys.exit(f"reading votes: {error}")
