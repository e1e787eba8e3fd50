"""A pretrained base learns Sentinel's code actions, as an adapter or whole, with its own vocabulary and template.

The base is made here: tiny, with random weights. torch is in the serving environment, so that is where it runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import CHECKOUT
from sentinel.cli import distill_commands as cli
from sentinel.core.errors import OperatorError
from sentinel.distill.serving_env import run_module
from sentinel.distill.training import hyperparameters
from tests.distill.tuning import tune

PLAIN = "{% for message in messages %}{{ message['content'] }}{% endfor %}"  # marks nothing
CHATML = ("<|im_start|>", "<|im_end|>")
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, in_serving: Callable[..., Any], oracle_rows: Path) -> Path:
    """100,000 parameters and the two words of ChatML; its own template marks nothing."""
    folder = tmp_path_factory.mktemp("base")
    in_serving("base.py", "make", folder, oracle_rows, PLAIN, *CHATML)
    return folder


@pytest.fixture(scope="module")
def one_row(tmp_path_factory: pytest.TempPathFactory, oracle_rows: Path) -> Path:
    path = tmp_path_factory.mktemp("one") / "row.jsonl"
    path.write_text(oracle_rows.read_text().splitlines()[0] + "\n")
    return path


@pytest.mark.proof
def test_an_adapter_learns_and_merged_into_its_base_answers_as_trained(
    tmp_path: Path, base: Path, one_row: Path, in_serving: Callable[..., Any]
) -> None:
    """Greedy, word for word, and its loss is measured with the adapter on; the base, random as it is, knows none
    of it, and its weights are not in the folder."""
    facts = tune(base, one_row, tmp_path, "--lora")
    assert facts["losses"][-1] < 0.05 * facts["losses"][0]
    assert facts["trained_parameters"] < facts["parameters"]
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (64, 128, 0.05)
    assert {name.rsplit(".", 1)[-1] for name in config["target_modules"]} == LINEAR
    assert (tmp_path / "adapter_model.safetensors").exists()
    assert not (tmp_path / "model.safetensors").exists()
    answer = in_serving("base.py", "ask", tmp_path, one_row, base)
    assert answer["said"] == answer["wanted"]
    run_module(
        "sentinel.distill.training.losses", "--student", tmp_path, "--data", one_row, "--out", tmp_path / "losses.jsonl"
    )
    assert json.loads((tmp_path / "losses.jsonl").read_text())["loss"] < 0.05 * facts["losses"][0]
    card = (tmp_path / "README.md").read_text()
    assert "A LoRA adapter (rank 64, alpha 128, dropout 0.05)" in card
    assert "(curve.svg)" in card
    assert (tmp_path / "curve.svg").exists()


@pytest.mark.proof
def test_all_weights_of_a_base_learn_too(
    tmp_path: Path, base: Path, one_row: Path, in_serving: Callable[..., Any]
) -> None:
    facts = tune(base, one_row, tmp_path, "--full")
    assert facts["trained_parameters"] == facts["parameters"]
    answer = in_serving("base.py", "ask", tmp_path, one_row)
    assert answer["said"] == answer["wanted"]


def test_with_a_bases_vocabulary_too_loss_is_on_assistant_turns_and_their_end_alone(
    base: Path, oracle_rows: Path, in_serving: Callable[..., Any]
) -> None:
    """Our ChatML stands in for a template that marks nothing; the text is ChatML to the letter."""
    for row in in_serving("rendered.py", oracle_rows, base):
        assert row["spans"] == [turn + "<|im_end|>" for turn in row["turns"]]
        assert row["whole"].startswith("<|im_start|>system\n")
        assert row["whole"].endswith(f"<|im_end|>\n<|im_start|>assistant\n{row['turns'][-1]}<|im_end|>\n")


def test_a_bases_own_template_is_kept_where_it_marks_the_assistants_words(
    tmp_path: Path, oracle_rows: Path, in_serving: Callable[..., Any]
) -> None:
    own = (CHECKOUT / "models" / "nano" / "chat_template.jinja").read_text()
    in_serving("base.py", "make", tmp_path, oracle_rows, own, *CHATML)
    row = in_serving("rendered.py", oracle_rows, tmp_path)[0]
    assert row["spans"] == [turn + "<|end|>" for turn in row["turns"]]


def test_a_base_whose_template_marks_nothing_and_that_knows_no_chatml_is_refused(
    tmp_path: Path, oracle_rows: Path, in_serving: Callable[..., Any], start_training: Callable[..., Any]
) -> None:
    in_serving("base.py", "make", tmp_path / "base", oracle_rows, PLAIN)
    run = start_training("--base", tmp_path / "base", "--data", oracle_rows, "--out", tmp_path / "out")
    assert "does not mark the assistant's text with {% generation %}" in run.communicate()[0]
    assert run.returncode == 1
    assert not (tmp_path / "out").exists()


def test_the_defaults_are_the_papers() -> None:
    recipe = hyperparameters.tuned(Path("base"), "lora")
    assert (recipe.rank, recipe.alpha, recipe.dropout) == (64, 128, 0.05)
    assert (recipe.learning_rate, recipe.batch, recipe.steps) == (2e-4, 8, 0)  # no steps: two epochs


@pytest.mark.parametrize("options", [["--lora"], ["--base", "x"], ["--base", "x", "--lora", "--full"]])
def test_a_base_without_a_method_or_the_other_way_round_is_refused(options: list[str]) -> None:
    result = CliRunner().invoke(cli.app, ["train", "--data", "x", "--out", "y", *options])
    assert isinstance(result.exception, OperatorError)
