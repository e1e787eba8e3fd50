"""Is all well enough to trade real money? Asked at a live start, before anything is signed."""

from __future__ import annotations

from sentinel.app.doctor import examine
from sentinel.chain.networks import DEVELOPMENT_CHAIN
from sentinel.errors import SettingsError
from sentinel.settings import Settings
from sentinel.types import Network


async def require_green(settings: Settings, network: Network) -> None:
    """What `sentinel doctor` examines, but on the development chain. Raises SettingsError with all that fails."""
    if network.chain_id == DEVELOPMENT_CHAIN:
        return
    failing = [finding for finding in await examine(settings) if finding.grade == "fail"]
    if failing:
        told = "\n".join(f"{item.name}: {item.what}" + (f" ({item.mend})" if item.mend else "") for item in failing)
        raise SettingsError(f"no live trading on {network.name} while `sentinel doctor` finds:\n{told}")
