"""The signer's real process: what it signs, what it refuses, and what it remembers."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from unittest.mock import ANY

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from sentinel.core.errors import ChainMismatch, SettingsError, SignerUnavailable
from sentinel.core.network import HexHash
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.signing.client import ask, ask_greeting, send_caps
from sentinel.signing.process.signing_ledger import FILE
from tests.signing.process.world import (
    ANSWERS,
    CHAIN,
    FEES,
    USDC,
    WALLET,
    cancel,
    permit,
    records,
    refused,
    running,
    trade,
)

STRANGER = "0x" + "9" * 40


async def test_it_signs_what_is_allowed_and_counts_it(tmp_path: Path) -> None:
    """Transaction and permit recover to the wallet; a bump counts once; the caps of the day hold."""
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert client.address == WALLET
        first = trade(1500)
        signed = await client.sign_transaction(CHAIN, 7, first, FEES, ANSWERS)
        assert Account.recover_transaction(signed.raw) == WALLET
        signature = await client.sign_permit(permit(1500))
        typed = encode_typed_data(full_message=permit(1500))
        assert Account.recover_message(typed, signature=signature) == WALLET

        bumped = await client.sign_transaction(CHAIN, 7, first, Fees(60 * GWEI, 3 * GWEI), ANSWERS)
        assert bumped.tx_hash != signed.tx_hash
        assert await refused(client.sign_transaction(CHAIN, 8, trade(1500), FEES, ANSWERS)) == "volume"
        await client.sign_transaction(CHAIN, 8, trade(1000), FEES, ANSWERS)  # 2,500 in all: the bump was counted once
        assert await refused(client.sign_transaction(CHAIN, 9, trade(1), FEES, ANSWERS)) == "volume"
        await client.sign_transaction(CHAIN, 9, cancel(), FEES)
    told = records(tmp_path)
    assert [kind for kind, _ in told] == [
        *("opened", "caps", "prices", "signed", "permit", "signed", "refused", "signed", "refused", "signed")
    ]
    assert [body.get("taken") for kind, body in told if kind == "signed"] == [
        *({USDC.lower(): "1500000000"}, {}, {USDC.lower(): "1000000000"}, {})
    ]
    assert signature.hex()[:64] not in json.dumps(told)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_counters_and_nonces_survive_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    """However the process ends: the day's volume stands, and a nonce stays with the bytes it was signed for."""
    first = trade(2000)
    async with running(tmp_path) as keeper:
        await keeper.client.sign_transaction(CHAIN, 3, first, FEES, ANSWERS)
        assert keeper.child is not None
        os.kill(keeper.child.pid, end)
        await keeper.child.wait()
        with pytest.raises(SignerUnavailable):
            await keeper.client.sign_transaction(CHAIN, 3, first, FEES, ANSWERS)
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(CHAIN, 4, trade(501), FEES, ANSWERS)) == "volume"
        assert await refused(client.sign_transaction(CHAIN, 3, trade(1), FEES, ANSWERS)) == "nonce"
        again = await client.sign_transaction(CHAIN, 3, first, FEES, ANSWERS)
        assert Account.recover_transaction(again.raw) == WALLET
        await client.sign_transaction(CHAIN, 3, cancel(), FEES)
        await client.sign_transaction(CHAIN, 4, trade(500), FEES, ANSWERS)


async def test_a_record_that_is_gone_is_no_fresh_start(tmp_path: Path) -> None:
    """Counters are never forgotten in silence: without its file the signer does not start, and says why."""
    async with running(tmp_path) as keeper:
        await keeper.client.sign_transaction(CHAIN, 0, trade(100), FEES, ANSWERS)
    (tmp_path / "state" / "signer" / FILE).unlink()
    with pytest.raises(SettingsError, match="has been in use"):
        async with running(tmp_path):
            pass


async def test_one_key_has_one_signer(tmp_path: Path) -> None:
    """A second signer on the same record ends with a clear message, and the first one goes on."""
    async with running(tmp_path) as keeper:
        with pytest.raises(SettingsError, match="another Sentinel signs"):
            async with running(tmp_path, wallet={"dev_key_file": tmp_path / "key"}):
                pass
        assert keeper.child is not None
        assert (await ask_greeting(keeper.client.path)).pid == keeper.child.pid


async def test_it_refuses_what_is_not_its_business(tmp_path: Path) -> None:
    """Other chains, other recipients, other permits, far deadlines and boundless fees; caps that are set stay."""
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(1, 0, trade(1), FEES)) == "chain"
        assert (
            await refused(client.sign_transaction(CHAIN, 0, trade(1, recipient=STRANGER), FEES, ANSWERS)) == "recipient"
        )
        assert await refused(client.sign_transaction(CHAIN, 0, trade(1, ahead=1000), FEES, ANSWERS)) == "deadline"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(2001), FEES, ANSWERS)) == "amount"
        assert await refused(client.sign_transaction(CHAIN, 0, trade(1), Fees(201 * GWEI, 1), ANSWERS)) == "fee"
        assert await refused(client.sign_permit({**permit(1), "primaryType": "Order"})) == "permit"
        assert await refused(client.sign_permit(permit(2001))) == "amount"
        caps = {USDC: 10**30}
        assert await refused(send_caps(client.path, caps, caps, caps, {})) == "caps"
        with pytest.raises(SignerUnavailable, match="known requests"):
            await ask(client.path, "sign_hash", hash="0x" + "11" * 32)


@pytest.mark.attack("another chain", "refused")
async def test_a_ledger_belongs_to_one_chain(tmp_path: Path) -> None:
    """Its nonces would be taken for signed on a chain that is started again, and each trade would become a cancel."""
    first, second = (HexHash("0x" + digit * 64) for digit in "12")
    async with running(tmp_path, caps=False) as keeper:
        await keeper.bind(first)
        await keeper.bind(first)
    async with running(tmp_path, caps=False) as keeper:
        with pytest.raises(
            ChainMismatch, match="this is another chain: give the signer a SENTINEL_STATE_DIR of its own"
        ):
            await keeper.bind(second)
        with pytest.raises(SignerUnavailable, match="64 hex digits"):
            await keeper.bind(HexHash("0x12"))
    assert [body for kind, body in records(tmp_path) if kind == "bound"] == [{"day": ANY, "genesis": first}]
