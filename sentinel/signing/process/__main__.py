"""The daemon's entry to the signer: `python -m sentinel.signing.process serve PARENT`, and two checks.

`address KIND FILE CHAIN_ID` prints the address of the key in a file. `check` opens the key that the settings name and
prints its address. Settings come only from the environment, which the daemon writes. People use `sentinel signer`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sentinel.core.errors import OperatorError, SentinelError


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["address", kind, file, chain_id]:
                _print(_address(kind, Path(file), int(chain_id)))
            case ["check"]:
                _print(_check())
            case ["serve", parent]:
                return _serve(int(parent))
            case _:
                return 2
    except SentinelError as error:
        sys.stderr.write(f"{error}\n")
        return 4 if isinstance(error, OperatorError) else 1
    return 0


def _print(address: str) -> None:
    sys.stdout.write(f"{address}\n")


def _address(kind: str, file: Path, chain_id: int) -> str:
    if kind == "keystore":
        from sentinel.signing.process.keystore_files import show

        return show(file)
    from sentinel.signing.process.keys import LocalKey

    return LocalKey.of_file(file, chain_id).address


def _check() -> str:
    from sentinel.config import settings
    from sentinel.config.network_file import load_network
    from sentinel.signing.process.signer_process import harden, open_key

    loaded = settings.load(None)
    harden(None)
    return asyncio.run(open_key(loaded, load_network(loaded.network))).address


def _serve(parent: int) -> int:
    from sentinel.config import settings
    from sentinel.signing.process.signer_process import serve

    return serve(settings.load(None), parent=parent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
