// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Flow} from "./Flow.sol";

/// @notice A pool's net short vega by tenor bucket (quote tokens per 1.00 of volatility, weighted √(30 d/τ)) and its net
/// short delta (units of the underlying), 6 decimals each, and what it took lately, in one slot.
///
///     bits   200 … 255      144 … 199     88 … 143    32 … 87   0 … 31
///            front (int56)  middle        back        delta     flow
type Inventory is uint256;

using {unpack, flow} for Inventory global;

error Inventory_Overflow(int256 value);

function toInventory(int256[4] memory values, Flow flow_) pure returns (Inventory) {
    requireInventory(values);
    uint256 packed;
    unchecked {
        for (uint256 i = 0; i < 4; ++i) {
            packed = packed << 56 | uint56(int56(values[i])); // in range: checked above
        }
    }
    return Inventory.wrap(packed << 32 | Flow.unwrap(flow_));
}

/// @notice Each value fits its lane: 36 billion.
function requireInventory(int256[4] memory values) pure {
    unchecked {
        for (uint256 i = 0; i < 4; ++i) {
            int256 value = values[i];
            if (int56(value) != value) revert Inventory_Overflow(value); // the cast keeps what fits
        }
    }
}

function unpack(Inventory self) pure returns (int256[4] memory values) {
    unchecked {
        uint256 packed = Inventory.unwrap(self);
        for (uint256 i = 0; i < 4; ++i) {
            values[i] = int56(uint56(packed >> (200 - 56 * i))); // one lane of 56 bits, sign restored
        }
    }
}

function flow(Inventory self) pure returns (Flow) {
    return Flow.wrap(uint32(Inventory.unwrap(self))); // the low 32 bits
}
