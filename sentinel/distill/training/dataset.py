"""Token rows of trajectories with a loss mask: thought, action and end of turn carry loss, all else conditions.

The tokenizer's chat template renders the turns. vLLM applies the same file when it serves the student.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from sentinel.core.trajectory import Trajectory, Turn
from sentinel.distill import trajectory_store

IGNORED = -100  # label of a token without loss


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One trajectory as tokens."""

    ids: list[int]
    labels: list[int]  # ids where the token carries loss, IGNORED elsewhere

    @property
    def carrying(self) -> int:
        """Number of tokens that carry loss. The first token never does, because nothing predicts it."""
        return sum(label != IGNORED for label in self.labels[1:])


def read(path: Path) -> Iterator[Trajectory]:
    """Read trajectories from JSON lines. Skips a broken last line (a kill cut it); any other one raises ValueError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            body = json.loads(line)
        except ValueError:
            if number == len(lines):
                return
            raise
        yield trajectory_store.trajectory_of(body)


def encode(tokenizer: PreTrainedTokenizerFast, turns: Sequence[Turn], given: int = 0) -> TokenRow:
    """Render `turns` to tokens. The first `given` turns carry no loss, not even the assistant's."""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    rendered = tokenizer.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ids = list(rendered["input_ids"])
    mask = _without(rendered["assistant_masks"], sum(turn.role == "assistant" for turn in turns[:given]))
    return TokenRow(ids, [token if carries else IGNORED for token, carries in zip(ids, mask, strict=True)])


def _without(mask: Sequence[int], spans: int) -> list[int]:
    """Set the first `spans` runs of ones in `mask` to 0. One run is one turn of the assistant."""
    remaining_spans, new_mask, previous = spans, list[int](), 0
    for carries in mask:
        remaining_spans -= previous > carries  # this token follows the last one of a run
        new_mask.append(carries if remaining_spans <= 0 else 0)
        previous = carries
    return new_mask


def collate(rows: Sequence[TokenRow], pad: int) -> dict[str, torch.Tensor]:
    """The model's arguments with one row per trajectory, right-padded to the longest."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        labels[i, : len(row.ids)] = torch.tensor(row.labels)
    lengths = torch.tensor([len(row.ids) for row in rows])
    mask = (torch.arange(width) < lengths[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def pack(rows: Sequence[TokenRow], pad: int, width: int) -> dict[str, torch.Tensor]:
    """The model's arguments with several trajectories per row. Each has its own positions and attends only to itself.

    A row is `width` tokens wide, or as wide as the longest trajectory. The loss equals that of `collate`.
    """
    width = max(width, *(len(row.ids) for row in rows))
    bins: list[list[TokenRow]] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):  # first fit, longest first
        fitting = (packed for packed in bins if sum(len(member.ids) for member in packed) + len(row.ids) <= width)
        target = next(fitting, None)
        if target is None:
            bins.append([row])
        else:
            target.append(row)
    width = max(sum(len(row.ids) for row in packed) for packed in bins)
    ids = torch.full((len(bins), width), pad)
    labels = torch.full((len(bins), width), IGNORED)
    positions = torch.zeros((len(bins), width), dtype=torch.long)
    owner = torch.zeros((len(bins), width), dtype=torch.long)  # 0: padding, which attends only to padding
    for i, packed in enumerate(bins):
        start = 0
        for number, row in enumerate(packed, 1):
            span = slice(start, start + len(row.ids))
            ids[i, span] = torch.tensor(row.ids)
            labels[i, span] = torch.tensor(row.labels)
            labels[i, start] = IGNORED  # nothing of this trajectory precedes its first token
            positions[i, span] = torch.arange(len(row.ids))
            owner[i, span] = number
            start = span.stop
    sees = (owner[:, :, None] == owner[:, None, :]) & torch.ones((width, width), dtype=torch.bool).tril()
    return {"input_ids": ids, "attention_mask": sees[:, None], "position_ids": positions, "labels": labels}
