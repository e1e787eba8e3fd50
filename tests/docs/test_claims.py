"""What the README and the pages promise: settings, commands and targets that they name exist, and the examples load."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.config.renamed import RENAMED
from sentinel.config.settings import load, names

CHECKOUT = Path(__file__).resolve().parents[2]
DOOR = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")]
PAGES = [*DOOR, *sorted((CHECKOUT / "docs").glob("*.md")), *sorted((CHECKOUT / "docs" / "runbook").glob("*.md"))]
NO_SETTINGS = {
    f"SENTINEL_{name}" for name in ("SERVE_COMPILED", "SERVE_PYTHON", "SERVE_BASE", "SERVE_CACHE", "GPU_SHARE")
}


def name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def test_the_readme_fits() -> None:
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_named_settings_exist(page: Path) -> None:
    """Whole names; a group (`SENTINEL_SIGNER__*`) has settings. What serving alone reads is listed above."""
    known = set(names()) | NO_SETTINGS | {"SENTINEL_REQUIRE_DATA"}
    found = set(re.findall(r"\bSENTINEL_[A-Z0-9_]*[A-Z0-9](?:__\*)?", page.read_text(encoding="utf-8")))
    if page.name == "glossary.md":
        known |= set(RENAMED)  # it names the old ones beside the new
    groups = {name.split("__")[0] for name in known}
    assert {one for one in found if one not in known and one.removesuffix("__*") not in groups} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_named_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", [page for page in PAGES if "runbook" not in page.parts], ids=name)
def test_named_commands_exist(page: Path, commands: frozenset[str]) -> None:
    named = re.findall(r"(?:`|^\$ |bin/)sentinel ([a-z][a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= commands


@pytest.fixture(scope="module")
def commands() -> frozenset[str]:
    run = subprocess.run([sys.executable, "-m", "sentinel", "--help"], capture_output=True, text=True, check=True)
    listed = re.findall(r"(?m)^\W*([a-z][a-z-]+)\s", run.stdout.split("Commands")[1])
    return frozenset(listed)


def test_the_readmes_configuration_loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its block of settings, as an environment file; the addresses' files are there."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    block = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0]
    for place in re.findall(r"/etc/sentinel/(\w+)", block):
        (tmp_path / place).write_text("http://127.0.0.1:8545\n" if "rpc" in place else "ws://127.0.0.1:8545\n")
    file = tmp_path / "settings.env"
    file.write_text(block.replace("/etc/sentinel/", f"{tmp_path}/"))
    for variable in names():
        monkeypatch.delenv(variable, raising=False)
    settings = load(file)
    assert (settings.network, settings.limits.max_trade) == ("ethereum", 250.0)
    assert settings.limits.max_inventory_bps == {"WETH": 7000}
    assert settings.execution.mode == "dry"
