// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A price feed with the reading interface of a Chainlink aggregator. Its owner sets the answer.
contract Feed {
    uint8 public immutable decimals;
    string public description;
    uint256 public constant version = 1;
    address public immutable owner;

    uint80 private round;
    int256 private answer;
    uint256 private updatedAt;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(string memory description_, uint8 decimals_) {
        description = description_;
        decimals = decimals_;
        owner = msg.sender;
    }

    function set(int256 answer_) external {
        require(msg.sender == owner, "Feed: not the owner");
        round += 1;
        answer = answer_;
        updatedAt = block.timestamp;
        emit AnswerUpdated(answer_, round, block.timestamp);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        require(round > 0, "Feed: no answer yet");
        return (round, answer, updatedAt, updatedAt, round);
    }
}
