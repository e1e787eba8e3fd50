"""A complaint about a setting says where it was written and quotes the line, unless it may hold a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.cli.common import explicit
from sentinel.config import settings
from sentinel.config.contradictions import contradictions
from sentinel.config.network_file import load_network
from sentinel.config.origins import OF_COMPOSE, GivenValue, complaint
from sentinel.config.terms import Terms
from sentinel.core.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
SECRET = "canary-1f9d"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *lines: str, sets: tuple[str, ...] = ()
) -> str:
    """What is said of these variables, of an env file with these lines, and of these --set."""
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        Path(".env").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with pytest.raises(SettingsError) as error:
            settings.load(Path(".env"), **explicit(sets))
    return str(error.value)


def test_a_wrong_value_is_quoted_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, file and line, command line; the name as it was written."""
    why = "write a whole number in the digits 0 to 9"
    assert refused(monkeypatch, {"sentinel_web__port": "many"}) == f"environment: sentinel_web__port=many: {why}"
    assert refused(monkeypatch, {}, "", "SENTINEL_WEB__PORT='many'") == f".env, line 2: SENTINEL_WEB__PORT=many: {why}"
    said = refused(monkeypatch, {}, sets=("web.port=many",))
    assert said == f"command line: SENTINEL_WEB__PORT=many: {why}"


def test_what_kubernetes_injects_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable of a Service called sentinel, or sentinel-signer, with what keeps it away."""
    injected = {
        "SENTINEL_PORT": "tcp://10.0.0.1:80",
        "SENTINEL_PORT_80_TCP": "tcp://10.0.0.1:80",
        "SENTINEL_PORT_80_TCP_PROTO": "tcp",
        "SENTINEL_PORT_80_TCP_PORT": "80",
        "SENTINEL_PORT_80_TCP_ADDR": "10.0.0.1",
        "SENTINEL_SERVICE_HOST": "10.0.0.1",
        "SENTINEL_SERVICE_PORT": "80",
        "SENTINEL_SERVICE_PORT_HTTP": "80",
        "SENTINEL_SIGNER_SERVICE_HOST": "fd00::1",
    }
    lines = refused(monkeypatch, injected).splitlines()
    assert len(lines) == len(injected)
    for name, line in zip(sorted(injected), lines, strict=True):
        assert line.startswith(f"environment: {name}={injected[name]} is not a setting: Kubernetes injects")
        assert "enableServiceLinks: false" in line


def test_a_variable_of_compose_in_the_daemons_file_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting that is meant."""
    said = refused(monkeypatch, {}, "SENTINEL_NETWORK=devnet", "SIGNER_SOCKET=/run/sentinel/signer.sock")
    assert said.startswith(".env, line 2: SIGNER_SOCKET=/run/sentinel/signer.sock is not a setting: docker compose")
    assert said.endswith("the daemon's own setting is SENTINEL_WALLET__SIGNER_SOCKET")


def test_the_variables_of_compose_are_those_of_its_file() -> None:
    """All that do not have a setting's name."""
    text = (ROOT / "docker-compose.yml").read_text()
    used = {name for name in re.findall(r"\$\{(\w+)", text) if not name.startswith("SENTINEL_")}
    assert used == OF_COMPOSE.keys()


@pytest.mark.attack("secrets told to others", "contained")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTINEL_RPC__URL", f"node.example/v3/{SECRET}"),
        ("SENTINEL_RPC__URLS", f"http://a,,node.example/{SECRET}"),
        ("SENTINEL_RPC__ULR", f"https://node.example/v3/{SECRET}"),  # a misspelled name of a secret
        ("SENTINEL_MODEL__API_KEY", SECRET),  # there is a setting for its file only
        ("SENTINEL_WALLET__PASSWORD", SECRET),
        ("SENTINEL_WALLET__PASWORD_FILE", SECRET),
        ("SENTINEL_PORT", f"tcp://user:{SECRET}@10.0.0.1:80"),
        ("SENTINEL_PORT", SECRET),
        ("SENTINEL_ANYTHING", SECRET),
        ("SENTINEL_LIMITS__MAX_TRADE", f"https://node.example/{SECRET}"),
        ("SENTINEL_LIMITS__MAX_TRADE", f"wss://{SECRET}@node.example"),
        ("SENTINEL_LIMITS__MAX_TRADES", f"https://node.example?key={SECRET}"),
        ("SENTINEL_WALLET__PASSWORD", f'"{SECRET}'),
        ("SENTINEL_RPC__URL", f"${{{SECRET}}}"),
    ],
)
def test_what_may_be_a_secret_is_not_quoted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From whichever place: the name and the place alone."""
    for said in (refused(monkeypatch, {name: value}), refused(monkeypatch, {}, f"{name}={value}")):
        assert SECRET not in said
        assert name in said or "line 1" in said  # a line that is not understood is not shown at all


@pytest.mark.attack("secrets told to others", "contained")
def test_a_private_key_in_the_place_of_a_number_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor an API key of 32 digits."""
    for key in ("0x" + "5e" * 32, "5e" * 16):
        for name in ("SENTINEL_LIMITS__MAX_TRADE", "SENTINEL_LIMITS__MAX_TRADES", "SENTINEL_LOG__LEVEL"):
            assert key not in refused(monkeypatch, {name: key})


def test_what_cannot_be_seen_is_shown_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line as it was written, in characters that a terminal shows; a long one is cut."""
    said = refused(monkeypatch, {"SENTINEL_LIMITS__MAX_TRADE": "5\u200b"})
    assert said.startswith(r"environment: SENTINEL_LIMITS__MAX_TRADE=5\u200b: the value holds")
    assert len(refused(monkeypatch, {"SENTINEL_LIMITS__MAX_TRADE": "z" * 5000})) < 200


def test_contradicting_settings_are_quoted_with_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is no default; so are settings that the network does not know."""
    monkeypatch.setenv("SENTINEL_LIMITS__MIN_TRADE", "501.0")
    Path(".env").write_text("\nSENTINEL_LIMITS__MAX_TRADE=500\nSENTINEL_LIMITS__MAX_INVENTORY_BPS=PEPE=10\n")
    loaded, network = settings.load(), load_network("devnet")
    (line,) = contradictions(loaded, network)
    assert line.endswith(
        "[environment: SENTINEL_LIMITS__MIN_TRADE=501.0; .env, line 2: SENTINEL_LIMITS__MAX_TRADE=500]"
    )
    with pytest.raises(SettingsError, match=r"PEPE not in network devnet \[.env, line 3: .*BPS=PEPE=10\]"):
        Terms.of(loaded, network)
    assert loaded == settings.load(
        None, limits={"min_trade": 501.0, "max_trade": 500.0, "max_inventory_bps": {"PEPE": 10}}
    )


def test_a_credential_is_named_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Name and place, without the path's content."""
    given = GivenValue(tmp_path / "wallet.password", "credential")
    said = complaint("SENTINEL_WALLET__PASSWORD_FILE", given, "it is empty")
    assert said == "systemd credential: SENTINEL_WALLET__PASSWORD_FILE: it is empty"
