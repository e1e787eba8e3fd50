"""`sentinel distill collect` and `select`, from the generator's rows to rows for the tuning, beside a chat endpoint."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from sentinel.agent.order_program import program
from sentinel.cli.distill_commands import app
from sentinel.distill.orders.dataset import rows
from sentinel.distill.orders.split import Split
from sentinel.distill.tuning.conversations import read
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from tests.distill.llm_server import KEY, MODEL, llm_server

COUNT = 4


async def run(*arguments: str | Path) -> dict[str, Any]:
    """What the command prints, as JSON."""
    done = await asyncio.to_thread(CliRunner().invoke, app, [str(part) for part in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


async def test_what_a_teacher_writes_is_counted_selected_and_can_be_trained_on(tmp_path: Path) -> None:
    """A teacher that reads rightly and writes one program wrongly; the second run of `collect` asks for nothing."""
    drawn = list(rows(Split.TRAIN, COUNT, 5))
    drafts = {row.text: row.draft for row in drawn}
    orders, answers, out = (tmp_path / name for name in ("orders.jsonl", "answers.jsonl", "rows.jsonl"))
    orders.write_text("".join(row.line() for row in drawn))
    traded = [row for row in drawn if isinstance(row.reading, Order)]
    (tmp_path / "key").write_text(KEY)

    def answer(system: str, user: str) -> str:
        if user in drafts:
            return drafts[user]
        order = parse(user, "USDC")
        assert isinstance(order, Order)
        return "```py\nwait()\n```" if order == traded[0].reading else f"```py\n{program(order)}\n```"

    async with llm_server() as server:
        server.answer = answer
        teacher = ("--url", server.url, "--model", MODEL, "--key-file", tmp_path / "key", "--per-minute", "1e6")
        collect = ("collect", "--orders", orders, "--out", answers, *teacher, "--price-prompt", "2")
        counts = await run(*collect)
        wanted = COUNT + len(traded)
        assert (counts["answers"], counts["unanswered"], counts["requests"]) == (wanted, 0, wanted)
        assert counts["cost"] == round(wanted * 1000 * 2 / 1e6, 4)
        assert await run(*collect) == counts
        assert len(server.asked) == wanted
    report = await run("select", "--orders", orders, "--answers", answers, "--out", out)
    assert report["kept"] == {"program": len(traded) - 1, "reading": COUNT}
    assert report["dropped"] == {"its program trades otherwise": 1}
    assert len(read([out])) == wanted - 1
