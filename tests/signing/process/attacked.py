"""A signer with a ledger in this process, to be attacked with one of its guards taken out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sentinel.config.limits import Limits
from sentinel.signing.process.daily_caps import DayCaps
from sentinel.signing.process.keys import LocalKey
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.reference_prices import GivenPrices
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.signer_limits import SignerLimits
from tests.signing.process.world import ANSWERS, DOLLAR, KEY, NETWORK, USDC, settings

CHAIN = 31337
CAPS = DayCaps({USDC.lower(): 3000 * DOLLAR}, 10**17, 5, 200 * DOLLAR)


@dataclass
class World:
    folder: Path
    signer: LocalSigner
    book: SigningLedger

    @classmethod
    def start(cls, folder: Path) -> World:
        folder.mkdir(exist_ok=True)
        limits = SignerLimits.of(
            NETWORK,
            Limits.of(settings(folder).limits, NETWORK),
            {"USDC": 5000 * DOLLAR, "WETH": 10**18},
            {"USDC": 2000 * DOLLAR, "WETH": 10**18},
        )
        book = SigningLedger.open(folder / "book", CHAIN, LocalKey(bytes.fromhex(KEY)).address, CAPS)
        prices = GivenPrices(NETWORK, book, 2000, ANSWERS)
        return cls(folder, LocalSigner(LocalKey(bytes.fromhex(KEY)), limits, ledger=book, prices=prices), book)

    def restart(self) -> None:
        self.book.close()
        again = World.start(self.folder)
        self.signer, self.book = again.signer, again.book


Attack = Callable[[World], Awaitable[Any]]
Mutant = Callable[[pytest.MonkeyPatch, World], None]
