"""Each line of each file that settings come from is understood, or is an error with file and line and exit code 4."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.__main__ import main
from sentinel.agent.model import StudentModel
from sentinel.cli.common import explicit
from sentinel.config import env_file, settings
from sentinel.config.network_file import FOLDER, load_network
from sentinel.core.errors import SettingsError
from sentinel.observe.messages.channel import Channel
from sentinel.signing.process.secret_files import read_key, read_keystore, read_password

TRADE, LIVE = "SENTINEL_LIMITS__MAX_TRADE", "SENTINEL_EXECUTION__MODE=live\n"
WRONG_LINES = {  # text of an env file -> the line that is wrong, and a part of what is said about it
    "a colon": (f"# limits\n\n{TRADE}: 5\n{LIVE}", 3, "not NAME=VALUE"),
    "no value": (f"{LIVE}{TRADE}\n", 2, "no = after the name"),
    "an open quotation mark": (f'{TRADE}="5\n{LIVE}', 1, "not closed"),
    "a quotation mark that a later line closes": (f'{TRADE}="5\n{LIVE}SENTINEL_NETWORK=devnet"\n', 1, "later line"),
    "one that another setting's closes": (f'{TRADE}="5\n{LIVE}SENTINEL_NETWORK="devnet"\n', 1, "not closed"),
    "half a quotation": (f'{TRADE}=5"\n', 1, "quotation mark"),
    "a name twice": (f"{TRADE}=100\n{LIVE}{TRADE}=1000\n", 3, "written in line 1 already"),
    "a name twice in two cases": (f"{TRADE}=100\n{TRADE.lower()}=1000\n", 2, "written in line 1 already"),
    "an unknown name": ("\nSENTINEL_LIMITS__MAX_TRADES=5\n", 2, "did you mean SENTINEL_LIMITS__MAX_TRADE"),
    "another program's name": (
        f"{LIVE}COMPOSE_PROFILES=live\n",
        2,
        "PROFILES=live is not a setting: docker compose",
    ),
    "a group": ("SENTINEL_LIMITS=x\n", 1, "SENTINEL_LIMITS is not a setting"),
    "a group as JSON": ('SENTINEL_LIMITS={"max_trade": 5}\n', 1, "SENTINEL_LIMITS is not a setting"),
    "an empty limit": (f"{LIVE}{TRADE}=\n", 2, "is empty"),
    "a comment as a limit": (f"{LIVE}{TRADE}= # 5\n", 2, "is empty"),
    "a variable": (f"{TRADE}=${{TRADE}}\n", 1, "does not expand"),
    "infinity": (f"\n{TRADE}=inf\n", 2, "number"),
    "an escaped line break": (f'{TRADE}="5\\n"\n', 1, "line break"),
    "an invisible character": (f"{TRADE}=5\u200b\n", 1, "invisible"),
    "an invisible character in a name": (f"{TRADE[:-1]}\u200bE=5\n", 1, "is not a setting"),
    "a page break between settings": (f"{TRADE}=5\x0c{LIVE}", 1, "control character"),
    "text": (f"{LIVE}set the limit to 5\n", 2, "not NAME=VALUE"),
    "a shell command": (f"{LIVE}export {TRADE}=5; true\n", 2, "number"),
    "a dictionary": (f"{LIVE}{{{TRADE}=5}}\n", 2, "is not a setting"),
}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", WRONG_LINES)
@pytest.mark.attack("values and lines", "refused")
def test_a_wrong_line_of_an_env_file_ends_the_start(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, file and line, whatever the command; nothing of the file takes effect."""
    text, line, said = WRONG_LINES[case]
    file = tmp_path / "sentinel.env"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["sentinel", "show-config", "--env-file", str(file)])
    assert main() == 4
    err = capsys.readouterr().err
    assert f"{file}, line {line}: " in err
    assert said in err


def test_what_a_right_file_says(tmp_path: Path) -> None:
    """Comments, quotation marks and `export` mean what the documentation says."""
    file = tmp_path / "sentinel.env"
    file.write_text(
        f"\ufeff# limits\n\nexport {TRADE}='5'  # five\nSENTINEL_STRATEGY__ORDER=\"Sell # now.\"\r\n"
        "sentinel_web__port = 1\nSENTINEL_RPC__URL=http://node/#a\nSENTINEL_DATA_DIR=\n",
        encoding="utf-8",
    )
    loaded = settings.load(file)
    assert (loaded.limits.max_trade, loaded.strategy.order, loaded.web.port) == (5.0, "Sell # now.", 1)
    assert (loaded.rpc.url, loaded.data_dir) == ("http://node/#a", None)


def test_the_errors_of_a_file_are_told_together_and_quote_nothing(tmp_path: Path) -> None:
    """One line for each; a line that is not understood may hold a secret."""
    file = tmp_path / "sentinel.env"
    file.write_text("s3cretkey\nSENTINEL_RPC__URL: http://node/s3cretkey\nSENTINEL_WEB__PORT='s3cretkey\n")
    with pytest.raises(SettingsError) as refused:
        env_file.read(file)
    assert [f"line {number}" in line for number, line in enumerate(str(refused.value).splitlines(), 1)] == [True] * 3
    assert "s3cretkey" not in str(refused.value)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")], ids=["a folder", "a dead link"])
