"""Settings as the command line shows and explains them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from sentinel.__main__ import main
from sentinel.cli.common import explicit
from sentinel.cli.show_config import env_example
from sentinel.config.reloadable import restored
from sentinel.config.settings import load, names
from sentinel.core.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the caller's settings, and a folder without a .env."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["sentinel", *arguments])
    return main()


def test_env_example_is_fresh() -> None:
    """`.env.example` lists every setting as it is now; write it anew with `sentinel show-config --example`."""
    assert (ROOT / ".env.example").read_text() == env_example()


def test_an_unknown_setting_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typo ends with exit code 4 before anything starts, and names what was probably meant."""
    monkeypatch.setenv("SENTINEL_LIMITS__MAX_TRADES", "5")
    assert run(monkeypatch, "run") == 4
    said = capsys.readouterr().err
    assert "SENTINEL_LIMITS__MAX_TRADES" in said
    assert "did you mean SENTINEL_LIMITS__MAX_TRADE?" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("playbook=momentum", "`sentinel order preset momentum "),
        ("playbook=triangle", "SENTINEL_PROPOSER=code"),
        ("band=0.05", "`sentinel order preset rebalance "),
        ("slice_interval_blocks=5", "`sentinel order preset slice "),
        ("target_weights=WETH=6000,USDC=4000", "`sentinel order preset rebalance "),
    ],
)
def test_a_setting_of_a_playbook_is_refused_with_its_preset(
    pair: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the environment as on the line; and the preset that is named can be run as it stands."""
    name, _, value = pair.partition("=")
    monkeypatch.setenv(f"SENTINEL_STRATEGY__{name.upper()}", value)
    assert run(monkeypatch, "show-config") == 4
    line = capsys.readouterr().err
    assert said in line
    assert f"SENTINEL_STRATEGY__{name.upper()}={value}" in line
    monkeypatch.delenv(f"SENTINEL_STRATEGY__{name.upper()}")
    assert run(monkeypatch, "show-config", "--set", f"strategy.{pair}") == 4
    assert said in capsys.readouterr().err
    for command in re.findall(r"`sentinel (order preset [^`]+)`", line):
        assert run(monkeypatch, *shlex.split(command)) == 0


def test_an_unknown_setting_in_the_file_or_on_the_line_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`.env` and --set are held to the same names."""
    Path(".env").write_text("SENTINEL_VOTE__QUORUM=1\n")
    assert run(monkeypatch, "show-config") == 4
    assert "SENTINEL_VOTE__QUORUM_BPS" in capsys.readouterr().err
    Path(".env").unlink()
    assert run(monkeypatch, "show-config", "--set", "vote.quorum=1") == 4
    assert "SENTINEL_VOTE__QUORUM_BPS" in capsys.readouterr().err


def test_each_value_says_where_it_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Command line over environment over .env over default."""
    Path(".env").write_text("SENTINEL_MODEL__SAMPLES=3\nSENTINEL_VOTE__DUST=0.5\nSENTINEL_WEB__PORT=1\n")
    monkeypatch.setenv("SENTINEL_MODEL__SAMPLES", "5")
    monkeypatch.setenv("SENTINEL_WEB__PORT", "2")
    monkeypatch.setenv("SENTINEL_RPC__URL", "https://user:word@node.example/v3/secretkey")
    assert run(monkeypatch, "show-config", "--json", "--set", "web.port=3") == 0
    rows = {row["name"]: (row["value"], row["source"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["SENTINEL_WEB__PORT"] == ("3", "cli")
    assert rows["SENTINEL_MODEL__SAMPLES"] == ("5", "env")
    assert rows["SENTINEL_VOTE__DUST"] == ("0.5", ".env")
    assert rows["SENTINEL_MODEL__TOP_P"] == ("0.8", "default")
    assert rows["SENTINEL_RPC__URL"] == ("https://node.example", "env")


def test_a_wrong_value_names_the_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The complaint says which setting, what is wrong and what was given."""
    monkeypatch.setenv("SENTINEL_MODEL__SAMPLES", "many")
    assert run(monkeypatch, "status") == 4
    assert "SENTINEL_MODEL__SAMPLES" in capsys.readouterr().err


@pytest.mark.parametrize("pair", ["x", "=1", "a.b.c=1", ".=1"])
def test_a_malformed_pair_is_a_settings_error(pair: str) -> None:
    """--set wants NAME=VALUE."""
    with pytest.raises(SettingsError):
        explicit([pair])


def test_usage_errors_have_their_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown command or option is exit code 2; --help is 0."""
    assert run(monkeypatch, "rnu") == 2
    assert run(monkeypatch, "run", "--fast") == 2
    assert run(monkeypatch, "--help") == 0


def test_wallets_are_made_imported_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A keystore is made under a password from a file, never overwritten, and shows its address alone."""
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    key = tmp_path / "key"
    key.write_text("0x" + "5e" * 32)
    monkeypatch.setenv("SENTINEL_WALLET__PASSWORD_FILE", str(password))
    made = tmp_path / "imported.json"
    assert run(monkeypatch, "wallet", "import", str(key), "--keystore", str(made), "--json") == 0
    address = json.loads(capsys.readouterr().out)["address"]
    assert run(monkeypatch, "wallet", "show", "--keystore", str(made), "--json") == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["address"] == address
    assert "5e5e" not in shown
    assert run(monkeypatch, "wallet", "new", "--keystore", str(made)) == 4
    assert run(monkeypatch, "wallet", "show") == 4


def test_secrets_come_from_files_and_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An address with a key in it is read from its file, a credential fills a setting that nobody gave, and show-config
    says which is which without showing the key."""
    (tmp_path / "url").write_text("https://node.example/v3/s3cretkey0123456789abcdef\nhttps://other.example\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("wallet.password", "wallet.keystore"):
        (credentials / name).write_text("a secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("SENTINEL_RPC__URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("SENTINEL_WALLET__KEYSTORE_FILE", str(tmp_path / "mine"))
    found = load()
    assert found.rpc.endpoints == ("https://node.example/v3/s3cretkey0123456789abcdef", "https://other.example")
    assert found.wallet.password_file == credentials / "wallet.password"
    assert found.wallet.keystore_file == tmp_path / "mine"
    assert restored(found, {}) == found
    assert run(monkeypatch, "show-config", "--json") == 0
    out = capsys.readouterr().out
    rows = {row["name"]: row for row in json.loads(out)}
    assert "s3cretkey" not in out
    assert rows["SENTINEL_RPC__URL"]["source"] == "file"
    assert rows["SENTINEL_WALLET__PASSWORD_FILE"]["source"] == "credential"
    assert rows["SENTINEL_WALLET__KEYSTORE_FILE"]["source"] == "env"


def test_a_secret_that_cannot_be_read_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing or empty file, or an address given twice, is an error that names the setting."""
    monkeypatch.setenv("SENTINEL_RPC__URL_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="SENTINEL_RPC"):
        load()
    (tmp_path / "none").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        load()
    (tmp_path / "none").write_text("http://one")
    monkeypatch.setenv("SENTINEL_RPC__URL", "http://two")
    with pytest.raises(SettingsError, match="not both"):
        load()


def test_what_somebody_wrote_goes_before_a_credential(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address in the environment is taken, and the credential of the same name left alone."""
    (tmp_path / "rpc.url").write_text("https://handed.example")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load().rpc.url == "https://handed.example"
    monkeypatch.setenv("SENTINEL_RPC__URL", "https://written.example")
    assert load().rpc.url == "https://written.example"


def test_a_file_that_is_no_text_is_said_so(tmp_path: Path) -> None:
    """A wrong configuration, not a fault of the program."""
    (tmp_path / ".env").write_bytes(b"SENTINEL_NETWORK=\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / ".env")


@pytest.mark.parametrize("url", ["https://node.example/v1/s3cretkey", "https://user:s3cretkey@node.example/v1"])
def test_show_config_shows_no_part_of_an_address_that_may_be_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    """Wherever it stands in it; the shipped default of the student is shown whole."""
    monkeypatch.setenv("SENTINEL_RPC__URL", url)
    assert run(monkeypatch, "show-config") == 0
    out = capsys.readouterr().out
    assert "s3cretkey" not in out
    assert "http://127.0.0.1:8100/v1" in out
