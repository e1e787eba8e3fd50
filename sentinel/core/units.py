"""Constants of the units of amounts, fees, sizes and times, each defined only here."""

from __future__ import annotations

BPS = 10_000  # basis points in a whole
PIPS = 1_000_000  # parts of a whole in which a pool's fee is given: 3000 is 0.30 %

COIN_DECIMALS, GWEI_DECIMALS = 18, 9  # decimals of the native coin and of a gwei, in wei
COIN: int = 10**COIN_DECIMALS  # wei
GWEI: int = 10**GWEI_DECIMALS  # wei

TRANSFER_GAS = 21_000  # gas units that every transaction costs at least
MAX_TX_GAS = 1 << 24  # upper bound of the gas limit of a transaction, gas units (EIP-7825)

WORD = 32  # bytes of an EVM word
MAX_UINT256 = (1 << 256) - 1
Q96 = 1 << 96  # scale of the root of the price that a V3 or V4 pool stores
Q192: int = Q96**2

HOUR, DAY = 3_600, 86_400  # seconds
