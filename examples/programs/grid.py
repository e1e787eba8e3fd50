# A grid: all in QUOTE at HIGH, all in TOKEN at LOW, and one trade each time the price has moved by one step between.
TOKEN, QUOTE = "WETH", "USDC"
LOW, HIGH = 1500, 2500  # QUOTE tokens for one TOKEN
STEPS = 20
LARGEST = 900  # QUOTE tokens traded in one block; limits.max_trade must allow as much

price = prices(TOKEN)[-1]
share = min(1, max(0, (HIGH - price) / (HIGH - LOW)))  # of equity that belongs in TOKEN at this price
gap = weight(TOKEN) - share  # above 0: too much TOKEN
size = min(abs(gap) * equity(), LARGEST, worth(TOKEN) if gap > 0 else worth(QUOTE))  # in QUOTE
if abs(gap) < 1 / STEPS:
    hold(f"{price:,.2f}: {weight(TOKEN):.1%} {TOKEN}, less than a step from {share:.1%}")
elif gap > 0:
    amount = size / price
    swap(TOKEN, QUOTE, amount, best_venue(TOKEN, QUOTE, amount))
else:
    swap(QUOTE, TOKEN, size, best_venue(QUOTE, TOKEN, size))
