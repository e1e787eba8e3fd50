"""For tuning_world.py, in the serving environment: a small byte-level vocabulary, learned from the texts of a test."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


def learn(texts: Iterable[str], vocab_size: int, template: str) -> PreTrainedTokenizerFast:
    """Each digit and each line end is a token."""
    core = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(r"[0-9\n]"), "isolated")
    into_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([split, into_bytes])
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=["<|end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|end|>", pad_token="<|end|>", clean_up_tokenization_spaces=False
    )
    wrapped.chat_template = template
    return wrapped
