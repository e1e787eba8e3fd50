"""The examples, as a reader runs them: each in a process of its own, in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from sentinel.config.network_file import load_network

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"
PATIENCE = 180.0  # seconds for one example


async def run(name: str, folder: Path) -> list[str]:
    """The lines that the example prints; fails with what it wrote to standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLES / name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return output.decode().splitlines()


async def test_a_new_venue_is_quoted_and_simulated_alike_and_refused_by_policy(tmp_path: Path) -> None:
    """The quote equals the simulation to the last unit; policy refuses a venue that it was not taught."""
    quoted, simulated, refused = await run("new_venue.py", tmp_path)
    expected = re.fullmatch(r"quoted: +(.* USDC)", quoted)
    assert expected
    assert re.fullmatch(rf"simulated: {re.escape(expected.group(1))} with [\d,]+ gas", simulated)
    assert "refused by the rule `route`" in refused


async def test_a_new_rule_refuses_what_it_should_and_nothing_else(tmp_path: Path) -> None:
    lines = await run("new_rule.py", tmp_path)
    assert lines == ["one pool: passes", "two pools: refused by `few_pools`: crosses 2 pools, at most 1"]


async def test_an_own_proposer_trades_on_the_local_market(tmp_path: Path) -> None:
    """Every block has its line, and what was sent was confirmed."""
    *blocks, end = await run("own_proposer.py", tmp_path)
    assert len(blocks) == 4
    confirmed = re.fullmatch(r"(\d+) confirmed, 0 reverted, 0 unknown", end)
    assert confirmed
    assert int(confirmed.group(1)) >= 1


def test_the_network_file_is_a_part_of_the_shipped_one() -> None:
    """Each address, hash and number is the shipped network's, which other tests check against the chain's own state."""
    small, whole = load_network(str(EXAMPLES / "one_pair.toml")), load_network("ethereum")
    assert small.pools.items() <= whole.pools.items()
    assert small.tokens.items() <= whole.tokens.items()
    assert small.feeds.items() <= whole.feeds.items()
    assert small.code_hashes.items() <= whole.code_hashes.items()
    for field in ("chain_id", "pinned_block", "pinned_hash", "quote", "wrapped", "hardfork", "quote_feed"):
        assert getattr(small, field) == getattr(whole, field), field
    for field in ("universal_router", "permit2", "multicall3"):
        assert getattr(small, field) == getattr(whole, field), field


def test_every_example_is_listed_and_tried() -> None:
    """Each file of the folder stands in its README and in this test."""
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".toml")}
    listed = set(re.findall(r"\]\((\w+\.(?:py|toml))\)", (EXAMPLES / "README.md").read_text()))
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tried = set(re.findall(r'"(\w+\.(?:py|toml))"', tests))
    assert files == listed == tried
    programs = {path.name for path in (EXAMPLES / "programs").iterdir()}
    for page in (EXAMPLES / "README.md", CHECKOUT / "docs" / "proposers.md"):
        assert programs == set(re.findall(r"programs/(\w+\.py)\)", page.read_text()))
