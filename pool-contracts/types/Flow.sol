// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What a pool took lately of net short vega and of net short delta, each as a part of what it takes at once:
/// signed, 32,767 is all of it.
///
///     bits   16 … 31        0 … 15
///            vega (int16)   delta (int16)
///
/// A leaky bucket: it empties at a constant rate within `flowSeconds`. So a block takes at most one limit, and a time T at
/// most 1 + T/flowSeconds of it; what goes the other way makes room.
type Flow is uint32;

using {vegaFlow, deltaFlow, drained} for Flow global;

int256 constant FLOW_FULL = type(int16).max;

/// @dev Each within ±FLOW_FULL.
function toFlow(int256 vega, int256 delta) pure returns (Flow) {
    return Flow.wrap(uint32(uint16(int16(vega))) << 16 | uint16(int16(delta))); // in range, as said
}

function vegaFlow(Flow self) pure returns (int256) {
    return int16(uint16(Flow.unwrap(self) >> 16)); // keeps 16 bits, restores the sign
}

function deltaFlow(Flow self) pure returns (int256) {
    return int16(uint16(Flow.unwrap(self))); // as above
}

/// @notice What is left `elapsed` seconds later.
function drained(Flow self, uint256 elapsed, uint256 flowSeconds) pure returns (Flow) {
    unchecked {
        if (elapsed >= flowSeconds) return Flow.wrap(0);
        int256 leak = int256(elapsed * uint256(FLOW_FULL) / flowSeconds); // below FLOW_FULL
        return toFlow(_towardsZero(vegaFlow(self), leak), _towardsZero(deltaFlow(self), leak));
    }
}

/// @notice `flow_` after `change` of risk where `limit` is taken at once, both of one unit: rounded away from zero, at most full.
/// @return after_ Within ±FLOW_FULL.
/// @return exceeded Whether it would be more than full, and more than before.
function flowAfter(int256 flow_, int256 change, uint256 limit) pure returns (int256 after_, bool exceeded) {
    unchecked {
        if (change == 0) return (flow_, false);
        uint256 magnitude = uint256(change < 0 ? -change : change); // far from the smallest int256
        // More than two limits is too much from anywhere.
        uint256 part =
            magnitude > 2 * limit ? 2 * uint256(FLOW_FULL) + 1 : (magnitude * uint256(FLOW_FULL) + limit - 1) / limit;
        after_ = change < 0 ? flow_ - int256(part) : flow_ + int256(part);
        if (after_ > FLOW_FULL) (after_, exceeded) = (FLOW_FULL, true);
        else if (after_ < -FLOW_FULL) (after_, exceeded) = (-FLOW_FULL, true);
    }
}

function _towardsZero(int256 value, int256 by) pure returns (int256) {
    unchecked {
        if (value > by) return value - by;
        return value < -by ? value + by : int256(0);
    }
}
