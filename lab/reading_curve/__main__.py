"""Greedy readings by tuned adapters, compared with the true ones as typed values.

Runs in the serving environment, from a checkout:
`.venv-serve/bin/python -m lab.reading_curve --base DIR --adapter DIR --rows seeds=FILE --rows public=FILE …`.
A file has one order a line: {"id", "text", "reading"}. The public orders have no reading in their file; theirs is the
one that was written by hand for the tests. No server is needed, so the figures are of the model alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from tqdm import tqdm
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from sentinel.agent.read_prompt import read_messages
from sentinel.distill.tuning.base_tokenizer import base_tokenizer
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading import Reading
from sentinel.orders.language.reading_parser import NotRead, parse
from tests.orders.public_readings import READINGS

QUOTE = "USDC"
BATCH = 20  # orders
MAX_TOKENS = 200  # of a draft; the longest of the training data have about 150


@dataclass(frozen=True, slots=True)
class LabelledOrder:
    """The operator's words and what they mean."""

    id: str
    text: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Answer:
    """What the student wrote for an order, and how it compares."""

    order: LabelledOrder
    draft: str
    reading: Reading | NotRead

    @property
    def exact(self) -> bool:
        return self.reading == self.order.reading


def labelled(path: Path) -> list[LabelledOrder]:
    """The orders of a file. Raises ValueError if a reading in it cannot be parsed."""
    orders = []
    for line in path.read_bytes().split(b"\n"):
        if line.strip():
            row = json.loads(line)
            reading = parse(row.get("reading") or READINGS[row["id"]], QUOTE)
            if isinstance(reading, NotRead):
                raise ValueError(f"{path}: {row['id']}: {reading}")
            orders.append(LabelledOrder(row["id"], row["text"], reading))
    return orders


def merged(base: Path, adapter: Path | None) -> PreTrainedModel:
    """The base with the adapter added to its weights, in float32. Without an adapter: the untuned base."""
    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return model.eval()


def answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, orders: Sequence[LabelledOrder]
) -> Iterator[Answer]:
    """The greedy answer to each order, in batches of similar length."""
    tokenizer.padding_side = "left"
    ordered = sorted(orders, key=lambda order: len(order.text))
    for start in range(0, len(ordered), BATCH):
        chunk = ordered[start : start + BATCH]
        request = tokenizer.apply_chat_template(
            [list(read_messages(order.text)) for order in chunk],
            add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True,
        )  # fmt: skip
        with torch.inference_mode():
            out = model.generate(
                **request, do_sample=False, max_new_tokens=MAX_TOKENS, pad_token_id=tokenizer.pad_token_id
            )
        drafts = tokenizer.batch_decode(out[:, request["input_ids"].shape[1] :], skip_special_tokens=True)
        for order, draft in zip(chunk, drafts, strict=True):
            yield Answer(order, draft, read_draft(draft, QUOTE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, help="default: the untuned base")
    parser.add_argument("--rows", action="append", required=True, metavar="NAME=FILE", help="may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines of all answers")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model, tokenizer = merged(options.base, options.adapter), base_tokenizer(options.base, None)
    table: dict[str, dict[str, int]] = {}
    begun = time.process_time()
    with options.out.open("w", encoding="utf-8") as file:
        for name, _, path in (entry.partition("=") for entry in options.rows):
            orders = labelled(Path(path))
            row = table[name] = {"orders": len(orders), "exact": 0, "parsed": 0}
            for answer in tqdm(answers(model, tokenizer, orders), name, len(orders), file=sys.stderr):
                row["exact"] += answer.exact
                row["parsed"] += not isinstance(answer.reading, NotRead)
                body = {"rows": name, "id": answer.order.id, "exact": answer.exact}
                file.write(json.dumps(body | {"text": answer.order.text, "draft": answer.draft}) + "\n")
                file.flush()  # a run that takes long can be followed, and loses nothing when it is stopped
    for name, row in table.items():
        print(f"{name:>14}  exact {row['exact']:>4} of {row['orders']:<4} parsed {row['parsed']:>4}")
    print(json.dumps({"table": table, "cpu_seconds": round(time.process_time() - begun, 1)}))


if __name__ == "__main__":
    main()
