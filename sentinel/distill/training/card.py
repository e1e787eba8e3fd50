"""The model card, written from what training and evaluation measured; no number in it is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.distill.training import curve

TEMPLATE = """# sentinel-nano

A {parameters:,}-parameter Qwen3-architecture model with a vocabulary of its own ({vocab_size} tokens, digits
single), trained from scratch to write Sentinel's thoughts and code actions. It is small enough to be served by
vLLM on one CPU core.

**It is not a language model of the world.** It knows {count} playbooks ({playbooks}) in
one prompt form. Comparison, choice and arithmetic stand in the code that it writes; what it does is copy the
operator's numbers into that code and follow what the code printed. Nothing that it says moves money: the vote
and the policy stand behind it.

## Made from

- Teacher: the **oracle** (`sentinel/agent/oracle.py`), a deterministic solver, not an LLM. Its trajectories
  ran through the same sandbox, tools and simulation as in service; kept were those whose final action succeeded
  on the fork and passed every hard limit.
- Data: {trajectories} trajectories, {tokens:.0f} tokens each on average, on local-market states driven by the
  training days of `models/split.toml` (real ETH/USDC minutes of a Uniswap V3 pool; WBTC synthetic). Not
  committed; its SHA-256 is `{data_sha256}` (block times follow the wall clock, but no text of a trajectory
  depends on them).
- What was collected: {collected}.
- Training: {steps} steps of {batch} unbucketed rows, seed {seed}, {seconds:.0f} s on two cores; mean loss of
  the last 50 steps {loss:.2g}. Loss is on thought, action and end of turn alone.
- Weights: `model.safetensors`, SHA-256 `{weights_sha256}`.

`make student` makes it again: collect, train, evaluate, this card.

![Loss over the steps of training, logarithmic](curve.svg)

## Held-out scores

{states} states of days, seeds and one pool that training never saw, each decided by {n} samples and the vote,
through real vLLM; compared with the oracle's decision for the same state. *Agrees*: both hold, or both act and
the vote itself would count the two effects as one within its tolerance. *Succeeds*: within every hard limit, and
worth at least 95 % of what the oracle's action is worth, or as good as holding where the oracle holds. Wilson 95 %
intervals. Each state stands in `judged.jsonl`.

| slice | agrees | of | share | low | high | succeeds | share | low | high |
|---|---|---|---|---|---|---|---|---|---|
{rows}

Value captured {captured}; regret {regret} bps of equity; {tokens_used} tokens a decision, all samples counted (means).
Samples: {fates}. Median time of a decision {median} s (two cores, no GPU).

## Limits

These states are easy by design: the code carries the arithmetic, and the prompts are of the form that was
learnt. A full score says that the way from teacher to served student loses nothing, not that the student is
clever. Prompts outside the form that `sentinel/agent/prompt.py` writes are outside what it learnt. Tokens other
than WETH, WBTC and USDC do not occur in its training. The states are a local market's: agreement with the
oracle is no evidence of profit.
"""


def write(folder: Path) -> None:
    """Reads training.json and scores.json of the folder, writes README.md and its picture."""
    curve.write(folder)
    training: dict[str, Any] = json.loads((folder / "training.json").read_text())
    scores: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    recipe = training["recipe"]
    rows = "\n".join(
        f"| {name} | {s['hits']} | {s['total']} | {_interval(s)} |"
        f" {scores['success'][name]['hits']} | {_interval(scores['success'][name])} |"
        for name, s in sorted(scores["agreement"].items(), key=lambda item: (-item[1]["total"], item[0]))
    )
    known = sorted(name for name in scores["agreement"] if name in PLAYBOOKS)
    text = TEMPLATE.format(
        count=len(known),
        playbooks=", ".join(f"`{name}`" for name in known),
        parameters=training["parameters"],
        vocab_size=recipe["vocab_size"],
        trajectories=training["trajectories"],
        tokens=training["tokens_per_trajectory"],
        steps=recipe["steps"],
        batch=recipe["batch"],
        seed=recipe["seed"],
        seconds=training["seconds"],
        loss=training["loss_last_50"],
        data_sha256=scores["data_sha256"],
        weights_sha256=scores["weights_sha256"],
        collected="; ".join(f"{name} {count}" for name, count in scores["collected"].items()),
        states=scores["states"],
        n=scores["n"],
        rows=rows,
        captured=scores["captured"],
        regret=scores["regret_bps"],
        tokens_used=scores["tokens_a_decision"],
        fates="; ".join(f"{name} {count}" for name, count in scores["samples"].items()),
        median=scores["median_seconds_a_decision"],
    )
    (folder / "README.md").write_text(text)


def _interval(share: dict[str, Any]) -> str:
    return f"{share['share']:.3f} | {share['low']:.3f} | {share['high']:.3f}"


TUNED = """# {base}, tuned to Sentinel's code actions

{what}, on {trajectories} trajectories ({tokens:.0f} tokens each on average): {steps} steps of {batch}, learning rate
{rate:g}, seed {seed}, {seconds:.0f} s on `{device}`; mean loss of the last 50 steps {loss:.2g}. Loss is on thought,
action and end of turn alone. `chat_template.jinja` renders training rows and serving requests alike: serve with it.

