"""`replay`: decides again on a journaled cycle, and says stage by stage whether the result is the recorded one."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import common, decision_history
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.cli.decision_commands import Id
from sentinel.observe import plain_words

if TYPE_CHECKING:
    from sentinel.core.network import Network
    from sentinel.core.record import CycleRecord
    from sentinel.daemon.replay import StageReplay
    from sentinel.journal.journal import Journal
    from sentinel.orders.playing.spending import Spending

MARKS = {True: "equal", False: "DIFFERS", None: "-"}


def replay(
    id_: Id,
    at_node: Annotated[
        bool, typer.Option("--at-node", help="Also simulate the candidates again, on a fork at that block.")
    ] = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Decide again on a journaled cycle, with the limits and quorum of its time, and compare stage by stage.

    Exit code 1 if anything differs.
    """
    from sentinel.config import reloadable, renamed
    from sentinel.daemon.replay import decide_again

    settings = common.load(sets, env_file)
    journal, network = common.open_journal(settings, read_only=True)
    try:
        record, kept = decision_history.recorded(journal, id_), journal.config_of(int(id_) if id_.isdigit() else id_)
        spending, paper = _spending(journal, record, network), journal.paper.on
    finally:
        journal.close()
    if kept is not None:
        given = set(reloadable.flat_names(common.explicit(sets)))  # --set wins over the recorded values
        recorded = {name: value for name, value in kept.items() if renamed.field(name) not in given}
        settings = reloadable.restored(settings, recorded)
    again = decide_again(record, settings, network, spending)
    stages: tuple[StageReplay, ...] = again.stages
    if at_node:
        import asyncio

        from sentinel.daemon.simulate_again import simulate_again

        stages = (*stages, asyncio.run(simulate_again(record, settings, network, paper)))
    same = again.same and all(stage.same is not False for stage in stages)
    row = {
        "id": id_,
        "block": record.head.number,
        "recorded": plain_words.told(record, network),
        "replayed": None
        if again.decision is None
        else plain_words.told(replace(record, decision=again.decision), network),
        "same": same,
        "why": again.why,
        "stages": [asdict(stage) for stage in stages],
    }
    lines = [f"{stage.name:12} {MARKS[stage.same]:8} {stage.why}" for stage in stages]
    verdict = "the same decision" if same else f"NOT the same: {again.why if not again.same else stages[-1].why}"
    shown = [f"recorded: {row['recorded']}", *lines, f"replayed: {row['replayed'] or again.why}", verdict]
    common.emit(row, json, lambda: shown)
    if not same:
        raise typer.Exit(common.ERROR)


def _spending(journal: Journal, record: CycleRecord, network: Network) -> Spending | None:
    """What the order of the record may spend, which bounds its allowances; None without an order."""
    from sentinel.daemon.approved_order import read_order
    from sentinel.orders.playing.spending import spending

    if record.played is None or (order := journal.orders.latest(record.played.order_hash)) is None:
        return None
    return spending(read_order(order.reading, network))
