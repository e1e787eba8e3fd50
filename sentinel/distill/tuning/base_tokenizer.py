"""The tokenizer of a base, with the chat template that training and serving share."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

CHATML = Path(__file__).with_name("chatml.jinja")  # the template of the pretrained base


def base_tokenizer(base: Path, template: Path | None) -> PreTrainedTokenizerFast:
    """The base's tokenizer; `template` replaces its own chat template. Raises SystemExit if there is none at all."""
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(base, local_files_only=True)
    if template is not None:
        tokenizer.chat_template = template.read_text(encoding="utf-8")
    if not isinstance(tokenizer.chat_template, str):
        raise SystemExit(f"{base} has no chat template: name one by --template")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
