"""The wheel in an environment of its own, and its program in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import CHECKOUT
from sentinel.cli.setup import serving
from sentinel.core.host import places


@dataclass(frozen=True, slots=True)
class Installed:
    """`cache` is what set-up filled; no variable of the caller's reaches the program."""

    wheel: Path
    environment: Path
    folder: Path
    cache: Path

    @classmethod
    def build(cls, work: Path) -> Installed:
        """Builds and installs; nothing is fetched."""
        command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work / "dist"]
        subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
        (wheel,) = (work / "dist").glob("*.whl")
        uv, environment = serving.uv(), work / "environment"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
        install: list[str | Path] = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", environment]
        subprocess.run([*install, wheel], check=True)
        # Its dependencies are those of this environment. A path file in a folder that a path file names is not read,
        # so the checkout, which is installed here as such a file, is not among them.
        ours = {str(Path(path)) for path in sys.path if path.endswith("site-packages")}
        site = next((environment / "lib").glob("python3.*")) / "site-packages"
        (site / "dependencies.pth").write_text("\n".join(sorted(ours)) + "\n")
        (environment / "bin" / "monty").symlink_to(Path(sys.executable).parent / "monty")  # the sandbox's program
        (work / "empty").mkdir()
        return cls(wheel, environment, work / "empty", places.cache_dir())

    @property
    def program(self) -> Path:
        return self.environment / "bin" / "sentinel"

    def variables(self, **more: str) -> dict[str, str]:
        own: dict[str, str | Path] = {"HOME": "home", "SENTINEL_STATE_DIR": "state", "SENTINEL_CACHE_DIR": self.cache}
        paths = {name: str(self.folder.parent / path) for name, path in own.items()}
        return {"PATH": os.environ["PATH"], **paths, **more}

    def __call__(self, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """`sentinel …` to its end."""
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.folder, env=self.variables(**more), capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def json(self, *arguments: str, **more: str) -> Any:
        done = self(*arguments, "--json", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[str]:
        """`sentinel …` that goes on; its standard error goes to `log`."""
        with log.open("w") as file:
            return subprocess.Popen(
                [self.program, *arguments],
                cwd=self.folder, env=self.variables(), stdout=subprocess.PIPE, stderr=file, text=True,
            )  # fmt: skip
