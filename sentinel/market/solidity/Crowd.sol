// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
}

interface IPairV2 {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function getReserves() external view returns (uint112, uint112, uint32);
    function mint(address to) external returns (uint256);
    function swap(uint256 out0, uint256 out1, address to, bytes calldata data) external;
}

interface IPoolV3 {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function slot0() external view returns (uint160, int24, uint16, uint16, uint16, uint8, bool);
    function initialize(uint160 sqrtPriceX96) external;
    function mint(address to, int24 low, int24 high, uint128 liquidity, bytes calldata data)
        external
        returns (uint256, uint256);
    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
}

/// The purse of everybody else on the local market: it provides the liquidity, and its members trade pools to a price.
/// Prices are square roots of token1 per token0 in raw units, times 2**96, for V2 pairs too.
contract Crowd {
    uint256 private constant Q96 = 2 ** 96;

    address public immutable owner;
    mapping(address => bool) public isMember;
    address private active; // the V3 pool that is being called, the only one that may ask for payment

    constructor(address[] memory members) {
        owner = msg.sender;
        for (uint256 i = 0; i < members.length; i++) isMember[members[i]] = true;
    }

    modifier onlyMembers() {
        require(isMember[msg.sender], "Crowd: not a member");
        _;
    }

    function openV2(IPairV2 pair, uint256 amount0, uint256 amount1) external onlyMembers {
        _pay(pair.token0(), address(pair), amount0);
        _pay(pair.token1(), address(pair), amount1);
        pair.mint(address(this));
    }

    /// One position a range: `low[i]`..`high[i]` with `liquidity[i]`.
    function openV3(
        IPoolV3 pool,
        uint160 sqrtPriceX96,
        int24[] calldata low,
        int24[] calldata high,
        uint128[] calldata liquidity
    ) external onlyMembers {
        pool.initialize(sqrtPriceX96);
        active = address(pool);
        for (uint256 i = 0; i < low.length; i++) pool.mint(address(this), low[i], high[i], liquidity[i], "");
        active = address(0);
    }

    /// Trade until the pool stands at exactly this price.
    function moveV3(IPoolV3 pool, uint160 sqrtPriceX96) external onlyMembers {
        (uint160 current,,,,,,) = pool.slot0();
        if (current == sqrtPriceX96) return;
        active = address(pool);
        pool.swap(address(this), current > sqrtPriceX96, type(int128).max, sqrtPriceX96, "");
        active = address(0);
    }

    /// Trade until the reserves stand at this price, as near as whole units allow; a distance worth less than one unit is left.
    /// With a fee of 3/1000 on an input x, p (r0 + x)(r0 + 0.997 x) = r0 r1 is solved for x.
    function moveV2(IPairV2 pair, uint160 sqrtPriceX96) external onlyMembers {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        uint256 s = sqrtPriceX96;
        uint256 wanted0 = uint256(reserve1) * Q96 / s * Q96 / s; // what reserve1 is worth in token0
        if (wanted0 > reserve0) {
            uint256 amount = _input(reserve0, wanted0);
            uint256 out = _output(amount, reserve0, reserve1);
            if (out == 0) return;
            _pay(pair.token0(), address(pair), amount);
            pair.swap(0, out, address(this), "");
        } else {
            uint256 amount = _input(reserve1, uint256(reserve0) * s / Q96 * s / Q96);
            uint256 out = _output(amount, reserve1, reserve0);
            if (out == 0) return;
            _pay(pair.token1(), address(pair), amount);
            pair.swap(out, 0, address(this), "");
        }
    }

    function uniswapV3SwapCallback(int256 delta0, int256 delta1, bytes calldata) external {
        require(msg.sender == active, "Crowd: not the pool");
        if (delta0 > 0) _pay(IPoolV3(msg.sender).token0(), msg.sender, uint256(delta0));
        if (delta1 > 0) _pay(IPoolV3(msg.sender).token1(), msg.sender, uint256(delta1));
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        require(msg.sender == active, "Crowd: not the pool");
        if (amount0 > 0) _pay(IPoolV3(msg.sender).token0(), msg.sender, amount0);
        if (amount1 > 0) _pay(IPoolV3(msg.sender).token1(), msg.sender, amount1);
    }

    function _pay(address token, address to, uint256 amount) private {
        require(IToken(token).transfer(to, amount), "Crowd: payment failed");
    }

    /// x = (sqrt(9 r^2 + 3988000 r w) - 1997 r) / 1994, from the quadratic above in thousandths.
    function _input(uint256 reserve, uint256 wanted) private pure returns (uint256) {
        uint256 root = _sqrt(9 * reserve * reserve + 3988000 * reserve * wanted);
        return root <= 1997 * reserve ? 0 : (root - 1997 * reserve) / 1994;
    }

    function _output(uint256 amount, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        return amount * 997 * reserveOut / (reserveIn * 1000 + amount * 997);
    }

    function _sqrt(uint256 x) private pure returns (uint256 root) {
        if (x == 0) return 0;
        root = 2;
        for (uint256 bits = x; bits > 3; bits >>= 2) root <<= 1; // at or above the root, within a factor of two
        uint256 next = (root + x / root) / 2;
        while (next < root) {
            root = next;
            next = (root + x / root) / 2;
        }
    }
}
