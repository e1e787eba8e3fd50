"""A real signer process on settings of its own, and things to ask of it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms, TokenCaps
from sentinel.core.errors import SignerRefused
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.daemon.signer.supervisor import SignerSupervisor, supervised_signer
from sentinel.dex.building.permit2 import typed_permit
from sentinel.signing.process.signing_ledger import FILE
from tests.signing.calls import SENDER, V2, hop, received, router_call

KEY = "51" * 31 + "9e"  # worth nothing anywhere
CHAIN = 31337
WALLET = Account.from_key(KEY).address
NETWORK = load_network("devnet")
USDC, WETH = (NETWORK.tokens[symbol].address for symbol in ("USDC", "WETH"))
PRICES = {"WETH": 2000.0, "WBTC": 60_000.0}
FEES = Fees(50 * GWEI, 2 * GWEI)
GAS = 300_000
LIMITS = {"max_trade": 1000.0, "max_daily_volume": 1250.0}  # the signer's: 2,000 USDC a trade, 2,500 a day
DOLLAR = 10**6  # USDC base units


def settings(folder: Path, **more: Any) -> Settings:
    key = folder / "key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(KEY)
    given: dict[str, Any] = {"state_dir": folder / "state", "limits": LIMITS, "wallet": {"dev_key_file": key}}
    return load(None, **{**given, **more})


ANSWERS = {WETH.lower(): 2000 * 10**8}  # the WETH feed's, by which `trade` is fair


def caps_of(given: Settings) -> TokenCaps:
    """As the daemon hands them over."""
    return replace(Terms.of(given, NETWORK).token_caps(PRICES), prices=ANSWERS)


CAPS = caps_of(load(None, limits=LIMITS))


@contextlib.asynccontextmanager
async def running(folder: Path, *, caps: bool = True, **more: Any) -> AsyncIterator[SignerSupervisor]:
    """As the daemon starts it: a child, whose caps by token it sets."""
    given = settings(folder, **more)
    async with supervised_signer(given, NETWORK) as found:
        if caps:
            await found.allow(caps_of(given))
        yield found


def trade(
    dollars: int, *, gas: int = GAS, ahead: int = 100, recipient: str = SENDER, least: int | None = None
) -> TxRequest:
    """Sell so many USDC for WETH at the price of ANSWERS, in one V2 swap; the amount makes the bytes differ."""
    least = dollars * 10**18 // 2000 if least is None else least
    given = hop(V2, recipient, dollars * DOLLAR, least, (USDC, WETH), True)
    check = received(WETH, least, WALLET)
    data = router_call((V2, given), check, deadline=int(time.time()) + ahead)
    return TxRequest(NETWORK.universal_router, data, 0, gas)


def cancel() -> TxRequest:
    return TxRequest(WALLET, b"", 0, 21_000)


def permit(dollars: int) -> dict[str, Any]:
    return typed_permit(
        chain_id=CHAIN,
        permit2=NETWORK.permit2,
        token=USDC,
        amount=dollars * DOLLAR,
        expiration=int(time.time()) + 100,
        nonce=0,
        spender=NETWORK.universal_router,
    )


async def refused(what: Any) -> str:
    """The rule that said no."""
    with pytest.raises(SignerRefused) as error:
        await what
    return error.value.rule


def records(folder: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Of a signer that has stopped: kind and body, with the chain of hashes checked."""
    from sentinel.journal.ledger import Ledger

    ledger = Ledger(folder / "state" / "signer" / FILE, "", 1, read_only=True)
    try:
        return [(record.kind, json.loads(record.body)) for record in ledger.records()]
    finally:
        ledger.close()
