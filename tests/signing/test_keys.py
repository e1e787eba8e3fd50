"""Where the signer's key comes from, and that it is shown nowhere."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pickle
import stat
import traceback
from pathlib import Path

import pytest

from sentinel.core.errors import SettingsError, SignerRefused
from sentinel.signing.process import keystore_files
from sentinel.signing.process.local_signer import DevSigner, KeystoreSigner
from sentinel.signing.process.secret_files import read_password
from tests.signing.calls import FEES, KEY, LIMITS, OWN, SWAP


def test_a_development_key_is_for_the_development_chain(key_file: Path) -> None:
    """A raw key is refused on any chain id but 31337, and the message says what to use."""
    with pytest.raises(SettingsError, match="keystore"):
        DevSigner.load(key_file, dataclasses.replace(LIMITS, chain_id=1))


def test_keystore_round_trip(tmp_path: Path, key_file: Path) -> None:
    """An imported key signs under its own address; the file is private, never overwritten, and needs its password."""
    store, password = tmp_path / "wallets" / "w.json", tmp_path / "password"
    password.write_text("correct horse\n")
    assert keystore_files.import_key(store, key_file, read_password(password), rounds=2) == OWN
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert keystore_files.show(store) == OWN
    assert KEY not in store.read_text()
    assert [path.name for path in store.parent.iterdir()] == ["w.json"]
    assert KeystoreSigner.load(store, password, LIMITS).address == OWN
    with pytest.raises(SettingsError, match="never overwritten"):
        keystore_files.create(store, "other", rounds=2)
    password.write_text("wrong\n")
    with pytest.raises(SettingsError, match="does not open"):
        KeystoreSigner.load(store, password, LIMITS)


def test_new_wallets_differ(tmp_path: Path) -> None:
    """Two new wallets have two addresses; an empty password is refused."""
    made = {keystore_files.create(tmp_path / f"{n}.json", "x", rounds=2) for n in range(2)}
    assert len(made) == 2
    with pytest.raises(SettingsError, match="password"):
        keystore_files.create(tmp_path / "3.json", "")


@pytest.mark.parametrize("text", ["", "zz", KEY[:-2], "00" * 32, "ff" * 32, KEY + "00"])
def test_a_bad_key_is_not_repeated(tmp_path: Path, text: str) -> None:
    """A file that holds no key is refused in words that do not repeat what it holds."""
    path = tmp_path / "bad.key"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        keystore_files.import_key(tmp_path / "w.json", path, "x", rounds=2)
    told = "".join(traceback.format_exception(error.value))
    assert not text or text not in told
    assert not (tmp_path / "w.json").exists()


async def test_the_key_is_nowhere_to_be_seen(
    tmp_path: Path, key_file: Path, signer: DevSigner, caplog: pytest.LogCaptureFixture
) -> None:
    """A canary key is in no repr, log, error or pickle of the signer."""
    caplog.set_level(logging.DEBUG)
    shown = [repr(signer), str(signer), f"{signer!r}", repr([signer]), repr(LIMITS)]
    with pytest.raises(TypeError) as refused:
        pickle.dumps(signer)
    shown += traceback.format_exception(refused.value)
    with pytest.raises(SignerRefused) as refusal:
        await signer.sign_transaction(1, 0, SWAP, FEES)
    shown += traceback.TracebackException.from_exception(refusal.value, capture_locals=True).format()
    signed = await signer.sign_transaction(31337, 0, SWAP, FEES)
    shown += [repr(signed), json.dumps(dict(os.environ)), caplog.text, str(dir(signer))]
    assert not hasattr(signer, "__dict__")
    canary = KEY.lower()
    assert all(canary not in text.lower() and str(int(KEY, 16)) not in text for text in shown)
    assert bytes.fromhex(KEY) not in signed.raw
