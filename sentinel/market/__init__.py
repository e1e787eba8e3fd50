"""The local market: real DEX contracts on a fresh Anvil, and a crowd that trades them along real prices."""

from sentinel.market.crowd import Behaviour
from sentinel.market.devnet import Devnet
from sentinel.market.prices import PricePath

__all__ = ["Behaviour", "Devnet", "PricePath"]
