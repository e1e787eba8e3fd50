"""Tune a pretrained base: train an adapter on conversations, with loss on the assistant's turns and their end alone.

Runs in the serving environment: `python -m sentinel.distill.tuning.tune --base DIR --data FILE --out DIR`. An
interrupted or killed run resumes from its checkpoint, which is at most a minute old; on a CPU the adapter is the same
to the byte as that of an uninterrupted run, however many workers made it. A longer run of the same plan can begin
where the learning rate of a shorter one began to fall (`--continue-from`), which gives a learning curve for the price
of its end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import AutoModelForCausalLM, PreTrainedModel

from sentinel.core.host.files import write_atomic
from sentinel.distill.tuning import adapter, chat_tokens, checkpoint, conversations
from sentinel.distill.tuning.adapter import AdapterShape
from sentinel.distill.tuning.base_pin import weights
from sentinel.distill.tuning.base_tokenizer import base_tokenizer
from sentinel.distill.tuning.batches import batches
from sentinel.distill.tuning.chat_tokens import TemplateFault, TokenRow
from sentinel.distill.tuning.conversations import RowFault
from sentinel.distill.tuning.gradients import Gradients, OfPart
from sentinel.distill.tuning.tuning_plan import TuningPlan

COMMON_IDS = 8192  # the first ids of a byte-pair vocabulary are its commonest
CHECKPOINT = "checkpoint.pt"
TRUNK = "trunk.pt"  # the checkpoint before the learning rate fell; a longer run can begin with it
INTERRUPTED = 130  # exit code
MAX_NORM = 1.0  # of the gradient
PART = 2  # rows that a worker takes at a time; a GPU takes the whole step


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded rows. Attention is causal, so no real token sees the padding and no mask is needed."""

    ids: Tensor
    predicts: Tensor  # bool: the next token carries loss
    targets: Tensor  # these next tokens, as places in the output ids
    tokens: int  # without padding


