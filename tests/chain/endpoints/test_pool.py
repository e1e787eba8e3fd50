"""Reads over several endpoints, each a real chain behind a proxy that fails on purpose."""

from __future__ import annotations

import pytest

from lab.faults import SEND, CutRequest, HttpStatus, OtherBody, RefusedCalls, RpcErrorReply, lies
from sentinel.chain.rpc import at_block
from sentinel.core.errors import ChainMismatch, RpcError, Unavailable
from tests.chain.endpoints.bench import HEAD, Bench

REVERTING = "0x" + "5e" * 20


async def test_reads_fail_over_and_the_chain_is_checked_first(two: Bench) -> None:
    """Reads stay at one endpoint; a broken reply is asked for at the next, which shows chain id and pinned block."""
    first, _ = two.proxies
    await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber") == [1, 0]
    assert two.calls("eth_chainId") == [1, 0]
    for effect in (
        CutRequest(),
        HttpStatus(429),
        HttpStatus(503),
        OtherBody(b"null"),
        RpcErrorReply(-32005, "limit exceeded"),
    ):
        first.add("eth_blockNumber", effect, times=1)
        assert int(await two.pool.call("eth_blockNumber"), 16) >= 0
        await two.pool.call("eth_blockNumber")  # it answers again, so its failures are not in a row
    assert two.calls("eth_blockNumber") == [11, 5]
    assert two.calls("eth_chainId") == [6, 5]
    assert two.states() == ["current", "healthy"]


async def test_a_judgement_of_the_call_is_an_answer(two: Bench) -> None:
    """A revert would be the same elsewhere: raised, nobody else is asked, and nothing is counted."""
    await two.rig.net.rpc.call("anvil_setCode", REVERTING, "0x5f5ffd")
    with pytest.raises(RpcError, match="revert"):
        await two.pool.call("eth_call", {"to": REVERTING}, "latest")
    assert two.calls("eth_call") == [1, 0]
    results = await two.pool.batch([("eth_call", [{"to": REVERTING}, "latest"]), ("eth_chainId", [])])
    assert [isinstance(result, RpcError) for result in results] == [True, False]
    assert two.states() == ["current", "healthy"]
    assert [status.failures for status in two.pool.status()] == [0, 0]


async def test_what_no_endpoint_serves_stays_an_error_in_its_place(two: Bench) -> None:
    """Both are asked; the rest of a batch is answered all the same, and both go on serving what they can."""
    with pytest.raises(RpcError) as raised:
        await two.pool.call("eth_nonsense")
    assert raised.value.code == -32601
    assert two.calls("eth_nonsense") == [1, 1]
    results = await two.pool.batch([("eth_nonsense", []), ("eth_chainId", [])])
    assert [isinstance(result, RpcError) for result in results] == [True, False]
    assert int(await two.pool.call("eth_blockNumber"), 16) >= 0


async def test_three_failures_drop_it_for_a_minute(two: Bench) -> None:
    """After that the other is current, with its chain checked; the first is preferred again once it answers a look."""
    two.proxies[0].add("*", CutRequest(), times=3)
    for _ in range(3):
        await two.pool.call("eth_blockNumber")
    assert two.states() == ["resting", "current"]
    await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber")[0] == 0
    two.clock.now = 61.0
    assert two.states() == ["healthy", "current"]
    await two.pool.look()
    assert two.states() == ["current", "healthy"]


@pytest.mark.parametrize("said", ["7", "0007", "Fri, 31 Dec 1999 23:59:59 GMT"])
async def test_a_rate_limited_endpoint_rests_for_as_long_as_it_says(two: Bench, said: str) -> None:
    """At once, by its Retry-After in seconds; a date is not read, and then three refusals in a row rest it."""
    two.proxies[0].add("eth_blockNumber", HttpStatus(429, retry_after=said))
    await two.pool.call("eth_blockNumber")
    assert two.states() == (["resting", "current"] if said.isdigit() else ["current", "healthy"])
    two.proxies[0].faults.clear()
    two.clock.now = 6.9
    await two.pool.look()
    assert two.states()[0] == ("resting" if said.isdigit() else "current")
    two.clock.now = 7.0
    await two.pool.look()
    assert two.states() == ["current", "healthy"]


async def test_a_batch_that_is_refused_as_a_whole_is_read_at_the_next(two: Bench) -> None:
    """One error in the place of the list, as gateways answer; even a revert says nothing about all of its calls."""
    for error in (b'{"code": -32005, "message": "slow down"}', b'{"code": 3, "message": "execution reverted"}'):
        body = b'{"jsonrpc": "2.0", "id": null, "error": ' + error + b"}"
        two.proxies[0].add("eth_gasPrice", OtherBody(body), times=1)
        results = await two.pool.batch([("eth_gasPrice", []), ("eth_blockNumber", [])])
        assert [isinstance(result, str) for result in results] == [True, True]
    assert two.calls("eth_gasPrice") == [2, 2]
    assert two.pool.status()[0].failures == 2


