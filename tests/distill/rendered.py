"""Run by test_training.py in the serving environment: what carries loss in real rows, span by span, as JSON.

`ROWS nano TEMPLATE`: with the student's own vocabulary; `ROWS DIR`: with that of a base.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path

from sentinel.distill.training import dataset, initial_model
from sentinel.distill.training.hyperparameters import SIZES, tuned

trajectories = list(dataset.read(Path(sys.argv[1])))
texts = [turn.text for one in trajectories for turn in one.turns]
if sys.argv[2] == "nano":
    coder = initial_model.new_tokenizer(SIZES["nano"], texts, Path(sys.argv[3]).read_text())
else:
    coder = initial_model.new_tokenizer(tuned(Path(sys.argv[2]), "lora"), texts, None)
found = []
for trajectory in trajectories:
    row = dataset.encode(coder, trajectory.turns, trajectory.given)
    runs = groupby(zip(row.ids, row.labels, strict=True), key=lambda pair: pair[1] != dataset.IGNORED)
    spans = [[token for token, _ in run] for carries, run in runs if carries]
    expected = [turn.text for turn in trajectory.turns if turn.role == "assistant"]
    found.append({"spans": [coder.decode(span) for span in spans], "turns": expected, "whole": coder.decode(row.ids)})
sys.stdout.write(json.dumps(found))
