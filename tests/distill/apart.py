"""Run by test_crew.py in the serving environment: how far the weights of two students are apart, as JSON.

`DIR DIR`: of the same shape. `moved` is the root mean square of the weights, which says what is near.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

one, other = (load_file(Path(folder) / "model.safetensors") for folder in sys.argv[1:])
assert one.keys() == other.keys()
difference = torch.cat([(one[name] - other[name]).flatten() for name in one])
whole = torch.cat([one[name].flatten() for name in one])
found = {"tensors": len(one), "apart": float(difference.abs().max()), "moved": float(whole.square().mean().sqrt())}
sys.stdout.write(json.dumps(found))
