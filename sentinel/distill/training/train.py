"""Train a student: minimise -sum log p(thought, action | prompt, observations).

Runs in the serving environment (torch, transformers):
`python -m sentinel.distill.training.train --data … --out models/nano`, or
`torchrun --nproc-per-node N -m …` on several devices (process_group.py). It computes in bfloat16 on a GPU and in
float32 on a CPU. An interrupted run resumes from its checkpoint; on a CPU with one thread the result is identical.
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
PACKED_WIDTH = 256  # tokens; attention over longer rows costs more than the padding it saves
INTERRUPTED = 130  # exit code


def train(
    recipe: Recipe, data: Path, template: str | None, out: Path, *, every: int = 100, device: str = "auto"
) -> dict[str, float]:
    """Train and write the model's folder `out`. Returns facts of the run; empty unless this process has rank 0.

    `every` is the number of steps between two checkpoints. Raises SystemExit if the training cannot start, or if an
    interrupt ended it.
    """
    torch.manual_seed(recipe.seed)
    group = ProcessGroup.join(device)
    trajectories = list(dataset.read(data))
    if not trajectories:
        raise SystemExit(f"{data} holds no trajectories: run `sentinel distill select` first")
    tokenizer = initial_model.new_tokenizer(
        recipe, [turn.text for trajectory in trajectories for turn in trajectory.turns], template
    )
    rows = [dataset.encode(tokenizer, trajectory.turns, trajectory.given) for trajectory in trajectories]
    if not recipe.steps:
        recipe = replace(recipe, steps=math.ceil(2 * len(rows) / recipe.batch))
    if recipe.batch % group.size:
        raise SystemExit(f"a batch of {recipe.batch} cannot be split evenly over {group.size} processes")
    model = initial_model.model(recipe, tokenizer, group.device)
    distributed_model = group.distribute(model)
    if group.rank:  # dropout differs between the processes
        torch.manual_seed(recipe.seed + group.rank)
    run = _run(recipe, model, _key(recipe, data, tokenizer.chat_template, group.size))

    stopped = _stop_on_interrupt()
    saved = out / "checkpoint.pt"
    restored = checkpoint.restore(saved, run, group.rank)
    if group.sum(float(restored)) not in (0, group.size):
        raise SystemExit(f"{saved} is visible to some processes of the group only: all must use one shared folder")
    if restored and group.rank == 0:
        print(f"resuming after step {len(run.losses)} of {recipe.steps}", file=sys.stderr)
    started = time.monotonic() - run.seconds
    remaining_steps = range(len(run.losses), recipe.steps)
    progress = tqdm(
        remaining_steps, "train", recipe.steps, initial=remaining_steps.start, unit="step", file=sys.stderr,
        mininterval=1.0, disable=group.rank > 0,
    )  # fmt: skip
    for step in progress:
        stop = group.sum(float(bool(stopped))) > 0  # all processes stop after the same step
        if stop or (step > remaining_steps.start and step % every == 0):
            run.seconds = time.monotonic() - started
            rng_states = group.gather(checkpoint.rng_state())
            if group.rank == 0:
                checkpoint.save(saved, run, rng_states)
        if stop:
            progress.close()
            group.leave()
            if group.rank == 0:
                print(f"interrupted after step {step}: run the same command again to resume", file=sys.stderr)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second interrupt must not change the exit code
            raise SystemExit(INTERRUPTED)
        run.losses.append(_step(run, recipe, rows, tokenizer.pad_token_id, group, distributed_model))
        progress.set_postfix(loss=f"{fmean(run.losses[-20:]):.4f}", refresh=False)

    group.leave()
    if group.rank:
        return {}
    out.mkdir(parents=True, exist_ok=True)
    # The base of an adapter is not copied; its output layer is no part of the adapter, adapted or not.
    model.save_pretrained(out, **({"save_embedding_layers": False} if recipe.method == "lora" else {}))
    tokenizer.save_pretrained(out)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "trajectories": len(rows),
        "tokens_per_trajectory": sum(len(row.ids) for row in rows) / len(rows),
        "loss_last_50": fmean(run.losses[-50:]),
        "seconds": round(time.monotonic() - started, 1),
    }
    base = {"base_sha256": weights(Path(recipe.base))} if recipe.method == "lora" else {}
    losses = [round(loss, 5) for loss in run.losses[:: loss_curve.EVERY]]
    training = {"recipe": asdict(recipe), **base, **facts, "device": group.device.type, "losses": losses}
    (out / "training.json").write_text(json.dumps(training, indent=1) + "\n")
    saved.unlink(missing_ok=True)
    return facts


def _run(recipe: Recipe, model: torch.nn.Module, key: str) -> checkpoint.TrainingRun:
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed, plain = [p for p in trained if p.dim() >= 2], [p for p in trained if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    return checkpoint.TrainingRun(key, model, optimizer, schedule, random.Random(recipe.seed))


def _step(
    run: checkpoint.TrainingRun,
    recipe: Recipe,
    rows: list[dataset.TokenRow],
    pad: int,
    group: ProcessGroup,
    distributed_model: torch.nn.Module,
) -> float:
    """Take one batch in the epoch's order and update the weights. Returns the batch's mean loss per token."""
    if len(run.order) < recipe.batch:
        run.order = []
        while len(run.order) < recipe.batch:  # once, unless a batch is larger than an epoch
            epoch = list(range(len(rows)))
            run.shuffle.shuffle(epoch)
            run.order += epoch
    chosen_rows = [rows[run.order.pop()] for _ in range(recipe.batch)]
    share = group.share(chosen_rows)
    batch = dataset.pack(share, pad, PACKED_WIDTH) if recipe.packing else dataset.collate(share, pad)
    loss = group.backward(distributed_model, batch, sum(row.carrying for row in chosen_rows))
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    run.schedule.step()
    run.optimizer.zero_grad(set_to_none=True)
    return loss


def _key(recipe: Recipe, data: Path, template: str, processes: int) -> str:
    """SHA-256 over everything that a resumed run must have in common with its checkpoint."""
    settings = asdict(recipe) | ({"processes": processes} if processes > 1 else {})
    parts = (json.dumps(settings, sort_keys=True).encode(), data.read_bytes(), template.encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _rate(step: int, recipe: Recipe) -> float:
    """Factor of the learning rate: linear warm-up, then a cosine down to 0.05."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    share_done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share_done))


