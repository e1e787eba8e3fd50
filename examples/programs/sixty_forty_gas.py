# Hold 60 % in one token and the rest in the quote token; rebalance outside a band, and only while gas is cheap.
TOKEN, QUOTE = "WETH", "USDC"
SHARE = 0.60  # of equity in TOKEN
BAND = 0.05  # a distance from SHARE that is left alone
MAX_GAS = 30  # gwei
LARGEST = 900  # QUOTE tokens traded in one block; limits.max_trade must allow as much

gap = weight(TOKEN) - SHARE  # above 0: too much TOKEN
size = min(abs(gap) * equity(), LARGEST, worth(TOKEN) if gap > 0 else worth(QUOTE))  # in QUOTE
if abs(gap) <= BAND:
    hold(f"{weight(TOKEN):.1%} is within {BAND:.0%} of {SHARE:.0%}")
elif gas_price() > MAX_GAS:
    hold(f"{weight(TOKEN):.1%} is off, but gas at {gas_price():.1f} gwei is over {MAX_GAS}")
elif gap > 0:
    amount = size / prices(TOKEN)[-1]
    swap(TOKEN, QUOTE, amount, best_venue(TOKEN, QUOTE, amount))
else:
    swap(QUOTE, TOKEN, size, best_venue(QUOTE, TOKEN, size))
