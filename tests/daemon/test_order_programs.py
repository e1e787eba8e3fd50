"""A live daemon on a local market that trades an approved order by programs, kept over blocks.

The student is a double that returns the teacher's programs.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from sentinel.config.settings import Settings, load
from sentinel.core.actions import Approve, HoldAction, Swap
from sentinel.core.decision import Act, Hold
from sentinel.core.errors import OperatorError
from sentinel.core.record import CycleRecord
from sentinel.daemon.replay import decide_again
from sentinel.daemon.wiring import App, opened
from sentinel.market import Devnet
from sentinel.observe import plain_words
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.typed.order import Order
from tests.agent.test_judgements import Judge
from tests.agent.test_reader import Answers
from tests.daemon.running import ALLOWED, KEY, PURSE, WALLET, moving

DCA = "Buy 300 USDC worth of WETH, every 1 second. Pay at most 50% of a trade in costs."
EXIT = "If the price of WETH is above 1 USDC, sell all of WETH, once. Pay at most 50% of a trade in costs."
SHAKY = 'If it is judged that "it looks shaky", buy 200 USDC worth of WETH, once. Pay at most 50% of a trade in costs.'
WORDS = "sell all my eth once it trades above 1 USDC, once, and pay at most 50% of the trade in costs"
KEPT = 4  # blocks


def given(devnet: Devnet, folder: Path, **model: Any) -> Settings:
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    return load(
        None,
        rpc={"url": devnet.rpc_url, "ws_url": devnet.ws_url},
        state_dir=folder / "state",
        fork={"port": 0},
        web={"port": 0},
        wallet={"dev_key_file": key},
        execution={"mode": "live", "confirmations": 1},
        limits={"max_head_age": 3_600, "max_deadline": 600, "max_trade": 5_000, "max_daily_loss": 10**6},
        model={"samples": 3, **model},
    )


def read(reading: str) -> Order:
    order = parse(reading, "USDC")
    assert isinstance(order, Order)
    return order


def approve(app: App, reading: str, *, accept_judgement: bool = False) -> None:
    order = read(reading)
    app.operator.approve_order(render(order), order_hash(order), accept_judgement=accept_judgement)


async def test_programs_are_kept_until_the_order_the_settings_or_time_change(devnet: Devnet, tmp_path: Path) -> None:
    """The order is traded as it says; each record names the block at which its programs were sampled."""
    await devnet.fund(WALLET, PURSE)
    await devnet.allow_permit2(WALLET, ALLOWED)
    sampler, records, cycled = Judge(), list[CycleRecord](), asyncio.Event()
    settings = given(devnet, tmp_path, resample=KEPT)

    def cycle_done(record: CycleRecord) -> None:
        records.append(record)
        cycled.set()

    async def blocks(count: int, app: App) -> list[CycleRecord]:
        """Records of the next blocks at which a decision was made."""
        start = len(records)
        async with asyncio.timeout(60):
            while len([one for one in records[start:] if one.proposal is not None]) < count:
                cycled.clear()
                await cycled.wait()
        return [one for one in records[start:] if one.proposal is not None]

    with (tmp_path / "log").open("w") as log:
        async with (
            moving(devnet),
            opened(settings, trader_model=sampler, log_to=log, reload=lambda: settings, on_cycle=cycle_done) as app,
        ):
            approve(app, DCA)
            daemon = asyncio.create_task(app.daemon.run())
            bought = await blocks(5, app)
            for record in bought:
                proposal, head = record.proposal, record.head.number
                assert proposal is not None
                assert (proposal.source, proposal.steps) == ("double:teacher", 1)
                assert proposal.sampled_at is not None
                assert 0 <= head - proposal.sampled_at < KEPT
                actions = [candidate.action for candidate in proposal.candidates]
                assert record.played is not None
                if record.played.clause is None:  # between two trades
                    assert [type(action) for action in actions] == [HoldAction] * 3
                else:
                    assert isinstance(actions[0], Swap)
                    assert actions == [actions[0]] * 3
                    assert (actions[0].token_in, actions[0].amount_in) == ("USDC", 300 * 10**6)
            assert sum(isinstance(record.decision, Act) for record in bought) >= 2
            drawn = [record.proposal.sampled_at for record in bought if record.proposal]
            assert len(sampler.asked) == len(set(drawn)) < len(drawn)

            settings = given(devnet, tmp_path, resample=1_000)
            assert app.reloader.ask("test") == {"SENTINEL_MODEL__RESAMPLE": [KEPT, 1_000]}
            before = records[-1].head.number
            again = [record.proposal.sampled_at for record in await blocks(4, app) if record.proposal][-2:]
            assert again[0] is not None
            assert again == [again[0]] * 2  # kept from now on, but not those of before
            assert again[0] > before

            student = Answers(EXIT)
            app.operator.readings.connect = lambda settings: contextlib.nullcontext(student)
            report = await app.operator.read_order(WORDS)  # cycles go on
            assert report["groups"][0]["reading"] == EXIT, report["dropped"]
            app.operator.approve_order(EXIT, report["groups"][0]["hash"], WORDS)
            sold = [record for record in await blocks(4, app) if record.played and record.played.sold == "WETH"]
            assert sampler.asked[-1][2] == f"Thought: {EXIT}"
            assert sampler.asked[-1][0][-1] == {"role": "user", "content": WORDS}
            assert sold[0].proposal is not None
            assert sold[0].proposal.sampled_at == sold[0].head.number
            act = next(record.decision for record in sold if isinstance(record.decision, Act))  # the price may run away
            action = act.simulation.candidate.action
            assert isinstance(action, Swap)
            assert (action.token_in, action.token_out) == ("WETH", "USDC")

            with pytest.raises(OperatorError, match='the student alone would judge "it looks shaky"'):
                approve(app, SHAKY)
            approve(app, SHAKY, accept_judgement=True)
            judged = [one for one in await blocks(2, app) if one.proposal and one.proposal.judged]
            assert judged[0].proposal is not None
            assert judged[0].proposal.judged == {"it looks shaky": (False,) * 3}  # no answer is no
            assert isinstance(judged[0].decision, Hold)
            sampler.answers = ("yes", "yes", "no")
            sold = [one for one in await blocks(2, app) if isinstance(one.decision, Act)]
            assert app.parts.journal.order_fills.fills(order_hash(read(SHAKY)))[0].clause == 0
            assert sold[0].played is not None
            assert (sold[0].played.clause, [one.clause for one in sold[0].played.possible]) == (None, [0, None])
            assert 'the student judged "it looks shaky": yes 2 of 3' in plain_words.told(sold[0], app.parts.network)
            assert decide_again(sold[0], settings, app.parts.network).same

            sampler.approvals = ('approve("USDC", 400)', 'approve("USDC", 400)', 'approve("USDC", 100)')
            for programs, votes, source, allowed in (  # by vote; and the order's own where too few agree
                (sampler.approvals, 2, sampler.source, 400 * 10**6),
                ((), 1, "oracle", None),
            ):
                sampler.approvals = programs
                await devnet.allow_permit2(WALLET, {"USDC": 0})
                approve(app, DCA)
                acts = [one for one in await blocks(6, app) if isinstance(one.decision, Act)]
                first, *others = (one.decision.simulation.candidate.action for one in acts)  # type: ignore[union-attr]
                assert isinstance(first, Approve)
                assert (first.token, first.spender) == ("USDC", "permit2")
                assert allowed in (first.amount, None)
                assert (acts[0].decision.votes, acts[0].proposal.source) == (votes, source)  # type: ignore[union-attr]
                assert acts[0].played is not None
                assert acts[0].played.clause == 0
                assert isinstance(others[0], Swap)
                app.operator.cancel_order("enough")
            app.daemon.stop()
            assert await asyncio.wait_for(daemon, 60) == 0
