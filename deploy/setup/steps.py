"""The steps of set-up in their order: what each will fetch, whether it is done, and how to do it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import artifacts
import node_tools
import pythons
import solidity
from common import ROOT, SetupError, cache_dir, is_tty, say

ASK_ABOVE = 200  # MB: a larger download is confirmed first when somebody is there to ask


@dataclass(frozen=True, slots=True)
class Step:
    """One part of set-up: `download` and `disk` are MB, measured on Linux x86-64 (for a GPU: estimated)."""

    title: str
    download: float
    disk: float
    ready: Callable[[], bool]
    do: Callable[[], None]
    needs_node: bool = False


def all_steps(serve: str, dev_only: bool) -> list[Step]:
    """`serve` is cpu, gpu or none; `dev_only` leaves out everything that only a running market needs."""
    contracts = artifacts.missing()
    steps = [Step("daemon and development packages (.venv)", 205, 470, pythons.dev_ready, pythons.make_dev)]
    if dev_only:
        return steps
    steps += [
        Step("Anvil and the Solidity compiler (node_modules)", 28, 55, node_tools.ready, node_tools.install, True),
        Step(
            "DEX contracts (npm packages, unpacked into the cache)",
            sum(package.bytes for package in contracts) / 1e6,
            20,
            lambda: not artifacts.missing(),
            artifacts.fetch_all,
            True,
        ),
        Step("Sentinel's own contracts (compiled)", 0, 1, solidity.ready, solidity.compile_all, True),
    ]
    if serve != "none":
        download, disk = (700, 3200) if serve == "cpu" else (4500, 11000)
        steps.append(
            Step(
                f"vLLM, torch and transformers for {serve.upper()} (.venv-serve)",
                download,
                disk,
                lambda: pythons.serve_ready(serve),
                lambda: pythons.make_serve(serve),
            )
        )
    return steps


def main(arguments: list[str]) -> int:
    """Run what is missing; 0 when everything is ready."""
    given = parse(arguments)
    try:
        serve = ("gpu" if pythons.gpu() else "cpu") if given.serve == "auto" else given.serve
        if all(step.ready() for step in all_steps(serve, given.dev)):
            return 0
        with one_at_a_time():
            todo = [step for step in all_steps(serve, given.dev) if not step.ready()]
            if todo:
                announce(todo)
                if not given.yes and not agreed(todo):
                    say("set-up: nothing was done")
                    return 1
                perform(todo)
        return 0
    except SetupError as error:
        say(f"set-up: {error}")
        return 1
    except OSError as error:
        say(f"set-up: {error}. Make room or mend the permission, then run this again.")
        return 1
    except KeyboardInterrupt:
        say("\nset-up: stopped. Run it again to go on; what was fetched is kept.")
        return 130


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="setup.py", description="Make this checkout ready; skips what is there.")
    parser.add_argument(
        "--serve", choices=["auto", "cpu", "gpu", "none"], default="auto", help="which vLLM; auto: gpu if one is seen"
    )
    parser.add_argument("--dev", action="store_true", help="only .venv, which is all that `make check` needs")
    parser.add_argument("--yes", action="store_true", help="do not ask before a large download")
    return parser.parse_args(arguments)


def announce(todo: list[Step]) -> None:
    """Say beforehand what will be fetched; stop where the disk cannot hold it."""
    say("set-up will fetch:")
    for step in todo:
        size = f"{step.download:6.0f} MB" if step.download >= 1 else "  nothing"
        say(f"  {size} to download, {step.disk:6.0f} MB on disk   {step.title}")
    download, disk = sum(step.download for step in todo), sum(step.disk for step in todo)
    say(f"  {download:6.0f} MB to download, {disk:6.0f} MB on disk in all (less where package caches have parts)")
    free = shutil.disk_usage(ROOT).free / 1e6
    if free < disk:
        raise SetupError(
            f"the disk has {free:.0f} MB free and {disk:.0f} MB are needed: make room, then run this again"
        )


def agreed(todo: list[Step]) -> bool:
    """Ask a person before a large download; without one, go on."""
    if sum(step.download for step in todo) < ASK_ABOVE or not is_tty():
        return True
    return input("Go on? [Y/n] ").strip().lower() in {"", "y", "yes"}


def perform(todo: list[Step]) -> None:
    """Do the steps in order, each with its time."""
    if any(step.needs_node for step in todo):  # said before the first download, not after it
        node_tools.check_node()
    for number, step in enumerate(todo, 1):
        say(f"[{number}/{len(todo)}] {step.title}")
        begun = time.monotonic()
        step.do()
        say(f"[{number}/{len(todo)}] done in {time.monotonic() - begun:.0f} s")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two set-ups at once would undo each other's work: the second waits."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / ".setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("set-up: another one is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
