"""What the daemon hands over to its child: the same settings, paths instead of secrets, nothing else of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.config.network_file import load_network
from sentinel.config.settings import environment, load
from sentinel.core.errors import SettingsError
from sentinel.daemon.signer.supervisor import GROUPS, signer_address, supervised_signer
from sentinel.signing.process import keystore_files
from tests.signing.process.world import KEY, NETWORK, WALLET, settings


def test_the_child_reads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field of the groups that it needs arrives as it was, whatever it was set by; the key does not."""
    given = settings(
        tmp_path,
        signer={"max_trade": "WETH=0.25,USDC=1500", "max_daily_gas_eth": 0.1, "peer_uid": 7},
        limits={"max_inventory_bps": "WETH=7000", "max_fee_gwei": 123.456},
        execution={"mode": "live", "live_chain_id": 5},
    )
    handed = environment(given, *GROUPS)
    for name, value in handed.items():
        monkeypatch.setenv(name, value)
    read = load(None)
    for group in GROUPS:
        assert getattr(read, group) == getattr(given, group)
    assert KEY not in str(handed)
    assert not [name for name in handed if name.startswith(("SENTINEL_RPC", "SENTINEL_MODEL"))]


async def test_whose_wallet_it_is_without_opening_it_here(tmp_path: Path) -> None:
    """A keystore's address needs no password; a raw key is refused elsewhere in the signer's own words; no key is none;
    and a live start without one says what to set."""
    key, store = tmp_path / "key", tmp_path / "keystore"
    key.write_text(KEY)
    keystore_files.import_key(store, key, "x", rounds=2)
    assert await signer_address(settings(tmp_path, wallet={"keystore_file": store}), NETWORK) == WALLET
    with pytest.raises(SettingsError, match="for chain 31337 alone"):
        await signer_address(settings(tmp_path), load_network("ethereum"))
    nobody = settings(tmp_path, wallet={})
    assert await signer_address(nobody, NETWORK) is None
    with pytest.raises(SettingsError, match="live mode needs a key"):
        async with supervised_signer(nobody, NETWORK):
            pass


def test_two_keys_are_one_too_many(tmp_path: Path) -> None:
    """Which of them would sign is never guessed."""
    with pytest.raises(SettingsError, match="set one of keystore_file"):
        settings(tmp_path, wallet={"dev_key_file": "a", "keystore_file": "b"})
