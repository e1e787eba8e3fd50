"""Trajectories -> token rows with a loss mask: thought, action and end-of-turn carry loss, all else conditions.

The chat template of the tokenizer is the one renderer; vLLM applies the same file when serving.
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
    ids: list[int]
    labels: list[int]  # ids where the token carries loss, IGNORED elsewhere

    @property
    def carrying(self) -> int:
        """Tokens that carry loss; the first has nothing before it to be told from."""
        return sum(label != IGNORED for label in self.labels[1:])


def read(path: Path) -> Iterator[Trajectory]:
    """A last line that was cut by a kill is left out; any other broken line raises ValueError."""
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
    """The first `given` turns carry no loss, the assistant's among them neither."""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    rendered = tokenizer.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ids = list(rendered["input_ids"])
    mask = _without(rendered["assistant_masks"], sum(turn.role == "assistant" for turn in turns[:given]))
    return TokenRow(ids, [token if carries else IGNORED for token, carries in zip(ids, mask, strict=True)])


def _without(mask: Sequence[int], spans: int) -> list[int]:
    """The mask with its first `spans` runs of ones taken out: one run is one of the assistant's turns."""
    left, kept, before = spans, list[int](), 0
    for carries in mask:
        left -= before > carries  # the token after a run's last
        kept.append(carries if left <= 0 else 0)
        before = carries
    return kept


def collate(rows: Sequence[TokenRow], pad: int) -> dict[str, torch.Tensor]:
    """The model's arguments, one row a trajectory, right-padded to the longest."""
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
    """The model's arguments, several trajectories in a row: each counts its own positions and sees itself alone.

    A row has the width of the longest trajectory at least. The loss is that of `collate` on the same trajectories.
    """
    width = max(width, *(len(row.ids) for row in rows))
    bins: list[list[TokenRow]] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):  # first fit, longest first
        fits = (packed for packed in bins if sum(len(one.ids) for one in packed) + len(row.ids) <= width)
        found = next(fits, None)
        if found is None:
            bins.append([row])
        else:
            found.append(row)
    width = max(sum(len(row.ids) for row in packed) for packed in bins)
    ids = torch.full((len(bins), width), pad)
    labels = torch.full((len(bins), width), IGNORED)
    positions = torch.zeros((len(bins), width), dtype=torch.long)
    owner = torch.zeros((len(bins), width), dtype=torch.long)  # 0: padding, which sees padding alone
    for i, packed in enumerate(bins):
        start = 0
        for number, row in enumerate(packed, 1):
            span = slice(start, start + len(row.ids))
            ids[i, span] = torch.tensor(row.ids)
            labels[i, span] = torch.tensor(row.labels)
            labels[i, start] = IGNORED  # nothing of this trajectory stands before its first token
            positions[i, span] = torch.arange(len(row.ids))
            owner[i, span] = number
            start = span.stop
    sees = (owner[:, :, None] == owner[:, None, :]) & torch.ones((width, width), dtype=torch.bool).tril()
    return {"input_ids": ids, "attention_mask": sees[:, None], "position_ids": positions, "labels": labels}
