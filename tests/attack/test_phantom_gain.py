"""Coins that only seem to have been gained, inside the block of a trade: they make no room for losses (I17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.network import NATIVE, Address
from sentinel.daemon.guards.balance_watch import BalanceWatch
from tests.attack_tally import Tries
from tests.decide import world
from tests.decide.fair_market import LIMITS, USD
from tests.execute.rig import Rig

pytestmark = pytest.mark.attack("a gain that makes room for losses", "refused")

OTHER: Address = "0x00000000000000000000000000000000000000a1"
PHANTOM, LOSS = 1_154 * USD, 250 * USD


async def moved(rig: Rig, amount: int) -> None:
    """USDC comes to the wallet in the next block, or leaves it if `amount` is negative, by someone else's transfer."""
    words = [rig.signer.address, OTHER] if amount < 0 else [OTHER, rig.signer.address]
    data = "0x23b872dd" + "".join(word[2:].lower().rjust(64, "0") for word in words) + f"{abs(amount):064x}"
    call = {"from": OTHER, "to": rig.network.tokens["USDC"].address, "data": data, "gas": hex(100_000)}
    await rig.net.rpc.call("eth_sendTransaction", call)


async def test_a_phantom_gain_makes_no_room_for_losses(tmp_path: Path, tries: Tries) -> None:
    """Booked at +1,154 USDC by the settlement, it let six losses of 250 through under a daily limit of 200."""
    async with Rig.start(tmp_path) as rig:
        rpc, usdc = rig.net.rpc, rig.network.tokens["USDC"].address
        await rig.net.fund(OTHER, {NATIVE: 10**18, "USDC": PHANTOM})
        for owner in (OTHER, rig.signer.address):
            await rpc.call("anvil_setERC20Allowance", owner, OTHER, usdc, hex(10**12))
        await rpc.call("anvil_impersonateAccount", OTHER)
        rung: list[str] = []
        guard = BalanceWatch.open(rig.journal, rig.network, lambda: LIMITS, lambda _, detail: rung.append(detail))
        for tag, amount in enumerate((PHANTOM, -LOSS, -LOSS)):
            await rig.trade(tag + 1)
            await moved(rig, amount)
            settled = await rig.follow()
            assert settled.realised == {"USDC": amount}
            guard.settled(settled)
        spent = rig.journal.spent_today(rig.clock())
        assert spent.loss == 2 * LOSS
        assert spent.loss > LIMITS.daily_loss
        assert world.buying().but(spent=spent).refused_on_screen() == "daily_loss"
        assert ["+1,154 USDC" in rung[0], *("-250 USDC" in told for told in rung[1:])] == [True] * 3
        tries.refused(2)
