"""How this machine gets its packages: the settings of pip, uv, npm and apt, to be passed on to a fresh root."""

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
SOURCES = ("etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/preferences.d")  # where this is the same Debian


def environment() -> dict[str, str]:
    """The variables that say where packages come from and whom to trust."""
    return {name: value for name, value in os.environ.items() if NAMES.match(name)}


def pip_settings() -> dict[str, str]:
    """What all of pip's files come to, as `section.name`; its variables are in the environment."""
    pairs = (line.split("=", 1) for line in serving.pip_config() if not line.startswith(":env:"))
    return {name: str(ast.literal_eval(value)) for name, value in pairs}


def folders() -> list[Path]:
    """Folders and files of this machine that those settings name, such as one of wheels or a package index."""
    text = "\n".join([*environment().values(), *pip_settings().values()])
    # An index refers to archives beside itself.
    found = {Path(path).parent for path in re.findall(r"file://(/[^\s'\",]+)", text)}
    found |= {Path(path) for path in re.findall(r"(?<![\w/:.])(/[^\s'\",:]+)", text)}
    return sorted(path for path in found if path.exists() and not path.is_relative_to("/etc/ssl"))


def same_debian() -> bool:
    """True where this machine's own sources fit the fresh root."""
    release = Path("/etc/os-release")
    return release.exists() and f"VERSION_CODENAME={SUITE}\n" in release.read_text()


def mirror() -> list[str]:
    """What debootstrap is told: this machine's own mirror of the same Debian, or nothing, for its default."""
    if not same_debian():
        return []
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {SUITE}"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[:1]


def copy_settings(root: Path) -> None:
    """Put the files of these settings into a fresh root."""
    pairs = [(Path.home() / name, root / "root" / name) for name in OF_HOME]
    pairs += [(Path("/", name), root / name) for name in OF_MACHINE + FOLDERS + (SOURCES if same_debian() else ())]
    for source, target in pairs:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)
    made = configparser.RawConfigParser()
    for name, value in pip_settings().items():
        section, option = name.split(".", 1)
        if not made.has_section(section):
            made.add_section(section)
        made.set(section, option, value.replace("\n", "\n  "))
    with (root / "etc/pip.conf").open("w") as file:
        made.write(file)
    # Proxies, certificates and checks of apt; its hooks are this machine's own affair.
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    acquire = [line for line in dumped.splitlines() if line.startswith("Acquire::")]
    (root / "etc/apt/apt.conf.d/50client").write_text("\n".join(acquire) + "\n")
    # As files, not as links: a link would lead out of the root while this copies.
    certificates = root / "etc/ssl/certs"
    shutil.rmtree(certificates, ignore_errors=True)
    shutil.copytree("/etc/ssl/certs", certificates, ignore_dangling_symlinks=True)
