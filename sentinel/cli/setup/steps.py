"""The steps of set-up in their order: what each will fetch, whether it is done, and how to do it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sentinel.cli.setup import anvil, npm, serving, solidity
from sentinel.cli.setup.common import SetupError, is_tty, say
from sentinel.core.host.places import cache_dir

ASK_ABOVE = 200  # MB: a larger download is confirmed first when somebody is there to ask
ENVIRONMENTS = ("auto", "cpu", "gpu", "none")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of set-up: `download` and `disk` are MB, measured on Linux x86-64 (for a GPU: estimated)."""

    title: str
    download: float
    disk: float
    ready: Callable[[], bool]
    do: Callable[[], None]
    needs_node: bool = False


def package_steps(serve: str) -> list[Step]:
    """What the package needs and does not hold. `serve`: which serving environment, one of ENVIRONMENTS."""
    solc = _megabytes(npm.missing(npm.pinned("solc")))
    steps = [
        Step("Anvil", _megabytes(anvil.wanted()), 45, anvil.ready, anvil.fetch, True),
        npm_step("DEX contracts of the local market", "contracts", 15),
        Step("Solidity compiler, and Sentinel's own contracts", solc, 10, solidity.ready, solidity.compile_all, True),
    ]
    if serve == "auto":
        serve = "gpu" if serving.gpu() else "cpu"
    if serve != "none":
        download, disk = (700, 3200) if serve == "cpu" else (4500, 11000)
        steps.append(
            Step(
                f"vLLM, torch and transformers for {serve.upper()} ({serving.SERVE.name})",
                download,
                disk,
                lambda: serving.serve_ready(serve),
                lambda: serving.make_serve(serve),
            )
        )
    return steps


def npm_step(title: str, group: str, disk: float) -> Step:
    """The step that fetches a group of pinned npm packages."""
    packages = npm.pinned(group)
    size = _megabytes(npm.missing(packages))
    return Step(title, size, disk, lambda: not npm.missing(packages), lambda: npm.fetch_all(packages), True)


def _megabytes(packages: Sequence[npm.Package]) -> float:
    return sum(package.bytes for package in packages) / 1e6


def main(arguments: Sequence[str] = ()) -> int:
    """`sentinel setup`: 0 when everything is ready."""
    parser = argparse.ArgumentParser(prog="sentinel setup", description="Fetch what is missing; skips what is there.")
    parser.add_argument("--serve", choices=ENVIRONMENTS, default="none", help="vLLM too; auto: gpu if one is seen")
    parser.add_argument("--yes", action="store_true", help="do not ask before a large download")
    given = parser.parse_args(arguments)
    return carry_out(lambda: package_steps(given.serve), ask=not given.yes)


def carry_out(steps: Callable[[], list[Step]], *, ask: bool) -> int:
    """Do those that are not ready, after saying what they fetch; the exit code."""
    try:
        if all(step.ready() for step in steps()):
            return 0
        with one_at_a_time():
            todo = [step for step in steps() if not step.ready()]
            if todo:
                announce(todo)
                if ask and not agreed(todo):
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


def announce(todo: list[Step]) -> None:
    """Say beforehand what will be fetched; stop where the disk cannot hold it."""
    say("set-up will fetch:")
    for step in todo:
        size = f"{step.download:6.0f} MB" if step.download >= 1 else "  nothing"
        say(f"  {size} to download, {step.disk:6.0f} MB on disk   {step.title}")
    download, disk = sum(step.download for step in todo), sum(step.disk for step in todo)
    say(f"  {download:6.0f} MB to download, {disk:6.0f} MB on disk in all (less where package caches have parts)")
    for folder in {cache_dir(), serving.SERVE.parent}:
        free = shutil.disk_usage(folder).free / 1e6
        if free < disk:
            raise SetupError(f"{folder} has {free:.0f} MB free and {disk:.0f} MB are needed: make room, then run again")


def agreed(todo: list[Step]) -> bool:
    """Ask a person before a large download; without one, go on."""
    if sum(step.download for step in todo) < ASK_ABOVE or not is_tty():
        return True
    return input("Go on? [Y/n] ").strip().lower() in {"", "y", "yes"}


def perform(todo: list[Step]) -> None:
    """Do the steps in order, each with its time."""
    if any(step.needs_node for step in todo):  # said before the first download, not after it
        npm.check_node()
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
