"""Debian's tools: found on PATH or in the cache, and unpacked without starting anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import debian
import pytest

from tests.ops.tools import tool


def test_promtool_runs() -> None:
    """What is found is the real tool."""
    told = subprocess.run([tool("promtool"), "--version"], capture_output=True, text=True, check=True)
    assert "promtool, version" in told.stdout + told.stderr


def test_a_tool_in_the_cache_is_found_where_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacked package serves as well as an installed one."""
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert debian.find("amtool") is None
    made = tmp_path / "debian/prometheus-alertmanager/usr/bin/amtool"
    made.parent.mkdir(parents=True)
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    assert debian.find("amtool") == str(made)
    assert debian.missing(debian.UNPACKED) == ["prometheus", "prometheus-alertmanager"]
