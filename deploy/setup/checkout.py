"""Set-up of a checkout: `.venv` (daemon and development), and what an installed package needs too."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from common import ROOT, run

from sentinel.cli.setup import serving
from sentinel.cli.setup.common import digest, stamped
from sentinel.cli.setup.steps import ENVIRONMENTS, Step, carry_out, npm_step, package_steps

VENV = ROOT / ".venv"


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 if everything is ready."""
    parser = argparse.ArgumentParser(
        prog="setup.py", description="Make this checkout ready; download only what is missing."
    )
    parser.add_argument(
        "--serve", choices=ENVIRONMENTS, default="auto", help="which vLLM to install; auto: gpu if one is found"
    )
    parser.add_argument("--dev", action="store_true", help="only .venv, which is enough for `make check`")
    parser.add_argument("--yes", action="store_true", help="do not ask before a large download")
    given = parser.parse_args(arguments)
    return carry_out(lambda: steps(given.serve, given.dev), ask=not given.yes)


def steps(serve: str, dev_only: bool) -> list[Step]:
    """The steps of a checkout. `dev_only` leaves out everything that only a running market needs."""
    own = [Step("daemon and development packages (.venv)", 205, 470, dev_ready, make_dev)]
    if not dev_only:
        own += [*package_steps(serve), npm_step("OP-stack contracts, for the tests", "tests", 5)]
        own.append(npm_step("axe-core, for the tests of the page", "page", 1))
    return own


def dev_key() -> str:
    """The stamp's key of `.venv`: the lock, and the parts of pyproject.toml that an install reads."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    parts = [project["build-system"], project["project"], project["tool"]["hatch"]]
    return digest(serving.this_python(), serving.LOCKS / "dev.txt", json.dumps(parts, sort_keys=True), str(ROOT))


def dev_ready() -> bool:
    """Whether `.venv` matches its lock."""
    return stamped(VENV, dev_key())


def make_dev() -> None:
    """Make `.venv`: the daemon, its tools, and Sentinel itself as an editable install."""
    program, env = serving.uv(), serving.uv_env()
    install: list[str | Path] = [program, "pip", "install", "--python", serving.python_of(VENV)]
    failed = f"`.venv` is not complete; {serving.RESUME}"
    with serving.filling(VENV, dev_key(), program, env):
        run([*install, "--require-hashes", "-r", serving.LOCKS / "dev.txt"], failed=failed, env=env)
        run(
            [*install, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT],
            failed="Sentinel itself could not be installed into `.venv`",
            env=env,
        )
