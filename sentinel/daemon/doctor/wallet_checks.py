"""Doctor's checks of the wallet: native coin for gas, tokens to trade, and allowances to Permit2."""

from __future__ import annotations

from collections.abc import AsyncIterator

from eth_utils.address import to_checksum_address

from sentinel.chain.contract_calls import ERC20, answers, contract, web3
from sentinel.chain.rpc import JsonRpc
from sentinel.config.terms import Terms
from sentinel.core.network import Address, HexHash
from sentinel.core.units import COIN
from sentinel.core.valuation import whole
from sentinel.daemon.doctor.findings import Finding
from sentinel.execute.chain_reader import ChainReader

UNBOUNDED = 2**128  # base units: an allowance from here on has no limit that matters


async def funds(terms: Terms, rpc: JsonRpc, wallet: Address | None) -> AsyncIterator[Finding]:
    """Native coin above the gas reserve, and a balance of at least one token. A warning if no wallet is known."""
    if wallet is None:
        hint = "set SENTINEL_WALLET__ADDRESS (dry run) or SENTINEL_WALLET__KEYSTORE_FILE"
        yield Finding("funds", "warn", "no wallet is set, so there are no balances to trade with", hint)
        return
    network, reserve = terms.network, terms.limits.gas_reserve
    coin = int(await rpc.call("eth_getBalance", wallet, "latest"), 16)
    if coin > reserve:
        yield Finding("gas", "ok", f"{coin / COIN:.4f} of the native coin")
    else:
        what = f"{coin / COIN:.4f} of the native coin, and {reserve / COIN:g} must remain (gas reserve)"
        hint = f"send at least {(reserve - coin) / COIN:.4f} more to {wallet}, plus gas for the trades"
        yield Finding("gas", "fail", what, hint)
    w3, tokens = web3(rpc), network.tokens.values()
    holder = to_checksum_address(wallet)
    replies = await answers([contract(w3, token.address, ERC20).functions.balanceOf(holder) for token in tokens])
    balances = {
        token.symbol: whole(amount, token.symbol, network)
        for token, amount in zip(tokens, replies, strict=True)
        if amount
    }
    if balances:
        yield Finding("tokens", "ok", ", ".join(f"{amount:g} {symbol}" for symbol, amount in balances.items()))
    else:
        yield Finding("tokens", "warn", "no tokens", f"send tokens of the network file to {wallet}")


async def allowances(terms: Terms, rpc: JsonRpc, wallet: Address | None) -> AsyncIterator[Finding]:
    """ERC-20 allowances to Permit2. No finding if no wallet is known."""
    if wallet is None:
        return
    network = terms.network
    reader = ChainReader(rpc, network, wallet, network.pinned_hash or HexHash(""))
    amounts = await reader.allowances(network.tokens)
    unbounded = [symbol for symbol, amount in amounts.items() if amount >= UNBOUNDED]
    if not any(amounts.values()) and terms.settings.execution.mode == "dry":
        hint = (
            "set SENTINEL_WALLET__ADDRESS to a wallet with allowances to Permit2, or approve Permit2 from this wallet"
        )
        yield Finding("allowances", "warn", "none to Permit2: every simulated trade of the dry run will revert", hint)
    elif unbounded:
        what, hint = f"unlimited to Permit2: {', '.join(unbounded)}", "run `sentinel approve --revoke`"
        yield Finding("allowances", "warn", what, hint)
    else:
        granted = ", ".join(f"{whole(amount, symbol, network):g} {symbol}" for symbol, amount in amounts.items())
        yield Finding("allowances", "ok", f"to Permit2: {granted}; a live start sets those that are too small")
