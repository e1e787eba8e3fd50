"""Permit2 as the real contract sees it: storage, domain, signature."""

from __future__ import annotations

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from sentinel.dex.building.permit2 import allowance_call, allowance_slot, pack_allowance, typed_permit

from .conftest import Desk

TOKEN = "0x44Fe388A31d50C9cc7D4D8242c73B8b6735937E7"


async def test_the_slot_and_the_packing_are_those_of_the_contract(desk: Desk) -> None:
    """What is written into storage comes back from allowance(), each field in its place."""
    network, wallet = desk.network, desk.account.address
    slot = allowance_slot(wallet, TOKEN, network.universal_router)
    await desk.net.rpc.call("anvil_setStorageAt", network.permit2, slot, pack_allowance(123, 456, 789))
    call = {"to": network.permit2, "data": "0x" + allowance_call(wallet, TOKEN, network.universal_router).hex()}
    word = bytes.fromhex((await desk.net.rpc.call("eth_call", call, "latest"))[2:])
    assert [int.from_bytes(word[at : at + 32]) for at in (0, 32, 64)] == [123, 456, 789]


async def test_the_domain_separator_is_the_one_that_wallets_compute(desk: Desk) -> None:
    """DOMAIN_SEPARATOR() on the chain equals the header of eth-account's signable message."""
    call = {"to": desk.network.permit2, "data": "0x" + keccak(text="DOMAIN_SEPARATOR()")[:4].hex()}
    on_chain = bytes.fromhex((await desk.net.rpc.call("eth_call", call, "latest"))[2:])
    assert on_chain == encode_typed_data(full_message=permit(1, 2, 3)).header


def permit(amount: int, expiration: int, nonce: int) -> dict[str, object]:
    return typed_permit(
        chain_id=31337,
        permit2="0x000000000022D473030F116dDEE9F6B43aC78BA3",
        token=TOKEN,
        amount=amount,
        expiration=expiration,
        nonce=nonce,
        spender=TOKEN,
    )


@given(st.integers(0, 2**160 - 1), st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_packing_loses_nothing(amount: int, expiration: int, nonce: int) -> None:
    """The three fields share the word without touching one another."""
    word = int(pack_allowance(amount, expiration, nonce), 16)
    assert (word % 2**160, word >> 160 & 2**48 - 1, word >> 208) == (amount, expiration, nonce)


@pytest.mark.parametrize("fields", [(2**160, 1, 1), (1, 2**48, 1), (1, 1, 2**48), (-1, 1, 1)])
def test_a_permit_that_permit2_could_not_hold_is_not_made(fields: tuple[int, int, int]) -> None:
    """Nothing is cut silently before it is signed."""
    with pytest.raises(ValueError, match="fit"):
        permit(*fields)
