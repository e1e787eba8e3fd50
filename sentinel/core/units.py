"""The units that amounts, fees, sizes and times are counted in: each is defined here and nowhere else."""

from __future__ import annotations

BPS = 10_000  # basis points in a whole
PIPS = 1_000_000  # parts of a whole that a pool's fee is counted in: 3000 is 0.30 %

COIN_DECIMALS, GWEI_DECIMALS = 18, 9  # of wei, below the native coin and below a gwei
COIN: int = 10**COIN_DECIMALS  # wei
GWEI: int = 10**GWEI_DECIMALS  # wei

TRANSFER_GAS = 21_000  # gas units that any transaction takes, and all that one without data takes
MAX_TX_GAS = 1 << 24  # gas units that one transaction may ask for at most (EIP-7825)

WORD = 32  # bytes of an EVM word
MAX_UINT256 = (1 << 256) - 1
Q96 = 1 << 96  # a V3 or V4 pool stores the root of its price times this
Q192: int = Q96**2

HOUR, DAY = 3_600, 86_400  # seconds
