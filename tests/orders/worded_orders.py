"""Orders in an operator's words with their readings as drafts, written for the test of grounding alone."""

from __future__ import annotations

WORDED: tuple[tuple[str, str], ...] = (
    ("grab 75 usdc of btc daily pls", "Buy 75 USDC worth of WBTC, every 1 day."),
    (
        "Every Monday is too slow for me. Every 6 hours, purchase forty dollars of ether unless gas is above 25 gwei.",
        "Buy 40 USDC worth of WETH, every 6 hours. Only while the gas price is at most 25 gwei.",
    ),
    ("Accumulate 0.02 BTC twice a day", "Buy 0.02 WBTC, every 12 hours."),
    (
        "sell 250 bucks of eth each week, keep 1k in cash at all times",
        "Sell 250 USDC worth of WETH, every 7 days. Keep 1000 USDC.",
    ),
    ("limit order: 1.5 eth at 1,875 or better", "If the price of WETH is at most 1875 USDC, buy 1.5 WETH, once."),
    (
        "Kindly sell a quarter of my bitcoin as soon as it trades over 71k.",
        "If the price of WBTC is above 71000 USDC, sell 25% of WBTC, once.",
    ),
    ("if eth reaches 3,333 get rid of 2 eth", "If the price of WETH is at least 3333 USDC, sell 2 WETH, once."),
    (
        "Stop loss for the bitcoins: 55 000. All of them.",
        "If the price of WBTC is at most 55000 USDC, sell all of WBTC.",
    ),
    ("eth stop 12% under entry", "If the price of WETH is at most the entry price of WETH less 12%, sell all of WETH."),
    (
        "Take profit on WETH: a third at 15% over what I paid, the rest at 40%.",
        "If the price of WETH is at least the entry price of WETH plus 15%, sell 33.33333333333333% of WETH, once. "
        "If the price of WETH is at least the entry price of WETH plus 40%, sell all of WETH, once.",
    ),
    (
        "bail out of my btc completely if the position is down more than 900 dollars",
        "If the profit on WBTC is below -900 USDC, sell all of WBTC.",
    ),
    (
        "Trailing stop on btc, 4.5 percent",
        "If the price of WBTC is at most the high since entry of WBTC less 4.5%, sell all of WBTC.",
    ),
    (
        "let my ether run, but dump half when it's $120 off its peak",
        "If the price of WETH is at most the difference of the high since entry of WETH and 120 USDC, sell "
        "50% of WETH, once.",
    ),
    (
        "after a gain of 8% on the bitcoin trail it with 2.5%, sell everything then",
        "If the high since entry of WBTC is at least the entry price of WBTC plus 8% and "
        "the price of WBTC is at most the high since entry of WBTC less 2.5%, sell all of WBTC.",
    ),
    (
        "70/30 btc/usdc, rebalance when it drifts by over 4%",
        "Rebalance to 70% WBTC and 30% USDC when off by more than 4%.",
    ),
    (
        "I want a quarter eth, a quarter btc and the remainder in stables; act from 3 points off, only to the edge",
        "Rebalance to the edge of 25% WETH and 25% WBTC and 50% USDC when off by at least 3%.",
    ),
    (
        "hold ETH at 55% of the portfolio; when it's more than 6 points out go half the way back, wait a day "
        "between trades",
        "Rebalance half way to 55% WETH when off by more than 6%. Only while the time since the last trade is "
        "at least 1 day.",
    ),
    (
        "of the two coins I want two thirds in ether, one third in bitcoin, swap when out by 5%+",
        "Rebalance to 66.66666666666667% WETH and 33.33333333333333% WBTC alone when off by at least 5%.",
    ),
    (
        "momentum on btc: gained 1.2% or more in 15 minutes -> buy 350, lost 1.2% or more -> sell 350",
        "If the change of WBTC over 15 minutes is at least 1.2%, buy 350 USDC worth of WBTC, each time this "
        "turns true. "
        "If the change of WBTC over 15 minutes is at most -1.2%, sell 350 USDC worth of WBTC, each time this "
        "turns true.",
    ),
    (
        "Whenever ether falls 3% against 2 hours ago, nibble 150 USDC, with half a day between nibbles",
        "If the change of WETH over 2 hours is at most -3%, buy 150 USDC worth of WETH, every 12 hours.",
    ),
    (
        "put 400 into whichever of bitcoin and ether rose more within the last 45 minutes, once a day",
        "Buy 400 USDC worth of the best of WBTC/WETH in 45 minutes, every 1 day.",
    ),
    (
        "Mean reversion, 30 block average of eth. 1.5% beneath it buy 220 dollars, 1.5% above it sell 220 dollars.",
        "If the price of WETH is at most the mean of 30 block closes of WETH less 1.5%, buy 220 USDC worth of "
        "WETH, each time this turns true. "
        "If the price of WETH is at least the mean of 30 block closes of WETH plus 1.5%, sell 220 USDC worth "
        "of WETH, each time this turns true.",
    ),
    (
        "BTC above its 24-hour average? then buy 5% of my usdc worth, one time only",
        "If the price of WBTC is above the mean of 24 1-hour closes of WBTC, buy WBTC with 5% of the USDC, once.",
    ),
    (
        "rsi (14) of btc drops under 25, buy 90 usdc; above 75 sell 90 usdc",
        "If the RSI of 14 1-minute closes of WBTC is below 25, buy 90 USDC worth of WBTC, each time this turns true. "
        "If the RSI of 14 1-minute closes of WBTC is above 75, sell 90 USDC worth of WBTC, each time this "
        "turns true.",
    ),
    (
        "if the hourly RSI of ether is oversold, i.e. below 28, spend 180",
        "If the RSI of 14 1-hour closes of WETH is below 28, buy 180 USDC worth of WETH, once.",
    ),
    (
        "four falling closes in a row on eth: sell 0.4 eth",
        "If 4 1-minute closes of WETH fall in a row, sell 0.4 WETH, once.",
    ),
    (
        "when the last 5 blocks all closed over 2,640 buy 0.75 ether",
        "If the last 5 block closes of WETH are above 2640 USDC, buy 0.75 WETH, once.",
    ),
    (
        "Buy 320 USDC of btc at a fresh 2-hour high",
        "If the price of WBTC is above the highest of 120 earlier 1-minute closes of WBTC, buy 320 USDC worth "
        "of WBTC, once.",
    ),
    ("unload 3 btc in 30 pieces over five hours", "Sell 3 WBTC, in 30 parts over 5 hours."),
    (
        "work 2400 usdc into eth: 200 every 10 minutes, two hours long",
        "Buy 2400 USDC worth of WETH, in 12 parts over 2 hours.",
    ),
    ("eth must never be over 45% of the total, trim the excess", "Cut WETH to 45%. Never hold more than 45% WETH."),
    (
        "bitcoin exposure capped at a fifth; cut back once it goes beyond",
        "Cut WBTC to 20%.",
    ),
    (
        "arb eth between venues with 750 usdc, needs to clear 3 dollars net",
        "Arbitrage WETH with 750 USDC for at least 3 USDC.",
    ),
    (
        "arbitrage on bitcoin using a tenth of the cash, min profit 15 bps",
        "Arbitrage WBTC with 10% of the USDC for at least 0.15%.",
    ),
    (
        "Move 0.6 btc over into ether when btc is at 68,000 or higher",
        "If the price of WBTC is at least 68000 USDC, swap 0.6 WBTC for WETH, once.",
    ),
    ("swap all my eth to btc now", "Swap all of WETH for WBTC, once."),
    (
        "buy 60 usd eth every 30 min, not more than 600 a day",
        "Buy 60 USDC worth of WETH, every 30 minutes. Buy at most 600 USDC a day.",
    ),
    (
        "DCA 110 into bitcoin every 8 hours for two weeks while it's under 66.5k",
        "If the price of WBTC is below 66500 USDC, buy 110 USDC worth of WBTC, every 8 hours, for 14 days.",
    ),
    (
        "buy ether for 95 ten times, one purchase every 100 blocks, leave 300 untouched",
        "Buy 95 USDC worth of WETH, every 100 blocks, 10 times. Keep 300 USDC.",
    ),
    (
        "exit eth at 1,980 or less, also at 2,700 or more; nothing goes out while gas > 60",
        "If the price of WETH is at most 1980 USDC, sell all of WETH. If the price of WETH is at least 2700 "
        "USDC, sell all of WETH. "
        "Only while the gas price is at most 60 gwei.",
    ),
    (
        "spend 500 on eth at 2,050, 800 at 1,900 and 1,200 at 1,750",
        "If the price of WETH is at most 2050 USDC, buy 500 USDC worth of WETH, once. "
        "If the price of WETH is at most 1900 USDC, buy 800 USDC worth of WETH, once. "
        "If the price of WETH is at most 1750 USDC, buy 1200 USDC worth of WETH, once.",
    ),
    (
        "sell 7% of the ether every 3 days, costs up to 2% are ok",
        "Sell 7% of WETH, every 3 days. Pay at most 2% of a trade in costs.",
    ),
)
