// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Replaces the code of a token of the local market, or of its wrapped coin, and taxes what moves.
/// Balances and allowances lie in the slots where Token.sol and WETH9 have them.
contract Taxed {
    bytes32 private _name;
    bytes32 private _symbol;
    uint256 private _supply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public taxBps; // slot 5

    receive() external payable {
        deposit();
    }

    function deposit() public payable {
        balanceOf[msg.sender] += msg.value;
    }

    function withdraw(uint256 value) external {
        balanceOf[msg.sender] -= value;
        (bool paid, ) = msg.sender.call{value: _untaxed(value)}("");
        require(paid);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (allowance[from][msg.sender] != type(uint256).max) {
            allowance[from][msg.sender] -= value;
        }
        return _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        balanceOf[from] -= value;
        balanceOf[to] += _untaxed(value);
        return true;
    }

    function _untaxed(uint256 value) private view returns (uint256) {
        return value - value * taxBps / 10_000;
    }
}
