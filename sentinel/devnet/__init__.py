"""The local market: real DEX contracts on a fresh Anvil, and a crowd that trades them along real prices."""

from sentinel.devnet.crowd import Behaviour
from sentinel.devnet.net import Devnet
from sentinel.devnet.prices import PricePath

__all__ = ["Behaviour", "Devnet", "PricePath"]
