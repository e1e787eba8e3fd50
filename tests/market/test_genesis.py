"""The contracts of the local market: real code, at fixed places, baked once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from eth_typing import HexAddress, HexStr
from eth_utils.crypto import keccak
from web3.types import Nonce
from web3.utils.address import get_create_address

from sentinel.config.network_file import FOLDER, load_network
from sentinel.core.errors import OperatorError
from sentinel.market import Devnet, genesis
from sentinel.market.artifacts import CREATION, OWN, Artifacts
from sentinel.market.contracts import ADDRESSES, DEPLOYER, PLAN, ZERO
from sentinel.market.deployment import deploy, mended_permit2, permit2_separator
from sentinel.market.describe import describe


async def test_baking_twice_gives_the_same_state() -> None:
    """The baked state depends on nothing but the artifacts."""
    artifacts = Artifacts()
    assert await genesis.bake(artifacts) == await genesis.bake(artifacts)


async def test_a_loaded_chain_holds_exactly_the_baked_state(devnet: Devnet) -> None:
    """Code, storage, balance and nonce of every account are as baked, in the block before the market opens."""
    baked = json.loads((await genesis.genesis()).read_text())["alloc"]
    assert len(baked) > 20
    for address, account in baked.items():
        assert await devnet.rpc.call("eth_getCode", address, "0x0") == account.get("code", "0x")
        assert await devnet.rpc.call("eth_getTransactionCount", address, "0x0") == account["nonce"]
        assert await devnet.rpc.call("eth_getBalance", address, "0x0") == account["balance"]
        for slot, value in account.get("storage", {}).items():
            assert await devnet.rpc.call("eth_getStorageAt", address, slot, "0x0") == value


def test_addresses_follow_from_the_deployer_and_its_nonce() -> None:
    """They are computed without web3, which a running market does not load, and are those that web3 computes."""
    assert [ADDRESSES[name] for name in PLAN] == [
        get_create_address(HexAddress(HexStr(DEPLOYER)), Nonce(n)) for n in range(len(PLAN))
    ]


async def test_a_chain_that_is_not_fresh_gets_no_contracts(devnet: Devnet) -> None:
    """The deployer's next address is another one, and the network file would name nothing."""
    await devnet.rpc.call("anvil_impersonateAccount", DEPLOYER)
    with pytest.raises(OperatorError, match="was not fresh"):
        await deploy(devnet.rpc, Artifacts())


async def test_the_genesis_file_is_kept_outside_the_repository() -> None:
    """Other people's bytecode never lands in the checkout."""
    path = await genesis.genesis()
    assert not path.is_relative_to(FOLDER.parents[1])


def test_the_key_changes_with_any_artifact(tmp_path: Path) -> None:
    """A changed contract is never served from an old state."""
    source = Artifacts()
    for name in OWN:
        target = tmp_path / "artifacts" / "sentinel" / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.cache / "artifacts" / "sentinel" / f"{name}.json", target)
    for folder in (source.cache / "artifacts").iterdir():
        if folder.name != "sentinel":
            (tmp_path / "artifacts" / folder.name).symlink_to(folder)
    copy = Artifacts(tmp_path)
    assert genesis.key(copy) == genesis.key(source)
    feed = tmp_path / "artifacts" / "sentinel" / "Feed.json"
    feed.write_text(feed.read_text() + " ")
    assert genesis.key(copy) != genesis.key(source)


async def test_the_network_file_describes_the_chain(devnet: Devnet) -> None:
    """devnet.toml is what the chain itself says: addresses, order of tokens, and the code hash of every contract."""
    assert (FOLDER / "devnet.toml").read_text() == await describe(devnet.rpc)
    for token in load_network("devnet").tokens.values():
        code = await devnet.rpc.call("eth_getCode", token.address, "latest")
        assert token.code_hash == "0x" + keccak(bytes.fromhex(code[2:])).hex()


async def test_permit2_has_the_domain_that_wallets_sign_for(devnet: Devnet) -> None:
    """DOMAIN_SEPARATOR() on the chain is eth-account's for (Permit2, 31337, canonical address)."""
    fields = [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}]
    typed = {
        "types": {"EIP712Domain": [*fields, {"name": "verifyingContract", "type": "address"}], "Empty": []},
        "primaryType": "Empty",
        "domain": {"name": "Permit2", "chainId": 31337, "verifyingContract": devnet.network.permit2},
        "message": {},
    }
    signable = encode_typed_data(full_message=typed)
    on_chain = await devnet.rpc.call("eth_call", {"to": devnet.network.permit2, "data": "0x3644e515"}, "latest")
    assert bytes.fromhex(on_chain[2:]) == signable.header == permit2_separator(31337)


def test_a_permit2_without_its_cached_separator_is_refused() -> None:
    """A literal that we do not know how to mend is not deployed."""
    with pytest.raises(OperatorError, match="exactly once"):
        mended_permit2(b"\x60\x80" * 100)


def test_pools_are_the_published_ones() -> None:
    """The init code hashes are those that routers all over the world compute pool addresses with."""
    known = {
        "UniswapV2Pair": "96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f",
        "UniswapV3Pool": "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54",
    }
    assert set(known) < set(CREATION)
    for name, expected in known.items():
        assert keccak(Artifacts().creation(name)).hex() == expected


def test_a_missing_artifact_says_how_to_get_it(tmp_path: Path) -> None:
    """A user without set-up is told what to run."""
    with pytest.raises(OperatorError, match="sentinel setup"):
        Artifacts(tmp_path).creation("WETH9")


async def test_nobody_holds_a_key_of_the_deployer(devnet: Devnet) -> None:
    """The chain starts without any of Anvil's well-known accounts."""
    well_known = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert await devnet.rpc.call("eth_getBalance", well_known, "latest") == "0x0"
    assert well_known != DEPLOYER


async def test_each_start_has_a_first_block_of_its_own() -> None:
    """By the coinbase of that block alone, unless an identity is given; no later block knows it."""
    first: dict[str | None, list[str]] = {}
    for identity in (None, None, "", ""):
        async with Devnet.start(identity=identity) as net:
            blocks = [await net.rpc.call("eth_getBlockByNumber", hex(number), False) for number in (0, 1)]
            first.setdefault(identity, []).append(blocks[0]["hash"])
            assert blocks[1]["miner"] == ZERO
    assert len({*first[None], *first[""]}) == 3
