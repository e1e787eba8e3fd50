"""Train a student: minimise -sum log p(thought, action | prompt, observations).

Runs in the serving environment (torch, transformers):
`python -m sentinel.distill.training.train --data … --out models/nano`, or
`torchrun --nproc-per-node N -m …` on several devices (process_group.py). bfloat16 on a GPU, float32 on a CPU. Resumes
a run that
was stopped; on a CPU with one thread to the very bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

import torch
from tqdm import tqdm

from sentinel.distill.training import checkpoint, dataset, initial_model, loss_curve
from sentinel.distill.training.hyperparameters import SIZES, Recipe, tuned, weights
from sentinel.distill.training.process_group import ProcessGroup

TEMPLATE = Path("models/nano/chat_template.jinja")
PACKED_WIDTH = 256  # tokens; attention over longer rows costs more than the padding that it saves
INTERRUPTED = 130


def train(
    recipe: Recipe, data: Path, template: str | None, out: Path, *, every: int = 100, device: str = "auto"
) -> dict[str, float]:
    """Writes the model's folder; `every` is the number of steps between two checkpoints. Of several processes the first
    writes, and the others return nothing."""
    torch.manual_seed(recipe.seed)
    crew = ProcessGroup.join(device)
    trajectories = list(dataset.read(data))
    if not trajectories:
        raise SystemExit(f"{data} holds no trajectories: run `sentinel distill select` first")
    words = initial_model.new_tokenizer(recipe, [turn.text for one in trajectories for turn in one.turns], template)
    rows = [dataset.encode(words, trajectory.turns, trajectory.given) for trajectory in trajectories]
    if not recipe.steps:
        recipe = replace(recipe, steps=math.ceil(2 * len(rows) / recipe.batch))
    if recipe.batch % crew.size:
        raise SystemExit(f"a batch of {recipe.batch} cannot be shared evenly by {crew.size} processes")
    model = initial_model.model(recipe, words, crew.device)
    shared = crew.distribute(model)
    if crew.rank:  # what a process draws while it trains is its own
        torch.manual_seed(recipe.seed + crew.rank)
    run = _run(recipe, model, _key(recipe, data, words.chat_template, crew.size))

    stopped = _stop_on_interrupt()
    saved = out / "checkpoint.pt"
    restored = checkpoint.restore(saved, run, crew.rank)
    if crew.sum(float(restored)) not in (0, crew.size):
        raise SystemExit(f"only some of the processes see {saved}: they must share one folder")
    if restored and crew.rank == 0:
        print(f"going on after step {len(run.losses)} of {recipe.steps}", file=sys.stderr)
    started = time.monotonic() - run.seconds
    left = range(len(run.losses), recipe.steps)
    bar = tqdm(
        left, "train", recipe.steps, initial=left.start, unit="step", file=sys.stderr, mininterval=1.0,
        disable=crew.rank > 0,
    )  # fmt: skip
    for step in bar:
        stop = crew.sum(float(bool(stopped))) > 0  # all of them after the same step
        if stop or (step > left.start and step % every == 0):
            run.seconds = time.monotonic() - started
            chances = crew.gather(checkpoint.rng_state())
            if crew.rank == 0:
                checkpoint.save(saved, run, chances)
        if stop:
            bar.close()
            crew.leave()
            if crew.rank == 0:
                print(f"interrupted after step {step}: run the same command again to go on from there", file=sys.stderr)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one, passed on, must not change how this ends
            raise SystemExit(INTERRUPTED)
        run.losses.append(_step(run, recipe, rows, words.pad_token_id, crew, shared))
        bar.set_postfix(loss=f"{fmean(run.losses[-20:]):.4f}", refresh=False)

    crew.leave()
    if crew.rank:
        return {}
    out.mkdir(parents=True, exist_ok=True)
    # An adapter's base stays where it is; its output layer is no part of the adapter, adapted or not.
    model.save_pretrained(out, **({"save_embedding_layers": False} if recipe.method == "lora" else {}))
    words.save_pretrained(out)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "trajectories": len(rows),
        "tokens_per_trajectory": sum(len(row.ids) for row in rows) / len(rows),
        "loss_last_50": fmean(run.losses[-50:]),
        "seconds": round(time.monotonic() - started, 1),
    }
    made_for = {"base_sha256": weights(Path(recipe.base))} if recipe.method == "lora" else {}
    losses = [round(loss, 5) for loss in run.losses[:: loss_curve.EVERY]]
    told = {"recipe": asdict(recipe), **made_for, **facts, "device": crew.device.type, "losses": losses}
    (out / "training.json").write_text(json.dumps(told, indent=1) + "\n")
    saved.unlink(missing_ok=True)
    return facts


def _run(recipe: Recipe, model: torch.nn.Module, key: str) -> checkpoint.TrainingRun:
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed, plain = [p for p in trained if p.dim() >= 2], [p for p in trained if p.dim() < 2]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, recipe))
    return checkpoint.TrainingRun(key, model, optimiser, schedule, random.Random(recipe.seed))


def _step(
    run: checkpoint.TrainingRun,
    recipe: Recipe,
    rows: list[dataset.TokenRow],
    pad: int,
    group: ProcessGroup,
    shared: torch.nn.Module,
) -> float:
    """One batch of the epoch's order, one change of the weights; the batch's mean loss a token."""
    if len(run.order) < recipe.batch:
        run.order = []
        while len(run.order) < recipe.batch:  # once, unless there are fewer rows than a batch holds
            epoch = list(range(len(rows)))
            run.shuffle.shuffle(epoch)
            run.order += epoch
    picked = [rows[run.order.pop()] for _ in range(recipe.batch)]
    share = group.share(picked)
    batch = dataset.pack(share, pad, PACKED_WIDTH) if recipe.packing else dataset.collate(share, pad)
    loss = group.backward(shared, batch, sum(row.carrying for row in picked))
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    run.schedule.step()
    run.optimizer.zero_grad(set_to_none=True)
    return loss


def _key(recipe: Recipe, data: Path, template: str, processes: int) -> str:
    asked = asdict(recipe) | ({"processes": processes} if processes > 1 else {})
    parts = (json.dumps(asked, sort_keys=True).encode(), data.read_bytes(), template.encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


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
    parser.add_argument("--size", choices=SIZES, default="nano", help="of a student from scratch")
    parser.add_argument("--base", type=Path, help="folder of a Hugging Face causal model to tune instead")
    parser.add_argument("--full", action="store_true", help="with --base: all its weights, not an adapter")
    parser.add_argument("--template", type=Path, help="chat template; of a base: its own, or ChatML")
    parser.add_argument("--head", action="store_true", help="the adapter adapts the output layer too")
    parser.add_argument("--packing", action="store_true", help="several trajectories in one row")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--checkpoint-every", type=int, default=100, metavar="STEPS")
    for name in ("steps", "batch", "seed", "rank", "alpha"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--learning-rate", type=float)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    recipe = tuned(given.base, "full" if given.full else "lora") if given.base else SIZES[given.size]
    named = ("steps", "batch", "seed", "rank", "alpha", "learning_rate")
    changed = {name: getattr(given, name) for name in named if getattr(given, name) is not None}
    recipe = replace(recipe, packing=given.packing, head=given.head, **changed)
    template = given.template or (None if given.base else TEMPLATE)
    facts = train(
        recipe,
        given.data,
        template.read_text() if template else None,
        given.out,
        every=given.checkpoint_every,
        device=given.device,
    )
    if facts:  # of rank 0
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
