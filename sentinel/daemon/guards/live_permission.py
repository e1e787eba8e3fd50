"""The permission to trade live on a chain, which the operator has to give twice."""

from __future__ import annotations

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Network


def require_permission(settings: Settings, network: Network) -> None:
    """Raise SettingsError unless the operator permits live trading on this chain. The development chain is exempt.

    The operator names the chain id twice, in the network file and in a setting of its own, so that an error in one file
    cannot trade real money.
    """
    permitted = settings.execution.live_chain_id
    if network.chain_id == DEVELOPMENT_CHAIN or permitted == network.chain_id:
        return
    state = "is not set" if permitted is None else f"is {permitted}"
    raise SettingsError(
        f"live trading on {network.name} (chain {network.chain_id}) needs SENTINEL_EXECUTION__LIVE_CHAIN_ID="
        f"{network.chain_id}, which {state}; without it only chain {DEVELOPMENT_CHAIN} trades live. "
        "SENTINEL_EXECUTION__MODE=dry sends nothing"
    )
