"""A recorded mainnet block from its folder: transactions, the state before them, and the real receipts."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from sentinel.core.errors import OperatorError

LONDON, PARIS = 12_965_000, 15_537_394  # block numbers
# first timestamps, Unix seconds, newest first
_FORKS = ((1_764_798_551, "osaka"), (1_746_612_311, "prague"), (1_710_338_135, "cancun"), (1_681_338_455, "shanghai"))
_OLDER = (
    (PARIS, "paris"), (15_050_000, "grayglacier"), (13_773_000, "arrowglacier"), (LONDON, "london"),
    (12_244_000, "berlin"), (9_200_000, "muirglacier"), (9_069_000, "istanbul"), (7_280_000, "petersburg"),
    (4_370_000, "byzantium"), (2_675_000, "spuriousdragon"), (2_463_000, "tangerine"), (1_150_000, "homestead"),
    (0, "frontier"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SharedRecords:
    """What the blocks of one folder share."""

    codes: Mapping[str, str]  # code hash -> 0x-hex
    hashes: Mapping[str, str]  # decimal block number -> hash


@dataclass(frozen=True, slots=True)
class RealBlock:
    """One block with its recorded state."""

    header: Mapping[str, Any]
    transactions: tuple[Mapping[str, Any], ...]
    accounts: Mapping[str, Mapping[str, Any]]  # lower-case address -> balance, nonce, code_hash, storage
    receipts: tuple[Mapping[str, Any], ...]
    shelf: SharedRecords

    @property
    def number(self) -> int:
        return int(self.header["number"], 16)

    @property
    def timestamp(self) -> int:
        return int(self.header["timestamp"], 16)

    @property
    def hardfork(self) -> str:
        """Anvil's name for the rules of this block."""
        if self.number >= PARIS:
            return next((name for since, name in _FORKS if self.timestamp >= since), "paris")
        return next(name for since, name in _OLDER if self.number >= since)

    @property
    def after_london(self) -> bool:
        return self.number >= LONDON


def block_folders(folder: Path) -> list[Path]:
    """The blocks in `folder`, oldest first, or `folder` itself if it is a block. Raises OperatorError for none."""
    if not folder.is_dir():
        raise OperatorError(f"{folder} is not a folder")
    if (folder / "block.json").is_file():
        return [folder]
    folders = [path for path in folder.iterdir() if (path / "block.json").is_file()]
    if not folders:
        raise OperatorError(f"{folder} holds no block: expected <number>/block.json in it (see docs/benchmarks.md)")
    return sorted(folders, key=lambda path: (len(path.name), path.name))


def load_shared(folder: Path) -> SharedRecords:
    """Load the shared records from `folder`, or for a single block from its parent. Raises OperatorError."""
    home = folder if _find(folder, "bytecodes.json") else folder.absolute().parent
    codes, hashes = _load(home, "bytecodes.json", dict), {}
    if _find(home, "block_hashes.json"):
        hashes = _load(home, "block_hashes.json", dict)
    return SharedRecords(codes, hashes)


def load_block(folder: Path, shelf: SharedRecords) -> RealBlock:
    """Load one block. Raises OperatorError, which names the file, if anything is missing or malformed."""
    header = _load(folder, "block.json", dict)
    accounts = _load(folder, "pre_state.json", dict)
    receipts = _load(folder, "expected_receipts.json", list)
    try:
        block = RealBlock(
            header={name: value for name, value in header.items() if name != "transactions"},
            transactions=tuple(header["transactions"]),
            accounts={address.lower(): account for address, account in accounts.items()},
            receipts=tuple(receipts),
            shelf=shelf,
        )
        for name in ("number", "timestamp", "gasLimit"):
            int(header[name], 16)
        if len(block.transactions) != len(block.receipts):
            raise OperatorError(f"{folder}: {len(receipts)} receipts for {len(block.transactions)} transactions")
        for transaction, receipt in zip(block.transactions, block.receipts, strict=True):
            if transaction["hash"] != receipt["hash"]:
                raise OperatorError(f"{folder}: receipt {receipt['i']} belongs to another transaction")
        for address, account in block.accounts.items():
            if (code := account.get("code_hash")) and code not in shelf.codes:
                raise OperatorError(f"{folder}: bytecodes.json.gz lacks the code of {address} ({code})")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OperatorError(f"{folder}: not a recorded block: {error!r}") from error
    return block


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _load(folder: Path, name: str, kind: type) -> Any:
    path = _find(folder, name)
    if path is None:
        raise OperatorError(f"{folder} lacks {name} (or {name}.gz)")
    try:
        raw = path.read_bytes()
        value = from_json(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, ValueError, EOFError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, kind):
        raise OperatorError(f"{path} does not hold a JSON {'object' if kind is dict else 'array'}")
    return value
