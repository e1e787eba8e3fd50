"""The estimate at the read-back: from the wallet's own holdings, with pool fees and gas, each said in the text."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli import order_reading
from sentinel.cli.order_estimate import PURSE, Estimator, Wallet, estimate_lines, gas_cost, last_read
from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.core.closes import CloseSeries
from sentinel.core.units import GWEI
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal
from sentinel.orders.playing.observed import gas_price, held
from tests.journal import values

NETWORK = load_network("devnet")
END = 1_700_006_400  # 2023-11-15 00:00 UTC
CLOSES = {
    "WETH": CloseSeries(tuple(range(END - 7_200, END + 1, 60)), (2_000.0,) * 60 + (2_500.0,) * 61),
    "WBTC": CloseSeries((END - 7_200,), (50_000.0,)),
}
OWN = {"USDC": Decimal(500), "WETH": Decimal("0.1"), "WBTC": Decimal(0)}
WALLET = Wallet(END, OWN, {"WETH": Decimal(1_900)}, 20 * GWEI)
DCA = "Buy 100 USDC worth of WETH, every 1 hour."


def estimated(text: str, wallet: Wallet | None = WALLET, gas_wei: int | None = 20 * GWEI) -> tuple[dict[str, Any], str]:
    found = Estimator(NETWORK, CLOSES, wallet, gas_wei).estimate(read_order(text, NETWORK))
    assert found is not None
    return found, "\n".join(estimate_lines(found))


def test_it_begins_with_what_the_wallet_holds_and_pays_fees_and_gas() -> None:
    """Three purchases; the cheapest pool takes 0.05 %, and gas is paid on top."""
    found, text = estimated(DCA)
    gas = 3 * gas_cost(20 * GWEI, Decimal(2_000))
    kept = Decimal("0.9995")
    bought = 100 * kept * (1 / Decimal(2_000) + 2 / Decimal(2_500))
    assert (found["number"], Decimal(str(found["fees"])), Decimal(str(found["gas"]))) == (3, Decimal("0.15"), gas)
    assert Decimal(str(found["value"])) == pytest.approx(200 + (OWN["WETH"] + bought) * 2_500 - gas)
    assert Decimal(str(found["value_without"])) == 500 + OWN["WETH"] * 2_500
    assert "from the wallet's 500.00 USDC and 0.1 WETH as of 2023-11-15 00:00 UTC: 3 trades" in text
    assert (
        f"paying 0.1500 USDC of pool fees and {gas:,.2f} of gas (20.00 gwei, the price now), without slippage" in text
    )


def test_it_buys_no_more_than_the_wallet_can() -> None:
    """With 10,000 of each token it did."""
    assert estimated("Buy 400 USDC worth of WETH, every 1 hour.")[0]["number"] == 1
    found, text = estimated("Buy 400 USDC worth of WETH, every 1 hour.", None)
    assert found["number"] == 3
    assert "from 10,000.00 USDC in each token (an assumption: no daemon has read the wallet)" in text
    assert found["begin"] == {"USDC": str(PURSE), "WETH": "5"}


def test_a_gas_limit_is_judged_at_the_gas_price() -> None:
    """It used to be taken as 0 gwei, so that no limit ever stopped a trade."""
    text = f"{DCA} Only while the gas price is at most 19 gwei."
    assert estimated(text)[0]["number"] == 0
    assert estimated(text, gas_wei=19 * GWEI)[0]["number"] == 3
    assert "and gas, which is not known" in estimated(DCA, gas_wei=None)[1]


def test_costs_are_the_wallets_own_or_an_assumption_that_is_said() -> None:
    """A stop below the entry price: 90 % of 1,900 was not reached, and of 2,800 it was."""
    stop = "If the price of WETH is at most 90% of the entry price of WETH, sell all of WETH."
    assert estimated(stop)[0]["number"] == 0
    dear = Wallet(END, OWN, {"WETH": Decimal(2_800)}, 0)
    assert estimated(stop, dear)[0]["number"] == 1
    unknown = Wallet(END, OWN, {}, 0)
    assert "WETH of unknown cost counts as bought at the first close" in estimated(stop, unknown)[1]
    assert "unknown cost" not in estimated(stop, dear)[1] + estimated(DCA, unknown)[1]


def test_the_wallet_is_what_the_journal_saw_last(tmp_path: Path) -> None:
    """Also while no daemon runs; None before the first one has run."""
    settings = load(None, state_dir=str(tmp_path))
    assert last_read(settings, values.NETWORK) is None
    journal = Journal.open(tmp_path / JOURNAL, values.NETWORK, values.GENESIS, values.WALLET)
    record = values.cycle()
    journal.record(record)
    journal.close()
    state = record.state
    assert state is not None
    assert last_read(settings, values.NETWORK) == Wallet(
        state.head.timestamp, held(state, values.NETWORK), {}, gas_price(state, values.NETWORK)
    )


def test_without_an_endpoint_the_recorded_gas_price_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the text says so."""
    monkeypatch.setattr(order_reading, "recorded_series", lambda settings: CLOSES)
    monkeypatch.setattr(order_reading, "last_read", lambda settings, network: WALLET)
    settings = load(None, state_dir=str(tmp_path), rpc={"url": "http://127.0.0.1:9"})
    facts = order_reading.read_back(settings, read_order(DCA, NETWORK))
    assert facts["cost"].startswith("not known")
    assert "(20.00 gwei, the last that was recorded)" in "\n".join(order_reading.lines(facts))
