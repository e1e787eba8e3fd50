"""Live on a chain that is not the development one: a keystore, a green doctor, and the chain named twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from sentinel.config.network_file import FOLDER, load_network
from sentinel.config.settings import Settings, load
from sentinel.core.errors import SettingsError
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome, Settled
from sentinel.daemon.doctor.live_start import require_settings
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.flatten.sale_cycle import SaleCycle
from sentinel.daemon.guards.live_permission import require_permission
from sentinel.daemon.wiring import opened
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.signing.process import keystore_files
from tests.daemon.running import ORDER, moving
from tests.journal.values import act, intent
from tests.orders.taught_sampler import TaughtSampler

CHAIN = 424242  # nobody's
WALLET = to_checksum_address("0x" + "c7" * 20)
APART = {"max_head_age": 600, "max_deadline": 600}  # blocks come faster than seconds, so chain time runs ahead
PATIENCE = 120.0  # seconds until a trade is confirmed, on a busy machine


@pytest.mark.parametrize(
    ("named", "told"), [(None, "which is not set"), (8453, "which is 8453"), (31337, "which is 31337")]
)
def test_the_chain_is_named_twice(tmp_path: Path, named: int | None, told: str) -> None:
    """The network file alone opens no other chain; the setting alone does not either; the development chain is open."""
    ethereum, devnet = load_network("ethereum"), load_network("devnet")
    with pytest.raises(SettingsError, match=told):
        require_permission(load(None, execution={"live_chain_id": named} if named else {}), ethereum)
    require_permission(load(None, execution={"live_chain_id": ethereum.chain_id}), ethereum)
    require_permission(load(None), devnet)


async def test_it_trades_there_once_all_is_well(devnet: Devnet, tmp_path: Path) -> None:
    """Refused with what the doctor finds, before anything is signed; mended, it trades and is confirmed there."""
    await devnet.rpc.call("anvil_setChainId", CHAIN)
    settings = await _settings(devnet, tmp_path)
    async with moving(devnet, 0.6):
        with pytest.raises(SettingsError, match=r"1\.0000 of the native coin") as refused:
            async with opened(settings(limits={"min_gas_reserve_eth": 1000.0, **APART}), trader_model=TaughtSampler()):
                pass
        assert "while `sentinel doctor` finds" in str(refused.value)
        assert int(await devnet.rpc.call("eth_getTransactionCount", settings().wallet.address, "latest"), 16) == 0

        red = settings(limits={"min_gas_reserve_eth": 1000.0, **APART})
        await _left_behind(red)
        async with opened(red, trader_model=TaughtSampler()) as app:  # I9: what is unfinished is followed all the same
            assert app.startup is not None
            await app.startup.run()
            assert app.parts.journal.open_intents() == ()
            assert "`sentinel doctor` finds" in (app.parts.journal.halt_reason or "")
            app.parts.journal.resume(by="operator")
        with pytest.raises(SettingsError, match="`sentinel doctor` finds"):
            async with opened(red, trader_model=TaughtSampler()):
                pass

        settled: list[Settled] = []
        with (tmp_path / "log").open("w") as log:
            seen = asyncio.Event()

            def ended(one: Settled) -> None:
                settled.append(one)
                seen.set()

            async with opened(settings(), trader_model=TaughtSampler(), log_to=log, on_settled=ended) as app:
                running = asyncio.create_task(app.daemon.run())
                await asyncio.wait_for(seen.wait(), PATIENCE)
                app.daemon.stop()
                assert await asyncio.wait_for(running, PATIENCE) == 0
                runs = app.reloader.runner
                assert isinstance(runs, SaleCycle)
                assert runs.trade.stopping()  # I26: neither would begin anything now
                assert runs.sale.stopping()
        (warned,) = [line for line in _doctor_lines(tmp_path / "log") if line["check"] == "quote feed"]
        assert warned["what"].endswith("if they are in USD, 1 to 1 is assumed")
        assert (warned["grade"], warned["hint"]) == ("warn", "name a feed of USDC as [quote_feed]")

        poor = {"limits": {"min_gas_reserve_eth": 1000.0, **APART}, "state_dir": tmp_path / "dry"}
        with (tmp_path / "dry.log").open("w") as log:  # a dry run risks nothing: it starts, and says the same
            async with opened(settings(execution={"mode": "dry"}, **poor), trader_model=TaughtSampler(), log_to=log):
                pass
        told = {line["check"]: line["grade"] for line in _doctor_lines(tmp_path / "dry.log")}
        assert (told["gas"], told["quote feed"]) == ("fail", "warn")
        assert [done.outcome for done in settled] == [Outcome.CONFIRMED]
        tx = await devnet.rpc.call("eth_getTransactionByHash", settled[0].tx_hash)
        assert int(tx["chainId"], 16) == CHAIN


def _doctor_lines(log: Path) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    found = [line for line in lines if line["event"] == "doctor.finding"]
    assert all(line["level"] == "warning" for line in found)
    return found


async def test_contradicting_settings_leave_no_intent_unfollowed(tmp_path: Path) -> None:
    """I9: they end a start, but not one that has an open intent to follow: that one halts trading and says why."""
    network = load_network("devnet")
    wrong = {"limits": {"min_trade": 1001.0}, "state_dir": tmp_path, "wallet": {"address": WALLET}}
    for mode in ("dry", "live"):
        with pytest.raises(SettingsError, match=r"MIN_TRADE=1001"):
            require_settings(load(None, execution={"mode": mode}, **wrong), network)
    live = load(None, execution={"mode": "live"}, **wrong)
    await _left_behind(live)
    assert "SENTINEL_LIMITS__MIN_TRADE=1001" in (require_settings(live, network) or "")
    with pytest.raises(SettingsError, match=r"MIN_TRADE=1001"):  # a dry run follows nothing
        require_settings(load(None, execution={"mode": "dry"}, **wrong), network)


async def _left_behind(settings: Settings) -> None:
    """An accepted intent that an earlier run did not end; its deadline is past."""
    network = load_network(settings.network)
    path = settings.state_dir / JOURNAL
    journal = Journal.open(path, network, network.pinned_hash, settings.wallet.address)
    journal.accept(None, intent(act(deadline=1_700_000_000)))
    journal.close()


async def _settings(devnet: Devnet, folder: Path) -> Any:
    """Of a new funded key in a keystore, on a network file that pins this very chain; a function of what to change."""
    password, store, network = folder / "password", folder / "keystore", folder / "elsewhere.toml"
    password.touch(mode=0o600)
    password.write_text("correct horse")
    address = keystore_files.create(store, "correct horse", rounds=2)
    await devnet.fund(address, {"WETH": 2 * 10**18, "USDC": 4_000 * 10**6, NATIVE: 10**18})
    await devnet.allow_permit2(address, {"WETH": 10**19, "USDC": 20_000 * 10**6, "WBTC": 4 * 10**7})
    genesis = (await devnet.rpc.call("eth_getBlockByNumber", "0x0", False))["hash"]
    pinned = f'chain_id = {CHAIN}\npinned_block = 0\npinned_hash = "{genesis}"'
    network.write_text((FOLDER / "devnet.toml").read_text().replace("chain_id = 31337", pinned))

    def made(**changes: Any) -> Settings:
        explicit: dict[str, Any] = {
            "network": str(network),
            "proposer": "oracle",
            "state_dir": folder / "state",
            "rpc": {"url": devnet.rpc_url, "ws_url": devnet.ws_url},
            "fork": {"port": 0},
            "web": {"port": 0},
            "wallet": {"keystore_file": store, "password_file": password, "address": address},
            "execution": {"mode": "live", "confirmations": 1, "live_chain_id": CHAIN},
            "limits": {**APART},
            "strategy": {"order": ORDER},
        }
        return load(None, **{**explicit, **changes})

    return made