def _stop_on_interrupt() -> list[int]:
    """Returns a list that an interrupt (SIGINT) fills."""
    caught: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    return caught


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="JSONL of selected trajectories")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--size", choices=SIZES, default="nano", help="size of a student from scratch")
    parser.add_argument("--base", type=Path, help="folder of a Hugging Face causal model to tune instead")
    parser.add_argument("--full", action="store_true", help="with --base: train all weights, not an adapter")
    parser.add_argument("--template", type=Path, help="chat template; default for a base: its own, or ChatML")
    parser.add_argument("--head", action="store_true", help="adapt the output layer too")
    parser.add_argument("--packing", action="store_true", help="pack several trajectories into one row")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--checkpoint-every", type=int, default=100, metavar="STEPS")
    for name in ("steps", "batch", "seed", "rank", "alpha"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--learning-rate", type=float)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    recipe = tuned(options.base, "full" if options.full else "lora") if options.base else SIZES[options.size]
    names = ("steps", "batch", "seed", "rank", "alpha", "learning_rate")
    changed = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    recipe = replace(recipe, packing=options.packing, head=options.head, **changed)
    template = options.template or (None if options.base else TEMPLATE)
    facts = train(
        recipe,
        options.data,
        template.read_text() if template else None,
        options.out,
        every=options.checkpoint_every,
        device=options.device,
    )
    if facts:  # of rank 0
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
