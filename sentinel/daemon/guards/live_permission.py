"""May this daemon send transactions on this chain at all? The operator has to say so twice."""

from __future__ import annotations

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Network


def require_permission(settings: Settings, network: Network) -> None:
    """On any chain but the development one the operator names the chain id twice: in the network file, and in a setting
    of its own, so that no slip of one file trades real money. Raises SettingsError."""
    named = settings.execution.live_chain_id
    if network.chain_id == DEVELOPMENT_CHAIN or named == network.chain_id:
        return
    told = "is not set" if named is None else f"is {named}"
    raise SettingsError(
        f"live trading on {network.name} (chain {network.chain_id}) needs SENTINEL_EXECUTION__LIVE_CHAIN_ID="
        f"{network.chain_id}, which {told}; without it only chain {DEVELOPMENT_CHAIN} trades live. "
        "SENTINEL_EXECUTION__MODE=dry sends nothing"
    )
