"""The network files in sentinel/config/networks against recorded mainnet state and the published packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.config.network_file import FOLDER, load_network
from sentinel.core.errors import SettingsError
from sentinel.core.network import Network, Pool
from sentinel.market.artifacts import Artifacts
from tests.config.networks.as_toml import as_toml
from tests.config.networks.mainnet import permit2_of
from tests.config.networks.recorded import all_codes, blocks, header_hash
from tests.data import data_path

FACTORIES = {  # V2, V3; docs.uniswap.org
    "ethereum": ("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f", "0x1F98431c8aD98523631AE4a59f267346ea31F984"),
    "base": ("0x8909Dc15e40173Ff4699343b6eB8132c65e18eC6", "0x33128a8fC17869897dcE68Ed026d694621f6FDfD"),
}
REAL_V3 = "WETH/USDC-v3-500"  # whose recorded code the others' is derived from
FILES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.fixture(scope="module")
def seen() -> dict[str, set[str]]:
    """Each recorded account's code hashes, over all blocks."""
    root, found = data_path("mainnet_blocks"), dict[str, set[str]]()
    for number in blocks(root):
        for address, entry in json.loads((root / str(number) / "pre_state.json").read_text()).items():
            if entry.get("code_hash"):
                found.setdefault(address.lower(), set()).add(entry["code_hash"])
    return found


@pytest.fixture(scope="module")
def pool_code() -> bytes:
    """A real V3 pool's code, of mainnet."""
    network = load_network("ethereum")
    return all_codes(data_path("mainnet_blocks"))[network.code_hashes[network.pools[REAL_V3].address]]


def pinned(network: Network) -> dict[str, str]:
    tokens = {token.address: token.code_hash for token in network.tokens.values() if token.code_hash is not None}
    return {**network.code_hashes, **tokens}


def derived(code: bytes, template: tuple[str, Pool, Network], factory: str, pool: Pool, network: Network) -> bytes:
    """`code` with the immutables of another pool: factory, tokens, fee, spacing, liquidity a tick, own address."""
    marks = [b"\x7f" + b"\xee" * 31 + bytes([number]) for number in range(7)]
    for word, mark in zip(immutables(*template), marks, strict=True):
        code = code.replace(b"\x7f" + word, mark)
    for word, mark in zip(immutables(factory, pool, network), marks, strict=True):
        code = code.replace(mark, b"\x7f" + word)
    return code


def immutables(factory: str, pool: Pool, network: Network) -> list[bytes]:
    highest = 887272 // pool.tick_spacing
    addresses = [factory, network.tokens[pool.token0].address, network.tokens[pool.token1].address]
    numbers = [pool.fee_pips, pool.tick_spacing, ((1 << 128) - 1) // (2 * highest + 1)]
    return [*(int(a, 16).to_bytes(32) for a in addresses), *(n.to_bytes(32) for n in numbers), _padded(pool.address)]


def _padded(address: str) -> bytes:
    return int(address, 16).to_bytes(32)


@pytest.mark.parametrize("name", FILES)
def test_every_file_loads_and_survives_being_written(name: str, tmp_path: Path) -> None:
    """Each file is a network, and what the tests write of a network reads back as the same one."""
    network = load_network(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(as_toml(network))
    assert load_network(str(path)) == network


def test_the_pinned_block_is_a_real_one() -> None:
    """Ethereum's pinned hash is the keccak of that block's header."""
    network = load_network("ethereum")
    header = json.loads(data_path("mainnet_blocks", str(network.pinned_block), "block.json").read_text())
    assert header_hash(header) == network.pinned_hash
    assert int(header["number"], 16) == network.pinned_block


def test_pinned_code_is_what_mainnet_had(seen: dict[str, set[str]]) -> None:
    """Wherever recorded state holds an address of the file, its code is the pinned one; so it is for most of them."""
    wanted = pinned(load_network("ethereum"))
    compared = {address for address in wanted if address.lower() in seen}
    for address in compared:
        assert seen[address.lower()] == {wanted[address]}, address
    assert len(compared) >= 15  # all five tokens, Permit2, V2 pairs, a feed and the V3 pools that the blocks touch


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_pools_are_where_their_factory_puts_them(name: str) -> None:
    """Each pool's address follows by CREATE2 from the factory, its tokens, its fee and the published init code."""
    network, artifacts = load_network(name), Artifacts()
    for pool in network.pools.values():
        pair = [network.tokens[pool.token0].address, network.tokens[pool.token1].address]
        if pool.venue == "uniswap_v2":
            salt, code = keccak(b"".join(bytes.fromhex(token[2:]) for token in pair)), "UniswapV2Pair"
        else:
            salt, code = keccak(encode(["address", "address", "uint24"], [*pair, pool.fee_pips])), "UniswapV3Pool"
        factory = bytes.fromhex(FACTORIES[name][pool.venue == "uniswap_v3"][2:])
        made = keccak(b"\xff" + factory + salt + keccak(artifacts.creation(code)))
        assert to_checksum_address(made[12:]) == pool.address, pool.name


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_pool_code_follows_from_recorded_code(name: str, pool_code: bytes) -> None:
    """One recorded pool's code with another's immutables is the code that the file pins for that one."""
    ethereum, network = load_network("ethereum"), load_network(name)
    template = (FACTORIES["ethereum"][1], ethereum.pools[REAL_V3], ethereum)
    for pool in network.pools.values():
        if pool.venue == "uniswap_v3":
            code = derived(pool_code, template, FACTORIES[name][1], pool, network)
            assert "0x" + keccak(code).hex() == network.code_hashes[pool.address], pool.name
        else:
            hashes = {
                ethereum.code_hashes[other.address] for other in ethereum.pools.values() if not other.tick_spacing
            }
            assert {network.code_hashes[pool.address]} == hashes  # V2 pairs have no immutables


@pytest.mark.parametrize("name", sorted(FACTORIES))
def test_permit2_is_the_published_one(name: str) -> None:
    """The published code with the chain's own id and domain separator has the pinned hash."""
    network = load_network(name)
    code = permit2_of(Artifacts(), network.chain_id)
    assert "0x" + keccak(code).hex() == network.code_hashes[network.permit2]


def test_a_feed_of_the_quote_token_has_a_table_of_its_own(tmp_path: Path) -> None:
    """Under [feeds] it would be read as a price of the quote token in itself."""
    text = (FOLDER / "ethereum.toml").read_text().replace("[quote_feed]", "[feeds.USDC]")
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is called quote_feed"):
        load_network(str(path))
