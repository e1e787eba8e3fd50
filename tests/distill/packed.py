"""Run by test_training.py in the serving environment: losses and time a token, packed and unpacked, as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from sentinel.distill.training import dataset, initial_model, train
from sentinel.distill.training.hyperparameters import SIZES

torch.set_num_threads(1)
torch.manual_seed(1)
trajectories = list(dataset.read(Path(sys.argv[1])))
recipe = SIZES["micro"]
coder = initial_model.new_tokenizer(
    recipe, [turn.text for one in trajectories for turn in one.turns], Path(sys.argv[2]).read_text()
)
rows = [dataset.encode(coder, one.turns) for one in trajectories[:24]]
model = initial_model.model(recipe, coder, torch.device("cpu"))


def losses(batch: dict[str, torch.Tensor]) -> dict[tuple[int, ...], list[float]]:
    """Of each token that carries loss, by the trajectory's tokens."""
    with torch.no_grad():
        logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
    each = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), reduction="none"
    ).view(len(logits), -1)
    found: dict[tuple[int, ...], list[float]] = {}
    for row in rows:
        for ids, labels, values in zip(batch["input_ids"], batch["labels"], each, strict=True):
            for start in range(len(ids) - len(row.ids) + 1):
                if ids[start : start + len(row.ids)].tolist() == row.ids:
                    carrying = (labels[start + 1 : start + len(row.ids)] != dataset.IGNORED).nonzero().flatten()
                    found[tuple(row.ids)] = [float(values[start + place]) for place in carrying]
    return found


def seconds(batch: dict[str, Any]) -> float:
    """The fastest of five steps forth and back."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        model(**batch).loss.backward()
        model.zero_grad()
        best = min(best, time.perf_counter() - begun)
    return best


plain = dataset.collate(rows, coder.pad_token_id)
packed = dataset.pack(rows, coder.pad_token_id, train.PACKED_WIDTH)
one, other = losses(plain), losses(packed)
with torch.no_grad():
    means = [float(model(**batch).loss) for batch in (plain, packed)]
mixed = {**packed, "attention_mask": torch.ones_like(packed["attention_mask"]).tril()}
sys.stdout.write(
    json.dumps(
        {
            "trajectories": len({tuple(row.ids) for row in rows}),
            "rows": len(packed["input_ids"]),
            "plain": [one[key] for key in sorted(one)],
            "packed": [other[key] for key in sorted(other)],
            "seeing_each_other": [values for _, values in sorted(losses(mixed).items())],
            "means": means,
            "expected": [sum(label != dataset.IGNORED for label in key.labels) for key in rows],
            "seconds": [seconds(plain), seconds(packed)] if "--time" in sys.argv else [],
            "tokens": sum(len(row.ids) for row in rows),
            "padded": [plain["input_ids"].numel(), packed["input_ids"].numel()],
        }
    )
)
