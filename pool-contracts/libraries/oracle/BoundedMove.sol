// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Exponential} from "../pricing/Exponential.sol";
import {SquareRoot} from "../pricing/SquareRoot.sol";

/// @title How far a report may move the market
/// @notice
///
///     |ln(a/b)| ≤ x,   x = move·√((Δt + 60 s)/1 h)
///
/// The 60 s let two reports within moments of one another differ by what their nodes may see differently.
library BoundedMove {
    uint256 private constant GRACE = 60 seconds;
    /// @dev x² in percent² and seconds: (100²)·(3600 s).
    uint256 private constant SQUARED_UNIT = 100 ** 2 * 1 hours;
    /// @dev e^20 is half a billion: beyond it nothing is bounded, and no product overflows.
    uint256 private constant LARGEST_EXPONENT_WAD = 20e18;

    /// @notice Whether `a` and `b`, both below 2^98, are within `movePercent` per √hour of one another after `elapsed` seconds.
    function isBounded(uint256 a, uint256 b, uint256 movePercent, uint256 elapsed) internal pure returns (bool) {
        unchecked {
            // `movePercent` < 2^9 and `elapsed` < 2^40: all products are below 2^(196 + 18 + 40).
            (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
            uint256 squared = movePercent * movePercent * (elapsed + GRACE);
            uint256 apart = high - low;
            // 1 + x ≤ e^x: most reports need no exponential.
            if (apart * apart * SQUARED_UNIT <= low * low * squared) return true;
            uint256 xWad = SquareRoot.sqrt(squared * 1e36 / SQUARED_UNIT);
            if (xWad >= LARGEST_EXPONENT_WAD) return true;
            return high * 1e18 <= low * Exponential.expWad(int256(xWad)); // x < 2^65, e^x in WAD < 2^89
        }
    }
}
