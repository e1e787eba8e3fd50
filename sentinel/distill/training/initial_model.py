"""Students before training: a new model with its own vocabulary, or a base from disk, whole or with an adapter."""

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

from sentinel.distill.training.hyperparameters import Recipe
from sentinel.distill.training.tokenizer import learn

CHATML = Path(__file__).with_name("chatml.jinja")


def new_tokenizer(recipe: Recipe, texts: Iterable[str], template: str | None) -> PreTrainedTokenizerFast:
    """The tokenizer with a chat template that marks the assistant's text. A new vocabulary is learned from `texts`.

    `template` takes precedence. If it is None, the base's own template is used if it marks the assistant's text,
    else ours if the base knows ChatML. Raises SystemExit if no template fits.
    """
    if recipe.method == "scratch":
        if template is None:
            raise SystemExit("a student from scratch needs --template")
        return learn(texts, recipe.vocab_size, template)
    base = AutoTokenizer.from_pretrained(recipe.base, local_files_only=True)
    own_template = base.chat_template if isinstance(base.chat_template, str) else ""
    if template is None and re.search(r"{%-?\s*generation\b", own_template):
        template = own_template
    if template is None and {"<|im_start|>", "<|im_end|>"} <= base.get_vocab().keys():
        template = CHATML.read_text()
    if template is None:
        raise SystemExit(
            f"the chat template of {recipe.base} does not mark the assistant's text with {{% generation %}} and its "
            "vocabulary has no <|im_start|>: name a template with that mark by --template"
        )
    base.chat_template = template
    if base.pad_token_id is None:
        base.pad_token = base.eos_token
    return base


def model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast, device: torch.device) -> PreTrainedModel:
    """The model on `device`, in training mode. Weights that are not trained require no gradient."""
    if recipe.method == "scratch":
        return Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=len(tokenizer),
                hidden_size=recipe.hidden,
                num_hidden_layers=recipe.layers,
                num_attention_heads=recipe.heads,
                num_key_value_heads=recipe.kv_heads,
                head_dim=recipe.head_dim,
                intermediate_size=recipe.intermediate,
                max_position_embeddings=2048,
                tie_word_embeddings=True,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                bos_token_id=None,
            )
        ).to(device)
    # An adapter leaves the base as it is, so bfloat16 is enough for the base; trained weights need full precision.
    dtype_of_base = torch.bfloat16 if recipe.method == "lora" and device.type == "cuda" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(
        recipe.base, local_files_only=True, dtype=dtype_of_base, attn_implementation="sdpa"
    )
    if recipe.method == "lora":
        from peft import (
            LoraConfig,
            get_peft_model,
        )  # the import takes half a second, which a student from scratch need not wait

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
