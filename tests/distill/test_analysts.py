"""What the analyst's student learns: the fast oracle's words where the full one says the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import CHECKOUT
from sentinel.agent import prompt
from sentinel.cli import distill_commands as cli
from sentinel.core.mandate import Brief
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.units import BPS
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.analyst_rows import WITHIN, agree
from sentinel.distill.collecting.selection import select, unfit_reason
from sentinel.distill.teaching.analysis import FAST, FULL, OracleAnalyst
from sentinel.distill.trajectory_store import ANALYST, TrajectoryRow

VIEW = MarketView({"WETH": 3000, "USDC": 7000}, Regime.DOWN, 0.7, 100, "student:analyst")


@pytest.fixture
def found(analyst_shards: Path) -> list[TrajectoryRow]:
    return list(trajectory_store.read(analyst_shards))


async def test_a_row_is_one_short_step_in_the_analysts_own_prompt(found: list[TrajectoryRow]) -> None:
    """System, request and the fast oracle's answer; the action is the view that it gave."""
    assert len(found) == 20
    for row in found:
        system, asked, answer = row.trajectory.turns
        lines = dict(line.split(": ", 1) for line in asked.text.splitlines())
        base, quote = lines["Pair"].split("/")
        brief = Brief(base, *(float(lines[name]) for name in ("Trend", "Swing", "Fall", "Size")))
        messages = prompt.analysis(brief, quote)
        assert [system.text, asked.text] == [message["content"] for message in messages]
        (sample,) = await OracleAnalyst(FAST).sample(messages, 1, "")
        assert answer.text == sample.text
        assert sum(json.loads(row.trajectory.action)["weights"].values()) == BPS
        assert (row.trajectory.playbook, row.role, row.fault) == (ANALYST, ANALYST, None)


def test_the_same_regime_and_near_weights_agree() -> None:
    """Confidence and source do not count; no view agrees with nothing."""
    near = replace(VIEW, target_weights={"WETH": 3000 + WITHIN, "USDC": 7000 - WITHIN}, confidence=0.1, source="oracle")
    far = replace(VIEW, target_weights={"WETH": 3001 + WITHIN, "USDC": 6999 - WITHIN})
    assert agree(VIEW, near)
    assert not agree(VIEW, far)
    assert not agree(VIEW, replace(VIEW, regime=Regime.RANGE))
    assert not agree(VIEW, None)
    assert not agree(None, None)


def test_only_rows_where_the_two_oracles_agree_are_learnt(
    found: list[TrajectoryRow], analyst_shards: Path, tmp_path: Path
) -> None:
    """A row whose score is 0 is dropped, and the cap on one playbook does not drop the role's only one."""
    good = [row for row in found if row.trajectory.score == 1]
    report = select(analyst_shards, tmp_path / "rows.jsonl")
    assert sum(report["kept"].values()) == len(good) > len(found) // 2
    assert unfit_reason(replace(good[0], trajectory=replace(good[0].trajectory, score=0.0))) is not None


def test_the_roles_do_not_mix_in_one_folder(analyst_shards: Path) -> None:
    """Ids would meet, and a second run would think the other role's done."""
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel", "distill", "collect"]
    command += ["--part", "dev", "--out", analyst_shards, "--states", "4"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "holds rows of another teacher, part, seed or role" in " ".join(done.stderr.split())


def test_the_full_analyst_calls_every_kind_of_tool() -> None:
    """Long history, risk, liquidity, position, memory: and the fast one a tenth of that text at most."""

    def text(steps: Any) -> str:
        lines = {"Trend": "0.002", "Swing": "0.001", "Fall": "0.02", "Size": "500"}
        return "\n".join("\n".join(step(lines, "WETH", "USDC")) for step in steps)

    tools = ["prices", "ema", "sma", "twap", "rsi", "volatility", "drawdown", "returns", "inventory", "venues"]
    tools += ["depth", "best_venue", "impact", "quote", "best_route", "best_split", "gas_cost", "weight", "target"]
    tools += ["balance", "similar", "recall", "block", "equity", "lean", "view"]
    assert [tool for tool in tools if f"{tool}(" not in text(FULL)] == []
    assert len(text(FAST)) * 10 < len(text(FULL))


def test_an_llm_teaches_no_analyst_yet() -> None:
    """Its prompts are the trader's."""
    llm = ["--teacher", "llm", "--url", "http://127.0.0.1:1/v1", "--model", "x"]
    result = CliRunner().invoke(cli.app, ["collect", "--role", "analyst", "--out", "x", *llm])
    assert result.exit_code == 2


@pytest.mark.proof
def test_one_model_learns_both_roles_by_the_role_line(
    found: list[TrajectoryRow], oracle_rows: Path, tmp_path: Path, in_serving: Callable[..., Any]
) -> None:
    """Trained on a trader's and an analyst's trajectory together, it answers each prompt in its role, word for word."""
    trader = oracle_rows.read_text().splitlines()[0]
    line = trajectory_store.dumps(asdict(found[0].trajectory))
    (tmp_path / "both.jsonl").write_text(f"{trader}\n{line}\n")
    (tmp_path / "trader.jsonl").write_text(trader + "\n")
    (tmp_path / "analyst.jsonl").write_text(line + "\n")
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel", "distill", "train"]
    command += ["--data", tmp_path / "both.jsonl", "--out", tmp_path / "model", "--size", "micro"]
    subprocess.run([*command, "--steps", "150", "--batch", "2"], cwd=CHECKOUT, check=True, capture_output=True)
    for role in ("trader", "analyst"):
        answer = in_serving("base.py", "ask", tmp_path / "model", tmp_path / f"{role}.jsonl")
        assert answer["said"] == answer["wanted"]
