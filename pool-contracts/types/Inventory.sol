// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice A pool's net short vega by tenor bucket (quote tokens per 1.00 of volatility, weighted √(30 d/τ)) and its net
/// short delta (units of the underlying), 6 decimals each, in one slot.
///
///     bits   192 … 255      128 … 191     64 … 127     0 … 63
///            front (int64)  middle        back         delta
type Inventory is uint256;

using {unpack} for Inventory global;

error Inventory_Overflow(int256 value);

function toInventory(int256[4] memory values) pure returns (Inventory) {
    uint256 packed;
    for (uint256 i = 0; i < 4; ++i) {
        int256 value = values[i];
        if (value > type(int64).max || value < type(int64).min) revert Inventory_Overflow(value);
        packed = packed << 64 | uint64(int64(value)); // in range: checked above
    }
    return Inventory.wrap(packed);
}

function unpack(Inventory self) pure returns (int256[4] memory values) {
    uint256 packed = Inventory.unwrap(self);
    for (uint256 i = 0; i < 4; ++i) {
        values[i] = int64(uint64(packed >> (192 - 64 * i))); // one lane of 64 bits, sign restored
    }
}
