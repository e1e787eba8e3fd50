"""Base + adapter -> one folder of weights that vLLM serves, kept in the cache.

Runs in the serving environment: `python -m sentinel.distill.tuning.merge [FOLDER]` prints the folder to serve. It is
given an adapter, or a whole model, which is served as it is. The merged folder is named after the hash of base and
adapter, its weights are checked at each start, and it is made again if they changed. The sum is written out in
elementwise steps, so the same base and adapter give the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.core.host.places import cache_dir, student_folder
from sentinel.distill.tuning import base_pin

if TYPE_CHECKING:
    from torch import Tensor

ADAPTER, SETTINGS, WEIGHTS, SEAL = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "model.safetensors",
    "merged.json",
)
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model",
)  # fmt: skip
VERSION = "1"  # of what is written; another one makes every folder again
NAMED = 24  # hex digits of a folder's name
KEPT = 4  # merged folders; the least recently used one goes first
PREFIX = "base_model.model."
# What changes the product W + scale B A, and the value that does not.
PLAIN: Mapping[str, object] = {
    "peft_type": "LORA", "bias": "none", "use_dora": False, "use_rslora": False, "fan_in_fan_out": False,
    "modules_to_save": None, "rank_pattern": {}, "alpha_pattern": {}, "trainable_token_indices": None,
    "lora_bias": False, "use_qalora": False, "use_bdlora": None, "target_parameters": None, "layer_replication": None,
}  # fmt: skip


class MergeFault(Exception):
    """A folder that cannot be served. The message says why and what to do."""


def servable(folder: Path, base: Path | None = None) -> Path:
    """The folder that vLLM serves for `folder`. `base` takes the place of the base that the adapter names.

    Raises MergeFault.
    """
    if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
        return folder
    if not (folder / SETTINGS).is_file() or not (folder / ADAPTER).is_file():
        raise MergeFault(f"{folder} holds no student: neither a model (config.json, *.safetensors) nor an adapter")
    base = (base or base_of(folder)).resolve()
    weights = base_weights(base)
    if _trained_on(folder) not in (None, weights):
        raise MergeFault(f"{folder} was trained on another base than {base}: its weights have sha256 {weights}")
    key = _key(folder, base, weights)
    places = students_dirs()
    for target in (place / key[:NAMED] for place in places):
        if _whole(target, key):
            with contextlib.suppress(OSError):  # an image's own is read-only
                os.utime(target)
            return target
    target = places[0] / key[:NAMED]
    _make(folder, base, target, key)
    return target


def students_dirs() -> list[Path]:
    """The folders of merged students; new ones go into the first.

    They are $SENTINEL_SERVE_CACHE, for a model server that may not write to the cache, and students/ in the cache.
    """
    given = os.environ.get("SENTINEL_SERVE_CACHE")
    return [*([Path(given).expanduser()] if given else []), cache_dir() / "students"]


def base_of(adapter: Path) -> Path:
    """The base that the adapter was trained on: the pinned one by its hash, else the folder that the adapter names."""
    pin = base_pin.load()
    named = Path(str(json.loads((adapter / SETTINGS).read_text(encoding="utf-8")).get("base_model_name_or_path")))
    if _trained_on(adapter) == pin.weights_sha256:
        if not (pin.folder / WEIGHTS).is_file():
            raise MergeFault(
                f"the pretrained base {pin.name} is not at {pin.folder}: run `sentinel distill base`, or `make setup`"
            )
        return pin.folder
    if not (named / "config.json").is_file():
        raise MergeFault(f"{adapter} names the base {named}, which is no folder here: set SENTINEL_SERVE_BASE=FOLDER")
    return named


def base_weights(base: Path) -> str:
    """SHA-256 of a base's weight files, in the order of their names. Raises MergeFault if it has none."""
    if not any(base.glob("*.safetensors")) or not (base / "config.json").is_file():
        raise MergeFault(f"{base} is no base: config.json or *.safetensors is missing")
    return base_pin.weights(base)


def _trained_on(adapter: Path) -> str | None:
    """The hash of the base that a tuning noted; None for an adapter that was made by another program."""
    path = adapter / "training.json"
    return json.loads(path.read_text(encoding="utf-8")).get("base_sha256") if path.is_file() else None


