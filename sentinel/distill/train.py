"""Train sentinel-nano from scratch: minimise -sum log p(thought, action | prompt, observations).

Runs in the serving environment (torch, transformers): `python -m sentinel.distill.train --data … --out models/nano`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from sentinel.distill import dataset, tokenizer


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the weights, besides the data; written into the model's folder."""

    vocab_size: int = 1024
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    intermediate: int = 512
    steps: int = 1600
    batch: int = 32
    learning_rate: float = 3e-3
    warmup: int = 60
    weight_decay: float = 0.05
    seed: int = 7


def build(recipe: Recipe, coder: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(coder),
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.kv_heads,
            head_dim=recipe.head_dim,
            intermediate_size=recipe.intermediate,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            pad_token_id=coder.pad_token_id,
            eos_token_id=coder.eos_token_id,
            bos_token_id=None,
        )
    )


def train(recipe: Recipe, data: Path, template: str, out: Path) -> dict[str, float]:
    torch.manual_seed(recipe.seed)
    shuffle = random.Random(recipe.seed)
    trajectories = list(dataset.read(data))
    if not trajectories:
        raise SystemExit(f"{data} holds no trajectories: run `sentinel distill collect` first")
    texts = [turn.text for trajectory in trajectories for turn in trajectory.turns]
    coder = tokenizer.learn(texts, recipe.vocab_size, template)
    rows = [dataset.encode(coder, trajectory.turns) for trajectory in trajectories]
    model = build(recipe, coder)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, recipe))

    order: list[int] = []
    losses: list[float] = []
    started = time.monotonic()
    stopped = _stop_on_interrupt()
    bar = tqdm(range(recipe.steps), desc="train", unit="step", file=sys.stderr, mininterval=1.0)
    for _ in bar:
        if stopped:
            raise SystemExit("interrupted: nothing was written; run the same command again")
        if len(order) < recipe.batch:
            order = list(range(len(rows)))
            shuffle.shuffle(order)
        picked = [rows[order.pop()] for _ in range(recipe.batch)]
        ids, labels = dataset.collate(picked, coder.pad_token_id)
        loss = model(input_ids=ids, attention_mask=(ids != coder.pad_token_id).long(), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        bar.set_postfix(loss=f"{sum(losses[-20:]) / len(losses[-20:]):.4f}", refresh=False)

    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    coder.save_pretrained(out)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "trajectories": len(rows),
        "tokens_per_trajectory": sum(len(row.ids) for row in rows) / len(rows),
        "loss_last_50": sum(losses[-50:]) / len(losses[-50:]),
        "seconds": round(time.monotonic() - started, 1),
    }
    (out / "training.json").write_text(
        json.dumps({"recipe": asdict(recipe), **facts, "losses": [round(x, 5) for x in losses[::10]]}, indent=1) + "\n"
    )
    return facts


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))


def _stop_on_interrupt() -> list[int]:
    caught: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    return caught


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="JSONL of selected trajectories")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--template", type=Path, default=Path("models/nano/chat_template.jinja"))
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    recipe = Recipe(steps=given.steps, seed=given.seed)
    print(json.dumps(train(recipe, given.data, given.template.read_text(), given.out)))


if __name__ == "__main__":
    main()
