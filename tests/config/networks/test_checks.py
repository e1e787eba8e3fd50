"""Doctor's checks of a network file against the chain: each mistake is found, and how to mend it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.config import settings as settings_
from sentinel.core.network import NATIVE, Network
from sentinel.daemon.doctor import network_checks
from sentinel.daemon.doctor.doctor import examine
from sentinel.daemon.doctor.findings import Finding
from sentinel.market import Devnet
from tests.config.networks.as_toml import as_toml
from tests.config.networks.mainnet import WALLET, started
from tests.config.networks.recorded import load
from tests.data import data_path

Check = Callable[[Rpc, Network], AsyncIterator[Finding]]
ALL: tuple[Check, ...] = (
    network_checks.contracts,
    network_checks.tokens,
    network_checks.pools,
    network_checks.feeds,
)
POOL = "WETH/USDC-v3-500"
NOBODY = "0x1111111111111111111111111111111111111111"
OTHER = "0x" + "ab" * 32  # no code's hash


async def examined(rpc: Rpc, network: Network) -> list[Finding]:
    return [finding for check in ALL async for finding in check(rpc, network)]


def with_pool(network: Network, **changes: object) -> Network:
    return replace(network, pools={**network.pools, POOL: replace(network.pools[POOL], **changes)})  # type: ignore[arg-type]


def with_token(network: Network, symbol: str, **changes: object) -> Network:
    return replace(network, tokens={**network.tokens, symbol: replace(network.tokens[symbol], **changes)})  # type: ignore[arg-type]


def with_feed(network: Network, **changes: object) -> Network:
    return replace(network, feeds={**network.feeds, "WETH": replace(network.feeds["WETH"], **changes)})  # type: ignore[arg-type]


def elsewhere(network: Network) -> Network:
    """The pool's address is another pool's."""
    return with_pool(network, address=network.pools["WBTC/USDC-v3-3000"].address)


def unpinned(network: Network) -> Network:
    left = {address: pin for address, pin in network.code_hashes.items() if address != network.universal_router}
    return replace(network, code_hashes=left)


WRONG: dict[str, tuple[Callable[[Network], Network], str, str, str]] = {
    "fee": (
        lambda n: with_pool(n, fee_pips=3000),
        "pools",
        "fail",
        "fee_pips is 500 on the chain and 3000 in the file",
    ),
    "spacing": (
        lambda n: with_pool(n, tick_spacing=60),
        "pools",
        "fail",
        "tick_spacing is 10 on the chain and 60 in the file",
    ),
    "venue": (lambda n: with_pool(n, venue="uniswap_v9"), "pools", "fail", "no venue is called uniswap_v9"),
    "pool elsewhere": (elsewhere, "pools", "fail", "token1"),
    "token decimals": (
        lambda n: with_token(n, "USDC", decimals=18),
        "decimals",
        "fail",
        "USDC: decimals() is 6 on the chain and 18 in the file",
    ),
    "no code": (lambda n: with_token(n, "USDC", address=NOBODY), "contracts", "fail", "no code at USDC"),
    "other code": (
        lambda n: with_token(n, "USDC", code_hash=OTHER),
        "contracts",
        "fail",
        "other code at USDC",
    ),
    "no pin": (unpinned, "code hashes", "warn", "not pinned: universal_router"),
    "permit2": (lambda n: replace(n, chain_id=1), "permit2", "fail", "signing domain"),
    "feed decimals": (
        lambda n: with_feed(n, decimals=18),
        "feeds",
        "fail",
        "decimals() is 8 on the chain and 18 in the file",
    ),
    "stale feed": (lambda n: with_feed(n, max_age=-1), "feeds", "warn", "s old at the newest block"),
    "no feed": (lambda n: replace(n, feeds={}), "feeds", "warn", "no reference price of WBTC, WETH"),
    "no quote feed": (lambda n: replace(n, chain_id=1), "quote feed", "warn", "1 to 1 is assumed"),
}


async def test_a_right_file_has_nothing_to_mend(devnet: Devnet) -> None:
    """The local market's own file fits the chain in every check."""
    found = await examined(devnet.rpc, devnet.network)
    assert {finding.grade for finding in found} == {"ok"}, found


async def test_every_mistake_is_found_and_mended(devnet: Devnet) -> None:
    """One wrong thing in the file gives one finding of its kind, with words on what to do."""
    for what, (spoil, name, grade, told) in WRONG.items():
        found = await examined(devnet.rpc, spoil(devnet.network))
        hits = [finding for finding in found if finding.name == name and finding.grade == grade]
        assert any(told in finding.what and finding.hint for finding in hits), (what, found)


async def test_real_pools_say_what_ethereums_file_says(tmp_path: Path) -> None:
    """token0, token1, fee and tick spacing as mainnet's own bytecode answers them."""
    block = load(data_path("mainnet_blocks", "15538827"))
    async with started(block, {}, tmp_path) as chain:
        found = [finding async for finding in network_checks.pools(chain.rpc, chain.network)]
        assert [finding.grade for finding in found] == ["ok"], found
        found = [finding async for finding in network_checks.pools(chain.rpc, with_pool(chain.network, fee_pips=100))]
        assert [finding.grade for finding in found] == ["fail"], found
        found = [finding async for finding in network_checks.contracts(chain.rpc, chain.network)]
        assert {finding.grade for finding in found} <= {"ok", "warn"}, found


async def test_doctor_finds_real_contracts_sound(tmp_path: Path) -> None:
    """All of doctor on mainnet's contracts: but for the old head and what is not pinned there is nothing to mend.

    The Anvil that stands for mainnet hides the parent of what it simulates, so it could not stand in for the fork, and
    knows of no tips that others paid.
    """
    block = load(data_path("mainnet_blocks", "17666333"))
    async with started(block, {NATIVE: 10**18, "WETH": 10**18}, tmp_path) as chain:
        file = tmp_path / "network.toml"
        file.write_text(as_toml(chain.network))
        given = settings_.load(
            env_file=None,
            network=str(file),
            proposer="oracle",
            state_dir=tmp_path / "state",
            rpc={"url": chain.url},
            fork={"port": 0},
            wallet={"address": WALLET},
        )
        found = await examine(given)
        unsound = {finding.name for finding in found if finding.grade != "ok"}
        assert unsound == {"head", "code hashes", "stand in", "fees"}, found
        shipped = await examine(given.model_copy(update={"network": "ethereum"}))
        failed = {finding.name for finding in shipped if finding.grade == "fail"}
        assert {"chain", "contracts", "pools", "feeds"} <= failed  # this chain lacks most of what the file names
        assert all(finding.hint for finding in shipped if finding.grade != "ok"), shipped
