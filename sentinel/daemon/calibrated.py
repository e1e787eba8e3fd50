"""The quorum and the sizes by agreement that a calibration file supports.

Both functions raise SettingsError if the file cannot be used, so that nothing trades on a guess.
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
    """The operator's quorum, or a higher one if the calibration requires it, in bps of the samples asked for."""
    vote = settings.vote
    return _derived(
        settings,
        lambda text: quorum.quorum_bps(
            text, max_risk=vote.max_risk, agreement_bps=vote.agreement_bps, floor_bps=vote.quorum_bps
        ),
        vote.quorum_bps,
    )


def sizes(settings: Settings) -> Sizes | None:
    """None if the operator did not turn sizes on; every act then keeps its voted amount."""
    vote = settings.vote
    if not vote.size_by_agreement:
        return None
    return _derived(settings, lambda text: sizing.sizes(quorum.read(text, vote.agreement_bps), vote.max_risk), None)


def _derived(settings: Settings, derive: Callable[[str], T], default: T) -> T:
    """What `derive` reads from the text of the calibration file; `default` if the settings name no file."""
    file = settings.vote.calibration_file
    if file is None:
        return default
    try:
        return derive(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"SENTINEL_VOTE__CALIBRATION_FILE: it cannot be read: {error}") from error
    except SettingsError as error:
        raise SettingsError(f"SENTINEL_VOTE__CALIBRATION_FILE: {error}") from error
