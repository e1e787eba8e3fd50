"""Orders of our own with their readings: `DEVELOP` for making the rule-based reader, `APART` only for measuring it.

Both halves were written before the reader. `APART` must never be used to change it.
"""

from __future__ import annotations

DEVELOP: tuple[tuple[str, str], ...] = (
    ("Put 75 bucks into bitcoin every four hours.", "Buy 75 USDC worth of WBTC, every 4 hours."),
    ("sell 0.02 btc twice a day", "Sell 0.02 WBTC, every 12 hours."),
    ("Every day buy 120 USDC of WETH, for two weeks.", "Buy 120 USDC worth of WETH, every 1 day, for 14 days."),
    ("limit buy: 0.08 btc at 41k", "If the price of WBTC is at most 41,000 USDC, buy 0.08 WBTC, once."),
    ("sell 2 eth at 3,450 or better", "If the price of WETH is at least 3,450 USDC, sell 2 WETH, once."),
    (
        "As soon as ether trades under 1850 spend a quarter of my cash on it.",
        "If the price of WETH is below 1,850 USDC, buy WETH with 25% of the USDC, once.",
    ),
    (
        "Stop loss on the btc: dump everything if it hits 52k.",
        "If the price of WBTC is at most 52,000 USDC, sell all of WBTC.",
    ),
    (
        "Get me out of eth when I'm down 8% on my entry",
        "If the price of WETH is at most 92% of the entry price of WETH, sell all of WETH.",
    ),
    (
        "If my ether position loses more than 400 dollars, sell half of it.",
        "If the profit on WETH is below -400 USDC, sell 50% of WETH, once.",
    ),
    (
        "Take profit: sell 30% of the bitcoin once it's 15 percent above what I paid.",
        "If the price of WBTC is at least 115% of the entry price of WBTC, sell 30% of WBTC, once.",
    ),
    ("Sell all my WETH at 4.2k.", "If the price of WETH is at least 4,200 USDC, sell all of WETH."),
    ("Trail my eth by 6%.", "If the price of WETH is at most 94% of the high since entry of WETH, sell all of WETH."),
    (
        "trailing stop 120 dollars on weth",
        "If the price of WETH is at most the difference of the high since entry of WETH and 120 USDC, "
        "sell all of WETH.",
    ),
    (
        "Hold 70/30 eth and usdc, rebalance if it drifts more than 4 points.",
        "Rebalance to 70% WETH and 30% USDC when off by more than 4%.",
    ),
    (
        "Keep bitcoin at 25% of the whole portfolio, band 3, trade back to the edge only",
        "Rebalance to the edge of 25% WBTC when off by more than 3%.",
    ),
    (
        "When ETH is up at least 2% in half an hour buy 350 USDC of it; when it is down 2% or more in half an hour "
        "sell the same amount.",
        "If the change of WETH over 30 minutes is at least 2%, buy 350 USDC worth of WETH, each time this turns true. "
        "If the change of WETH over 30 minutes is at most -2%, sell 350 USDC worth of WETH, each time this turns true.",
    ),
    (
        "Buy 600 of whichever of eth or btc gained more over the last 2 hours, every day.",
        "Buy 600 USDC worth of the best of WETH/WBTC in 2 hours, every 1 day.",
    ),
    (
        "If ETH is 3% below its 30-block average buy 200 usdc.",
        "If the price of WETH is at most 97% of the mean of 30 12-second closes of WETH, "
        "buy 200 USDC worth of WETH, each time this turns true.",
    ),
    (
        "rsi under 25 -> buy 150 bucks eth. rsi over 75 -> sell 150 bucks.",
        "If the RSI of 14 1-minute closes of WETH is below 25, buy 150 USDC worth of WETH, each time this turns true. "
        "If the RSI of 14 1-minute closes of WETH is above 75, sell 150 USDC worth of WETH, each time this turns true.",
    ),
    ("Buy 3000 USDC of btc in 6 equal parts over 3 hours", "Buy 3,000 USDC worth of WBTC, in 6 parts over 3 hours."),
    ("Sell 2.4 ether, 0.1 every ten minutes.", "Sell 2.4 WETH, in 24 parts over 4 hours."),
    ("never let eth be more than 45% of my money", "Cut WETH to 45%. Never hold more than 45% WETH."),
    (
        "Do the WETH arbitrage with 1,500 USDC whenever it nets at least 4 dollars.",
        "Arbitrage WETH with 1,500 USDC for at least 4 USDC.",
    ),
    ("close everything now, all to usdc", "Sell all of WETH. Sell all of WBTC."),
    (
        "DCA 60 usdc in eth every 2 hours while gas is under 25 gwei, never spend more than 300 a day.",
        "Buy 60 USDC worth of WETH, every 2 hours. Only while the gas price is below 25 gwei. "
        "Buy at most 300 USDC a day.",
    ),
    (
        "Buy 0.3 eth if it falls to 2050 and sell it all at 2600. Max gas 60 gwei. leave 200 usdc alone.",
        "If the price of WETH is at most 2,050 USDC, buy 0.3 WETH, once. "
        "If the price of WETH is at least 2,600 USDC, sell all of WETH. "
        "Only while the gas price is at most 60 gwei. Keep 200 USDC.",
    ),
    ("sell my bitcoin if it goes much higher", "Ask: at which price, change or level?"),
    ("Put 500 dollars to work every day.", "Ask: which coin?"),
    ("short 1 eth at 2900", "Refuse: what is not held cannot be sold"),
    ("send 200 usdc to my sister every friday", "Refuse: coins are never sent away"),
)

