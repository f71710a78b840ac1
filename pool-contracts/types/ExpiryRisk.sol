// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice A pool's risk in one expiry, 6 decimals each, in one slot.
///
///     bits   144 … 255              32 … 143                0 … 31
///            net short vega (int112) net short Γ·F² (int112) round
///
/// Vega is weighted √(30 d/τ), as the tenor buckets are. `round` is that of the mark from which both count: what an earlier round says is nothing,
/// since the book did not hold the expiry when it was marked.
type ExpiryRisk is uint256;

using {since} for ExpiryRisk global;

/// @dev Reverts where a value leaves 112 bits.
function toExpiryRisk(int256 netShortVega, int256 netShortGamma, uint32 round) pure returns (ExpiryRisk) {
    uint256 vega = uint112(SafeCast.toInt112(netShortVega));
    uint256 gamma = uint112(SafeCast.toInt112(netShortGamma));
    return ExpiryRisk.wrap(vega << 144 | gamma << 32 | round);
}

/// @notice Both where they count from the mark of `round`; else nothing.
function since(ExpiryRisk self, uint32 round) pure returns (int256 netShortVega, int256 netShortGamma) {
    uint256 word = ExpiryRisk.unwrap(self);
    if (uint32(word) != round) return (0, 0); // the low 32 bits
    // One lane of 112 bits each, sign restored.
    return (int112(uint112(word >> 144)), int112(uint112(word >> 32)));
}
