"""The signer signs what its own limits allow and refuses everything else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

from sentinel.core.errors import SignerRefused
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.process.local_signer import DevSigner
from sentinel.signing.router_call import EXECUTE
from sentinel.signing.signer_limits import APPROVE, check_permit, check_transaction
from tests.signing.calls import (
    ALLOW,
    CALLS,
    CANCEL,
    FEES,
    FIRST,
    LIMITS,
    NOW,
    OTHER,
    OWN,
    PERMIT2,
    ROUTER,
    SECOND,
    SENDER,
    STRANGER,
    SWAP,
    TOKEN,
    V2,
    V3,
    bought,
    granted,
    hop,
    permit,
    received,
    router_call,
    trade_call,
    words,
)


@pytest.mark.parametrize("tx", [SWAP, ALLOW, CANCEL], ids=["swap", "approve", "cancel"])
async def test_signs_what_is_allowed(signer: DevSigner, tx: TxRequest) -> None:
    """A swap, an approval and a cancel inside the limits are signed by the wallet's address."""
    signed = await signer.sign_transaction(31337, 7, tx, FEES)
    assert Account.recover_transaction(signed.raw) == signer.address == OWN
    assert signed.raw[0] == 2
    assert len(signed.tx_hash) == 66


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS)
async def test_signs_every_shape_of_a_trade(signer: DevSigner, data: bytes) -> None:
    """What the toolkit writes: one swap, two routes, a circle over the router, with and without a permit."""
    await signer.sign_transaction(31337, 7, dataclasses.replace(SWAP, data=data), FEES)


def test_a_trade_has_a_cap_of_its_own() -> None:
    """What one trade or permit may take is not what Permit2 may be allowed at most."""
    limits = dataclasses.replace(LIMITS, trades={TOKEN: 999, OTHER: 10})
    for tx in (SWAP, dataclasses.replace(SWAP, data=trade_call(bought()))):
        with pytest.raises(SignerRefused):
            check_transaction(31337, tx, FEES, OWN, limits, NOW)
    with pytest.raises(SignerRefused):
        check_permit(permit(), limits, NOW)
    check_transaction(31337, ALLOW, FEES, OWN, limits, NOW)
    check_transaction(31337, dataclasses.replace(SWAP, data=trade_call(bought(amount=999))), FEES, OWN, limits, NOW)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("chain", {"chain_id": 1}),
    ("value", {"tx": dataclasses.replace(SWAP, value=1)}),
    ("value", {"tx": dataclasses.replace(ALLOW, value=1)}),
    ("value", {"tx": dataclasses.replace(CANCEL, value=1)}),
    ("to", {"tx": dataclasses.replace(SWAP, to="0x" + "9" * 40)}),
    ("to", {"tx": dataclasses.replace(SWAP, to=PERMIT2)}),
    ("gas", {"tx": dataclasses.replace(SWAP, gas_limit=500_001)}),
    ("gas", {"tx": dataclasses.replace(SWAP, gas_limit=0)}),
    ("fee", {"fees": Fees(101, 10)}),
    ("fee", {"fees": Fees(100, 11)}),
    ("fee", {"fees": Fees(5, 6)}),
    ("cost", {"tx": dataclasses.replace(SWAP, gas_limit=400_001)}),
    ("selector", {"tx": dataclasses.replace(SWAP, data=b"\xa9\x05\x9c\xbb" + SWAP.data[4:])}),
    ("calldata", {"tx": dataclasses.replace(SWAP, data=EXECUTE)}),
    *(
        (rule, {"tx": dataclasses.replace(SWAP, data=data)})
        for rule, data in (
            ("deadline", trade_call(bought(), deadline=NOW + 241)),
            ("deadline", trade_call(bought(), deadline=2**256 - 1)),
            ("recipient", trade_call(bought(recipient=STRANGER))),
            ("recipient", trade_call(bought(recipient=STRANGER, kind=V2))),
            ("min_out", trade_call(bought(least=0))),
            ("amount", trade_call(bought(amount=1001))),
            ("amount", trade_call(bought(amount=600), bought(amount=401))),
            ("amount", trade_call(granted(amount=1001), bought())),
            ("amount", trade_call(granted(token=STRANGER), bought())),
            ("spender", trade_call(granted(spender=STRANGER), bought())),
            ("token", trade_call((V2, hop(V2, SENDER, 1, 1, (TOKEN, STRANGER), True)))),
            ("token", trade_call((V3, hop(V3, SENDER, 1, 1, (TOKEN, STRANGER, OTHER), True)))),
            ("command", trade_call((0x04, bought()[1]))),  # SWEEP
            ("command", trade_call(bought(), (0x05, words(int(TOKEN, 16), int(STRANGER, 16), 1)))),  # TRANSFER
            ("token", trade_call((0x02, words(int(TOKEN, 16), int(STRANGER, 16), 1)))),  # PERMIT2_TRANSFER_FROM
            ("command", trade_call(bought(), granted())),
            ("command", trade_call((0x80, bought()[1]))),  # a swap that may fail
            ("calldata", router_call()),
            ("calldata", router_call(granted())),
            ("receipt", trade_call()),
            ("receipt", trade_call(granted())),
            ("calldata", trade_call(FIRST)),
            ("calldata", trade_call(SECOND)),
            ("receipt", router_call(bought())),
            ("receipt", router_call(received(), bought())),
            ("receipt", router_call(bought(amount=400), received(), bought(amount=600))),
            ("receipt", router_call(bought(), received(), received())),
            ("receipt", router_call(bought(), received(owner=STRANGER))),
            ("receipt", router_call(bought(), received(owner=SENDER))),
            ("receipt", router_call(bought(), received(TOKEN))),
            ("receipt", router_call(bought(), received(least=6))),
            ("receipt", router_call(bought(amount=400), bought(amount=600), received(least=13))),
            ("command", router_call(bought(), (0x8E, received()[1]))),
            ("receipt", trade_call(FIRST, SECOND)),  # it buys TOKEN
            ("receipt", trade_call(bought(amount=400), (V2, hop(V2, SENDER, 5, 7, (OTHER, TOKEN), True)))),
            ("calldata", trade_call(FIRST, bought())),
            ("calldata", trade_call((V2, hop(V2, SENDER, 1, 1, (TOKEN,), True)))),
            ("calldata", trade_call((V3, bought(kind=V2)[1]))),
            ("calldata", trade_call(bought(tail=b"\0"))),
            ("calldata", EXECUTE + encode(["bytes", "bytes[]", "uint256"], [b"", [bought()[1]], NOW + 120])),
            ("calldata", trade_call(bought()) + b"\0"),
            ("calldata", trade_call(bought())[:-32]),
            ("calldata", EXECUTE + words(96, 160, NOW + 120, 0, 0)),
        )
    ),
    ("selector", {"tx": dataclasses.replace(ALLOW, data=b"\xa9\x05\x9c\xbb" + ALLOW.data[4:])}),
    ("selector", {"tx": dataclasses.replace(ALLOW, data=ALLOW.data + b"\0")}),
    ("spender", {"tx": dataclasses.replace(ALLOW, data=APPROVE + words(int(ROUTER, 16), 1))}),
    ("amount", {"tx": dataclasses.replace(ALLOW, data=APPROVE + words(int(PERMIT2, 16), 1001))}),
    ("cancel", {"tx": dataclasses.replace(CANCEL, data=b"\0")}),
    ("cancel", {"tx": dataclasses.replace(CANCEL, gas_limit=50_000)}),
]


