"""`sentinel distill collect` and `select`: a teacher's readings and programs of orders, and those that are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill.collecting.answer_file import Task
from sentinel.distill.collecting_recipe import run_collect, run_select
from sentinel.distill.teaching.teacher import TeacherEndpoint, UsageMeter


def collect(
    orders: Annotated[Path, typer.Option(help="Rows of `distill orders --split train`, or others of that form.")],
    out: Annotated[Path, typer.Option(help="JSON lines file of the answers; a second run adds what is missing.")],
    url: Annotated[str, typer.Option(help="URL of the teacher's endpoint, ends in /v1.")],
    model: Annotated[str, typer.Option(help="Name of the teacher's model, as in the endpoint's answers.")],
    task: Annotated[list[Task] | None, typer.Option(help="What it writes, repeatable; default: both.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Answers per order and task.")] = 1,
    key_file: Annotated[Path | None, typer.Option(help="File that holds the API key.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.4,
    max_tokens: Annotated[int, typer.Option(min=1, help="Limit per answer.")] = 1024,
    seed: int = 0,
    per_minute: Annotated[float, typer.Option(min=0.1, help="Requests per minute.")] = 60,
    concurrent: Annotated[int, typer.Option(min=1, help="Concurrent requests.")] = 4,
    price_prompt: Annotated[float, typer.Option(min=0, help="Price per million prompt tokens.")] = 0,
    price_completion: Annotated[float, typer.Option(min=0, help="Price per million completion tokens.")] = 0,
) -> None:
    """Let an LLM read orders and write their programs. Prints JSON: the counts of answers and tokens, and the cost."""
    endpoint = TeacherEndpoint(
        url, model, key_file, temperature, max_tokens, seed=seed, per_minute=per_minute, concurrent=concurrent
    )
    counts = run_collect(orders, out, endpoint, task or tuple(Task), samples)
    usage = UsageMeter(prompt_tokens=counts["prompt_tokens"], completion_tokens=counts["completion_tokens"])
    print(json.dumps({**counts, "cost": round(usage.cost(price_prompt, price_completion), 4)}))


def select(
    orders: Annotated[Path, typer.Option(help="The rows that `collect` was given.")],
    answers: Annotated[Path, typer.Option(help="File of answers, from `collect`.")],
    out: Annotated[Path, typer.Option(help="JSON lines file for `distill tune`; a report is written beside it.")],
) -> None:
    """Keep readings that mean what the order means, and programs that act as it says. Prints a report with reasons."""
    print(json.dumps(run_select(orders, answers, out)))
