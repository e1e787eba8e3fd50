"""Doctor's check that the signer holds trades to the same order as the daemon does."""

from __future__ import annotations

from sentinel.daemon.doctor.findings import Finding

_NAME = "signer's order"


def signer_order(approved: str | None, enforced: str | None) -> Finding | None:
    """The hash of the approved order against that of the order that the signer enforces; None if there is neither.

    The signer's only narrows, so a difference costs trades and never safety beyond the caps: it is a warning.
    """
    if approved == enforced:
        return (
            None if approved is None else Finding(_NAME, "ok", f"the signer enforces the approved order {approved[:8]}")
        )
    hint = "as the signer's user: `sentinel signer order set FILE` with the approved reading, or `… order clear`"
    if enforced is None:
        return Finding(
            _NAME, "warn", f"order {str(approved)[:8]} is approved, and the signer has none: its caps alone bind", hint
        )
    if approved is None:
        what = f"the signer enforces order {enforced[:8]}, and none is approved: a trade outside of it halts trading"
    else:
        what = f"order {approved[:8]} is approved, the signer enforces {enforced[:8]}: what differs halts trading"
    return Finding(_NAME, "warn", what, hint)
