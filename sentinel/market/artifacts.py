"""Read contract artifacts from the cache that set-up fills: published npm packages and our own compiled Solidity.

Layout: CACHE/artifacts/<npm name with / as __>@<version>/package/... and CACHE/artifacts/sentinel/<Contract>.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from eth_typing import ABI

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import cache_dir

PACKAGES = {
    "weth": "canonical-weth@1.4.0",
    "v2": "@uniswap__v2-core@1.0.1",
    "v3": "@uniswap__v3-core@1.0.1",
    "quoter": "@uniswap__swap-router-contracts@1.3.1",
    "router": "@uniswap__universal-router@2.1.0",
    "v4": "@uniswap__v4-periphery@1.0.3",
    "multicall3": "viem@2.57.20",
    "op": "@eth-optimism__contracts-bedrock@0.17.3",
}

# By contract: (package, path in it) of a JSON file with the fields `bytecode` and `abi`.
CREATION = {
    "WETH9": ("weth", "build/contracts/WETH9.json"),
    "UniswapV2Factory": ("v2", "build/UniswapV2Factory.json"),
    "UniswapV2Pair": ("v2", "build/UniswapV2Pair.json"),
    "UniswapV3Factory": ("v3", "artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"),
    "UniswapV3Pool": ("v3", "artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"),
    "QuoterV2": ("quoter", "artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json"),
    "UniversalRouter": ("router", "artifacts/contracts/UniversalRouter.sol/UniversalRouter.json"),
    "PoolManager": ("v4", "foundry-out/PoolManager.sol/PoolManager.default.json"),
    "StateView": ("v4", "foundry-out/StateView.sol/StateView.json"),
    "V4Quoter": ("v4", "foundry-out/V4Quoter.sol/V4Quoter.json"),
}
# Contracts that an OP-stack chain has at fixed addresses. The local market lacks them; tests put them on their chains.
PREDEPLOYED = {
    "GasPriceOracle": ("op", "forge-artifacts/GasPriceOracle.sol/GasPriceOracle.json"),
    "L1Block": ("op", "forge-artifacts/L1Block.sol/L1Block.json"),
}
OWN = ("Token", "Feed", "Crowd", "CrowdV4")
PERMIT2_SOURCE = ("v4", "lib/permit2/test/utils/DeployPermit2.sol")
MULTICALL3_SOURCE = ("multicall3", "_cjs/constants/contracts.js")


class Artifacts:
    """Artifacts by contract name. Every method raises OperatorError for a missing file and says how to fix that."""

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache or cache_dir()

    def creation(self, name: str) -> bytes:
        """Creation bytecode, without constructor arguments."""
        return self._contract(name)[0]

    def abi(self, name: str) -> ABI:
        """The contract's ABI."""
        return self._contract(name)[1]

    def _contract(self, name: str) -> tuple[bytes, ABI]:
        path = self._own(name) if name in OWN else self._published(*(CREATION | PREDEPLOYED)[name])
        try:
            artifact = json.loads(_read(path))
            code = artifact["bytecode"]
            text: str = code["object"] if isinstance(code, dict) else code  # the formats of Foundry and of Hardhat
            return bytes.fromhex(text.removeprefix("0x")), artifact["abi"]
        except (KeyError, ValueError, AttributeError) as error:
            raise OperatorError(f"{path} is not a contract artifact: delete it and run `sentinel setup`") from error

    def permit2_runtime(self) -> bytes:
        """Runtime code as deployed on chain 1, including its cached domain separator."""
        return self._literal(PERMIT2_SOURCE, r'hex"([0-9a-fA-F]+)"')

    def multicall3_creation(self) -> bytes:
        """Creation bytecode of Multicall3."""
        return self._literal(MULTICALL3_SOURCE, r"multicall3Bytecode = '0x([0-9a-fA-F]+)'")

    def digest(self) -> str:
        """A digest of all files that a deployment uses."""
        files = [self._published(*place) for place in CREATION.values()]
        files += [self._own(name) for name in OWN]
        files += [self._published(*PERMIT2_SOURCE), self._published(*MULTICALL3_SOURCE)]
        digest = hashlib.sha256()
        for path in files:
            digest.update(hashlib.sha256(_read(path)).digest())
        return digest.hexdigest()

    def _literal(self, place: tuple[str, str], pattern: str) -> bytes:
        path = self._published(*place)
        literals = re.findall(pattern, _read(path).decode())
        if len(literals) != 1:
            raise OperatorError(f"{path} holds {len(literals)} bytecode literals instead of one")
        return bytes.fromhex(literals[0])

    def _published(self, package: str, path: str) -> Path:
        return self.cache / "artifacts" / PACKAGES[package] / "package" / path

    def _own(self, name: str) -> Path:
        return self.cache / "artifacts" / "sentinel" / f"{name}.json"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(f"the contract artifact {path} is missing: run `sentinel setup`") from error
