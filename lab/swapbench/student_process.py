"""Process with the student of a cell, in the serving environment: one JSON line in, one out.

SwapBench asks for half a million turns. One batch with all states of a step takes a fraction of the time that a server
needs for them one by one. A test compares its greedy turns with those of real vLLM.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from sentinel.agent.action_format import STOP
from sentinel.distill.training import tokenizer

WIDTH = 256  # max sequences per forward pass


class LoadedStudent:
    """A student in memory."""

    def __init__(self, folder: Path) -> None:
        self.words: PreTrainedTokenizerFast = tokenizer.load(folder)
        self.words.padding_side = "left"
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()

    def answer(self, order: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """Answer a batch. Returns n turns {"text", "tokens", "finish"} per request; the text begins with the prefill.

        `order` has "asked" (list of {"messages", "prefill"}), "n", "temperature" (0: greedy), "top_p", "max_tokens"
        and "seed".
        """
        torch.manual_seed(order["seed"])
        prompts = [self._render(item["messages"], item["prefill"]) for item in order["asked"]]
        by_length = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
        turns: dict[int, list[dict[str, Any]]] = {}
        wide = max(1, WIDTH // order["n"])
        for start in range(0, len(by_length), wide):
            chunk = by_length[start : start + wide]
            for i, batch_turns in zip(chunk, self._batch([prompts[i] for i in chunk], order), strict=True):
                prefill = order["asked"][i]["prefill"]
                turns[i] = [{**item, "text": prefill + item["text"]} for item in batch_turns]
        return [turns[i] for i in range(len(prompts))]

    def _render(self, messages: Sequence[dict[str, str]], prefill: str) -> list[int]:
        """Token ids of the messages, rendered as by a server's chat endpoint."""
        conversation = [*messages, {"role": "assistant", "content": prefill}] if prefill else [*messages]
        ending = {"continue_final_message": True} if prefill else {"add_generation_prompt": True}
        rendered = self.words.apply_chat_template(conversation, tokenize=True, return_dict=True, **ending)
        return list(rendered["input_ids"])

    def _batch(self, prompts: list[list[int]], order: dict[str, Any]) -> list[list[dict[str, Any]]]:
        padded = self.words.pad({"input_ids": prompts}, return_tensors="pt")
        greedy = order["temperature"] == 0
        sampling = {} if greedy else {"temperature": order["temperature"], "top_p": order["top_p"], "top_k": 0}
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=padded["input_ids"],
                attention_mask=padded["attention_mask"],
                do_sample=not greedy,
                num_return_sequences=order["n"],
                max_new_tokens=order["max_tokens"],
                **sampling,
            )
        generated = out[:, padded["input_ids"].shape[1] :].tolist()
        turns = [self._turn(ids) for ids in generated]
        return [turns[i * order["n"] : (i + 1) * order["n"]] for i in range(len(prompts))]

    def _turn(self, ids: list[int]) -> dict[str, Any]:
        end = self.words.eos_token_id
        ended = end in ids
        kept = ids[: ids.index(end)] if ended else ids
        text, stop, _ = self.words.decode(kept).partition(STOP)
        return {"text": text, "tokens": len(kept), "finish": "stop" if ended or stop else "length"}


def main() -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    student = LoadedStudent(Path(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(student.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
