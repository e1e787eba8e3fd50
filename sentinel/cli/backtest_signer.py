"""The signer of a backtest: in this process, with a made-up key of the development chain, and every guard in force.

The command line alone loads what holds a key, so it gives this to the backtest.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from sentinel.chain.rpc import Rpc
from sentinel.config.settings import Settings
from sentinel.config.terms import TokenCaps
from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Network
from sentinel.signing.process.keys import LocalKey
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.reference_prices import FeedPrices
from sentinel.signing.process.signer_process import own_limits
from sentinel.signing.process.signing_ledger import SigningLedger


class BacktestSigner(LocalSigner):
    """A local signer that takes its caps as the daemon's child does."""

    __slots__ = ("ledger",)

    ledger: SigningLedger

    def set_caps(self, caps: TokenCaps) -> None:
        daily = {token.lower(): amount for token, amount in caps.daily.items()}
        self.allow(caps.approvals, caps.trades, caps.prices)
        self.ledger.caps = replace(self.ledger.caps, volume=daily)


@contextlib.asynccontextmanager
async def backtest_signer(
    settings: Settings, network: Network, clock: Callable[[], float], seed: bytes
) -> AsyncIterator[BacktestSigner]:
    """The signer of the key that `seed` is. Its prices and balances are its own reads of the chain.

    Raises SettingsError on any other chain than the development chain: the key is no secret.
    """
    if network.chain_id != DEVELOPMENT_CHAIN:
        raise SettingsError(f"a backtest signs on chain {DEVELOPMENT_CHAIN} alone, this is {network.chain_id}")
    key = LocalKey(seed)
    limits, caps = own_limits(settings, network, child=True)
    folder = settings.state_dir.expanduser() / "signer"
    ledger = SigningLedger.open(folder, network.chain_id, key.address, caps, clock)
    try:
        async with Rpc(settings.rpc.url) as rpc:
            prices = FeedPrices(rpc, network, settings.limits.max_head_age, clock)
            signer = BacktestSigner(key, limits, clock, ledger, prices)
            signer.ledger = ledger
            yield signer
    finally:
        ledger.close()
