"""The nano student's own small vocabulary, learnt from the trajectories it will be trained on.

Byte-level BPE over whole lines: digits stand singly (numbers are copied digit by digit), line ends stand singly (so a
first thought's end is a token boundary), and everything else may merge across words, which makes an action few tokens.
`<end_code>` is ordinary text: as a special token it would be stripped before the stop string could match.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

ROLES = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def learn(texts: Iterable[str], vocab_size: int, template: str) -> PreTrainedTokenizerFast:
    """`texts` are the contents of turns; the result decodes any UTF-8 text byte by byte."""
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
    return PreTrainedTokenizerFast.from_pretrained(folder)