![Loss over the steps of training, logarithmic](curve.svg)

Not evaluated: `sentinel distill evaluate` does that.
"""

ANALYST = """# analyst

A LoRA adapter (rank {rank}, alpha {alpha}, the output layer too) of {trained:,} parameters on `{base}`: the fast
analyst. Every few blocks it looks at the market in one short step and answers with a view: a regime, and the share of
equity that each token should have. vLLM serves it beside its base under its own name (`docs/roles.md`). It belongs to
the weights whose SHA-256 is `{base_sha256}` and is not served on others.

**It is not a forecaster.** What it learnt is to copy the operator's numbers into one short code action; comparison and
arithmetic stand in that code. How far a view may go is bounded outside the model.

- Teacher: the **oracle** (`sentinel/distill/teaching/analysis.py`), not an LLM. The full analyst takes five steps
  over long history, risk in every token, depth, and memory; kept are the fast one's words wherever the two say the
  same.
- Data: {trajectories} trajectories, {tokens:.0f} tokens each on average, on training days of `models/split.toml`. Not
  committed; SHA-256 `{data_sha256}`.
- Training: {steps} steps of {batch}, learning rate {rate:g}, seed {seed}, {seconds:.0f} s of wall time on `{device}`;
  mean loss of the last 50 steps {loss:.2g}. Loss is on thought, action and end of turn alone.

`sentinel distill analyst` makes it again.

![Loss over the steps of training, logarithmic](curve.svg)

## Held-out scores

{states} states of days and seeds that training never saw, {apart} bars apart, the operator's numbers drawn anew for
each; one greedy sample through real vLLM. *Agrees*: the same regime as the full analyst and every weight within
{within} bps. Wilson 95 % intervals. Each state stands in `judged.jsonl`.

| regime by the full analyst | agrees | of | share | low | high |
|---|---|---|---|---|---|
{rows}

The fast oracle, whose words these are, agrees in {could}; student and fast oracle fare alike on {alike} of {states}.
Misses: {misses}.

| tokens a view (mean) | student | full analyst | share |
|---|---|---|---|
| written | {written} | {full_written} | {written_share:.3f} |
| sent and written | {all} | {full_all} | {all_share:.3f} |

Median time of a view {median} s (two shared cores, no GPU).

## Limits

The rules are plain and the states a local market's: agreement with the teacher is no evidence of profit. Prompts
outside the form of `sentinel/agent/prompt.py` and tokens other than WETH, WBTC and USDC are outside what it learnt.
"""


def analyst(folder: Path) -> None:
    """Reads training.json and scores.json of the folder, writes README.md."""
    training: dict[str, Any] = json.loads((folder / "training.json").read_text())
    scores: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    recipe, could = training["recipe"], scores["fast_oracle"]
    rows = "\n".join(
        f"| {name} | {share['hits']} | {share['total']} | {_interval(share)} |"
        for name, share in sorted(scores["agreement"].items(), key=lambda item: (-item[1]["total"], item[0]))
    )
    text = ANALYST.format(
        rank=recipe["rank"],
        alpha=recipe["alpha"],
        trained=training["trained_parameters"],
        base=recipe["base"],
        base_sha256=training["base_sha256"],
        trajectories=training["trajectories"],
        tokens=training["tokens_per_trajectory"],
        data_sha256=scores["data_sha256"],
        steps=recipe["steps"],
        batch=recipe["batch"],
        rate=recipe["learning_rate"],
        seed=recipe["seed"],
        seconds=training["seconds"],
        device=training["device"],
        loss=training["loss_last_50"],
        states=scores["states"],
        apart=scores["apart"],
        within=scores["within_bps"],
        rows=rows,
        could=f"{could['hits']} of {could['total']} ({could['share']:.3f})",
        alike=scores["as_the_fast_oracle"],
        misses="; ".join(f"{name} {count}" for name, count in scores["misses"].items()) or "none",
        written=scores["tokens_written"]["student"],
        full_written=scores["tokens_written"]["full"],
        written_share=scores["written_share"],
        all=scores["tokens_sent_and_written"]["student"],
        full_all=scores["tokens_sent_and_written"]["full"],
        all_share=scores["sent_and_written_share"],
        median=scores["median_seconds"],
    )
    (folder / "README.md").write_text(text)


def tuned(folder: Path) -> None:
    """The card of a tuned base before it was evaluated, in the place of the form that the library leaves there."""
    training: dict[str, Any] = json.loads((folder / "training.json").read_text())
    recipe = training["recipe"]
    adapter = f"A LoRA adapter (rank {recipe['rank']}, alpha {recipe['alpha']}, dropout {recipe['dropout']})"
    text = TUNED.format(
        base=Path(recipe["base"]).name,
        what=f"{adapter} of {training['trained_parameters']:,} parameters"
        if recipe["method"] == "lora"
        else f"All {training['parameters']:,} parameters",
        trajectories=training["trajectories"],
        tokens=training["tokens_per_trajectory"],
        steps=recipe["steps"],
        batch=recipe["batch"],
        rate=recipe["learning_rate"],
        seed=recipe["seed"],
        seconds=training["seconds"],
        device=training["device"],
        loss=training["loss_last_50"],
    )
    (folder / "README.md").write_text(text)
