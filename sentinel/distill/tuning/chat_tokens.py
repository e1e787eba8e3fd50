"""Conversations -> tokens with a loss mask, by the chat template that vLLM applies when it serves the student.

The mask is by position, from the template's {% generation %} marks: the end token may also be the padding token.
Every row is checked: what carries loss is exactly each answer and its end token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from sentinel.agent.prompt import Message
from sentinel.distill.tuning.conversations import Conversation, RowFault

PROBE = (
    Message(role="system", content="Trade by the order."),
    Message(role="user", content="Buy 100 USDC of WETH."),
    Message(role="assistant", content="Thought: look first.\nCode:\n```py\nprint(1)\n```<end_code>"),
    Message(role="user", content="Observation: 1"),
    Message(role="assistant", content="Thought: then hold.\nCode:\n```py\nhold()\n```<end_code>"),
)


class TemplateFault(Exception):
    """A chat template that would ruin the training. The message names the fault."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One conversation as tokens; `carries` says which of them carry loss."""

    id: str
    ids: tuple[int, ...]
    carries: tuple[bool, ...]

    @property
    def targets(self) -> int:
        """Number of tokens that carry loss."""
        return sum(self.carries)


def check_template(tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    """Raises TemplateFault, which names the fault, if a student cannot be trained with the template."""
    text = str(tokenizer.apply_chat_template(list(PROBE), tokenize=False))
    if any(message["content"] not in text for message in PROBE):
        raise TemplateFault(
            f"{name} drops earlier thoughts or other text: its rendering lacks a part of a conversation"
        )
    spans = _spans(tokenizer, PROBE)
    answers = [message["content"] for message in PROBE if message["role"] == "assistant"]
    if not spans:
        raise TemplateFault(f"{name} marks no text of the assistant with {{% generation %}}")
    if len(spans) < len(answers):
        raise TemplateFault(f"{name} marks only {len(spans)} of {len(answers)} assistant turns with {{% generation %}}")
    end = tokenizer.eos_token
    if spans == answers:
        raise TemplateFault(f"{name} has no loss on the end token {end}, so the student would never stop")
    if spans != [answer + end for answer in answers]:
        raise TemplateFault(f"{name} marks {spans!r} where {[answer + end for answer in answers]!r} is wanted")
    for turn in range(len(PROBE)):
        if PROBE[turn]["role"] == "assistant":
            request = str(tokenizer.apply_chat_template(list(PROBE[:turn]), tokenize=False, add_generation_prompt=True))
            if not text.startswith(request + PROBE[turn]["content"]):
                raise TemplateFault(f"{name} renders a request in another way than the same turns of a training row")


def encode(tokenizer: PreTrainedTokenizerFast, row: Conversation) -> TokenRow:
    """The tokens of a row. Raises RowFault if a text holds a special token, or if not just the answers carry loss."""
    for message in row.messages:
        for special in _special_texts(tokenizer):
            if special in message["content"]:
                raise RowFault(f"row {row.id} holds the special token {special} in a {message['role']} text")
    ids, mask = _rendered(tokenizer, row.messages)
    wanted = [answer + tokenizer.eos_token for answer in row.answers]
    if row.given:
        _take_out(tokenizer, ids, mask, row)
        wanted[-1] = wanted[-1].removeprefix(row.given)
    if (spans := _decoded(tokenizer, ids, mask)) != wanted:
        raise RowFault(f"row {row.id} would carry loss on {spans!r}, not on {wanted!r}")
    return TokenRow(row.id, tuple(ids), tuple(map(bool, mask)))


def _take_out(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int], mask: list[int], row: Conversation) -> None:
    """Take the loss from what is given. When serving, the request ends with it, so it has tokens of its own."""
    start = [*mask].index(1) if len(row.answers) == 1 else -1
    given = tokenizer(row.given, add_special_tokens=False)["input_ids"]
    if list(ids[start : start + len(given)]) != given:
        raise RowFault(f"row {row.id} does not begin its one answer with the tokens of {row.given!r}")
    mask[start : start + len(given)] = [0] * len(given)


def encode_all(
    tokenizer: PreTrainedTokenizerFast, rows: Sequence[Conversation], context: int
) -> tuple[list[TokenRow], int]:
    """The rows of at most `context` tokens, and the number of rows that were left out for their length."""
    encoded = [encode(tokenizer, row) for row in rows]
    fitting = [row for row in encoded if len(row.ids) <= context]
    return fitting, len(encoded) - len(fitting)


def template_name(base: Path, template: Path | None) -> str:
    """How messages name the template."""
    return f"the chat template {template}" if template else f"the chat template of {base}"


def _special_texts(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Texts that become one special token wherever they stand, such as the end token."""
    return [str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]


def _rendered(tokenizer: PreTrainedTokenizerFast, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
    result = tokenizer.apply_chat_template(
        list(messages), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    return list(result["input_ids"]), list(result["assistant_masks"])


def _spans(tokenizer: PreTrainedTokenizerFast, messages: Sequence[Message]) -> list[str]:
    return _decoded(tokenizer, *_rendered(tokenizer, messages))


def _decoded(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int], mask: Sequence[int]) -> list[str]:
    """The text of each run of tokens that carry loss."""
    runs = groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1])
    return [
        str(tokenizer.decode([token for token, _ in run], clean_up_tokenization_spaces=False))
        for carries, run in runs
        if carries
    ]
