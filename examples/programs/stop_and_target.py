# Sell the whole position at or below a stop, or at or above a target.
TOKEN, QUOTE = "WETH", "USDC"
STOP = 1500  # QUOTE tokens for one TOKEN
TARGET = 2500
LARGEST = 900  # QUOTE tokens sold in one block; limits.max_trade must allow as much
SMALLEST = 10  # QUOTE tokens; less than this is left in the wallet

price = prices(TOKEN)[-1]
if worth(TOKEN) < SMALLEST:
    hold(f"no {TOKEN} to sell")
elif STOP < price < TARGET:
    hold(f"{price:,.2f} is between the stop at {STOP:,} and the target at {TARGET:,}")
else:
    amount = min(worth(TOKEN), LARGEST) / price  # in TOKEN, never more than the balance
    swap(TOKEN, QUOTE, amount, best_venue(TOKEN, QUOTE, amount))
