"""For tuning_world.py, in the serving environment: a small model through GGUF and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from sentinel.distill.tuning import gguf_base
from sentinel.distill.tuning.base_tokenizer import base_tokenizer


def converted(root: Path) -> dict[str, Any]:
    """A small Llama written as GGUF the way llama.cpp does, converted back, and how far its logits are off."""
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.2, max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    source, out = root / "small.gguf", root / "converted"
    out.mkdir()
    writer = gguf.GGUFWriter(source, "llama")
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_vocab_size(64)
    writer.add_context_length(128)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(100000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(chr(code) for code in range(48, 107)), "01", "12"]
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * 61])
    writer.add_token_merges(["0 1", "1 2"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    back = {value: key for key, value in gguf_base.INNER.items()}
    for name, tensor in model.state_dict().items():
        values = tensor.numpy()
        if ".layers." in name:
            _, _, number, inner = name.removesuffix(".weight").split(".", 3)
            if inner.endswith(("q_proj", "k_proj")):
                heads = 4 if inner.endswith("q_proj") else 2
                rows, width = values.shape
                values = values.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)
            writer.add_tensor(f"blk.{number}.{back[inner]}.weight", np.ascontiguousarray(values))
        elif not name.startswith("lm_head"):
            outer = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
            writer.add_tensor(outer[name], values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    gguf_base.convert(source, out)
    again = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()
    ids = torch.arange(40)[None] % 64
    for parameter in model.parameters():  # buffers stay: a rounded rotary frequency is another model
        parameter.data = parameter.data.bfloat16().float()
    with torch.inference_mode():
        wanted, actual = model(ids).logits, again(ids).logits
    tokenizer = base_tokenizer(out, None)
    return {
        "off": float((wanted - actual).abs().max()),
        "scale": float(wanted.abs().max()),
        "digits": tokenizer("0112")["input_ids"],
        "special": tokenizer("<|im_end|>")["input_ids"],
        "generation": json.loads((out / "generation_config.json").read_text()),
        "system": tokenizer.apply_chat_template([{"role": "user", "content": "0"}], tokenize=False),
    }