def _key(adapter: Path, base: Path, weights: str) -> str:
    files = [adapter / name for name in (ADAPTER, SETTINGS, *TOKENIZER)] + [base / "config.json"]
    if not (adapter / "tokenizer.json").is_file():
        files += [base / name for name in TOKENIZER]
    parts = [VERSION, weights, *(f"{path.name} {base_pin.sha256(path)}" for path in files if path.is_file())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _whole(target: Path, key: str) -> bool:
    """Whether the merged folder is there, with the weights that were written."""
    try:
        seal = json.loads((target / SEAL).read_text(encoding="utf-8"))
        return bool(seal["key"] == key and seal["weights_sha256"] == base_pin.sha256(target / WEIGHTS))
    except (OSError, ValueError, KeyError):
        return False


def _make(adapter: Path, base: Path, target: Path, key: str) -> None:
    """Write the merged folder beside its place and rename it. What a killed merge left is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("w") as lock:  # held until the file is closed, or the process has ended
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _whole(target, key):
            for left in target.parent.glob(".merge-*"):
                shutil.rmtree(left, ignore_errors=True)
            _written(adapter, base, target, key)
        _evict(target)


def _written(adapter: Path, base: Path, target: Path, key: str) -> None:
    print(f"merging {adapter} into its base, once (0.5 GB in {target}) …", file=sys.stderr, flush=True)
    made = Path(tempfile.mkdtemp(prefix=".merge-", dir=target.parent))
    try:
        merge(adapter, base, made)
        seal = {"key": key, "weights_sha256": base_pin.sha256(made / WEIGHTS), "adapter": str(adapter)}
        (made / SEAL).write_text(json.dumps(seal, indent=1) + "\n", encoding="utf-8")
        for path in made.iterdir():
            path.chmod(0o644)
        made.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _evict(kept: Path) -> None:
    """Remove all but the latest merged folders beside `kept`. What this module did not write is left alone."""
    merged = [path.parent for path in kept.parent.glob(f"{'[0-9a-f]' * NAMED}/{SEAL}")]
    others = sorted((folder for folder in merged if folder != kept), key=lambda folder: -_used(folder))
    for folder in others[KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> float:
    """When it was last served; 0 if another server has removed it meanwhile."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def merge(adapter: Path, base: Path, out: Path) -> None:
    """Write the merged model to `out`, which exists: float32 weights, tokenizer, template, neutral generation settings.

    Raises MergeFault if the adapter is of a kind, or for a weight, that plain addition cannot merge.
    """
    settings = json.loads((adapter / SETTINGS).read_text(encoding="utf-8"))
    for name, value in PLAIN.items():
        if settings.get(name, value) != value and settings[name]:
            raise MergeFault(f"{adapter} cannot be merged: its {name} is {settings[name]!r}")
    from safetensors.torch import load_file, save_file  # a start that merges nothing does without torch

    scale = float(settings["lora_alpha"]) / float(settings["r"])
    weights = {name: tensor for path in sorted(base.glob("*.safetensors")) for name, tensor in load_file(path).items()}
    _add(weights, load_file(adapter / ADAPTER), scale)
    save_file({name: tensor.float() for name, tensor in weights.items()}, out / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    _write(out / "config.json", config | {"dtype": "float32"})
    ids = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in config}
    _write(out / "generation_config.json", ids)  # no temperature or penalty that nobody asked for
    own = (adapter / "tokenizer.json").is_file()  # a published adapter leaves the base's tokenizer with the base
    for name in TOKENIZER:
        for source in [adapter, *([] if own else [base])]:
            if (source / name).is_file():
                shutil.copyfile(source / name, out / name)
                break


def _add(weights: dict[str, Tensor], adapter: Mapping[str, Tensor], scale: float) -> None:
    """W + scale B A for each weight that the adapter names, in float32 and always in the same order of additions."""
    used = set[str]()
    for name in sorted(adapter):
        if not name.endswith(".lora_A.weight"):
            continue
        partner = name.replace(".lora_A.", ".lora_B.")
        place = name.removeprefix(PREFIX).removesuffix(".lora_A.weight") + ".weight"
        if partner not in adapter or place not in weights:
            raise MergeFault(f"the adapter's {name} has no partner, or the base has no weight {place}")
        a, b = adapter[name].float(), adapter[partner].float()
        delta = b[:, :1] * a[:1]
        for row in range(1, len(a)):
            delta += b[:, row : row + 1] * a[row : row + 1]
        weights[place] = weights[place].float() + delta * scale
        used |= {name, partner}
    if rest := sorted(set(adapter) - used):
        raise MergeFault(f"the adapter holds {rest[0]}, which is no part of a LoRA on a linear layer")


def _write(path: Path, body: Mapping[str, object]) -> None:
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=student_folder(),
        help="an adapter or a whole model; default: the shipped student",
    )
    parser.add_argument("--base", type=Path, default=os.environ.get("SENTINEL_SERVE_BASE") or None)
    options = parser.parse_args()
    try:
        print(servable(options.folder.resolve(), options.base))
    except (MergeFault, OSError) as fault:
        raise SystemExit(f"not served: {fault}") from fault


if __name__ == "__main__":
    main()
