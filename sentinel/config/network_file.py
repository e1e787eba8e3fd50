"""Reads a network file: config/networks/NAME.toml lists all that Sentinel may touch. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from eth_abi.abi import encode
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sentinel.config.toml_lines import line_of
from sentinel.core.edges import settings_edge
from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, MAX_CHAIN_ID, NATIVE, Feed, FeeMarket, Network, Pool, Token
from sentinel.core.units import PIPS

FOLDER = Path(__file__).with_name("networks")
_TICKED = ("uniswap_v3", "uniswap_v4")
_NO_HOOKS = "0x" + "00" * 20
_MAX_BLOCK = 10**12
_MAX_SPACING = 32_767  # of Uniswap V4's pool manager
_WEEK = 7 * 86_400  # seconds

Hardfork = Literal[
    "frontier", "homestead", "tangerine", "spuriousdragon", "byzantium", "petersburg", "istanbul", "muirglacier",
    "berlin", "london", "arrowglacier", "grayglacier", "paris", "shanghai", "cancun", "prague", "osaka",
]  # fmt: skip
Complaint = tuple[tuple[str, ...], str]  # the keys to the place in the file, and what is wrong there


def _checksummed(value: str) -> str:
    if not is_checksum_address(value):
        try:
            right = to_checksum_address(value)
        except ValueError:
            raise ValueError("this is not an address") from None
        raise ValueError(f"not in EIP-55 form; if the address is right, write {right}")
    return value


_Address = Annotated[str, AfterValidator(_checksummed)]
_Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
_Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,16}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Token(_Table):
    address: _Address
    decimals: int = Field(ge=0, le=36)
    code_hash: _Hash | None = None
    trusted: bool = False


class _Pool(_Table):
    venue: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]  # the market reader refuses an unknown one
    address: _Address
    token0: _Symbol
    token1: _Symbol
    fee_pips: int = Field(gt=0, lt=PIPS)
    tick_spacing: int = Field(0, ge=0, le=_MAX_SPACING)
    pool_id: _Hash | None = None


class _Feed(_Table):
    address: _Address
    decimals: int = Field(ge=0, le=36)
    max_age: int = Field(gt=0, le=_WEEK)


class _File(_Table):
    chain_id: int = Field(gt=0, le=MAX_CHAIN_ID)
    pinned_block: int | None = Field(None, ge=0, le=_MAX_BLOCK)
    pinned_hash: _Hash | None = None
    quote: _Symbol
    wrapped: _Symbol
    hardfork: Hardfork
    block_time: float = Field(ge=0, le=600)
    universal_router: _Address
    permit2: _Address
    multicall3: _Address
    v3_quoter: _Address | None = None
    tokens: dict[_Symbol, _Token]
    pools: dict[str, _Pool]
    feeds: dict[_Symbol, _Feed]
    quote_feed: _Feed | None = None
    fees: FeeMarket = Field(FeeMarket.EIP1559, strict=False)  # a name in the file
    data_fee: Literal["op-stack"] | None = None
    code_hashes: dict[_Address, _Hash] = {}


def schema() -> dict[str, Any]:
    """The JSON schema of a network file."""
    return _File.model_json_schema()


def load_network(name: str, folder: Path = FOLDER) -> Network:
    """The network `name` of `folder`, or the file itself if `name` ends in .toml.

    Raises SettingsError with one line for each problem, which names file and line.
    """
    with settings_edge(f"network {name!r} cannot be loaded"):
        path = Path(name).expanduser() if name.endswith(".toml") else folder / f"{name}.toml"
        text = _text(name, path, folder)
        try:
            raw = tomllib.loads(text)
        except ValueError as error:  # of tomllib, which names the line, or a number of thousands of digits
            raise SettingsError(f"network {name!r}: {path} cannot be read: {error}") from error
        try:
            file = _File.model_validate(raw)
        except ValidationError as error:
            complaints = [(item["loc"], item["msg"].removeprefix("Value error, ")) for item in error.errors()]
            raise SettingsError("\n".join(_placed(path, text, *complaint) for complaint in complaints)) from error
        if contradictions := list(_contradictions(file)):
            raise SettingsError("\n".join(_placed(path, text, *complaint) for complaint in contradictions))
        return _network(path.stem, file)


def _text(name: str, path: Path, folder: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml"))) or "none"
        raise SettingsError(f"network {name!r}: there is no {path}; known networks: {known}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"network {name!r}: {path} cannot be read: {error}") from error


def _placed(path: Path, text: str, keys: Sequence[str | int], problem: str) -> str:
    return f"{path}, line {line_of(text, keys)}: {'.'.join(map(str, keys))}: {problem}"


def _contradictions(file: _File) -> Iterator[Complaint]:
    for role, symbol in (("quote", file.quote), ("wrapped", file.wrapped)):
        if symbol not in file.tokens:
            yield (role,), f"{symbol} is not one of tokens"
    for symbol in file.feeds:
        if symbol not in file.tokens:
            yield ("feeds", symbol), f"{symbol} is not one of tokens"
    if NATIVE in file.tokens:
        yield ("tokens", NATIVE), "this is the name of the native coin; give the token another name"
    if file.quote in file.feeds:
        yield ("feeds", file.quote), "the feed of the quote token is called quote_feed"
    for name, pool in file.pools.items():
        yield from ((("pools", name), problem) for problem in _of_the_pool(file, pool))
    yield from _used_twice(file)
    if (file.pinned_block is None) != (file.pinned_hash is None):
        key = "pinned_hash" if file.pinned_block is None else "pinned_block"
        yield (key,), "pinned_block and pinned_hash belong together"
    if file.chain_id != DEVELOPMENT_CHAIN and file.pinned_hash is None:
        yield ("chain_id",), f"pinned_block and pinned_hash are required on every chain but {DEVELOPMENT_CHAIN}"


def _of_the_pool(file: _File, pool: _Pool) -> Iterator[str]:
    if missing := [symbol for symbol in (pool.token0, pool.token1) if symbol not in file.tokens]:
        yield f"{' and '.join(missing)} not in tokens"
    elif int(file.tokens[pool.token0].address, 16) >= int(file.tokens[pool.token1].address, 16):
        yield f"token0 must be the lower address; swap {pool.token0} and {pool.token1}"
    if (pool.venue in _TICKED) != (pool.tick_spacing > 0):
        yield "tick_spacing belongs to uniswap_v3 and uniswap_v4 pools, and to all of them"
    if pool.pool_id != (right := _pool_id(file, pool)):
        yield f"pool_id is {pool.pool_id}, by its tokens, fee and spacing it is {right}"


def _used_twice(file: _File) -> Iterator[Complaint]:
    """Addresses of more than one token or pool. The pool manager of Uniswap V4 holds many pools."""
    first: dict[str, tuple[str, ...]] = {}
    owners = [(("tokens", symbol), token.address) for symbol, token in file.tokens.items()]
    owners += [(("pools", name), pool.address) for name, pool in file.pools.items() if pool.venue != "uniswap_v4"]
    managers = {pool.address: ("pools", name) for name, pool in file.pools.items() if pool.venue == "uniswap_v4"}
    for keys, address in [*owners, *((keys, address) for address, keys in managers.items())]:
        if address in first:
            yield keys, f"{address} stands for two things; the other is {'.'.join(first[address])}"
        first[address] = keys


def _pool_id(file: _File, pool: _Pool) -> str | None:
    """keccak of a V4 pool's key, without hooks; None for the other venues, and where a token is not listed."""
    if pool.venue != "uniswap_v4" or not {pool.token0, pool.token1} <= set(file.tokens):
        return None
    pair = [file.tokens[symbol].address for symbol in (pool.token0, pool.token1)]
    kinds = ["address", "address", "uint24", "int24", "address"]
    return "0x" + keccak(encode(kinds, [*pair, pool.fee_pips, pool.tick_spacing, _NO_HOOKS])).hex()


def _network(name: str, file: _File) -> Network:
    return Network(
        name=name,
        tokens={symbol: Token(symbol, **token.model_dump()) for symbol, token in file.tokens.items()},
        pools={pool: Pool(pool, **table.model_dump()) for pool, table in file.pools.items()},
        feeds={symbol: Feed(symbol, **feed.model_dump()) for symbol, feed in file.feeds.items()},
        quote_feed=Feed(file.quote, **file.quote_feed.model_dump()) if file.quote_feed else None,
        **file.model_dump(exclude={"tokens", "pools", "feeds", "quote_feed"}),
    )
