"""Live on a chain that is not the development one: a keystore, a green doctor, and the chain named twice."""

from __future__ import annotations

import os
from pathlib import Path

from sentinel.chain.networks import FOLDER
from sentinel.devnet import Devnet
from sentinel.signer import wallet
from sentinel.types import NATIVE
from tests.app.running import Cli, moving

CHAIN = 424242  # nobody's


async def test_it_trades_where_the_operator_says_so_and_all_is_well(devnet: Devnet, tmp_path: Path) -> None:
    """Refused without the setting, refused with what the doctor finds, and then a confirmed trade on that chain."""
    await devnet.rpc.call("anvil_setChainId", CHAIN)
    async with moving(devnet, 0.6):
        cli = await Cli.on(devnet, tmp_path)
        try:
            await _keystore(cli, devnet)
            genesis = (await devnet.rpc.call("eth_getBlockByNumber", "0x0", False))["hash"]
            network = tmp_path / "elsewhere.toml"
            pinned = f'chain_id = {CHAIN}\npinned_block = 0\npinned_hash = "{genesis}"'
            network.write_text((FOLDER / "devnet.toml").read_text().replace("chain_id = 31337", pinned))
            cli.settings |= {"SENTINEL_NETWORK": str(network), "SENTINEL_EXECUTION__CONFIRMATIONS": "1"}

            code, _, err = await cli("run", "--live")
            assert (code, f"SENTINEL_EXECUTION__LIVE_CHAIN_ID={CHAIN}" in err) == (4, True)
            code, _, err = await cli("run", "--live", "--set", "execution.live_chain_id=1")
            assert (code, "which is 1" in err) == (4, True)

            cli.settings["SENTINEL_EXECUTION__LIVE_CHAIN_ID"] = str(CHAIN)
            code, _, err = await cli("run", "--live", "--set", "limits.gas_reserve_eth=1000")
            assert code == 4, err
            assert "`sentinel doctor` finds" in err
            assert "gas: 1.0000 of the native coin" in err

            await cli.spawn("run", "--live")
            status = await cli.until(lambda found: found["transactions"].get("confirmed", 0) > 0, "status", within=120)
            assert (status["mode"], status["chain_id"]) == ("live", CHAIN)
            code, _, _ = await cli("stop")
            assert code == 0
        finally:
            await cli.end()


async def _keystore(cli: Cli, devnet: Devnet) -> None:
    """A new key in a keystore, funded, in the development key's place."""
    password, store = cli.folder / "password", cli.folder / "keystore"
    password.touch(mode=0o600)
    password.write_text("correct horse")
    address = wallet.create(store, "correct horse", rounds=2)
    await devnet.fund(address, {"WETH": 2 * 10**18, "USDC": 4_000 * 10**6, NATIVE: 10**18})
    await devnet.allow_permit2(address, {"WETH": 10**19, "USDC": 20_000 * 10**6, "WBTC": 4 * 10**7})
    del cli.settings["SENTINEL_WALLET__DEV_KEY_FILE"]
    cli.settings |= {"SENTINEL_WALLET__KEYSTORE_FILE": str(store), "SENTINEL_WALLET__PASSWORD_FILE": str(password)}
    assert os.stat(store).st_mode & 0o077 == 0
