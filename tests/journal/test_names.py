"""Names that a journal and a metric carry are the text that they always were, and are read back as what they are."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import pytest

from sentinel.core.actions import Discarded, DiscardReason, Finish, Stage
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.network import FeeMarket
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation, Where
from sentinel.journal.serialization import dumps, loads
from tests.journal import values

NAMES: dict[type[StrEnum], str] = {
    HoldReason: "stopping paused disputed in_flight hold_voted no_majority tie sized_out refused overtaken unavailable "
    "rpc_error rpc_timeout head_gone fork_unavailable fork_in_use signer_unavailable model_unavailable "
    "model_timeout no_view",
    Stage: "sample parse code action episode",
    DiscardReason: "missing truncated aborted model_timeout empty text_after_end no_thought no_code no_fence unclosed "
    "text_after_code many_blocks empty_code code_too_long not_ascii failed unbuildable two_finals not_final "
    "no_fresh_read too_many_steps",
    Finish: "stop length abort",
    Regime: "up range down stress thin unknown",
    Where: "fork node",
    FeeMarket: "eip1559 legacy",
}


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: str(kind.__name__))
def test_names_stay_what_they_are(kind: type[StrEnum]) -> None:
    """A name may be added here; one that is changed or taken away makes an old journal unreadable."""
    assert [one.value for one in kind if one.value] == NAMES[kind].split()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Hold(HoldReason.TIE, 4, 8, "x"), '{"$":"Hold","asked":8,"detail":"x","reason":"tie","votes":4}'),
        (
            Discarded(3, Stage.PARSE, DiscardReason.NO_CODE),
            '{"$":"Discarded","detail":"","index":3,"reason":"no_code","stage":"parse"}',
        ),
        (
            MarketView({"WETH": 10_000}, Regime.NONE, 0.5, 7, "settings"),
            '{"$":"MarketView","confidence":0.5,"regime":"","source":"settings","target_weights":{"WETH":10000},'
            '"valid_until":7}',
        ),
        (  # of the model that gave the view in an older Sentinel
            MarketView({"USDC": 9_000, "WETH": 1_000}, Regime.STRESS, 0.8, 109, "student:analyst"),
            '{"$":"MarketView","confidence":0.8,"regime":"stress","source":"student:analyst",'
            '"target_weights":{"USDC":9000,"WETH":1000},"valid_until":109}',
        ),
    ],
)
def test_a_name_is_written_as_plain_text_and_read_as_itself(value: Hold | Discarded | MarketView, text: str) -> None:
    assert dumps(value) == text
    assert loads(type(value), text) == value
    assert {type(one) for one in (loads(type(value), text), value)} == {type(value)}


def test_a_simulation_says_where_it_ran() -> None:
    stood_in = replace(values.act().simulation, where=Where.NODE)
    assert '"where":"node"' in dumps(stood_in)
    assert loads(Simulation, dumps(stood_in)).where is Where.NODE


def test_cycles_of_the_first_release_are_read() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript((Path(__file__).parent / "version1.sql").read_text())
    bodies = [body for (body,) in db.execute("SELECT body FROM records WHERE kind = 'cycle'")]
    db.close()
    held = [made for made in (loads(CycleRecord, body).decision for body in bodies) if isinstance(made, Hold)]
    assert held
    assert all(isinstance(made.reason, HoldReason) for made in held)
    assert [made.reason for made in held] == [
        json.loads(body)["decision"]["reason"] for body in bodies if "reason" in json.loads(body)["decision"]
    ]
