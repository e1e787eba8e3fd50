# Buy for a fixed amount at fixed intervals, unless gas is expensive, and keep a reserve.
TOKEN, QUOTE = "WETH", "USDC"
AMOUNT = 400  # QUOTE tokens for each purchase
INTERVAL = 3600  # seconds of chain time from one purchase to the next
MAX_GAS = 30  # gwei
RESERVE = 500  # QUOTE tokens that are never spent

waited = last_trade()  # seconds since this wallet's last trade; very many before the first one
if waited < INTERVAL:
    hold(f"next buy in {(INTERVAL - waited + 59) // 60} min")
elif gas_price() > MAX_GAS:
    hold(f"gas at {gas_price():.1f} gwei is over {MAX_GAS}")
elif balance(QUOTE) - AMOUNT < RESERVE:
    hold(f"{balance(QUOTE):,.2f} {QUOTE}: a purchase would leave less than {RESERVE}")
else:
    swap(QUOTE, TOKEN, AMOUNT, best_venue(QUOTE, TOKEN, AMOUNT))
