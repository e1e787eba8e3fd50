"""Measurements of Sentinel's parts, on this machine and against the real chain's own records"""
