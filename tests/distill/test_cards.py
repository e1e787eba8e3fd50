"""The committed cards and curves are what the figures beside them say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.distill.training import loss_curve, model_card

NANO = CHECKOUT / "models" / "nano"


def test_a_committed_card_is_not_edited_by_hand(tmp_path: Path) -> None:
    for file in ("training.json", "scores.json"):
        shutil.copy(NANO / file, tmp_path / file)
    model_card.write(tmp_path)
    for made in ("README.md", loss_curve.NAME):
        assert (tmp_path / made).read_text() == (NANO / made).read_text()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("lora", "A LoRA adapter (rank 32, alpha 64, dropout 0.05) of 12,345 parameters, on"),
        ("full", "All 9,876,543 parameters, on"),
        ("scratch", ""),
    ],
)
def test_a_tuned_base_has_a_card_before_it_is_judged(tmp_path: Path, method: str, said: str) -> None:
    """What was trained from nothing has none yet."""
    told = json.loads((NANO / "training.json").read_text())
    told["recipe"] |= {
        "method": method,
        "base": "somewhere/base-1",
        "rank": 32,
        "alpha": 64,
        "dropout": 0.05,
    }
    told["device"] = "cpu"
    (tmp_path / "training.json").write_text(json.dumps(told | {"parameters": 9_876_543, "trained_parameters": 12_345}))
    model_card.trained(tmp_path)
    assert (tmp_path / loss_curve.NAME).is_file()
    assert (tmp_path / "README.md").is_file() is bool(said)
    if said:
        text = (tmp_path / "README.md").read_text()
        assert text.startswith("# base-1, tuned")
        assert said in text
