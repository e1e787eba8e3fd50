"""A network is a file: config/networks/NAME.toml says what may be touched at all. Unknown keys are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from eth_abi.abi import encode
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, NATIVE, Feed, FeeMarket, Network, Pool, Token
from sentinel.core.units import PIPS

FOLDER = Path(__file__).with_name("networks")
_TICKED = ("uniswap_v3", "uniswap_v4")
_NO_HOOKS = "0x" + "00" * 20


def _checksummed(value: str) -> str:
    if not is_checksum_address(value):
        try:
            right = to_checksum_address(value)
        except ValueError:
            raise ValueError("not an address") from None
        raise ValueError(f"not in EIP-55 form; if the address is right, write {right}")
    return value


_Address = Annotated[str, AfterValidator(_checksummed)]
_Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
_Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,16}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Token(_Table):
    address: _Address
    decimals: int = Field(ge=0, le=36)
    code_hash: _Hash | None = None
    trusted: bool = False


class _Pool(_Table):
    venue: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]  # which there are the market reader knows
    address: _Address
    token0: _Symbol
    token1: _Symbol
    fee_pips: int = Field(gt=0, lt=PIPS)
    tick_spacing: int = Field(0, ge=0)
    pool_id: _Hash | None = None


class _Feed(_Table):
    address: _Address
    decimals: int = Field(ge=0, le=36)
    max_age: int = Field(gt=0)


class _File(_Table):
    chain_id: int = Field(gt=0)
    pinned_block: int | None = Field(None, ge=0)
    pinned_hash: _Hash | None = None
    quote: _Symbol
    wrapped: _Symbol
    hardfork: str
    block_time: float = Field(ge=0)
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


def load_network(name: str, folder: Path = FOLDER) -> Network:
    """The network `name` of `folder`, or the file itself where `name` ends in .toml.

    Raises SettingsError with one line for each thing to mend.
    """
    path = Path(name).expanduser() if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml"))) or "none"
        raise SettingsError(f"network {name!r}: there is no {path}; known networks: {known}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"network {name!r}: {path} cannot be read: {error}") from error
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise SettingsError("\n".join(lines)) from error
    if complaints := _contradictions(file):
        raise SettingsError("\n".join(f"{path}: {line}" for line in complaints))
    return _network(path.stem, file)


def _contradictions(file: _File) -> list[str]:
    found = []
    for role, symbol in (("quote", file.quote), ("wrapped", file.wrapped), *(("feeds", s) for s in file.feeds)):
        if symbol not in file.tokens:
            found.append(f"{role}: {symbol} is not one of tokens")
    if NATIVE in file.tokens:
        found.append(f"tokens.{NATIVE}: that is what the native coin is called; name the token otherwise")
    if file.quote in file.feeds:
        found.append(f"feeds.{file.quote}: the quote token's own feed is called quote_feed")
    for name, pool in file.pools.items():
        if missing := [symbol for symbol in (pool.token0, pool.token1) if symbol not in file.tokens]:
            found.append(f"pools.{name}: {' and '.join(missing)} not in tokens")
        elif int(file.tokens[pool.token0].address, 16) >= int(file.tokens[pool.token1].address, 16):
            found.append(f"pools.{name}: token0 must be the lower address; swap {pool.token0} and {pool.token1}")
        if (pool.venue in _TICKED) != (pool.tick_spacing > 0):
            found.append(f"pools.{name}: tick_spacing belongs to uniswap_v3 and uniswap_v4 pools, and to all of them")
        if pool.pool_id != (right := _pool_id(file, pool)):
            found.append(f"pools.{name}: pool_id is {pool.pool_id}, by its tokens, fee and spacing it is {right}")
    managers = {pool.address for pool in file.pools.values() if pool.venue == "uniswap_v4"}  # each holds many pools
    addresses = [token.address for token in file.tokens.values()] + [*managers]
    addresses += [pool.address for pool in file.pools.values() if pool.venue != "uniswap_v4"]
    for twice in sorted({address for address in addresses if addresses.count(address) > 1}):
        found.append(f"{twice} stands for two things")
    if (file.pinned_block is None) != (file.pinned_hash is None):
        found.append("pinned_block and pinned_hash belong together")
    if file.chain_id != DEVELOPMENT_CHAIN and file.pinned_hash is None:
        found.append(f"pinned_block and pinned_hash are needed on every chain but {DEVELOPMENT_CHAIN}")
    return found


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
