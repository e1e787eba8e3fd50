"""The public orders on a local market at the prices of their situations: the player's trade,
simulated on a fork and let through by policy with the order guard, does what the label says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from eth_utils.address import to_checksum_address

from sentinel.agent.order_trader import OrderTrader
from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.network import NATIVE
from sentinel.core.spent import Spent
from sentinel.decide.policy import Policy
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.distill.evaluation.labelled_orders import QUOTE, Did, LabelledSituation, read_orders
from sentinel.market import Devnet
from sentinel.market.crowd import CrowdBehaviour
from sentinel.market.price_path import MarketBar, PricePath
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.observed import OrderFacts, observed
from sentinel.orders.playing.player import play
from sentinel.orders.typed.order import Order
from sentinel.prices.bars import PriceSource
from tests.data import data_path
from tests.orders.public_readings import READINGS

D3 = Decimal("0.001")
WALLET = to_checksum_address("0x" + "0d" * 20)
VIEW = MarketView({}, Regime.NONE, 1.0, 0, "settings")
ALLOWED = dict.fromkeys(("WETH", "WBTC", "USDC"), 10**30)
WIDE = {"max_trade": 10**6, "min_trade": 0.0, "max_daily_volume": 10**9, "max_daily_loss": 10**6, "max_cost_bps": 9_000}


def acting() -> list[tuple[MarketBar, str, LabelledSituation]]:
    """One situation of each order in which it buys or sells, by price. Two venues that differ are not set up here."""
    found = []
    for one in read_orders(data_path("orders", "public.jsonl")):
        stated = next((each for each in one.situations if each.expect.action in (Did.BUY, Did.SELL)), None)
        if stated is not None:
            found.append((MarketBar(float(stated.price["WETH"]), float(stated.price["WBTC"])), one.id, stated))
    return sorted(found, key=lambda each: (each[0].weth, each[0].wbtc))


async def test_each_public_order_trades_on_chain_as_its_situation_says() -> None:
    """27 of the 30: one asks, one is refused, and one waits for two venues that differ."""
    situations = acting()
    assert len(situations) == 27
    bars = [bar for bar, _, _ in situations]
    quiet = CrowdBehaviour(noise=0.0, opening_every=0.0)
    async with (
        Devnet.start(prices=PricePath(PriceSource("labels"), iter([bars[0], *bars])), behaviour=quiet) as net,
        Fork(net.network, net.rpc_url) as fork,
    ):
        network = net.network
        market = MarketReader(net.rpc, network, WALLET, READERS, BlockCloses(9), min_priority_fee=10**9)
        toolkit, quoter = DexToolkit(network, fork), DexQuoter(network)
        limits = Limits.of(load(None, limits=WIDE).limits, network)
        await net.allow_permit2(WALLET, ALLOWED)
        for _, name, stated in situations:
            order = parse(READINGS[name], QUOTE)
            assert isinstance(order, Order)
            purse = {coin: int(held.scaleb(network.tokens[coin].decimals)) for coin, held in stated.holdings.items()}
            await net.fund(WALLET, {**purse, NATIVE: 10**19})
            await net.market.step()
            state = await market.read(await latest_head(net.rpc))
            facts, seen = stated.facts(order), observed(state, network, OrderFacts(0, {}))
            assert {coin: seen.holdings[coin] for coin in facts.holdings} == pytest.approx(dict(facts.holdings))
            assert {coin: seen.prices[coin] for coin in facts.prices} == pytest.approx(dict(facts.prices), rel=D3)
            played = play(order, facts)
            trader = OrderTrader(lambda _, p=played: p, quoter, ActionBuilder(network))  # type: ignore[misc]
            proposal = await trader.propose(state, VIEW, 1)
            assert proposal.discarded == (), (name, proposal.discarded)
            simulated = await toolkit.simulate_all(state, proposal.candidates)
            guarded = Policy(network, limits, plays=lambda _, p=played: p, order_tolerance_bps=1)  # type: ignore[misc]
            ballots, refusals = guarded.screen(simulated, state, Spent(0, 0))
            assert refusals == (), (name, refusals)
            (ballot,) = ballots
            expected = stated.expect
            buys = expected.action is Did.BUY
            sold = QUOTE if buys else expected.token
            assert ballot.deltas[expected.token] * (1 if buys else -1) > 0, name
            spent = Decimal(-ballot.deltas[sold]).scaleb(-network.tokens[sold].decimals)
            worth = spent * stated.price.get(sold, Decimal(1))
            asked = expected.amount_usdc
            assert abs(worth - asked) <= asked * expected.tolerance_pct / 100, (name, worth)
