"""Where a secret could turn up outside the daemon: what other users see of its processes, what it serves and tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from tests.daemon.running import Cli


def seen_by_others(pids: list[int]) -> dict[str, bytes]:
    names = [(pid, name) for pid in pids for name in ("cmdline", "environ")]
    return {f"{name} of {pid}": Path(f"/proc/{pid}/{name}").read_bytes() for pid, name in names}


def children(pid: int) -> list[int]:
    own = Path(f"/proc/{pid}/task")
    direct = [int(child) for task in own.iterdir() for child in (task / "children").read_text().split()]
    return direct + [grandchild for child in direct for grandchild in children(child)]


async def served(address: str) -> dict[str, bytes]:
    """By path, what the status page's server answers."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/status.json", "/metrics", "/healthz", "/readyz", "/nothing"):
            async with session.get(address + path) as response:
                found[path] = await response.read()
    return found


async def told(cli: Cli) -> dict[str, bytes]:
    """By command, both of its output streams."""
    found = {}
    for command in ("status", "trades", "decisions", "show-config", "doctor"):
        code, out, err = await cli(command, "--json")
        assert code == 0, err
        found[command] = (out + err).encode()
    return found


def written(folder: Path, *secret: Path) -> dict[str, bytes]:
    """Every file under it but those that are to hold a secret."""
    files = [file for file in folder.rglob("*") if file.is_file() and file not in secret]
    return {f"file {file.relative_to(folder)}": file.read_bytes() for file in files}


def found_in(places: dict[str, bytes], secrets: dict[str, Any]) -> list[str]:
    return [f"{name} in {place}" for place, data in places.items() for name, one in secrets.items() if one in data]
