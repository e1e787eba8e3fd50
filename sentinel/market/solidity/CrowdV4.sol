// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
}

struct PoolKey {
    address currency0;
    address currency1;
    uint24 fee;
    int24 tickSpacing;
    address hooks;
}

struct Position {
    int24 tickLower;
    int24 tickUpper;
    int256 liquidityDelta;
    bytes32 salt;
}

struct SwapParams {
    bool zeroForOne;
    int256 amountSpecified; // negative: exact input
    uint160 sqrtPriceLimitX96;
}

interface IPoolManager {
    function initialize(PoolKey memory key, uint160 sqrtPriceX96) external returns (int24);
    function unlock(bytes calldata data) external returns (bytes memory);
    function modifyLiquidity(PoolKey memory key, Position memory params, bytes calldata data)
        external
        returns (int256, int256);
    function swap(PoolKey memory key, SwapParams memory params, bytes calldata data) external returns (int256);
    function sync(address currency) external;
    function settle() external payable returns (uint256);
    function take(address currency, address to, uint256 amount) external;
    function extsload(bytes32 slot) external view returns (bytes32);
}

/// The crowd's purse for Uniswap V4: as Crowd is for V2 and V3, with all pools inside one PoolManager and no hooks.
contract CrowdV4 {
    IPoolManager public immutable manager;
    mapping(address => bool) public isMember;

    constructor(IPoolManager manager_, address[] memory members) {
        manager = manager_;
        for (uint256 i = 0; i < members.length; i++) isMember[members[i]] = true;
    }

    modifier onlyMembers() {
        require(isMember[msg.sender], "CrowdV4: not a member");
        _;
    }

    /// One position a range: `low[i]`..`high[i]` with `liquidity[i]`.
    function openV4(
        PoolKey calldata key,
        uint160 sqrtPriceX96,
        int24[] calldata low,
        int24[] calldata high,
        uint128[] calldata liquidity
    ) external onlyMembers {
        manager.initialize(key, sqrtPriceX96);
        for (uint256 i = 0; i < low.length; i++) {
            manager.unlock(abi.encode(key, Position(low[i], high[i], int256(uint256(liquidity[i])), 0), uint160(0)));
        }
    }

    /// Trade until the pool stands at exactly this price.
    function moveV4(PoolKey calldata key, uint160 sqrtPriceX96) external onlyMembers {
        if (price(key) == sqrtPriceX96) return;
        manager.unlock(abi.encode(key, Position(0, 0, 0, 0), sqrtPriceX96));
    }

    /// The price that the pool stands at: the lowest 160 bits of its first storage slot.
    function price(PoolKey memory key) public view returns (uint160) {
        bytes32 slot = keccak256(abi.encode(keccak256(abi.encode(key)), uint256(6)));
        return uint160(uint256(manager.extsload(slot)));
    }

    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        require(msg.sender == address(manager), "CrowdV4: not the manager");
        (PoolKey memory key, Position memory position, uint160 limit) =
            abi.decode(data, (PoolKey, Position, uint160));
        int256 delta;
        if (limit == 0) {
            (delta,) = manager.modifyLiquidity(key, position, "");
        } else {
            bool down = price(key) > limit;
            delta = manager.swap(key, SwapParams(down, -int256(type(int128).max), limit), "");
        }
        _square(key.currency0, int128(delta >> 128));
        _square(key.currency1, int128(delta));
        return "";
    }

    /// What is owed is paid, what is due is taken.
    function _square(address currency, int128 amount) private {
        if (amount < 0) {
            manager.sync(currency);
            require(IToken(currency).transfer(address(manager), uint256(-int256(amount))), "CrowdV4: payment failed");
            manager.settle();
        } else if (amount > 0) {
            manager.take(currency, address(this), uint256(int256(amount)));
        }
    }
}
