"""The operator's own channel to the signer: a file beside the signing ledger that holds the order's reading.

The signer reads it at its start and on SIGHUP, never because of a request. Only the signer's user and root may have
written it. What it says is recorded in the signing ledger and holds from then on; a file that is missing changes
nothing, so that a lost file does not widen what is signed. To clear the order, the file must say so.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from sentinel.core.errors import SettingsError
from sentinel.core.network import Network
from sentinel.signing.order_rules import OrderBounds
from sentinel.signing.process.signing_ledger import SigningLedger

FILE = "order"  # in the folder of the signing ledger
CLEARED = "no order"
MAX_BYTES = 16_384


def order_in_force(folder: Path, network: Network, ledger: SigningLedger) -> OrderBounds | None:
    """The order that holds from now on, None if there is none. A change is recorded in the ledger first.

    Raises SettingsError if the file, or the recorded order, cannot be used.
    """
    text, recorded = _read(folder / FILE), ledger.order
    if text is None:
        return None if recorded is None else OrderBounds.of(recorded, network)
    order = None if text == CLEARED else OrderBounds.of(text, network)
    if (None if order is None else order.reading) != recorded:
        ledger.record_order(order)
    return order


def write_order(folder: Path, text: str) -> Path:
    """Replace the file as a whole. As root, it is given to the owner of the folder. Raises SettingsError."""
    path, draft = folder / FILE, folder / f".{FILE}.{secrets.token_hex(4)}"
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            if os.geteuid() == 0:
                owner = folder.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        draft.replace(path)
    except FileNotFoundError:
        raise SettingsError(f"{folder} does not exist: start the signer once, or check SENTINEL_STATE_DIR") from None
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return path


def _read(path: Path) -> str | None:
    """The text of the file, on one line; None if there is no file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"the order file {path} cannot be read: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"the order file {path} is no regular file")
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise SettingsError(f"the order file {path} may be written by another user: set it again, or chmod 600")
        data = file.read(MAX_BYTES + 1)
    try:
        text = " ".join(data.decode("utf-8").split())
    except UnicodeDecodeError:
        raise SettingsError(f"the order file {path} is not UTF-8") from None
    if not text or len(data) > MAX_BYTES:
        raise SettingsError(f"the order file {path} is empty or too long; to clear the order it must say '{CLEARED}'")
    return text