APART: tuple[tuple[str, str], ...] = (
    ("Grab 25 dollars' worth of eth every thirty minutes please", "Buy 25 USDC worth of WETH, every 30 minutes."),
    ("Sell 0.05 of my ETH once a day", "Sell 0.05 WETH, every 1 day."),
    ("spend 2% of my USDC on btc every 6 hours", "Buy WBTC with 2% of the USDC, every 6 hours."),
    (
        "If bitcoin drops to 38 000 buy for 1.2k",
        "If the price of WBTC is at most 38,000 USDC, buy 1,200 USDC worth of WBTC, once.",
    ),
    (
        "whenever ether is above 3,900 sell 0.25, but at most once an hour",
        "If the price of WETH is above 3,900 USDC, sell 0.25 WETH, every 1 hour.",
    ),
    (
        "bail out of my whole btc position below 47.5k",
        "If the price of WBTC is below 47,500 USDC, sell all of WBTC.",
    ),
    (
        "Cut the ether in half if it's 12% under my average buy price.",
        "If the price of WETH is at most 88% of the entry price of WETH, sell 50% of WETH, once.",
    ),
    (
        "When I am 30% up on ETH, cash out 40% of it; at 60% up cash out the rest.",
        "If the price of WETH is at least 130% of the entry price of WETH, sell 40% of WETH, once. "
        "If the price of WETH is at least 160% of the entry price of WETH, sell all of WETH.",
    ),
    (
        "btc at sixty-five thousand or more: sell 0.1",
        "If the price of WBTC is at least 65,000 USDC, sell 0.1 WBTC, once.",
    ),
    (
        "Give my bitcoin room of 4.5% from its peak, then sell all of it",
        "If the price of WBTC is at most 95.5% of the high since entry of WBTC, sell all of WBTC.",
    ),
    (
        "Once ETH has gained 10% over my entry, protect it with a 5% trailing stop.",
        "If the high since entry of WETH is at least 110% of the entry price of WETH and "
        "the price of WETH is at most 95% of the high since entry of WETH, sell all of WETH.",
    ),
    (
        "50/50 ether/bitcoin of the two, swap when one is more than 6 points off",
        "Rebalance to 50% WETH and 50% WBTC alone when off by more than 6%.",
    ),
    (
        "target: 40 percent eth, 20 percent btc, the rest stays in dollars. fix it when 5 points or more away.",
        "Rebalance to 40% WETH and 20% WBTC and 40% USDC when off by at least 5%.",
    ),
    (
        "if btc jumps more than 1.5% within 15 minutes, get 400 USDC of it",
        "If the change of WBTC over 15 minutes is above 1.5%, buy 400 USDC worth of WBTC, each time this turns true.",
    ),
    (
        "Five rising blocks in a row on eth: buy 100.",
        "If 5 12-second closes of WETH rise in a row, buy 100 USDC worth of WETH, each time this turns true.",
    ),
    (
        "sell 0.5 eth each time it stands 4% over the mean of the last 50 blocks",
        "If the price of WETH is at least 104% of the mean of 50 12-second closes of WETH, "
        "sell 0.5 WETH, each time this turns true.",
    ),
    (
        "buy 250 dollars of bitcoin when it is 2 percent or more below its one hour average",
        "If the price of WBTC is at most 98% of the mean of 60 1-minute closes of WBTC, "
        "buy 250 USDC worth of WBTC, each time this turns true.",
    ),
    (
        "If the 14 period RSI of bitcoin falls below 28 buy 500 USDC of it, if it climbs above 72 sell half.",
        "If the RSI of 14 1-minute closes of WBTC is below 28, buy 500 USDC worth of WBTC, each time this turns true. "
        "If the RSI of 14 1-minute closes of WBTC is above 72, sell 50% of WBTC, each time this turns true.",
    ),
    (
        "Spread a 4,800 dollar bitcoin purchase over a day, one piece an hour",
        "Buy 4,800 USDC worth of WBTC, in 24 parts over 1 day.",
    ),
    ("sell my 3 eth in ten slices, one every 5 minutes", "Sell 3 WETH, in 10 parts over 50 minutes."),
    (
        "Bitcoin and ether together must not be above 60% of everything, sell down if they are.",
        "Cut WBTC/WETH to 60%.",
    ),
    (
        "use 20% of my usdc for eth arbitrage if there's at least 0.3% in it after costs",
        "Arbitrage WETH with 20% of the USDC for at least 0.3%.",
    ),
    ("Sell the whole ether stack now, I don't care about price", "Sell all of WETH."),
    (
        "Every 90 minutes buy 0.01 btc, keep 1k usdc in reserve and stay out when gas is above 45 gwei",
        "Buy 0.01 WBTC, every 90 minutes. Only while the gas price is at most 45 gwei. Keep 1,000 USDC.",
    ),
    (
        "Swap 1 eth to btc when btc is below 50k",
        "If the price of WBTC is below 50,000 USDC, swap 1 WETH for WBTC, once.",
    ),
    (
        "Buy 300 USDC of ether at 2,000, stop at 1,800, target 2,500.",
        "If the price of WETH is at most 1,800 USDC, sell all of WETH. "
        "If the price of WETH is at least 2,500 USDC, sell all of WETH. "
        "If the price of WETH is at most 2,000 USDC, buy 300 USDC worth of WETH, once.",
    ),
    ("Rebalance my coins when they are off by 5%", "Ask: which share of which coin?"),
    ("if bitcoin touches 70k do 0.2", "Ask: buy or sell?"),
    ("Buy 100 bucks of solana each day", "Refuse: a coin in it is not on this network's list"),
    ("Ignore the daily limit and buy 5 btc today", "Refuse: limits are set in the settings, not by an order"),
)
