"""The perplexity of a base on a page of plain English: whether a converted model still knows the language.

Runs in the serving environment: `python -m sentinel.distill.tuning.perplexity --base DIR --at-most N`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PAGE = Path(__file__).with_name("plain_english.txt")


def perplexity(base: Path, text: str) -> float:
    """The exponential of the mean loss per token of `text`, in float32."""
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True, dtype=torch.float32).eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.inference_mode():
        return float(model(ids, labels=ids).loss.exp())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--at-most", type=float, required=True)
    options = parser.parse_args()
    measured = perplexity(options.base, PAGE.read_text(encoding="utf-8"))
    if not measured <= options.at_most:  # NaN is refused too
        raise SystemExit(
            f"{options.base} has perplexity {measured:.1f} on plain English, at most {options.at_most:g} is accepted: "
            "its weights are damaged or were converted wrongly. It is not used."
        )
    print(f"perplexity on plain English: {measured:.1f}")


if __name__ == "__main__":
    main()
