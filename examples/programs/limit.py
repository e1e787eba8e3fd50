# A limit order: buy until the wallet holds a wanted amount, at a limit price or better, fees of the pool included.
TOKEN, QUOTE = "WETH", "USDC"
LIMIT = 1500  # QUOTE tokens for one TOKEN
WANTED = 0.5  # TOKEN in the wallet; the order is filled then
LARGEST = 900  # QUOTE tokens paid in one block; limits.max_trade must allow as much
SMALLEST = 10  # QUOTE tokens; what is missing for less than this counts as filled

price = prices(TOKEN)[-1]
missing = max(0, WANTED - balance(TOKEN)) * price  # in QUOTE
size = min(missing, worth(QUOTE), LARGEST)
if missing < SMALLEST:
    hold(f"filled: {balance(TOKEN):.4f} {TOKEN}")
elif size < SMALLEST:
    hold(f"no {QUOTE} to buy with")
else:
    venue = best_venue(QUOTE, TOKEN, size)
    paid = size / quote(QUOTE, TOKEN, size, venue)  # the price that this purchase would really have
    if paid > LIMIT:
        hold(f"it would cost {paid:,.2f}, above the limit of {LIMIT:,}")
    else:
        swap(QUOTE, TOKEN, size, venue)
