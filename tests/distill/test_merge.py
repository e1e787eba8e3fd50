"""Which folders are served, and which are refused by the name of their fault, before torch is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from sentinel.agent.vllm_server import require_student
from sentinel.core.errors import OperatorError
from sentinel.distill.tuning import base_pin, merge
from sentinel.distill.tuning.merge import MergeFault


def model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def adapter(
    folder: Path, base: Path | str, trained_on: str | None = None, settings: Mapping[str, object] | None = None
) -> Path:
    folder.mkdir()
    body = {"base_model_name_or_path": str(base), "r": 4, "lora_alpha": 8, **(settings or {})}
    (folder / "adapter_config.json").write_text(json.dumps(body))
    (folder / "adapter_model.safetensors").write_bytes(b"adapter")
    if trained_on is not None:
        (folder / "training.json").write_text(json.dumps({"base_sha256": trained_on}))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SENTINEL_SERVE_CACHE", raising=False)
    return tmp_path / "cache"


def test_a_whole_model_is_served_as_it_is(tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    require_student(folder)
    assert merge.servable(folder) == folder


def test_a_folder_without_a_student_is_refused(tmp_path: Path) -> None:
    """By the client, before a process starts, and by the script."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(OperatorError, match="holds no student"):
        require_student(tmp_path)
    with pytest.raises(MergeFault, match="holds no student"):
        merge.servable(tmp_path)


def test_an_adapter_is_served_on_no_other_base_than_its_own(tmp_path: Path) -> None:
    """Its tuning noted the hash of the base; one that another program made names a folder."""
    base = model(tmp_path / "base")
    folder = adapter(tmp_path / "adapter", base, trained_on="0" * 64)
    require_student(folder)
    with pytest.raises(MergeFault, match="trained on another base"):
        merge.servable(folder)
    assert merge.base_of(adapter(tmp_path / "foreign", base)) == base
    with pytest.raises(MergeFault, match="set SENTINEL_SERVE_BASE=FOLDER"):
        merge.servable(adapter(tmp_path / "hub", "somebody/some-model"))


def test_a_missing_pinned_base_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "adapter", "/nowhere", trained_on=base_pin.load().weights_sha256)
    with pytest.raises(MergeFault, match="run `sentinel distill base`"):
        merge.servable(folder)


@pytest.mark.parametrize(
    "settings", [{"use_dora": True}, {"use_rslora": True}, {"bias": "all"}, {"modules_to_save": ["lm_head"]}]
)
def test_an_adapter_that_plain_addition_cannot_merge_is_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    """And nothing half-written is left."""
    folder = adapter(tmp_path / "adapter", model(tmp_path / "base"), settings=settings)
    with pytest.raises(MergeFault, match=f"its {next(iter(settings))} is"):
        merge.servable(folder)
    assert [path.name for path in (tmp_path / "cache" / "students").iterdir()] == [".lock"]


def test_the_students_of_an_image_are_found_where_nothing_may_be_written(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New ones go to $SENTINEL_SERVE_CACHE, and those of the cache are served as well; only the last few are kept.

    What a killed merge left goes too. Folders of others stay, whatever they hold.
    """

    def write(adapter: Path, base: Path, out: Path) -> None:
        (out / "model.safetensors").write_bytes(adapter.name.encode())

    monkeypatch.setattr(merge, "merge", write)
    base = model(tmp_path / "base")
    first = merge.servable(adapter(tmp_path / "first", base))
    assert first.parent == cache / "students"
    monkeypatch.setenv("SENTINEL_SERVE_CACHE", str(tmp_path / "own"))
    assert merge.servable(tmp_path / "first") == first
    for other in ("my-photos", "0123456789abcdef01234567", ".merge-killed"):
        (tmp_path / "own" / other).mkdir(parents=True)
    for number in range(merge.KEPT + 2):
        folder = adapter(tmp_path / f"a{number}", base, settings={"r": number + 1})
        last = merge.servable(folder)
    assert last.parent == tmp_path / "own"
    assert last.is_dir()
    assert len(list(last.parent.glob(f"*/{merge.SEAL}"))) == merge.KEPT
    assert {path.name for path in last.parent.iterdir() if not (path / merge.SEAL).exists()} == {
        "my-photos",
        "0123456789abcdef01234567",
        ".lock",
    }
    assert first.is_dir()
