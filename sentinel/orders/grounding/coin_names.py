"""The names by which operators call coins, and the names of coins that most networks do not trade."""

from __future__ import annotations

from collections.abc import Collection

from sentinel.core.network import Symbol
from sentinel.orders.grounding.number_words import word_set

QUOTE_NAMES = word_set("$ usdc usd dollar dollars buck bucks cash stable stables stablecoin stablecoins usdcs dollarz")
NAMES: dict[str, Symbol] = {
    **dict.fromkeys(word_set("weth eth ether ethers ethereum eths weths etherium ethereums"), Symbol("WETH")),
    **dict.fromkeys(word_set("wbtc btc bitcoin bitcoins btcs wbtcs xbt"), Symbol("WBTC")),
}
SATOSHI = word_set("sat sats satoshi satoshis")  # 10^-8 WBTC each
_OTHERS = word_set(
    """
    1inch aave ada algo avalanche avax axs bch bnb bonk cardano cbeth chainlink crv dai doge dogecoin eos eur euro euros
    fil floki frax ftm gbp gold grt hbar icp imx inj ldo litecoin ltc luna matic mkr monero pendle pepe pepecoin
    polkadot polygon reth ripple rpl shib shiba sol solana steth sui tao tether ton tron trx usdt wif wsteth xlm xmr
    xrp yen yfi zec € £ ¥
    """
)
# English words too: a coin only in capital letters.
_OTHERS_IN_CAPITALS = word_set("APE APT ARB ATOM COMP DASH DOT ENA ETC FET GALA LINK MANA NEAR OP SAND UNI")


def coin_named(word: str, tokens: Collection[Symbol], quote: Symbol, *, shouted: bool = False) -> Symbol | None:
    """The token that a word names; a coin that is not in `tokens` by its name in capital letters; None for no coin.

    `shouted`: all of the text is in capital letters.
    """
    lower = word.lower().removesuffix("'s").removesuffix("\u2019s")
    if lower in QUOTE_NAMES:
        return quote
    if (known := NAMES.get(lower)) is not None:
        return known
    if (symbol := next((token for token in tokens if token.lower() == lower), None)) is not None:
        return symbol
    if lower in SATOSHI:
        return Symbol("WBTC")
    by_capitals = word in _OTHERS_IN_CAPITALS and not shouted
    return Symbol(word.upper()) if lower in _OTHERS or by_capitals else None
