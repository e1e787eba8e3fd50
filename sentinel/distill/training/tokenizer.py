"""The small vocabulary of a student from scratch, learned from its own trajectories.

Byte-level BPE over whole lines. Each digit is a token, because numbers are copied digit by digit. Each line end is a
token, so a first thought ends at a token boundary. Everything else may merge across words, so an action takes few
tokens. `<end_code>` is ordinary text: a special token would be stripped before the stop string could match.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

ROLES = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def learn(texts: Iterable[str], vocab_size: int, template: str) -> PreTrainedTokenizerFast:
    """Learn a tokenizer from `texts`, the contents of turns. It encodes any UTF-8 text, byte by byte if needed."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[0-9\n]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=ROLES,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
            max_token_length=24,
        ),
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|pad|>", eos_token="<|end|>", clean_up_tokenization_spaces=False
    )
    wrapped.chat_template = template
    return wrapped


def load(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer that is saved in `folder`."""
    return PreTrainedTokenizerFast.from_pretrained(folder)
