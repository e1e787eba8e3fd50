"""This machine's settings of pip, uv, npm and apt, which are passed on to a fresh root."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import common  # noqa: F401  (puts the checkout on the path)

from sentinel.cli.setup import serving

NAMES = re.compile(r"(PIP|UV|NPM_CONFIG|npm_config)_|.*_(PROXY|proxy)$|.*(CA_CERTS|CA_BUNDLE|CAINFO)$|SSL_CERT_")
SUITE = "bookworm"

OF_HOME = (".npmrc", ".config/uv/uv.toml", ".netrc")
OF_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/npmrc", "etc/uv/uv.toml", "etc/apt/auth.conf")
FOLDERS = ("etc/apt/auth.conf.d", "etc/apt/keyrings", "etc/apt/trusted.gpg.d", "usr/local/share/ca-certificates")
SOURCES = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/apt/preferences.d",
)  # copied only if this machine runs the same Debian


def environment() -> dict[str, str]:
    """The environment variables that set package sources, proxies and certificates."""
    return {name: value for name, value in os.environ.items() if NAMES.match(name)}


def pip_settings() -> dict[str, str]:
    """pip's settings from all of its files, by `section.name`; those of the environment are in `environment`."""
    pairs = (line.split("=", 1) for line in serving.pip_config() if not line.startswith(":env:"))
    return {name: str(ast.literal_eval(value)) for name, value in pairs}


def folders() -> list[Path]:
    """Folders and files of this machine that those settings name, such as wheels or a package index."""
    text = "\n".join([*environment().values(), *pip_settings().values()])
    # A package index refers to archives in its own folder.
    paths = {Path(path).parent for path in re.findall(r"file://(/[^\s'\",]+)", text)}
    paths |= {Path(path) for path in re.findall(r"(?<![\w/:.])(/[^\s'\",:]+)", text)}
    return sorted(path for path in paths if path.exists() and not path.is_relative_to("/etc/ssl"))


def same_debian() -> bool:
    """Whether this machine runs the Debian of the fresh root, so that its package sources fit."""
    release = Path("/etc/os-release")
    return release.exists() and f"VERSION_CODENAME={SUITE}\n" in release.read_text()


def mirror() -> list[str]:
    """debootstrap's argument: this machine's mirror of the same Debian, or nothing, for debootstrap's default."""
    if not same_debian():
        return []
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {SUITE}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[:1]


def copy_settings(root: Path) -> None:
    """Copy the files of these settings into a fresh root."""
    pairs = [(Path.home() / name, root / "root" / name) for name in OF_HOME]
    pairs += [(Path("/", name), root / name) for name in OF_MACHINE + FOLDERS + (SOURCES if same_debian() else ())]
    for source, target in pairs:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)
    pip_conf = configparser.RawConfigParser()
    for name, value in pip_settings().items():
        section, option = name.split(".", 1)
        if not pip_conf.has_section(section):
            pip_conf.add_section(section)
        pip_conf.set(section, option, value.replace("\n", "\n  "))
    with (root / "etc/pip.conf").open("w") as file:
        pip_conf.write(file)
    # Proxies, certificates and checks of apt, without its hooks, which belong to this machine.
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    acquire = [line for line in dumped.splitlines() if line.startswith("Acquire::")]
    (root / "etc/apt/apt.conf.d/50client").write_text("\n".join(acquire) + "\n")
    # As files, not as links: a link would point outside the fresh root.
    certificates = root / "etc/ssl/certs"
    shutil.rmtree(certificates, ignore_errors=True)
    shutil.copytree("/etc/ssl/certs", certificates, ignore_dangling_symlinks=True)
