"""The pre-commit hooks are the lines of `make check`, in their order, and nothing is fetched for them."""

from __future__ import annotations

import subprocess

import yaml
from common import ROOT


def hooks() -> list[dict[str, object]]:
    (only,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert only["repo"] == "local"
    found: list[dict[str, object]] = only["hooks"]
    return found


def test_hooks_run_what_make_check_runs() -> None:
    """Every command of the target but set-up, word for word."""
    listed = subprocess.run(["make", "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line for line in listed.splitlines() if line.startswith(".venv/bin/")]
    assert len(commands) >= 7
    assert [hook["entry"] for hook in hooks()] == commands


def test_hooks_use_this_checkout_alone() -> None:
    """System hooks over the whole tree: pre-commit makes no environment, and no file is left out."""
    for hook in hooks():
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False
