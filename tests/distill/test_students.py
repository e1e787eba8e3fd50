"""The store of students: one link, switched at once; killed anywhere, the old or the new one is live."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError
from sentinel.distill.promotion.students import StudentStore, hashes, identity

KILLED = -9
# Runs one change and kills itself at the k-th step that touches the disk, before or after it is done.
VICTIM = """
import os, pathlib, signal, sys
from sentinel.distill.promotion.students import StudentStore

left, after = int(sys.argv[4]), sys.argv[5] == "after"

def deadly(call):
    def wrapped(*args, **kwargs):
        global left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*args, **kwargs)
        finally:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return wrapped

for module, names in ((os, ("fsync", "rename", "replace", "symlink", "mkdir", "unlink")),):
    for name in names:
        setattr(module, name, deadly(getattr(module, name)))

store = StudentStore(pathlib.Path(sys.argv[1]))
with store.alone():
    if sys.argv[3] == "promote":
        store.promote(pathlib.Path(sys.argv[2]), {"why": "better"})
    else:
        store.undo()
"""


def student(folder: Path, weights: bytes) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> StudentStore:
    """The first student is live."""
    found = StudentStore(tmp_path / "students")
    with found.alone():
        found.promote(student(tmp_path / "old", b"old"), {})
    return found


def weights(store: StudentStore) -> bytes:
    """As the server finds them, through the link alone."""
    return (store.root / "live" / "student" / "model.safetensors").read_bytes()


def test_a_promotion_is_a_copy_under_its_hashes_and_undo_goes_back(store: StudentStore, tmp_path: Path) -> None:
    """Nothing that happens to the given folder afterwards matters; everything is in the log."""
    new = student(tmp_path / "new", b"new")
    told = hashes(new)
    with store.alone():
        store.promote(new, {"heldout": 700})
    (new / "model.safetensors").write_bytes(b"changed")
    assert weights(store) == b"new"
    assert store.live is not None
    assert json.loads((store.live.path / "evidence.json").read_text()) == {"heldout": 700}
    with store.alone():
        store.undo()
    assert weights(store) == b"old"
    events = store.history()
    assert [one["event"] for one in events] == [
        f"{what} {stage}" for what in ("promotion", "promotion", "undo") for stage in ("begun", "done")
    ]
    assert events[2]["sha256"] == told
    assert events[2]["evidence"] == {"heldout": 700}
    assert events[4]["after"] == events[2]["before"]
    with store.alone(), pytest.raises(OperatorError, match="no student to go back to"):
        store.undo()


def test_what_was_changed_on_disk_is_not_gone_back_to(store: StudentStore, tmp_path: Path) -> None:
    assert store.live is not None
    first = store.live
    with store.alone():
        store.promote(student(tmp_path / "new", b"new"), {})
        (first.student / "model.safetensors").write_bytes(b"odd")
        with pytest.raises(OperatorError, match="not those that were promoted"):
            store.undo()
    assert weights(store) == b"new"


def test_what_is_served_makes_the_identity_and_nothing_else(tmp_path: Path) -> None:
    folder = student(tmp_path / "one", b"weights")
    before = identity(folder)
    (folder / "README.md").write_text("a card")
    (folder / "scores.json").write_text("{}")
    assert identity(folder) == before
    for name in ("model.safetensors", "config.json", "chat_template.jinja", "tokenizer.json"):
        (folder / name).write_text("other")
        assert identity(folder) != before
        before = identity(folder)
    with pytest.raises(OperatorError, match="holds no student"):
        identity(tmp_path)


def test_an_adapter_is_a_student_and_what_its_tuning_left_is_not_copied(store: StudentStore, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    served = {"adapter_model.safetensors", "adapter_config.json", "README.md"}
    for name in (*served, "trunk.pt", "checkpoint.pt"):
        (adapter / name).write_text(name)
    before = identity(adapter)
    with store.alone():
        version = store.promote(adapter, {}, judged=before)
    assert {path.name for path in version.student.iterdir()} == served
    (adapter / "adapter_config.json").write_text("another base")
    assert identity(adapter) != before


def test_two_commands_at_once_are_refused(store: StudentStore) -> None:
    with store.alone(), pytest.raises(OperatorError, match="under way"), store.alone():
        pass


@pytest.mark.parametrize("what", ["promote", "undo"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_student(what: str, tmp_path: Path) -> None:
    """Whole, served through the link, told truly by the log once the next command has run; and that one succeeds."""
    old, new = student(tmp_path / "old", b"old" * 999), student(tmp_path / "new", b"new" * 999)
    came, step, survived = set[bytes](), 0, False
    while not survived:
        step += 1
        for when in ("before", "after"):
            store = StudentStore(tmp_path / f"students-{step}-{when}")
            with store.alone():
                store.promote(old, {})
                if what == "undo":
                    store.promote(new, {})
            command = [sys.executable, "-c", VICTIM, str(store.root), str(new), what, str(step), when]
            code = subprocess.run(command, check=False, timeout=60).returncode
            assert code in (0, KILLED)
            survived = code == 0
            came.add(live := weights(store))
            assert live in (b"old" * 999, b"new" * 999)
            with store.alone():
                pass
            last, first = store.history()[-1], [b"new" * 999, b"old" * 999][what == "promote"]
            if last["event"].endswith("given up"):
                assert live == first
            assert not last["event"].endswith("begun")
            assert store.live is not None
            if not last["event"].endswith("given up"):
                assert last["after"] == store.live.name
            if live == first:  # the change can be made again
                with store.alone():
                    store.promote(new, {}) if what == "promote" else store.undo()
                assert weights(store) != first
    assert came == {b"old" * 999, b"new" * 999}
    assert step >= 5


def test_a_line_that_was_cut_short_spoils_no_other(store: StudentStore) -> None:
    with (store.root / "log.jsonl").open("a") as file:
        file.write('{"event": "promo')
    store.log("refusal", reasons=["x"])
    assert [one["event"] for one in store.history()] == ["promotion begun", "promotion done", "refusal"]
