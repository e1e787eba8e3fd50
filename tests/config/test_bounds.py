"""Every number of the settings and of a network file has two finite bounds; what is no number in them is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.config import network_file, settings
from sentinel.config.network_file import FOLDER, load_network
from sentinel.core.errors import SettingsError
from tests.attack_tally import Tries

NO_NUMBERS = ("inf", "-inf", "nan", "Infinity", "1e400", "-1e400", "١٢", "1_000", "0x10", "5 5", "5;", "∞", "9" * 5000)
OPEN_TEXTS = {  # settings whose values are no closed set; each was looked at
    "network", "proposer", "rpc.url", "rpc.ws_url", "rpc.relay_url", "rpc.relay_status_url",
    "signer.rpc_url", "limits.trusted_tokens",
    "strategy.file", "strategy.order", "strategy.order_hash",
    "fork.anvil_path", "model.url", "model.name", "shadow.url", "shadow.name", "strategy.base",
    "wallet.address", "wallet.web3signer_url", "web.host", "rpc.urls", "rpc.ws_urls",
}  # fmt: skip
PATHS = re.compile(r"(.*_file|.*_dir|.*socket)")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def nodes(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a JSON schema, however deep: values of maps, elements of lists, members of unions."""
    if isinstance(part, dict):
        yield place, part
        for key, inner in part.items():
            yield from nodes(inner, f"{place}/{key}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            yield from nodes(inner, f"{place}/{number}")


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each setting by its dotted name with its part of the JSON schema."""
    schema = settings.Settings.model_json_schema()
    for name, part in schema["properties"].items():
        if "$ref" in part:
            group = schema["$defs"][part["$ref"].rpartition("/")[2]]
            yield from ((f"{name}.{inner}", item) for inner, item in group["properties"].items())
        else:
            yield name, part


def is_numeric(part: dict[str, Any]) -> bool:
    return any(node.get("type") in ("integer", "number") for _, node in nodes(part))


SCHEMAS = {"settings": settings.Settings.model_json_schema(), "network": network_file.schema()}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_number_has_two_finite_bounds(schema: dict[str, Any]) -> None:
    """Maps, lists and optional values included."""
    numbers = [(place, node) for place, node in nodes(schema) if node.get("type") in ("integer", "number")]
    assert len(numbers) >= 8
    for place, node in numbers:
        lower = node.get("minimum", node.get("exclusiveMinimum", -math.inf))
        upper = node.get("maximum", node.get("exclusiveMaximum", math.inf))
        assert -math.inf < lower < upper < math.inf, place


@pytest.mark.attack("values and lines", "refused")
def test_no_setting_takes_what_is_no_finite_number(monkeypatch: pytest.MonkeyPatch, tries: Tries) -> None:
    """Each numeric setting and each map of numbers refuses all of them, and the message names the setting."""
    names = [(name, part) for name, part in properties() if is_numeric(part)]
    assert len(names) >= 58
    for dotted, part in names:
        variable = f"SENTINEL_{dotted.replace('.', '__')}".upper()
        for text in NO_NUMBERS:
            shown = f"WETH={text}" if part.get("type") == "object" else text
            with monkeypatch.context() as patch:
                patch.setenv(variable, shown)
                with pytest.raises(SettingsError, match=variable):
                    settings.load(None)
            tries.refused()


@pytest.mark.attack("values and lines", "refused")
def test_no_network_file_takes_what_is_no_finite_number(tmp_path: Path, tries: Tries) -> None:
    """Each number of a shipped file, replaced by what is none, is an error with the line."""
    lines = (FOLDER / "ethereum.toml").read_text().splitlines()
    path = tmp_path / "net.toml"
    seen = set()
    for at, line in enumerate(lines):
        if not (number := re.fullmatch(r"(\w+) = [0-9][0-9_.]*( *#.*)?", line)) or number[1] in seen:
            continue
        seen.add(number[1])
        for text in ("inf", "nan", "-1", "1" + "0" * 30):
            path.write_text("\n".join([*lines[:at], f"{number[1]} = {text}", *lines[at + 1 :]]))
            with pytest.raises(SettingsError, match=rf"net\.toml, line {at + 1}: .*{number[1]}"):
                load_network(str(path))
            tries.refused()
    assert seen >= {"chain_id", "pinned_block", "block_time", "decimals", "fee_pips", "tick_spacing", "max_age"}


def test_texts_are_closed_sets_unless_somebody_decided_otherwise() -> None:
    """A new setting of free text fails here until it is an enumeration or is listed above."""
    texts = {
        name
        for name, part in properties()
        if not PATHS.fullmatch(name)
        and any(node.get("type") == "string" and not {"enum", "const"} & set(node) for _, node in nodes(part))
    }
    assert texts == OPEN_TEXTS


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SENTINEL_NOTIFY__EVENTS", "alarm"),
        ("SENTINEL_NOTIFY__EVENTS", "alarms,alarms"),
        ("SENTINEL_NOTIFY__EVENTS", "alarms,,fills"),
        ("SENTINEL_RPC__URL", "htp://node"),
        ("SENTINEL_RPC__URL", "http://"),
        ("SENTINEL_RPC__URLS", "http://one,http://one"),
        ("SENTINEL_RPC__WS_URL", "http://node"),
        ("SENTINEL_WALLET__ADDRESS", "0x1234"),
        ("SENTINEL_LIMITS__MAX_INVENTORY_BPS", "WETH=5000,WETH=9000"),
        ("SENTINEL_LIMITS__MAX_INVENTORY_BPS", "WETH:5000"),
        ("SENTINEL_EXECUTION__MODE", '"live"'),
        ("SENTINEL_NETWORK", "'devnet'"),
        ("SENTINEL_LIMITS__MAX_TRADE", ""),
        ("SENTINEL_LIMITS__MAX_TRADE", "${TRADE}"),
        ("SENTINEL_LIMITS", '{"max_trade": 5}'),
    ],
)
@pytest.mark.attack("values and lines", "refused")
def test_a_value_that_would_mean_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Whoever wrote it meant something that it does not say; the message names the setting."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        settings.load(None)


def test_a_secret_in_a_wrong_place_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address with a key in it, or a key where an address belongs, is in no message."""
    for variable in ("SENTINEL_RPC__URL", "SENTINEL_RPC__URLS", "SENTINEL_WALLET__ADDRESS"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "node.example/v3/s3cretkey")
            with pytest.raises(SettingsError) as refused:
                settings.load(None)
            assert variable in str(refused.value)
            assert "s3cretkey" not in str(refused.value)


def test_a_map_names_tokens_of_the_network() -> None:
    """Each setting by token is checked, whether it is used by these settings or not."""
    from sentinel.config.terms import Terms

    network = load_network("devnet")
    maps = [name for name, part in properties() if part.get("type") == "object"]
    assert len(maps) >= 5
    for dotted in maps:
        group, name = dotted.split(".")
        value = {"WETHH": 1}
        with pytest.raises(SettingsError, match=f"{name.upper()}.*WETHH"):
            Terms.of(settings.load(None, **{group: {name: value}}), network)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("rpc", "urls", "node.example/v2/canary-key,,http://other.example"),
        ("rpc", "urls", "node.example/canary-key,node.example/canary-key"),
        ("rpc", "ws_urls", "wss://node.example/canary-key,"),
        ("signer", "rpc_url", "https://node.example/v2/canary-key"),
        ("signer", "rpc_url", "https://canary-key@node.example"),
        ("signer", "rpc_url", "https://node.example?key=canary-key"),
    ],
)
def test_an_address_that_may_hold_a_key_is_refused_and_not_quoted(group: str, name: str, value: str) -> None:
    """Lists of addresses quote nothing; what the signer's child is given in its environment holds no key."""
    with pytest.raises(SettingsError) as refused:
        settings.load(None, **{group: {name: value}})
    assert "canary-key" not in str(refused.value)
    assert f"{group}__{name}".upper() in str(refused.value)


@pytest.mark.parametrize("value", ["orcale", "", " code", "CODE", "127.0.0.1:9000", "ftp://host/v1", "http://host"])
def test_a_proposer_is_a_name_or_an_address_with_its_path(value: str) -> None:
    """Anything else names the setting; the four forms are taken as they are."""
    with pytest.raises(SettingsError, match="SENTINEL_PROPOSER"):
        settings.load(None, proposer=value)
    for form, url in (("student", ""), ("oracle", ""), ("code", ""), ("https://host/v1", "https://host/v1")):
        assert settings.load(None, proposer=form).proposer_url == url


@pytest.mark.parametrize("value", ["node.example/canary-key", "ftp://node.example/canary-key", "canary-key@node"])
def test_a_key_in_a_wrong_proposer_is_not_quoted(value: str) -> None:
    """The address of a server may hold one."""
    with pytest.raises(SettingsError, match="SENTINEL_PROPOSER") as refused:
        settings.load(None, proposer=value)
    assert "canary-key" not in str(refused.value)
