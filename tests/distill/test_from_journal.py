"""States of a real daemon's journal: the teacher answers them anew, on a fork at their own block."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from sentinel.agent import prompt
from sentinel.agent.action_format import render_action
from sentinel.agent.order_mandate import mandate_of, target_weights
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.chain.anvil import start_anvil
from sentinel.chain.heads import latest_head
from sentinel.config import settings
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ChainMismatch, OperatorError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.network import NATIVE
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.wiring import opened
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.collect import collect
from sentinel.distill.collecting.from_journal import PART, FromJournal, asked_for
from sentinel.distill.collecting.selection import select
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.distill.teaching.teacher import OracleTeacher
from sentinel.distill.trajectory_store import TrajectoryShards
from sentinel.journal import Journal
from sentinel.market import Devnet

WALLET = to_checksum_address("0x" + "5e" * 20)
PURSE = {"WETH": 10**18, "USDC": 10_000 * 10**6, NATIVE: 10**18}  # far from half and half
HOLD = render_action("I wait.", 'weight("WETH")\nhold("never")')
CYCLES = 5
ORDER = (
    "Rebalance to 50% WETH and 50% USDC when off by more than 2%. "
    "Trade at most 5,000 USDC at a time. Trade at least 10 USDC at a time."
)


class Timid:
    """A student that always holds."""

    source = "student:timid"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        return [Sample(0, index, HOLD, 7, Finish.STOP) for index in range(n)]


@contextlib.asynccontextmanager
async def recorded(net: Devnet, folder: Path) -> AsyncIterator[Settings]:
    """A daemon's settings, after it has decided on CYCLES blocks of `net` and gone."""
    await net.fund(WALLET, PURSE)
    await net.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 20_000 * 10**6})
    given = settings.load(
        None,
        state_dir=folder / "state",
        rpc={"url": net.rpc_url, "ws_url": net.ws_url},
        fork={"port": 0},
        web={"port": 0},
        wallet={"address": WALLET},
        model={"samples": 2},
        strategy={"order": ORDER},
        limits={"max_head_age": 3600, "max_trade": 5000},
    )
    done = asyncio.Event()
    count = 0

    def cycle_done(_: object) -> None:
        nonlocal count
        count += 1
        done.set()

    with (folder / "log").open("w") as log:
        async with opened(given, trader_model=Timid(), log_to=log, on_cycle=cycle_done) as app:
            daemon = asyncio.create_task(app.daemon.run())
            async with asyncio.timeout(60):
                while count < CYCLES:
                    await done.wait()
                    done.clear()
                    await net.market.step()
            app.daemon.stop()
            assert await asyncio.wait_for(daemon, 60) == 0
    yield given


def engine(given: Settings, url: str | None = None) -> FromJournal:
    return FromJournal(given.state_dir / "journal.sqlite3", url or given.rpc.url, given)


async def test_the_oracle_answers_what_a_daemon_met_and_each_answer_is_simulated_at_its_block(
    devnet: Devnet, tmp_path: Path
) -> None:
    """The daemon held; the oracle trades in the very same states and prompts. Rows say `journal`, and selected ones
    parse."""
    async with recorded(devnet, tmp_path) as given:
        made = engine(given)
        passed = await collect(
            CollectionRequest(PART, 100), OracleTeacher(), TrajectoryShards(tmp_path / "rows"), engine=made
        )
        found = [*trajectory_store.read(tmp_path / "rows")]
        assert passed.states == len(found) >= CYCLES  # all different: the market moved between them
        assert made.left_out == {}
        asked = prompt.messages(*_wishes(given))
        for row in found:
            assert (row.part, row.trajectory.source, row.fault, row.acts) == ("journal", "oracle", None, True)
            assert [{"role": turn.role, "content": turn.text} for turn in row.trajectory.turns[:2]] == asked
            assert row.trajectory.state_id.startswith(f"journal/{WALLET.lower()}/")
            assert row.trajectory.score >= 0.95

        report = select(tmp_path / "rows", tmp_path / "chosen.jsonl", count=4)
        chosen = [json.loads(line) for line in (tmp_path / "chosen.jsonl").read_text().splitlines()]
        assert 0 < len(chosen) == sum(report["kept"].values())
        assert [trajectory_store.trajectory_of(one) for one in chosen] == [row.trajectory for row in found][
            : len(chosen)
        ]

        before = (tmp_path / "rows" / "shard-00000.jsonl").read_bytes()
        await collect(
            CollectionRequest(PART, 100), OracleTeacher(), TrajectoryShards(tmp_path / "rows"), engine=engine(given)
        )
        assert (tmp_path / "rows" / "shard-00000.jsonl").read_bytes() == before


async def test_what_cannot_be_simulated_any_more_is_left_out_and_another_chain_is_refused(
    devnet: Devnet, tmp_path: Path
) -> None:
    """A block that the node replaced is counted and makes no row; a node of another genesis ends the run."""
    async with recorded(devnet, tmp_path) as given:
        journal = Journal.open(given.state_dir / "journal.sqlite3", devnet.network, None, None, read_only=True)
        numbers = [record.head.number for record in journal.decided()]
        journal.close()
        await devnet.rpc.call("anvil_rollback", 3)
        last = (await latest_head(devnet.rpc)).number
        made = engine(given)
        passed = await collect(
            CollectionRequest(PART, 100), OracleTeacher(), TrajectoryShards(tmp_path / "rows"), engine=made
        )
        gone = sum(number > last for number in numbers)
        assert made.left_out == {"its block is gone from the node": gone}
        assert gone >= 2
        assert TrajectoryShards(tmp_path / "rows").kept == passed.states == len(numbers) - gone > 0
        process, url = await start_anvil()
        try:
            with pytest.raises(ChainMismatch, match="the genesis of the node's chain is"):
                await collect(
                    CollectionRequest(PART, 9),
                    OracleTeacher(),
                    TrajectoryShards(tmp_path / "x"),
                    engine=engine(given, url),
                )
        finally:
            await process.stop()


async def test_a_journals_rows_and_those_of_a_part_never_share_a_folder(tmp_path: Path) -> None:
    await collect(CollectionRequest(split.load("dev"), 4), OracleTeacher(), TrajectoryShards(tmp_path))
    nowhere = FromJournal(tmp_path / "none", "http://127.0.0.1:1", settings.load(None))
    with pytest.raises(OperatorError, match="of another teacher, part or seed"):
        await collect(CollectionRequest(PART, 4), OracleTeacher(), TrajectoryShards(tmp_path), engine=nowhere)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_the_operator_wished_is_read_back_from_the_prompt(playbook: str) -> None:
    """It makes the same prompt again, to the letter; a text that no mandate makes gives none."""
    view = MarketView({"WETH": 4321, "USDC": 5679}, Regime.NONE, 1.0, 9, "settings")
    wished = Mandate(playbook, "WETH", 0.0123, 17, 0.00456, 1234.5, 7.25, until=987654321, every=3)
    asked = prompt.messages(view, wished)
    found = asked_for(asked[1]["content"])
    assert found is not None
    assert prompt.messages(view, found) == asked
    assert prompt.messages(view, replace(found, size=1.0)) != asked
    assert asked_for(asked[1]["content"].replace(playbook, "martingale")) is None
    assert asked_for(asked[1]["content"].replace("1234.5", "much")) is None


def _wishes(given: Settings) -> tuple[MarketView, Mandate]:
    order = read_order(ORDER, load_network(given.network))
    wished = mandate_of(order, given.limits.max_trade, given.limits.min_trade)
    assert wished is not None
    return MarketView(target_weights(order), Regime.NONE, 1.0, 0, "settings"), wished
