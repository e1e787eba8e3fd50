"""Is all well enough to trade real money? Asked at a live start, before anything is signed."""

from __future__ import annotations

from sentinel.config.settings import Settings
from sentinel.core.errors import JournalError, SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Network
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal


async def require_green(settings: Settings, network: Network) -> str | None:
    """What `sentinel doctor` examines, but on the development chain. Raises SettingsError with all that fails.

    Where a transaction is unfinished the daemon has to start all the same and follow it (I9): then the text comes back,
    and trading must be paused for it.
    """
    if network.chain_id == DEVELOPMENT_CHAIN:
        return None
    from sentinel.daemon.doctor.doctor import examine  # it loads web3, which a dry run never needs

    failing = [finding for finding in await examine(settings) if finding.grade == "fail"]
    if not failing:
        return None
    told = "\n".join(f"{item.name}: {item.what}" + (f" ({item.hint})" if item.hint else "") for item in failing)
    why = f"no live trading on {network.name} while `sentinel doctor` finds:\n{told}"
    if not _unfinished(settings, network):
        raise SettingsError(why)
    return why


def _unfinished(settings: Settings, network: Network) -> bool:
    """An earlier run left a transaction; False also where its journal cannot be read, and the start will say why."""
    try:
        journal = Journal.open(settings.state_dir.expanduser() / JOURNAL, network, None, None, read_only=True)
    except JournalError:
        return False
    try:
        return bool(journal.open_intents())
    finally:
        journal.close()
