"""Trajectories -> token rows with a loss mask: thought, action and end-of-turn carry loss, all else conditions.

The chat template of the tokenizer is the one renderer; vLLM applies the same file when serving.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from sentinel.types import Trajectory, Turn

IGNORED = -100  # label of a token without loss


@dataclass(frozen=True, slots=True)
class Row:
    ids: list[int]
    labels: list[int]  # ids where the token carries loss, IGNORED elsewhere


def write(path: Path, trajectories: Sequence[Trajectory]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for trajectory in trajectories:
            file.write(json.dumps(asdict(trajectory), ensure_ascii=False, separators=(",", ":")) + "\n")


def read(path: Path) -> Iterator[Trajectory]:
    """A last line that was cut by a kill is left out; any other broken line raises ValueError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            body: dict[str, Any] = json.loads(line)
        except ValueError:
            if number == len(lines):
                return
            raise
        body["turns"] = tuple(Turn(**turn) for turn in body["turns"])
        yield Trajectory(**body)


def encode(tokenizer: PreTrainedTokenizerFast, turns: Sequence[Turn]) -> Row:
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    rendered = tokenizer.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ids = list(rendered["input_ids"])
    mask = rendered["assistant_masks"]
    return Row(ids, [token if carries else IGNORED for token, carries in zip(ids, mask, strict=True)])


def collate(rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """ids and labels, both (rows, longest), right-padded."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        labels[i, : len(row.ids)] = torch.tensor(row.labels)
    return ids, labels
