"""Recorded prices: files of one-minute bars, the sets that ship with Sentinel, and the downloader."""
