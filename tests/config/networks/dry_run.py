"""A dry-run cycle of the whole program on a recorded block's state.

`python -m tests.config.networks.dry_run FOLDER` runs it on every block of a folder in the format
of mainnet_blocks, and prints one line of JSON a block.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from sentinel.config import settings as settings_
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.cycle import Cycle
from sentinel.daemon.wiring import opened
from sentinel.dex.venues.registry import venue_of
from sentinel.distill.teaching.order_teacher import OrderTeacher
from tests.config.networks.as_toml import as_toml
from tests.config.networks.mainnet import WALLET, Chain, NotCarried, started
from tests.config.networks.recorded import Recorded, blocks, load


@dataclass(frozen=True, slots=True)
class Ran:
    record: CycleRecord
    chain: Chain
    states: list[str]  # of the intents, as the journal has them
    nonce: int  # of the wallet on the chain, afterwards
    journaled: CycleRecord


async def run(block: Recorded, folder: Path, *, size: int = 500) -> Ran:
    """One cycle of the whole program in a dry run; only the proposer, the clock and the known slots are the test's.

    The wallet holds WETH alone and is told to rebalance by at most `size` (whole quote tokens).
    """
    purse = {NATIVE: 10**18, "WETH": max(10, size // 100) * 10**18}
    async with started(block, purse, folder) as chain:
        even = f"Rebalance to 50% WETH and 50% {chain.network.quote} when off by more than 2%"
        file = folder / "network.toml"
        file.write_text(as_toml(chain.network))
        given = settings_.load(
            env_file=None,
            network=str(file),
            proposer="oracle",
            state_dir=folder / "state",
            rpc={"url": chain.url},
            fork={"port": 0},
            web={"port": 0},
            wallet={"address": WALLET},
            strategy={"order": f"{even}. Trade at most {size} {chain.network.quote} at a time.", "exits": "vote"},
            limits={"max_trade": 2 * size, "max_daily_volume": 100 * size},
            log={"level": "error"},
        )
        async with opened(given, trader_model=OrderTeacher(chain.network.quote)) as app:
            cycle = app.reloader.runner
            assert isinstance(cycle, Cycle)
            market = chain.market(block)
            cycle = replace(cycle, market=market, clock=lambda: chain.head.timestamp + 1.0)
            record = await cycle.run(chain.head)
            journal = app.parts.journal
            found = [trade.state for trade in journal.trades(10)]
            nonce = int(await chain.rpc.call("eth_getTransactionCount", WALLET, "pending"), 16)
            return Ran(record, chain, found, nonce, journal.get_cycle(journal.cycles(1)[0].id))


def quoted(ran: Ran, swap: Swap) -> int:
    """What our own arithmetic gives for the recorded slots, each route upon what the one before it left."""
    network, total = ran.chain.network, 0
    assert ran.record.state is not None
    states = dict(ran.record.state.pools)
    for route in swap.routes:
        amount = route.amount_in
        for leg in route.legs:
            pool = network.pools[leg.pool]
            amount, states[leg.pool] = venue_of(pool).swap(pool, states[leg.pool], leg.token_in, amount)
        total += amount
    return total


async def every(root: Path) -> None:
    for number in blocks(root):
        with tempfile.TemporaryDirectory() as folder:
            told: dict[str, object] = {"block": number}
            try:
                ran = await run(load(root / str(number)), Path(folder))
            except NotCarried as error:
                told |= {"skipped": str(error)}
            else:
                decision = ran.record.decision
                told |= {"pools": list(ran.chain.network.pools), "put_in": ran.chain.put_in}
                if isinstance(decision, Act):
                    told |= {"act": dict(decision.simulation.deltas), "gas": decision.simulation.gas_used}
                    told |= {"votes": decision.votes, "asked": decision.asked}
                    action = decision.simulation.candidate.action
                    if isinstance(action, Swap):
                        told["as_quoted"] = quoted(ran, action) == decision.simulation.deltas[action.token_out]
                else:
                    told |= {"hold": decision.reason, "detail": decision.detail}
            sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(every(Path(sys.argv[1])))
