"""The readings of the public orders, written by hand, one for each id."""

from __future__ import annotations

READINGS: dict[str, str] = {
    "dca-01": "Buy 50 USDC worth of WETH, every 1 hour.",
    "dca-16": (
        "If the price of WETH is below 2,200 USDC, buy 60 USDC worth of WETH. Buy 30 USDC worth of WETH. "
        "Only while the time since the last trade is at least 1 hour."
    ),
    "dca-18": "Sell 0.1 WETH, every 1 day.",
    "lim-01": "If the price of WETH is at most 2,300 USDC, buy 0.5 WETH, once.",
    "lim-09": "If the price of WBTC is below 58,500 USDC, buy WBTC with 50% of the USDC, once.",
    "stp-01": "If the price of WETH is at most 2,150 USDC, sell all of WETH.",
    "stp-10": (
        "If the price of WETH is at most 95% of the entry price of WETH, sell 50% of WETH, once. "
        "If the price of WETH is at most 90% of the entry price of WETH, sell all of WETH, once."
    ),
    "tkp-01": "If the price of WETH is at least 120% of the entry price of WETH, sell all of WETH.",
    "tkp-11": "If the price of WBTC is at least 110% of the entry price of WBTC, sell 10% of WBTC, every 1 day.",
    "trl-01": "If the price of WETH is at most 93% of the high since entry of WETH, sell all of WETH.",
    "trl-04": (
        "If the high since entry of WETH is at least 105% of the entry price of WETH and "
        "the price of WETH is at most 97% of the high since entry of WETH, sell all of WETH."
    ),
    "reb-01": "Rebalance to 60% WETH and 40% USDC when off by more than 5%.",
    "reb-09": "Rebalance half way to 40% WBTC when off by more than 5%.",
    "reb-13": (
        "Rebalance to 80% WBTC and 20% USDC when off by at least 2%. "
        "Only while the time since the last trade is at least 12 hours."
    ),
    "mom-01": (
        "If the change of WETH over 10 minutes is at least 1%, buy 500 USDC worth of WETH, each time this turns true. "
        "If the change of WETH over 10 minutes is at most -1%, sell 500 USDC worth of WETH, each time this turns true."
    ),
    "mom-06": (
        "If the change of the best of WETH/WBTC in 4 minutes over 4 minutes is at least 0.5%, "
        "buy 250 USDC worth of the best of WETH/WBTC in 4 minutes, each time this turns true."
    ),
    "rev-01": (
        "If the price of WETH is at most 98% of the mean of 20 12-second closes of WETH, "
        "buy 300 USDC worth of WETH, each time this turns true. "
        "If the price of WETH is at least 102% of the mean of 20 12-second closes of WETH, "
        "sell 300 USDC worth of WETH, each time this turns true."
    ),
    "rev-10": (
        "If the price of WETH is at most the sum of 90% of the lowest of 60 12-second closes of WETH "
        "and 10% of the highest of 60 12-second closes of WETH, "
        "buy WETH with 5% of the USDC, each time this turns true. "
        "If the price of WETH is at least the sum of 10% of the lowest of 60 12-second closes of WETH "
        "and 90% of the highest of 60 12-second closes of WETH, "
        "sell 5% of WETH, each time this turns true."
    ),
    "rsi-01": (
        "If the RSI of 14 1-minute closes of WETH is below 30, buy 200 USDC worth of WETH, each time this turns true. "
        "If the RSI of 14 1-minute closes of WETH is above 70, sell 200 USDC worth of WETH, each time this turns true."
    ),
    "twp-01": "Sell 6 WETH, in 12 parts over 1 hour.",
    "twp-08": "If the price of WETH is at most 2,900 USDC, buy 5,000 USDC worth of WETH, in 10 parts over 2 days.",
    "cap-01": "Cut WBTC to 30%. Never hold more than 30% WBTC.",
    "cap-04": "Cut WETH/WBTC to 70%.",
    "arb-03": "Arbitrage WETH with 50% of the USDC for at least 0.2%.",
    "exi-02": "Sell all of the largest of WETH/WBTC.",
    "cmb-01": "Buy 100 USDC worth of WETH, every 1 hour. Only while the gas price is at most 30 gwei. Keep 500 USDC.",
    "cmb-04": (
        "If the price of WETH is at most 90% of the entry price of WETH, sell all of WETH. "
        "If the price of WETH is at least 125% of the entry price of WETH, sell all of WETH. "
        "Only while the gas price is at most 80 gwei."
    ),
    "cmb-14": (
        "If the change of WBTC over 6 minutes is at least 1%, buy 200 USDC worth of WBTC. "
        "Only while the time since the last trade is at least 20 minutes. Keep 750 USDC."
    ),
    "amb-01": "Ask: how much to buy, and at which price is it cheap?",
    "can-01": "Refuse: leverage is not available",
}
