"""To whom a journal belongs: one wallet on one chain, written down when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentinel.core.errors import ChainMismatch
from sentinel.core.network import Network
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical


def claim(
    ledger: Ledger, network: Network, genesis: str | None, wallet: str | None, *, read_only: bool
) -> tuple[str, str]:
    """The genesis hash and the wallet of the file; None takes what it says. A new file is given to them.

    Raises ChainMismatch if it belongs to another chain or wallet.
    """
    recorded = ledger.meta("owner")
    in_file = json.loads(recorded or "{}")
    genesis, wallet = (
        (in_file.get(name, "") if given is None else given).lower()
        for name, given in (("genesis", genesis), ("wallet", wallet))
    )
    owner = canonical({"chain_id": network.chain_id, "genesis": genesis, "wallet": wallet})
    if recorded is None and wallet and not read_only:
        with ledger.transaction():
            ledger.append("note", canonical({"text": "opened", "owner": owner}))
            ledger.set_meta("owner", owner)
    elif recorded != owner:
        raise ChainMismatch(_mismatch(ledger.path.name, in_file, json.loads(owner)))
    return genesis, wallet


def _mismatch(name: str, in_file: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The message for a file of another chain or wallet."""
    names = [key for key in ("chain_id", "genesis", "wallet") if in_file.get(key) != wanted[key]]
    differences = ", ".join(f"{key} {in_file.get(key)} (now {wanted[key]})" for key in names)
    which = "this is another chain: " if "wallet" not in names else ""
    return f"{which}{name} belongs to another {differences}: give this one a SENTINEL_STATE_DIR of its own"
