"""Doctor at the start of `run`: its warnings are said, and no real money is traded while it finds a failure."""

from __future__ import annotations

from collections.abc import Callable

from sentinel.config.contradictions import require_consistent
from sentinel.config.settings import Settings
from sentinel.core.errors import JournalError, JournalTampered, SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Network
from sentinel.daemon.doctor.findings import Finding
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal


async def require_green(settings: Settings, network: Network, tell: Callable[[Finding], None]) -> str | None:
    """Run the checks of `sentinel doctor` before a start. The development chain is exempt.

    `tell` receives each finding that is not ok. Returns None if no check fails, and for a dry run, which risks nothing.
    If a check fails before a live start, raises SettingsError that lists every failure, unless the journal has an open
    intent. The daemon must follow an open intent (I9), so then the list is returned, and trading must be halted with it
    as the reason.
    """
    if network.chain_id == DEVELOPMENT_CHAIN:
        return None
    from sentinel.daemon.doctor.doctor import examine  # it loads web3, which the development chain never needs

    findings = [finding for finding in await examine(settings) if finding.grade != "ok"]
    for finding in findings:
        tell(finding)
    failures = [finding for finding in findings if finding.grade == "fail"]
    if not failures or settings.execution.mode != "live":
        return None
    lines = "\n".join(f"{failure.name}: {failure.what}" + _in_brackets(failure.hint) for failure in failures)
    reason = f"no live trading on {network.name} while `sentinel doctor` finds:\n{lines}"
    if not _has_open_intent(settings, network):
        raise SettingsError(reason)
    return reason


def require_settings(settings: Settings, network: Network) -> str | None:
    """As `require_green`, for settings that contradict each other, of a dry run and on the development chain too."""
    try:
        require_consistent(settings, network)
    except SettingsError as error:
        if settings.execution.mode != "live" or not _has_open_intent(settings, network):
            raise
        return str(error)
    return None


def _in_brackets(hint: str) -> str:
    return f" ({hint})" if hint else ""


def _has_open_intent(settings: Settings, network: Network) -> bool:
    """True if an earlier run left an intent open. False if the journal cannot be read: the start then says why.

    Raises JournalTampered.
    """
    try:
        journal = Journal.open(settings.state_dir.expanduser() / JOURNAL, network, None, None, read_only=True)
    except JournalTampered:
        raise
    except JournalError:
        return False
    try:
        return bool(journal.open_intents())
    finally:
        journal.close()
