"""The whole program: what `assemble` built and an executor, with start-up and the operator's tools."""

from sentinel.daemon.app import App, opened, run, serve

__all__ = ["App", "opened", "run", "serve"]
