"""`sentinel approve`: sets or revokes the ERC-20 allowances to Permit2 while no daemon runs."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import Symbol
from sentinel.daemon.serve import run
from sentinel.daemon.wiring import opened


def set_allowances(settings: Settings, symbols: Sequence[Symbol], *, revoke: bool) -> dict[Symbol, str]:
    """Set or revoke the ERC-20 allowances of `symbols` to Permit2; of all tokens if `symbols` is empty.

    Returns the allowances afterwards, in base units by token. Raises SettingsError in a dry run or for an unknown
    token, and what `Startup.allowances` raises.
    """
    if settings.execution.mode != "live":
        raise SettingsError("allowances are transactions: set SENTINEL_EXECUTION__MODE=live")
    tokens = load_network(settings.network).tokens
    if unknown := sorted(set(symbols) - set(tokens)):
        raise SettingsError(f"network {settings.network} has no {', '.join(unknown)}; it has {', '.join(tokens)}")

    async def main() -> dict[Symbol, str]:
        async with opened(settings) as app:
            assert app.startup is not None
            return await app.startup.allowances(list(symbols or tokens), revoke=revoke)

    return run(main())
