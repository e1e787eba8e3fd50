"""What the images would run, without an engine: the Dockerfile's own steps in a mount namespace of their own.

The machine's Python stands where the image's is (/usr/local), the tree that the steps make is /opt/sentinel, and the
service runs as the image's user, without capabilities, on a tree that is mounted read-only.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILES = sorted((CHECKOUT / "deploy" / "docker").glob("Dockerfile*"))
UID = 10001


def compose() -> dict[str, Any]:
    """The file, merged anchors and all."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def stages(dockerfile: Path) -> dict[str, list[tuple[str, str]]]:
    """(instruction, rest) by stage, continued lines joined, remarks left out."""
    text = re.sub(
        r"\\\n\s*", " ", "\n".join(li for li in dockerfile.read_text().splitlines() if not li.startswith("#"))
    )
    found: dict[str, list[tuple[str, str]]] = {}
    stage = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.split(" AS ")[-1]
            found[stage] = []
        found[stage].append((word, rest))
    return found


@dataclass(frozen=True, slots=True)
class Tree:
    """Becomes /opt/sentinel."""

    root: Path

    def build(self) -> None:
        """The stages wheels, fetched and daemon; packages come by the ordinary clients."""
        made = stages(CHECKOUT / "deploy" / "docker" / "Dockerfile")
        for stage in ("wheels", "fetched"):
            for word, rest in made[stage]:
                if word == "COPY" and not rest.startswith("--from"):
                    self._copy(rest)
                elif word == "RUN":
                    own = shlex.join(f"{name}={value}" for name, value in variables(stage, {}).items())
                    command = self.inside(f"{own and f'export {own}'}\n{rest}", write=True)
                    done = subprocess.run(command, check=False, capture_output=True, text=True)
                    assert done.returncode == 0, done.stderr[-2000:]
        for word, rest in made["daemon"]:
            if word == "COPY" and not rest.startswith("--from"):
                self._copy(rest)
            elif word == "COPY" and rest.startswith("--from=fetched"):
                _, source, target = rest.split()
                (found,) = self.root.glob(source.removeprefix("/opt/sentinel/"))
                (self.root / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, self.root / target)
        shutil.rmtree(self.root / "cache")

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        for source in sources:
            at, to = CHECKOUT / source, self.root / target / ("" if len(sources) == 1 else Path(source).name)
            to = self.root / target if len(sources) == 1 else to
            if at.is_dir():
                shutil.copytree(at, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(at, to)

    def environment(self) -> dict[str, str]:
        """ENV of the stage `daemon`."""
        # The library of the machine's Python lies where that was built, which the image's user may not be let into.
        return variables("daemon", {"PATH": "/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"})

    def inside(self, script: str, *, write: bool = False, more: Sequence[str] = ()) -> list[str]:
        """A command that runs `script` with the tree at /opt/sentinel; as root where it may `write`, else as the
        image's user. `more`: further steps of the namespace's set-up."""
        steps = ["set -e", "mount --make-rprivate /", f"mount --bind {sys.base_prefix} /usr/local"]
        kept = shlex.quote(f"{self.root}.opt")  # what the machine has there, package mirrors for instance, stays
        steps += [f"mkdir -p {kept}", f"mount --rbind /opt {kept}", "mount -t tmpfs tmpfs /opt"]
        steps.append(f'for d in {kept}/*/; do n=$(basename "$d"); mkdir "/opt/$n"; mount --rbind "$d" "/opt/$n"; done')
        steps += ["mkdir -p /opt/sentinel", f"mount --bind {self.root} /opt/sentinel"]
        steps += more
        if not write:
            steps.append("mount -o remount,bind,ro /opt/sentinel")
        steps.append("cd /opt/sentinel")
        user = f"setpriv --reuid {UID} --regid {UID} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
        steps.append("export PATH=/usr/local/bin:/usr/bin:/bin")
        steps.append(f"exec {'' if write else user} sh -c {shlex.quote(script)}")
        return ["unshare", "--mount", "sh", "-c", "\n".join(steps)]


def variables(stage: str, found: dict[str, str]) -> dict[str, str]:
    """`found` and what ENV of a stage makes of it."""
    for word, rest in stages(CHECKOUT / "deploy" / "docker" / "Dockerfile")[stage]:
        if word == "ENV":
            pairs = (pair.split("=", 1) for pair in shlex.split(rest))
            found |= {name: value.replace("$PATH", found.get("PATH", "")) for name, value in pairs}
    return found


def entry_of(dockerfile: Path, stage: str) -> list[str]:
    """ENTRYPOINT of a stage."""
    (found,) = [rest for word, rest in stages(dockerfile)[stage] if word == "ENTRYPOINT"]
    command: list[str] = json.loads(found)
    return command


def exported(environment: Mapping[str, str]) -> list[str]:
    """`env -i` with exactly these."""
    return ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
