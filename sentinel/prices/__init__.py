"""Recorded prices: files of one-minute bars, the sets that ship with Sentinel, and the downloader."""

DEFAULT = "eth-usdc-2022-07"  # the packaged set that is played if none is named
SYNTHETIC = "synthetic"  # the name by which synthetic prices are asked for
