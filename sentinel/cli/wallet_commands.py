"""`wallet new|import|show`: encrypted keystores. A key never appears on a command line or on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import SettingsError

if TYPE_CHECKING:
    from sentinel.config.settings import Settings

app = typer.Typer(help="Make, import and show encrypted keystores.", no_args_is_help=True, rich_markup_mode=None)

Keystore = Annotated[Path | None, typer.Option("--keystore", help="Default: SENTINEL_WALLET__KEYSTORE_FILE.")]
Password = Annotated[
    Path | None,
    typer.Option("--password-file", help="Default: SENTINEL_WALLET__PASSWORD_FILE; without a file you are prompted."),
]


@app.command("new")
def new(
    keystore: Keystore = None,
    password_file: Password = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Make a new random key and write it, encrypted, to the keystore file."""
    from sentinel.signing.process import keystore_files

    settings = common.load(sets, env_file)
    path = _path(settings, keystore)
    _print(keystore_files.create(path, _password(settings, password_file)), path, json)


@app.command("import")
def import_(
    key_file: Annotated[Path, typer.Argument(metavar="KEY_FILE", help="File with a raw key of 64 hex digits.")],
    keystore: Keystore = None,
    password_file: Password = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Encrypt the raw key of a file into the keystore file. Delete the raw file afterwards; Sentinel does not."""
    from sentinel.signing.process import keystore_files

    settings = common.load(sets, env_file)
    path = _path(settings, keystore)
    _print(keystore_files.import_key(path, key_file, _password(settings, password_file)), path, json)


@app.command("show")
def show(keystore: Keystore = None, sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Print the keystore's address."""
    from sentinel.signing.process import keystore_files

    path = _path(common.load(sets, env_file), keystore)
    _print(keystore_files.show(path), path, json)


def _path(settings: Settings, given: Path | None) -> Path:
    path = given or settings.wallet.keystore_file
    if path is None:
        raise SettingsError("name the keystore: --keystore PATH, or SENTINEL_WALLET__KEYSTORE_FILE")
    return path.expanduser()


def _password(settings: Settings, given: Path | None) -> str:
    from sentinel.signing.process.secret_files import read_password

    path = given or settings.wallet.password_file
    if path is not None:
        return read_password(path)
    return str(typer.prompt("Password of the keystore", hide_input=True, confirmation_prompt=True))


def _print(address: str, path: Path, json: bool) -> None:
    common.emit({"address": address, "keystore": str(path)}, json, lambda: [f"{address}  {path}"])
