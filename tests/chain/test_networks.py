"""Network files are read strictly, and a wrong one is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.config.network_file import FOLDER, load_network
from sentinel.core.errors import SettingsError
from sentinel.core.network import Network

GOOD = (FOLDER / "devnet.toml").read_text()


def changed(tmp_path: Path, old: str, new: str) -> str:
    assert old in GOOD
    path = tmp_path / "other.toml"
    path.write_text(GOOD.replace(old, new, 1))
    return str(path)


def test_devnet_is_complete() -> None:
    """The local market's file has the pools, feeds and tokens that orders trade."""
    network = load_network("devnet")
    assert isinstance(network, Network)
    assert (network.name, network.chain_id, network.quote, network.wrapped) == ("devnet", 31337, "USDC", "WETH")
    assert set(network.pools) == {
        "WETH/USDC-v2", "WETH/USDC-v3-500", "WETH/USDC-v3-3000", "WBTC/USDC-v3-3000", "WBTC/WETH-v3-3000",
        "WETH/USDC-v4-500",
    }  # fmt: skip
    assert set(network.feeds) == {"WETH", "WBTC"}
    assert {symbol: token.decimals for symbol, token in network.tokens.items()} == {"WETH": 18, "USDC": 6, "WBTC": 8}
    assert all(pool.name == name for name, pool in network.pools.items())
    hashed = set(network.code_hashes)
    assert {network.universal_router, network.permit2, network.multicall3, network.v3_quoter} <= hashed
    assert {pool.address for pool in network.pools.values()} <= hashed


def test_an_unknown_network_names_the_known_ones() -> None:
    """A typo in the name is answered with the names there are."""
    with pytest.raises(SettingsError, match=r"known networks:.*devnet"):
        load_network("devnte")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chain_id = 31337", "chain_id = 1", "pinned_block and pinned_hash are required on every chain but 31337"),
        ("chain_id = 31337", 'chain_id = "31337"', "chain_id: .*valid integer"),
        ("chain_id = 31337", "chain_id = 31337\nchainid = 5", "chainid: Extra inputs"),
        ('quote = "USDC"', 'quote = "USDT"', "quote: USDT is not one of tokens"),
        ('venue = "uniswap_v2"', 'venue = "Uniswap V2"', "venue: String should match"),
        ("fee_pips = 3000", "fee_pips = 1000000", "fee_pips"),
        ("tick_spacing = 10", "tick_spacing = 0", "tick_spacing belongs to uniswap_v3"),
        ("0x000000000022D473030F116dDEE9F6B43aC78BA3", "0x000000000022d473030f116ddee9f6b43ac78ba3", "EIP-55"),
        ("0x000000000022D473030F116dDEE9F6B43aC78BA3", "0x22", "permit2: .*not an address"),
        ('token0 = "USDC"\ntoken1 = "WETH"', 'token0 = "WETH"\ntoken1 = "USDC"', "token0 must be the lower address"),
        ("decimals = 18", "decimals = 77", "less than or equal to 36"),
        ("[tokens.WETH]", "[tokens", "cannot be read"),
        ("[tokens.WBTC]", "[tokens.ETH]", "tokens.ETH: this is the name of the native coin"),
        ("chain_id = 31337", 'chain_id = 31337\nfees = "eip4844"', "fees: .*'eip1559' or 'legacy'"),
        ("chain_id = 31337", 'chain_id = 31337\ndata_fee = "arbitrum"', "data_fee: .*'op-stack'"),
        ('[feeds.WBTC]', '[feeds.DOGE]', "feeds.DOGE: DOGE is not one of tokens"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each mistake is refused with the file, the place and the reason."""
    with pytest.raises(SettingsError, match=message) as caught:
        load_network(changed(tmp_path, old, new))
    assert "other.toml" in str(caught.value)


def test_a_pinned_network_loads(tmp_path: Path) -> None:
    """Another chain is accepted once a block of it is pinned, and takes its name from the file."""
    pinned = f'chain_id = 1\npinned_block = 15000000\npinned_hash = "0x{"ab" * 32}"'
    network = load_network(changed(tmp_path, "chain_id = 31337", pinned))
    assert (network.name, network.pinned_block, network.pinned_hash) == ("other", 15_000_000, "0x" + "ab" * 32)


def test_a_chain_takes_its_fees_as_the_file_says(tmp_path: Path) -> None:
    """Base fee and tip where nothing else is said; Base charges for data, and only it of those that are shipped."""
    other = load_network(changed(tmp_path, "chain_id = 31337", 'chain_id = 31337\nfees = "legacy"'))
    assert (other.fees, other.data_fee) == ("legacy", None)
    shipped = {name: load_network(name) for name in ("devnet", "ethereum", "base")}
    assert {name: (one.fees, one.data_fee) for name, one in shipped.items()} == {
        "devnet": ("eip1559", None), "ethereum": ("eip1559", None), "base": ("eip1559", "op-stack"),
    }  # fmt: skip


def test_half_a_pin_is_refused(tmp_path: Path) -> None:
    """A pinned block without its hash proves nothing."""
    with pytest.raises(SettingsError, match="belong together"):
        load_network(changed(tmp_path, "chain_id = 31337", "chain_id = 31337\npinned_block = 5"))
