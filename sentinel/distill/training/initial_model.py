"""Students before training: a model from scratch with a vocabulary of its own, or a base on disk, whole or adapted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from sentinel.distill.training import tokenizer
from sentinel.distill.training.hyperparameters import Recipe

CHATML = Path(__file__).with_name("chatml.jinja")


def new_tokenizer(recipe: Recipe, texts: Iterable[str], template: str | None) -> PreTrainedTokenizerFast:
    """The tokenizer, whose chat template marks what carries loss. `texts` are what a vocabulary is learnt from.

    A given template wins; a base's own is used where it marks the assistant's words, and where it does not, ours
    stands in for it if the base knows ChatML. Raises SystemExit when there is none.
    """
    if recipe.method == "scratch":
        if template is None:
            raise SystemExit("a student from scratch needs --template")
        return tokenizer.learn(texts, recipe.vocab_size, template)
    base = AutoTokenizer.from_pretrained(recipe.base, local_files_only=True)
    own = base.chat_template if isinstance(base.chat_template, str) else ""
    if template is None and re.search(r"{%-?\s*generation\b", own):
        template = own
    if template is None and {"<|im_start|>", "<|im_end|>"} <= base.get_vocab().keys():
        template = CHATML.read_text()
    if template is None:
        raise SystemExit(
            f"the chat template of {recipe.base} does not mark the assistant's words with {{% generation %}} and its "
            "vocabulary has no <|im_start|>: give a template that does with --template"
        )
    base.chat_template = template
    if base.pad_token_id is None:
        base.pad_token = base.eos_token
    return base


def model(recipe: Recipe, words: PreTrainedTokenizerFast, device: torch.device) -> PreTrainedModel:
    """On `device`, in training mode; what is not to be trained requires no gradient."""
    if recipe.method == "scratch":
        return Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=len(words),
                hidden_size=recipe.hidden,
                num_hidden_layers=recipe.layers,
                num_attention_heads=recipe.heads,
                num_key_value_heads=recipe.kv_heads,
                head_dim=recipe.head_dim,
                intermediate_size=recipe.intermediate,
                max_position_embeddings=2048,
                tie_word_embeddings=True,
                pad_token_id=words.pad_token_id,
                eos_token_id=words.eos_token_id,
                bos_token_id=None,
            )
        ).to(device)
    # An adapter leaves the base as it is, so the base may stand in half the memory; whole weights are kept exact.
    kept = torch.bfloat16 if recipe.method == "lora" and device.type == "cuda" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(
        recipe.base, local_files_only=True, dtype=kept, attn_implementation="sdpa"
    )
    if recipe.method == "lora":
        from peft import LoraConfig, get_peft_model  # half a second that a student from scratch need not wait

        base = get_peft_model(
            base,
            LoraConfig(
                task_type="CAUSAL_LM",
                r=recipe.rank,
                lora_alpha=recipe.alpha,
                lora_dropout=recipe.dropout,
                target_modules=_linear(base) if recipe.head else "all-linear",
            ),
        )
    return base.to(device).train()


def _linear(base: torch.nn.Module) -> list[str]:
    """The names of every linear layer, the output layer among them."""
    linear = (name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear))
    return sorted({name.rpartition(".")[2] for name in linear})