@pytest.mark.parametrize(("rule", "change"), REFUSED, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(REFUSED)])
async def test_refuses_what_is_not(signer: DevSigner, rule: str, change: dict[str, Any]) -> None:
    """Each limit refuses on its own, under its name."""
    given: dict[str, Any] = {"chain_id": 31337, "tx": SWAP, "fees": FEES} | change
    with pytest.raises(SignerRefused) as refusal:
        await signer.sign_transaction(given["chain_id"], 7, given["tx"], given["fees"])
    assert refusal.value.rule == rule


async def test_signs_a_permit(signer: DevSigner) -> None:
    """A permit for the router inside the cap is signed over exactly the typed data."""
    signature = await signer.sign_permit(permit())
    assert len(signature) == 65
    assert Account.recover_message(encode_typed_data(full_message=permit()), signature=signature) == OWN


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("spender", {"message__spender": OWN}),
        ("amount", {"message__details__amount": 1001}),
        ("amount", {"message__details__token": ROUTER}),
        ("deadline", {"message__details__expiration": NOW + 241}),
        ("deadline", {"message__sigDeadline": 2**48}),
        ("permit", {"message__details__amount": "5"}),
        ("permit", {"message__details__amount": True}),
        ("permit", {"message__details__amount": -1}),
        ("permit", {"domain__verifyingContract": ROUTER}),
        ("permit", {"domain__salt": "0x00"}),
        ("chain", {"domain__chainId": 1}),
        ("permit", {"primaryType": "PermitBatch"}),
        ("permit", {"types__PermitDetails": []}),
        ("permit", {"message": {}}),
    ],
)
def test_refuses_other_permits(rule: str, change: dict[str, Any]) -> None:
    """Another spender, token, amount, time, chain, contract or type is not signed."""
    with pytest.raises(SignerRefused) as refusal:
        check_permit(permit(**change), LIMITS, NOW)
    assert refusal.value.rule == rule


def test_checks_are_pure() -> None:
    """The limits are checked without a key."""
    check_transaction(31337, SWAP, FEES, OWN, LIMITS, NOW)
