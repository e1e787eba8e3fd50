"""Collection on a real local market, from the oracle and from an LLM's recorded answers; a kill changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.agent.prompt import SYSTEM
from sentinel.core.errors import OperatorError
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.collect import GIVE_UP, collect
from sentinel.distill.collecting.selection import select
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.distill.teaching.teacher import LlmTeacher, OracleTeacher, Teacher, TeacherEndpoint, UsageMeter
from sentinel.distill.trajectory_store import TrajectoryShards
from tests.distill.llm_server import KEY, MODEL, LlmServer, recorded_server

DEV = split.load("dev")


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with recorded_server() as server:
        yield server


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    return path


async def no_sleep(_: float) -> None:
    pass


def teacher(server: LlmServer, key: Path, meter: UsageMeter | None = None) -> LlmTeacher:
    return LlmTeacher(TeacherEndpoint(server.url, MODEL, key, per_minute=1e6), meter or UsageMeter(), sleep=no_sleep)


async def test_what_an_llm_did_is_run_simulated_judged_and_said_to_be_an_llms(
    server: LlmServer, key: Path, tmp_path: Path
) -> None:
    """In the real sandbox, with the real tools, on a real fork; and what is stored has the student's short prompt."""
    server.faults = {3: "429", 9: "500", 12: "truncated"}
    folder, meter = tmp_path / "shards", UsageMeter()
    async with teacher(server, key, meter) as llm:
        await collect(CollectionRequest(DEV, 80), llm, TrajectoryShards(folder))
    found = [*trajectory_store.read(folder)]
    for row in found:
        made = row.trajectory
        assert (made.source, made.model, row.part, row.seed, row.sample) == ("llm", MODEL, "dev", 0, 0)
        assert made.turns[0].text == SYSTEM
        assert made.id == f"{made.state_id}#0"
        assert row.code.startswith("0.1.0")
        if row.prefix == "given":
            assert made.turns[2].text.startswith(f"Thought: {made.first_thought}")
    by = {row.trajectory.playbook: row for row in found}
    assert by["slice"].fault == "no_thought"  # none of them code
    assert by["arbitrage"].fault == "no_fresh_read"
    assert by["arbitrage"].prefix == "refused: is empty"
    assert by["momentum"].prefix == "refused: states a number"
    assert "NameError" in by["mean_reversion"].trajectory.turns[3].text  # mended afterwards, and kept
    assert meter.repeated == 2
    assert meter.requests == len(server.asked) - 2
    assert 2 <= server.most_flying <= 4

    report = select(folder, tmp_path / "out.jsonl")
    assert report["teachers"] == {f"llm {MODEL}": sum(report["kept"].values())}
    assert {"rebalance act", "mean_reversion act", "momentum act"} <= set(report["kept"])
    assert not {name.split()[0] for name in report["kept"]} & {"slice", "arbitrage"}
    assert {"no_thought", "no_fresh_read", "worth too little"} <= set(report["dropped"])
    assert report["rows"] == len(found)


async def test_equal_trajectories_of_one_state_are_one_row_and_are_not_made_again(tmp_path: Path) -> None:
    """The oracle's always are."""
    order, folder = CollectionRequest(DEV, 8, n=3), tmp_path / "shards"
    await collect(order, OracleTeacher(), TrajectoryShards(folder))
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = TrajectoryShards(folder)
    assert (again.kept, len(again.duplicates)) == (8, 16)

    class Nobody(OracleTeacher):
        async def start(self, *given: object) -> object:  # type: ignore[override]
            raise AssertionError("asked again")

    await collect(order, Nobody(), again)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


async def test_an_endpoint_that_gives_nothing_usable_ends_the_run_and_what_was_done_stays(
    server: LlmServer, key: Path, tmp_path: Path
) -> None:
    """What went unanswered is asked again by the next run, what was answered is not."""
    folder = tmp_path / "shards"
    server.on_request = lambda number: setattr(server, "always", "wrong model" if number >= 30 else "")
    async with teacher(server, key) as llm:
        with pytest.raises(OperatorError, match=f"{GIVE_UP} times in a row; the last error: another-model answered"):
            await collect(CollectionRequest(DEV, 40), llm, TrajectoryShards(folder))
        done = len([*trajectory_store.read(folder)])
        assert 4 <= done < 40
        server.on_request = lambda number: setattr(server, "always", "")
        await collect(CollectionRequest(DEV, 40), llm, TrajectoryShards(folder))
    found = [row.trajectory.id for row in trajectory_store.read(folder)]
    assert len(found) == len(set(found))
    assert len(TrajectoryShards(folder).done) == 40


async def test_a_folder_belongs_to_one_teacher_and_one_stream(server: LlmServer, key: Path, tmp_path: Path) -> None:
    """An oracle's rows are never among an LLM's."""
    await collect(CollectionRequest(DEV, 4), OracleTeacher(), TrajectoryShards(tmp_path))
    async with teacher(server, key) as llm:
        other: list[tuple[CollectionRequest, Teacher]] = [
            (CollectionRequest(DEV, 4), llm),
            (CollectionRequest(DEV, 4, seed=1), OracleTeacher()),
        ]
        for order, who in other:
            with pytest.raises(OperatorError, match="of another teacher, part or seed"):
                await collect(order, who, TrajectoryShards(tmp_path))


def everything(folder: Path, key: Path) -> bytes:
    """All that was written there, but the key's own file."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path != key)


async def run_collect(server: LlmServer, key: Path, folder: Path, *, kill: tuple[int, int] | None = None) -> str:
    """The command in a process of its own; `kill`: at which request with which signal. Returns all that it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sentinel", "distill", "collect", "--teacher", "llm", "--out", str(folder),
        "--url", server.url, "--model", MODEL, "--key-file", str(key), "--part", "dev", "--states", "16",
        "--rows", "5", "--samples", "2", "--per-minute", "1000000", "--price-prompt", "2",
        cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "SENTINEL_LOG__LEVEL": "debug"},
    )  # fmt: skip
    if kill is not None:
        at, number = len(server.asked) + kill[0], kill[1]
        server.on_request = lambda k: process.send_signal(number) if k == at else None
    out, _ = await process.communicate()
    server.on_request = lambda _: None
    assert (process.returncode == 0) == (kill is None), out.decode()
    return out.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_run_that_is_killed_and_started_again_gives_the_same_shards(
    server: LlmServer, key: Path, tmp_path: Path, number: int
) -> None:
    """As one that was not; what was done before the kill is not asked again; and the key stands nowhere."""
    said = await run_collect(server, key, tmp_path / "whole")
    whole = len(server.asked)
    said += await run_collect(server, key, tmp_path / "cut", kill=(whole // 2, number))
    kept = len([*trajectory_store.read(tmp_path / "cut")])
    assert 0 < kept < 32
    before = len(server.asked)
    said += await run_collect(server, key, tmp_path / "cut")
    assert len(server.asked) - before < whole
    shards = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.jsonl")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "cut").glob("*.jsonl")} == shards
    sizes = Counter(content.count(b"\n") for name, content in shards.items() if name.startswith("shard"))
    assert sizes[5] >= len(sizes)
    assert '"cost": 0.' in said
    assert KEY not in said
    assert KEY.encode() not in everything(tmp_path, key)