async def test_what_a_node_need_not_serve_costs_nothing(two: Bench) -> None:
    """A node without a fee history answers the rest of the batch: nobody else is asked, and nothing is counted."""
    two.proxies[0].add("eth_feeHistory", RefusedCalls(-32601, "the method does not exist", "eth_feeHistory"))
    calls = [("eth_feeHistory", ["0x4", "latest", [50]]), ("eth_gasPrice", [])]
    history, price = await two.pool.batch(calls)
    assert (isinstance(history, RpcError), isinstance(price, str)) == (True, True)
    assert two.calls("eth_feeHistory") == [1, 0]
    two.proxies[0].faults.clear()
    two.proxies[0].add("eth_feeHistory", RefusedCalls(-32016, "over rate limit", "eth_feeHistory"))
    history, _ = await two.pool.batch(calls)  # a limit is no such answer
    assert isinstance(history, dict)
    assert [status.failures for status in two.pool.status()] == [1, 0]


async def test_sends_are_no_reads(two: Bench) -> None:
    """I6: nothing that repeats may ever be given a send."""
    with pytest.raises(ValueError, match="no read"):
        await two.pool.call(SEND, "0x00")
    with pytest.raises(ValueError, match="no read"):
        await two.pool.batch([("eth_chainId", []), (SEND, ["0x00"])])
    assert two.calls(SEND) == [0, 0]


async def test_another_chain_is_refused_for_good(two: Bench) -> None:
    """I10: after a fail-over to another chain that endpoint is never used again, and the failure is raised."""
    first, second = two.proxies
    await two.pool.call("eth_blockNumber")
    second.add("eth_chainId", lies.chain_id(1), times=1)
    first.add("eth_blockNumber", CutRequest(), times=1)
    with pytest.raises(RpcError):
        await two.pool.call("eth_blockNumber")
    assert two.states() == ["current", "refused"]
    assert "chain 1" in str(two.pool.refused)
    first.add("eth_blockNumber", CutRequest(), times=1)
    with pytest.raises(RpcError):
        await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber") == [3, 0]
    first.add("eth_chainId", lies.chain_id(1))
    with pytest.raises(ChainMismatch):  # it failed, so it is checked again: now there is nobody left
        await two.pool.call("eth_blockNumber")
    with pytest.raises(ChainMismatch):
        await two.pool.call("eth_blockNumber")


async def test_another_first_block_is_refused(two: Bench) -> None:
    """Where no block is pinned all endpoints must still have the first block of the one that was checked first."""
    two.proxies[1].add(HEAD, lies.other_heads(above=-1))
    await two.pool.look()
    assert two.states() == ["current", "refused"]


async def test_a_block_by_hash_is_read_where_it_is_known(two: Bench) -> None:
    """The read of a block fails over only to an endpoint that has it; else it is Unavailable, and the cycle holds."""
    first, second = two.proxies
    head = await two.rig.mine()
    read = ("eth_getBalance", [two.rig.signer.address, at_block(head.hash)])
    await two.pool.batch([read])
    first.add("eth_getBalance", CutRequest(), times=2)
    second.add("eth_getBlockByHash", lies.unknown_blocks(), times=1)
    with pytest.raises(Unavailable):
        await two.pool.batch([read])
    assert two.calls("eth_getBalance") == [2, 0]
    (balance,) = await two.pool.batch([read])
    assert int(str(balance), 16) > 0
    assert two.calls("eth_getBalance") == [3, 1]


async def test_a_block_that_the_current_endpoint_lacks_is_read_at_the_next(two: Bench) -> None:
    """ "Unknown block" is no answer where another endpoint knows the block; where none does it stays the answer."""
    first, second = two.proxies
    head = await two.rig.mine()
    read = ("eth_getBalance", [two.rig.signer.address, at_block(head.hash)])
    first.add("eth_getBalance", RpcErrorReply(-32000, "header not found"))
    first.add("eth_getBlockByHash", lies.unknown_blocks())
    (balance,) = await two.pool.batch([read])
    assert int(str(balance), 16) > 0
    assert await two.pool.call(*read[:1], *read[1]) == balance
    assert two.calls("eth_getBalance") == [2, 2]
    assert two.states() == ["current", "healthy"]
    second.add("eth_getBlockByHash", lies.unknown_blocks())
    (refused,) = await two.pool.batch([read])
    assert "header not found" in str(refused)
    assert two.states() == ["resting", "current"]  # three in a row
    for proxy in two.proxies:
        proxy.faults.clear()
    second.add("eth_getBalance", RpcErrorReply(-32000, "out of gas"))
    with pytest.raises(RpcError, match="out of gas"):
        await two.pool.call(*read[:1], *read[1])
    assert two.calls("eth_getBalance") == [3, 3]
