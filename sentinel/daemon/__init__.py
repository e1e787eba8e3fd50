"""The whole program: wiring, loop, start-up, and what the operator may do to it."""

from sentinel.daemon.serve import run, serve
from sentinel.daemon.wiring import App, opened

__all__ = ["App", "opened", "run", "serve"]
