"""Convert a GGUF file of the Llama architecture to a Hugging Face folder in bfloat16, with our ChatML template.

Runs in the serving environment: `python -m sentinel.distill.tuning.gguf_base --gguf FILE --out DIR`. The same file
gives the same bytes on every machine.

transformers reads GGUF too, but cannot save what it read, and it would put the base's own default system prompt into
the template.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from sentinel.distill.tuning.base_tokenizer import CHATML

SPECIAL = 3  # GGUF's type of a control token
OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(source: Path, out: Path) -> None:
    """Write config, weights, tokenizer and generation settings to `out`, which exists. Raises SystemExit if `source` is
    of another architecture or tokenizer."""
    reader = gguf.GGUFReader(source)
    fields: dict[str, object] = {name: field.contents() for name, field in reader.fields.items()}
    kind = (fields["general.architecture"], fields["tokenizer.ggml.model"], fields["tokenizer.ggml.pre"])
    if kind != ("llama", "gpt2", "smollm"):
        raise SystemExit(f"{source} is {kind}, but only ('llama', 'gpt2', 'smollm') can be converted")
    tensors = dict(_tensors(reader, _number(fields, "head_count"), _number(fields, "head_count_kv")))
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    _write(out / "config.json", _config(fields, tied="lm_head.weight" not in tensors))
    _write(out / "tokenizer.json", _tokenizer(fields))
    tokens: Sequence[str] = fields["tokenizer.ggml.tokens"]  # type: ignore[assignment]
    end = tokens[_token(fields, "eos")]
    names = {"bos_token": tokens[_token(fields, "bos")], "eos_token": end, "pad_token": end}
    limits = {"model_max_length": _number(fields, "context_length", ""), "clean_up_tokenization_spaces": False}
    _write(out / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **names, **limits})
    (out / "chat_template.jinja").write_text(CHATML.read_text(encoding="utf-8"), encoding="utf-8")
    # Neutral: no temperature, penalty or token limit that a server would apply without being asked.
    _write(out / "generation_config.json", {f"{name}_token_id": _token(fields, name) for name in ("bos", "eos")})


def _tensors(reader: gguf.GGUFReader, heads: int, kv_heads: int) -> Iterator[tuple[str, torch.Tensor]]:
    for tensor in tqdm(reader.tensors, "dequantise", unit="tensor"):
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part, *rest = tensor.name.removesuffix(".weight").split(".")
        if part == "blk":
            number, inner = rest
            if inner in ("attn_q", "attn_k"):
                values = unpermuted(values, heads if inner == "attn_q" else kv_heads)
            name = f"model.layers.{number}.{INNER[inner]}"
        else:
            name = OUTER[part]
        yield f"{name}.weight", torch.from_numpy(np.ascontiguousarray(values)).to(torch.bfloat16)


def unpermuted(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q or k in transformers' order: GGUF pairs neighbouring rows for the rotation, transformers two halves."""
    rows, width = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def _config(fields: Mapping[str, object], tied: bool) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": _number(fields, "embedding_length", ""),
        "intermediate_size": _number(fields, "feed_forward_length", ""),
        "num_hidden_layers": _number(fields, "block_count", ""),
        "num_attention_heads": _number(fields, "head_count"),
        "num_key_value_heads": _number(fields, "head_count_kv"),
        "vocab_size": _number(fields, "vocab_size", ""),
        "max_position_embeddings": _number(fields, "context_length", ""),
        "rms_norm_eps": round(float(str(fields["llama.attention.layer_norm_rms_epsilon"])), 9),
        "rope_theta": float(str(fields["llama.rope.freq_base"])),
        "tie_word_embeddings": tied,
        "bos_token_id": _token(fields, "bos"),
        "eos_token_id": _token(fields, "eos"),
        "pad_token_id": _token(fields, "eos"),
        "dtype": "bfloat16",
    }


def _tokenizer(fields: Mapping[str, object]) -> dict[str, object]:
    """tokenizer.json: byte-level BPE in which each digit is a token of its own."""
    tokens: Sequence[str] = fields["tokenizer.ggml.tokens"]  # type: ignore[assignment]
    kinds: Sequence[int] = fields["tokenizer.ggml.token_type"]  # type: ignore[assignment]
    merges: Sequence[str] = fields["tokenizer.ggml.merges"]  # type: ignore[assignment]
    as_is = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    special = [{"id": i, "content": tokens[i], **as_is} for i, kind in enumerate(kinds) if kind == SPECIAL]
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, bytewise],
        },
        "post_processor": None,
        "decoder": bytewise,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in merges],
        },
    }


def _number(fields: Mapping[str, object], name: str, group: str = "attention.") -> int:
    return int(str(fields[f"llama.{group}{name}"]))


def _token(fields: Mapping[str, object], name: str) -> int:
    return int(str(fields[f"tokenizer.ggml.{name}_token_id"]))


def _write(path: Path, body: Mapping[str, object]) -> None:
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True, help="file to convert")
    parser.add_argument("--out", type=Path, required=True, help="empty folder to write")
    options = parser.parse_args()
    convert(options.gguf, options.out)


if __name__ == "__main__":
    main()
