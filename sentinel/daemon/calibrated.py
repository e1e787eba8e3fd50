"""What a calibration file puts in force: the quorum, and the sizes by agreement.

Raises SettingsError where the file cannot be used: nothing trades on a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.decide import quorum, sizing
from sentinel.decide.sizing import Sizes

T = TypeVar("T")


def quorum_bps(settings: Settings) -> int:
    """The operator's own, or a higher one where a calibration asks for it."""
    given = settings.vote
    return _derived(
        settings,
        lambda text: quorum.quorum_bps(
            text, max_risk=given.max_risk, agreement_bps=given.agreement_bps, floor_bps=given.quorum_bps
        ),
        given.quorum_bps,
    )


def sizes(settings: Settings) -> Sizes | None:
    """None where the operator does not ask for them: then everything goes on as it was voted for."""
    given = settings.vote
    if not given.size_by_agreement:
        return None
    return _derived(settings, lambda text: sizing.sizes(quorum.read(text, given.agreement_bps), given.max_risk), None)


def _derived(settings: Settings, derive: Callable[[str], T], without: T) -> T:
    file = settings.vote.calibration_file
    if file is None:
        return without
    try:
        return derive(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"SENTINEL_VOTE__CALIBRATION_FILE: it cannot be read: {error}") from error
    except SettingsError as error:
        raise SettingsError(f"SENTINEL_VOTE__CALIBRATION_FILE: {error}") from error
