"""How hard a student finds trajectories: the mean loss of each one's own words, rendered and masked as in training.

Runs in the serving environment: `python -m sentinel.distill.training.losses --student DIR --data FILE --out FILE`.
The output has a JSON line a trajectory: {"id": …, "loss": …}.
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
    """Identity and loss, in the order given. `folder` is of a whole model, or of an adapter whose base is on disk."""
    words = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load(folder).to(place).eval()
    for start in range(0, len(trajectories), BATCH):
        some = trajectories[start : start + BATCH]
        rows = [dataset.encode(words, one.turns) for one in some]
        batch = {name: tensor.to(place) for name, tensor in dataset.collate(rows, words.pad_token_id).items()}
        labels = batch.pop("labels")[:, 1:]
        with torch.inference_mode():
            logits = model(**batch).logits[:, :-1].float()
        each = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels, ignore_index=dataset.IGNORED, reduction="none"
        )
        means = each.sum(1) / (labels != dataset.IGNORED).sum(1)
        yield from zip((one.id for one in some), means.tolist(), strict=True)


def load(folder: Path) -> PreTrainedModel:
    if (folder / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM

        return AutoPeftModelForCausalLM.from_pretrained(folder, local_files_only=True)
    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", type=Path, required=True, help="folder of a model, or of an adapter")
    parser.add_argument("--data", type=Path, required=True, help="JSONL of trajectories")
    parser.add_argument("--out", type=Path, required=True, help="JSONL of losses")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    trajectories = list(dataset.read(given.data))
    found = tqdm(losses(given.student, trajectories), "losses", len(trajectories), unit="row", file=sys.stderr)
    given.out.write_text("".join(json.dumps({"id": id, "loss": loss}) + "\n" for id, loss in found))


if __name__ == "__main__":
    main()
