"""Run by test_best_of.py in the serving environment: the loss that training sees of each row alone, as JSON.

`DIR ROWS`: the model with its tokenizer, and the rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentinel.distill.training import dataset

folder, rows = map(Path, sys.argv[1:])
coder, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
found = {}
for trajectory in dataset.read(rows):
    with torch.no_grad():
        batch = dataset.collate([dataset.encode(coder, trajectory.turns)], coder.pad_token_id)
        found[trajectory.id] = float(model(**batch).loss)
sys.stdout.write(json.dumps(found))
