"""The local market: real DEX contracts on a fresh Anvil, and a crowd that trades in them to follow real prices."""

from sentinel.market.crowd import CrowdBehaviour
from sentinel.market.devnet import Devnet
from sentinel.market.price_path import PricePath

__all__ = ["CrowdBehaviour", "Devnet", "PricePath"]