def test_a_dot_env_that_cannot_be_read_is_not_left_out(make: object, tmp_path: Path) -> None:
    """Only a `.env` that is not there is no file."""
    assert settings.load().limits.max_trade == 1000.0
    make(tmp_path / ".env")  # type: ignore[operator]
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        settings.load()


def test_a_name_twice_in_the_environment_or_on_the_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one does not win."""
    with pytest.raises(SettingsError, match="given twice"):
        explicit(["limits.max_trade=5", "SENTINEL_LIMITS__MAX_TRADE=1000"])
    monkeypatch.setenv(TRADE, "100")
    monkeypatch.setenv(TRADE.lower(), "1000")
    with pytest.raises(SettingsError, match="both in the environment"):
        settings.load(None)


def test_an_empty_value_on_the_line_is_the_empty_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes before the environment, where an empty variable goes before nothing."""
    monkeypatch.setenv("SENTINEL_WALLET__DEV_KEY_FILE", "/key")
    assert settings.load(None, **explicit(["wallet.dev_key_file="])).wallet.dev_key_file is None
    with pytest.raises(SettingsError, match="is empty"):
        settings.load(None, **explicit(["limits.max_trade="]))


@pytest.mark.attack("values and lines", "refused")
@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("url", "http://one\nhtp://two\n", 2),
        ("url", "http://one\n\nhttp://one\n", 3),
        ("url", "# ours\nhttp://one\n", 1),
        ("ws_url", "ws://one\nhttp://two\n", 2),
        ("relay_url", "http://one\nhttp://two\n", None),
    ],
)
def test_a_wrong_line_of_a_file_of_endpoints(name: str, text: str, line: int | None, tmp_path: Path) -> None:
    """It names the line and quotes nothing."""
    file = tmp_path / "endpoints"
    file.write_text(text)
    with pytest.raises(SettingsError, match=f"endpoints, line {line}: " if line else "one line") as refused:
        settings.load(None, rpc={f"{name}_file": file})
    assert "//two" not in str(refused.value)


def test_endpoints_of_a_file_do_not_replace_endpoints_of_a_setting(tmp_path: Path) -> None:
    """Two lists of endpoints are a contradiction."""
    file = tmp_path / "endpoints"
    file.write_text("http://one\nhttp://two\n")
    with pytest.raises(SettingsError, match="not both"):
        settings.load(None, rpc={"url_file": file, "urls": "http://three"})


@pytest.mark.attack("values and lines", "refused")
def test_a_wrong_line_of_a_secret(tmp_path: Path) -> None:
    """A second line of a password, key or API key is not left out; a key of a keystore is not written twice."""
    file = tmp_path / "secret"
    file.write_text("one two\n\nthree\n")
    with pytest.raises(SettingsError, match="line 3"):
        read_password(file)
    with pytest.raises(SettingsError, match="line 3"):
        StudentModel("http://127.0.0.1:1/v1", "name", timeout=1.0, api_key_file=file)
    file.write_text("0x" + "5e" * 32 + "\n" + "5e" * 32 + "\n")
    with pytest.raises(SettingsError, match="line 2"):
        read_key(file)
    for text in ('{"address": "a", "address": "b"}', "[" * 100_000, "\ud800"):
        file.write_text(text, errors="surrogatepass")
        with pytest.raises(SettingsError, match="keystore"):
            read_keystore(file)


def test_the_line_of_an_address_for_messages_is_the_file_s(tmp_path: Path) -> None:
    """Comments and blank lines are counted."""
    file = tmp_path / "people"
    file.write_text("# people\n\njson://127.0.0.1:1\nnobody\n")
    with pytest.raises(SettingsError, match="line 4 "):
        Channel.of_file(file)


@pytest.mark.attack("values and lines", "refused")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("chain_id = 31337", "chain_id = 31337\nchain = 1", r"line 4: chain: "),
        ("chain_id = 31337", "chain_id = 31337\nchain_id = 1", r"line 4"),
        ('hardfork = "osaka"', 'hardfork = "osoka"', r"line \d+: hardfork: "),
        ('[pools."WETH/USDC-v2"]', '[pools."WETH/USDC-v2"]\nfees = 1', r"line \d+: pools\.WETH/USDC-v2\.fees: "),
        ('token0 = "USDC"', 'token0 = "USDT"', r"line \d+: pools\.WETH/USDC-v2: USDT not in tokens"),
        ("chain_id = 31337", "chain_id = 1" + "0" * 5000, r"cannot be read"),
        ("chain_id = 31337", "chain_id = " + "[" * 100_000, r"cannot be"),
    ],
)
def test_a_wrong_line_of_a_network_file(old: str, new: str, said: str, tmp_path: Path) -> None:
    """It names file and line."""
    path = tmp_path / "net.toml"
    text = (FOLDER / "devnet.toml").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError, match=said):
        load_network(str(path))
