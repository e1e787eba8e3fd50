"""Each wording of each client means what it says, and nothing else is taken for a judgement."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.errors import RpcError, RpcTimeout
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.execute.broadcast import BroadcastReply, best
from sentinel.execute.send_errors import BEST_FIRST, Answer, classify
from tests.execute.rig import Rig

# (code, message) as the clients write them; what is longer than the phrase stands around it in the wild
WORDINGS = {
    Answer.KNOWN: [
        (-32000, "already known"),  # geth, Erigon, Nethermind
        (-32603, "already known"),  # Reth
        (-32003, "transaction already imported"),  # Anvil
        (-32000, "Known transaction"),  # Besu
        (-32000, "INTERNAL_ERROR: existing tx with same hash"),  # Erigon 2
        (-32000, "existing txn with same hash"),  # Erigon 3
        (-32010, "AlreadyKnown"),  # Nethermind, earlier
        (-32010, "Transaction with the same hash was already imported."),  # OpenEthereum's heirs
    ],
    Answer.NONCE_USED: [
        (-32000, "nonce too low: next nonce 7, tx nonce 6"),  # geth
        (-32000, "nonce too low"),  # Erigon, Nethermind
        (-32000, "INTERNAL_ERROR: nonce too low"),  # Erigon 2
        (-32000, "nonce too low: next nonce 7, tx nonce 6"),  # Reth
        (-32003, "nonce too low"),  # Anvil
        (-32001, "Nonce too low"),  # Besu
        (-32010, "OldNonce"),  # Nethermind, earlier
        (-32010, "Transaction nonce is too low. Try incrementing the nonce."),
    ],
    Answer.UNDERPRICED: [
        (-32000, "replacement transaction underpriced"),  # geth, Nethermind, Erigon
        (-32603, "replacement transaction underpriced"),  # Reth
        (-32000, "replacement transaction underpriced: new tx gas fee cap 100 < 110 required"),  # geth
        (-32000, "transaction underpriced: gas tip cap 0, minimum needed 1"),  # geth
        (-32000, "transaction underpriced"),  # Reth, Nethermind
        (-32000, "Replacement transaction underpriced"),  # Besu
        (-32009, "Gas price below configured minimum gas price"),  # Besu
        (-32000, "INTERNAL_ERROR: could not replace existing tx"),  # Erigon 2
        (-32000, "could not replace existing tx"),  # Erigon 3
        (-32000, "fee too low"),  # Erigon
        (-32010, "FeeTooLowToCompete"),  # Nethermind, earlier
        (-32010, "ReplacementNotAllowed"),  # Nethermind, earlier
    ],
    Answer.NO_FUNDS: [
        (-32000, "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1"),  # geth
        (-32003, "insufficient funds for gas * price + value: have 1 want 2"),  # Reth
        (-32003, "Insufficient funds for gas * price + value"),  # Anvil
        (-32000, "insufficient funds"),  # Erigon
        (-32010, "InsufficientFunds, Account balance: 1, cumulative cost: 2"),  # Nethermind, earlier
        (-32004, "Upfront cost exceeds account balance"),  # Besu
    ],
    Answer.UNKNOWN: [
        (-32000, "unknown transaction type"),
        (-32000, "txpool is full"),  # geth, Reth
        (-32000, "pending sub-pool is full"),  # Erigon
        (-32000, "nonce too high"),
        (-32000, "exceeds block gas limit"),
        (-32000, "intrinsic gas too low: gas 20000, minimum needed 21000"),  # geth
        (-32603, "Internal error"),
        (-32005, "daily request count exceeded, request rate limited"),
        (429, "https://node.example: HTTP 429"),
        (-32000, ""),
    ],
}


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [(answer, code, message) for answer, rows in WORDINGS.items() for code, message in rows],
)
def test_a_wording_is_classified(answer: Answer, code: int, message: str) -> None:
    """The answer is read from the node's own words."""
    assert classify(RpcError(f"eth_sendRawTransaction: {message}", code=code)) is answer


@pytest.mark.parametrize("message", [message for rows in WORDINGS.values() for _, message in rows])
def test_without_a_code_nothing_is_a_judgement(message: str) -> None:
    """The words of a proxy's page, a time-out or a cut reply are no node's answer, whatever they say."""
    assert classify(RpcError(message)) is Answer.UNKNOWN
    assert classify(RpcTimeout(message)) is Answer.UNKNOWN


@given(st.lists(st.sampled_from([a for a in Answer if a is not Answer.HELD]), min_size=1, max_size=5))
def test_the_best_answer_counts(answers: list[Answer]) -> None:
    """One endpoint that took the bytes outweighs any number that did not; the order of endpoints does not matter."""
    replies = {str(i): BroadcastReply(answer, "words") for i, answer in enumerate(answers)}
    assert best(replies).answer is min(answers, key=BEST_FIRST.index)
    assert best(dict(reversed(replies.items()))).answer is best(replies).answer


async def test_anvil_writes_what_the_table_reads(tmp_path: Path) -> None:
    """The real node's own words for known bytes, a used nonce, a cheap replacement and an empty purse."""
    async with Rig.start(tmp_path) as rig:
        send = rig.executor._broadcast.send
        await rig.net.rpc.call("evm_setAutomine", False)

        async def raw(nonce: int, fee: int) -> bytes:
            tx = TxRequest(rig.signer.address, b"", 0, 21_000)
            return (await rig.signer.sign_transaction(31337, nonce, tx, Fees(fee, GWEI))).raw

        first = await raw(0, 20 * GWEI)
        assert (await send(first, "public")).answer is Answer.SENT
        assert (await send(first, "public")).answer is Answer.KNOWN
        assert (await send(await raw(0, 19 * GWEI), "public")).answer is Answer.UNDERPRICED
        await rig.mine()
        assert (await send(first, "public")).answer is Answer.NONCE_USED
        await rig.net.rpc.call("anvil_setBalance", rig.signer.address, "0x1")
        assert (await send(await raw(1, 20 * GWEI), "public")).answer is Answer.NO_FUNDS
