"""Sentinel's own contracts for the local market, compiled to CACHE/artifacts/sentinel/<Contract>.json.

Each file holds `abi` and `bytecode` (0x-prefixed creation code). They are compiled again if a source changes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sentinel.cli.setup import npm
from sentinel.cli.setup.common import SetupError, digest, need_program, put_folder, say, stamped, write_stamp
from sentinel.core.host.places import PACKAGE, cache_dir

SOURCES = PACKAGE / "market" / "solidity"
SCRIPT = Path(__file__).with_name("compile.cjs")
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",  # no PUSH0: the bytecode runs on every hardfork that the market supports
    "metadata": {"bytecodeHash": "none"},  # the same source gives the same bytes wherever it is compiled
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


def target() -> Path:
    """The folder of the compiled contracts."""
    return cache_dir() / "artifacts" / "sentinel"


def sources() -> list[Path]:
    """The Solidity sources of Sentinel."""
    return sorted(SOURCES.glob("*.sol"))


def key() -> str:
    """The stamp's key: a digest of everything that the compiled contracts depend on."""
    contents = [part for path in sources() for part in (path.name, path)]
    return digest(json.dumps(SETTINGS), SCRIPT, *(package.integrity for package in npm.pinned("solc")), *contents)


def ready() -> bool:
    """Whether the compiled contracts match the sources."""
    return stamped(target(), key())


def compile_all() -> None:
    """Compile all sources and install the results with one atomic move. Downloads the compiler if it is missing."""
    npm.fetch_all(npm.pinned("solc"))
    say(f"  compiling {len(sources())} Solidity files")
    contracts = compiled({path.name: path.read_text() for path in sources()})
    target().parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".solidity-", dir=target().parent))
    try:
        for name, contract in contracts.items():
            (made / f"{name}.json").write_text(json.dumps(contract, indent=1) + "\n")
        write_stamp(made, key())
        made.chmod(0o755)
        put_folder(made, target())
    finally:
        shutil.rmtree(made, ignore_errors=True)


def compiled(texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Compile sources by file name. Returns abi and bytecode by contract; interfaces have no code and are left out."""
    if not texts:
        return {}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": SETTINGS,
    }
    node = need_program("node", npm.GET_NODE)
    (solc,) = npm.pinned("solc")
    command: list[str | Path] = [node, SCRIPT, solc.folder / "package" / "soljson.js"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"the Solidity compiler did not run:\n{done.stderr.strip()[-2000:]}")
    answer = json.loads(done.stdout)
    messages = [item["formattedMessage"] for item in answer.get("errors", []) if item["severity"] == "error"]
    if messages:
        raise SetupError("Solidity sources do not compile:\n" + "\n".join(messages))
    return {
        name: {"abi": contract["abi"], "bytecode": "0x" + contract["evm"]["bytecode"]["object"]}
        for file in answer["contracts"].values()
        for name, contract in file.items()
        if contract["evm"]["bytecode"]["object"]
    }
