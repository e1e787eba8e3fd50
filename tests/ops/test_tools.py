"""Debian's tools: found on PATH or in the cache, and unpacked without starting anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import debian
import pytest

from lab import CHECKOUT
from sentinel.core.host.process import free_port
from tests.ops.tools import tool


def test_promtool_runs() -> None:
    """What is found is the real tool."""
    told = subprocess.run([*tool("promtool"), "--version"], capture_output=True, text=True, check=True)
    assert "promtool, version" in told.stdout + told.stderr


def test_a_tool_in_the_cache_is_found_where_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacked package serves as well as an installed one."""
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert debian.find("amtool") is None
    made = tmp_path / "tools/prometheus-alertmanager/usr/bin/amtool"
    made.parent.mkdir(parents=True)
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    assert debian.command("amtool") == ["env", f"--chdir={tmp_path / 'tools/prometheus-alertmanager'}", str(made)]
    assert debian.missing(debian.UNPACKED) == ["prometheus", "prometheus-alertmanager"]


def test_a_moved_program_looks_for_its_files_in_its_own_package() -> None:
    """As long as before, since a program's texts lie where its code says."""
    before = b"x/usr/share/prometheus/alertmanagery/usr/share/otherz"
    assert debian.movable(before) == b"xusr/share/prometheus//alertmanagery/usr/share/otherz"


def test_alertmanager_runs_with_its_template(tmp_path: Path) -> None:
    """The template that every configuration needs is found, wherever the package lies."""
    port = free_port()
    command = [*tool("prometheus-alertmanager"), f"--config.file={CHECKOUT / 'deploy/alertmanager/alertmanager.yml'}"]
    command += [f"--storage.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as manager:
        assert manager.stderr is not None
        try:
            told = next((line for line in manager.stderr if "failed" in line or "Listening" in line), "it ended")
        finally:
            manager.terminate()
    assert "Listening" in told
