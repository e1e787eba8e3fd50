"""Sentinel's own contracts for the local market, compiled into the cache: CACHE/artifacts/sentinel/<Contract>.json.

Each file holds `abi` and `bytecode` (0x-prefixed creation code). They are compiled again when a source changes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from common import ROOT, SetupError, cache_dir, digest, need_program, put_folder, say, stamped, write_stamp

SOURCES = ROOT / "sentinel" / "market" / "solidity"
SCRIPT = Path(__file__).with_name("compile.cjs")
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",  # no PUSH0: the bytecode runs on every hardfork that the market can be set to
    "metadata": {"bytecodeHash": "none"},  # the same source gives the same bytes wherever it is compiled
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


def target() -> Path:
    """Where the results are."""
    return cache_dir() / "artifacts" / "sentinel"


def sources() -> list[Path]:
    """Every contract of ours."""
    return sorted(SOURCES.glob("*.sol"))


def key() -> str:
    """What the results depend on."""
    named = [part for path in sources() for part in (path.name, path)]
    return digest(json.dumps(SETTINGS), SCRIPT, ROOT / "package-lock.json", *named)


def ready() -> bool:
    """True when the results belong to these sources."""
    return stamped(target(), key())


def compile_all() -> None:
    """Compile every source and put the results in place in one move."""
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
    """Contract name -> abi and bytecode; interfaces, which have no code, are left out."""
    if not texts:
        return {}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in texts.items()},
        "settings": SETTINGS,
    }
    node = need_program("node", "Install Node.js 20 or newer.")
    done = subprocess.run(
        [node, SCRIPT], input=json.dumps(request), capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        raise SetupError(f"the Solidity compiler did not run:\n{done.stderr.strip()[-2000:]}")
    answer = json.loads(done.stdout)
    wrong = [item["formattedMessage"] for item in answer.get("errors", []) if item["severity"] == "error"]
    if wrong:
        raise SetupError("Solidity sources do not compile:\n" + "\n".join(wrong))
    return {
        name: {"abi": contract["abi"], "bytecode": "0x" + contract["evm"]["bytecode"]["object"]}
        for file in answer["contracts"].values()
        for name, contract in file.items()
        if contract["evm"]["bytecode"]["object"]
    }
