"""Use your own proposer: any object that writes code actions can replace the student.

    python examples/own_proposer.py

It trades a few blocks of a local market, with the same sandbox, vote, policy and executor as the student. Most need no
class of their own: docs/proposers.md tells how a program in a file, or any OpenAI-compatible server, proposes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from eth_account import Account

from sentinel.agent.action_format import render_action
from sentinel.agent.episode import Message
from sentinel.config.settings import Settings, load
from sentinel.core.actions import Finish, Sample
from sentinel.core.record import CycleRecord
from sentinel.daemon.wiring import opened
from sentinel.market import Devnet
from sentinel.observe import plain_words

BLOCKS = 4


class HalfAndHalf:
    """Brings the wallet to half WETH, half USDC, at the venue that pays best. All samples say the same."""

    source = "example:half-and-half"  # names the source of every proposal, in the journal and in the logs

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        code = (
            'gap = weight("WETH") - 0.5\n'
            'amount = min(abs(gap) * equity(), 500) / (prices("WETH")[-1] if gap > 0 else 1)\n'
            "if abs(gap) < 0.02:\n"
            '    hold("close enough to half and half")\n'
            "elif gap > 0:\n"
            '    swap("WETH", "USDC", amount, best_venue("WETH", "USDC", amount))\n'
            "else:\n"
            '    swap("USDC", "WETH", amount, best_venue("USDC", "WETH", amount))'
        )
        text = render_action("I keep half of the money in WETH.", code)
        return [Sample(step=0, index=index, text=text, tokens=0, finish=Finish.STOP) for index in range(n)]


def settings_for(net: Devnet, folder: Path, secret: bytes) -> Settings:
    """Settings with a temporary key in a file. Only the local market accepts raw keys; a dry run needs no key."""
    key = folder / "dev.key"
    key.touch(mode=0o600)
    key.write_text(secret.hex())
    return load(
        env_file=None,
        state_dir=folder,
        rpc={"url": net.rpc_url, "ws_url": net.ws_url},
        fork={"port": 0},
        web={"port": 0},
        wallet={"dev_key_file": key},
        execution={"mode": "live", "confirmations": 1},
        log={"level": "error"},
    )


async def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with Devnet.start() as net:
            account = Account.create()
            settings = settings_for(net, Path(folder), account.key)
            await net.fund(account.address, {"ETH": 10**18, "WETH": 10**18, "USDC": 6_000 * 10**6})

            def show(record: CycleRecord) -> None:
                print(plain_words.cycle(record, net.network))

            async with opened(settings, cycles=BLOCKS, trader_model=HalfAndHalf(), on_cycle=show) as app:
                market = asyncio.create_task(net.market.run(block_time=2.0))
                try:
                    await app.daemon.run()
                finally:
                    market.cancel()
                done = app.parts.journal.summary()
                print(f"{done.confirmed} confirmed, {done.reverted} reverted, {done.unknown} unknown")


if __name__ == "__main__":
    asyncio.run(main())