def tune(
    plan: TuningPlan,
    template: Path | None,
    out: Path,
    *,
    device: str = "auto",
    every: float = 60.0,
    shorter: Path | None = None,
    workers: int = 1,
) -> None:
    """Train and write the adapter to `out`; `every` is the number of seconds between checkpoints.

    On a CPU, `workers` processes share the work of a step, one core each.

    `shorter` is the folder of a shorter run of the same plan, which this one continues.

    Raises SystemExit if the run cannot start or was interrupted, RowFault or TemplateFault for what must not be
    trained on.
    """
    base = Path(plan.base)
    tokenizer = base_tokenizer(base, template)
    chat_tokens.check_template(tokenizer, chat_tokens.template_name(base, template))
    data = [Path(name) for name in plan.data]
    rows, too_long = chat_tokens.encode_all(tokenizer, conversations.read(data, plan.trade_every), plan.context)
    if not rows:
        raise SystemExit(f"{' '.join(plan.data)}: no row of at most {plan.context} tokens, {too_long} longer ones")
    hashes = {"base_sha256": weights(base), "data_sha256": _hash([path.read_bytes() for path in data])}
    told = asdict(plan) | {"base": base.name, "data": [path.name for path in data]}  # hashes say which; no paths
    settled = [told | {"steps": 0, "fall": 0, "base": "", "data": ""}, hashes, tokenizer.chat_template]
    key = _hash([json.dumps([settled, plan.steps], sort_keys=True).encode()])
    if _key_of(out) == key:
        print(f"{out} holds the adapter of this very run already", file=sys.stderr)
        return
    steps = plan_steps(plan, rows)
    torch.manual_seed(plan.seed)
    where = _device(device)
    model = AutoModelForCausalLM.from_pretrained(
        base, local_files_only=True, dtype=torch.float32, attn_implementation="sdpa"
    ).to(where)
    check_logits(model, rows[0])
    shape = AdapterShape(plan.rank, plan.alpha, plan.layers)
    layers = adapter.attach(model, shape)
    run = _run(plan, model, _hash([json.dumps(settled, sort_keys=True).encode()]), len(steps))
    saved = out / CHECKPOINT
    begin = saved if saved.exists() or shorter is None else shorter / TRUNK
    if checkpoint.restore(begin, run):
        if run.rates != [plan.learning_rate * plan.rate(step, len(steps)) for step in range(len(run.rates))]:
            raise SystemExit(f"{begin} belongs to a run with another number of steps: remove it to start anew")
        print(f"resuming after step {len(run.losses)} of {len(steps)}", file=sys.stderr)
    elif shorter is not None:
        raise SystemExit(f"{begin} is not there: {shorter} holds no shorter run that this one could continue")
    taken = [[rows[number] for number in step] for step in steps]
    size = plan.batch if where.type == "cuda" else PART
    parts = [-(-len(step) // size) for step in taken]
    outputs = output_ids(rows, model.get_output_embeddings().weight.shape[0])
    of_part = _part_loss(model, taken, size, tokenizer.pad_token_id, outputs)
    with Gradients(run.trained, of_part, parts, 1 if where.type == "cuda" else workers) as gradients:
        _train(run, gradients, len(steps), saved, every, plan.trunk(len(steps)))
    tokens = sum(len(row.ids) for step in taken for row in step)

    out.mkdir(parents=True, exist_ok=True)
    adapter.save(model, shape, layers, plan.base, out)
    tokenizer.save_pretrained(out)
    facts = {
        "plan": told,
        "command": " ".join(part.rsplit("/", 1)[-1] for part in sys.orig_argv[1:]),
        "key": key,
        **hashes,
        "rows": len(rows),
        "rows_too_long": too_long,
        "tokens_per_row": round(fmean(len(row.ids) for row in rows), 1),
        "targets_per_row": round(fmean(row.targets for row in rows), 1),
        "steps": len(steps),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": where.type,
        "cpu_seconds": round(run.seconds, 1),
        "tokens_per_cpu_second": round(tokens / run.seconds, 1),
        "loss_last_20": round(fmean(run.losses[-20:]), 5),
        "losses": [round(loss, 5) for loss in run.losses],
    }
    write_atomic(out / "training.json", json.dumps(facts, indent=1) + "\n")
    saved.unlink(missing_ok=True)


def plan_steps(plan: TuningPlan, rows: Sequence[TokenRow]) -> list[list[int]]:
    """The row numbers of each step."""
    per_epoch = -(-len(rows) // plan.batch)
    epochs = -(-plan.steps // per_epoch) if plan.steps else plan.epochs
    return batches([len(row.ids) for row in rows], plan.batch, epochs, plan.seed)[: plan.steps or None]


def _device(name: str) -> torch.device:
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU; a CPU computes in full float32
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def _key_of(folder: Path) -> str | None:
    """The key of the run that made the adapter in `folder`; None if there is no finished one."""
    path = folder / "training.json"  # written last
    return str(json.loads(path.read_text(encoding="utf-8")).get("key")) if path.exists() else None


def _train(
    run: checkpoint.TrainingRun, gradients: Gradients, steps: int, saved: Path, every: float, trunk: int
) -> None:
    """Take the steps that the run has not taken."""
    stopped = _stop_on_signal()
    before, last_save = run.seconds - time.process_time(), time.monotonic()
    progress = tqdm(
        range(len(run.losses), steps), "tune", steps, initial=len(run.losses), unit="step",
        file=sys.stderr, mininterval=1.0,
    )  # fmt: skip
    for step in progress:
        run.seconds = before + time.process_time() + gradients.worker_seconds
        if step == trunk:
            checkpoint.save(saved.with_name(TRUNK), run)
        if stopped or time.monotonic() - last_save > every:
            checkpoint.save(saved, run)
            last_save = time.monotonic()
        if stopped:
            progress.close()
            print(f"interrupted after step {step}: run the same command again to resume", file=sys.stderr)
            raise SystemExit(INTERRUPTED)
        run.rates.append(run.schedule.get_last_lr()[0])
        run.losses.append(_step(run, gradients))
        progress.set_postfix(loss=f"{fmean(run.losses[-20:]):.4f}", refresh=False)
    run.seconds = before + time.process_time() + gradients.worker_seconds


def output_ids(rows: Sequence[TokenRow], vocabulary: int) -> Tensor:
    """The ids among which the next token is predicted while training: the commonest, and all that the rows hold.

    A full vocabulary of 49,152 would take a fifth of the time. Serving uses all of it.
    """
    return torch.tensor(sorted({*range(min(COMMON_IDS, vocabulary)), *(token for row in rows for token in row.ids)}))


def collate(rows: Sequence[TokenRow], pad: int, outputs: Tensor) -> Batch:
    """One batch of rows."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    carries = torch.zeros((len(rows), width), dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        carries[number, : len(row.ids)] = torch.tensor(row.carries)
    targets = torch.searchsorted(outputs, ids[:, 1:][carries[:, 1:]])
    return Batch(ids[:, :-1], carries[:, 1:], targets, sum(len(row.ids) for row in rows))


def loss_of(model: PreTrainedModel, batch: Batch, outputs: Tensor) -> Tensor:
    """The mean loss per token that carries loss. Logits are computed at these positions alone."""
    head: Tensor = model.get_output_embeddings().weight
    ids, predicts, targets = (tensor.to(head.device) for tensor in (batch.ids, batch.predicts, batch.targets))
    hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    return torch.nn.functional.cross_entropy(hidden[predicts] @ head[outputs.to(head.device)].T, targets)


def check_logits(model: PreTrainedModel, row: TokenRow) -> None:
    """Raises SystemExit if the base scales, caps or shifts its logits, which `loss_of` does not."""
    every_id = torch.arange(model.get_output_embeddings().weight.shape[0])
    batch = collate([row], 0, every_id)
    with torch.inference_mode():
        ours = float(loss_of(model, batch, every_id))
        logits = model(input_ids=batch.ids.to(model.device)).logits[batch.predicts.to(model.device)]
        theirs = float(torch.nn.functional.cross_entropy(logits, batch.targets.to(model.device)))
    if not abs(ours - theirs) <= 1e-2 * max(1.0, theirs):
        raise SystemExit(f"the base computes its logits in a way of its own (loss {theirs:.4f}, here {ours:.4f})")


def _step(run: checkpoint.TrainingRun, gradients: Gradients) -> float:
    """Take the next step. Returns its loss before it."""
    loss = gradients.step(len(run.losses))
    torch.nn.utils.clip_grad_norm_(run.trained, MAX_NORM)
    run.optimizer.step()
    run.schedule.step()
    return loss


def _part_loss(
    model: PreTrainedModel, steps: Sequence[Sequence[TokenRow]], size: int, pad: int, outputs: Tensor
) -> OfPart:
    """What makes the gradient of a part of a step: its rows' share of the mean loss of all tokens of the step."""

    def of_part(step: int, part: int) -> float:
        rows = steps[step][part * size : (part + 1) * size]
        share = sum(row.targets for row in rows) / sum(row.targets for row in steps[step])
        loss = share * loss_of(model, collate(rows, pad, outputs), outputs)
        loss.backward()
        return float(loss.detach())

    return of_part


def _run(plan: TuningPlan, model: PreTrainedModel, key: str, steps: int) -> checkpoint.TrainingRun:
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: plan.rate(step, steps))
    return checkpoint.TrainingRun(key, model, optimizer, schedule)


def _hash(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _stop_on_signal() -> list[int]:
    """Returns a list that SIGINT and SIGTERM fill."""
    caught: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: caught.append(received))
    return caught


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of a Hugging Face causal model")
    parser.add_argument("--data", type=Path, required=True, action="append", help="JSONL of rows; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="folder of the adapter")
    parser.add_argument("--template", type=Path, help="chat template; default: the base's own")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--checkpoint-every", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes, of one core each")
    parser.add_argument("--continue-from", type=Path, metavar="DIR", help="folder of a shorter run of the same plan")
    defaults = TuningPlan("", ())
    for name in ("layers", "rank", "alpha", "batch", "epochs", "steps", "fall", "context", "trade_every", "seed"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name))
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    given = vars(parser.parse_args())
    template, out, shorter = given.pop("template"), given.pop("out"), given.pop("continue_from")
    device, every, workers = given.pop("device"), given.pop("checkpoint_every"), given.pop("workers")
    plan = TuningPlan(**given | {"base": str(given["base"]), "data": tuple(str(path) for path in given["data"])})
    torch.set_num_threads(1)  # each worker has its core
    try:
        tune(plan, template, out, device=device, every=every, shorter=shorter, workers=workers)
    except (RowFault, TemplateFault) as fault:
        raise SystemExit(f"not trained: {fault}") from fault


if __name__ == "__main__":
    main()
