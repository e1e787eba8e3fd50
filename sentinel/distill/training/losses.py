"""Mean loss of a student on each of many trajectories, rendered and masked as in training.

Runs in the serving environment: `python -m sentinel.distill.training.losses --student DIR --data FILE --out FILE`.
The output has one JSON line per trajectory: {"id": …, "loss": …}.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from sentinel.core.trajectory import Trajectory
from sentinel.distill.training import dataset

BATCH = 16  # trajectories


def losses(folder: Path, trajectories: Sequence[Trajectory]) -> Iterator[tuple[str, float]]:
    """Yield identity and loss in the order of `trajectories`.

    `folder` holds a whole model, or an adapter whose base is on disk.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load(folder).to(device).eval()
    for start in range(0, len(trajectories), BATCH):
        chunk = trajectories[start : start + BATCH]
        rows = [dataset.encode(tokenizer, trajectory.turns) for trajectory in chunk]
        batch = {name: tensor.to(device) for name, tensor in dataset.collate(rows, tokenizer.pad_token_id).items()}
        labels = batch.pop("labels")[:, 1:]
        with torch.inference_mode():
            logits = model(**batch).logits[:, :-1].float()
        each = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels, ignore_index=dataset.IGNORED, reduction="none"
        )
        means = each.sum(1) / (labels != dataset.IGNORED).sum(1)
        yield from zip((trajectory.id for trajectory in chunk), means.tolist(), strict=True)


def load(folder: Path) -> PreTrainedModel:
    """The whole model in `folder`, or the adapter in it on top of its base."""
    if (folder / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM

        return AutoPeftModelForCausalLM.from_pretrained(folder, local_files_only=True)
    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", type=Path, required=True, help="folder of a model or an adapter")
    parser.add_argument("--data", type=Path, required=True, help="JSONL of trajectories")
    parser.add_argument("--out", type=Path, required=True, help="JSONL of losses")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    trajectories = list(dataset.read(options.data))
    results = tqdm(losses(options.student, trajectories), "losses", len(trajectories), unit="row", file=sys.stderr)
    options.out.write_text("".join(json.dumps({"id": id, "loss": loss}) + "\n" for id, loss in results))


if __name__ == "__main__":
    main()
