"""For tuning_world.py, in the serving environment: an adapter merged into its base as it is when served."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from sentinel.distill.tuning import chat_tokens, conversations, merge, tune
from sentinel.distill.tuning.base_tokenizer import base_tokenizer


def merged(folder: Path, rows_file: Path) -> dict[str, Any]:
    """What is served of the adapter: made, found there, made again after damage; and its loss on the rows of a file."""
    students = folder.parent / "students"
    os.environ["SENTINEL_SERVE_CACHE"] = str(students)
    made = merge.servable(folder)
    weights = (made / "model.safetensors").read_bytes()
    writes = [(made / "model.safetensors").stat().st_mtime_ns]
    merge.servable(folder)
    writes.append((made / "model.safetensors").stat().st_mtime_ns)
    (made / "model.safetensors").write_bytes(weights[:-1] + b"?")
    again = merge.servable(folder)
    tokenizer = base_tokenizer(again, None)
    rows = [chat_tokens.encode(tokenizer, each) for each in conversations.read([rows_file])]
    outputs = torch.arange(len(tokenizer))
    model = AutoModelForCausalLM.from_pretrained(again)
    with torch.inference_mode():
        loss = float(tune.loss_of(model, tune.collate(rows, tokenizer.pad_token_id, outputs), outputs))
    return {
        "loss": loss,
        "dtype": str(model.dtype),
        "written once": writes[0] == writes[1],
        "same": again == made and (again / "model.safetensors").read_bytes() == weights,
        "generation": json.loads((again / "generation_config.json").read_text()),
        "template": (again / "chat_template.jinja").read_text() == (folder / "chat_template.jinja").read_text(),
        "left": sorted(path.name for path in students.iterdir() if path.name != ".lock") == [made.name],
    }
