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
    uint256 internal constant SQUARED_UNIT = 100 ** 2 * 1 hours;
    /// @dev e^20 is half a billion: beyond it nothing is bounded, and no product overflows.
    uint256 private constant LARGEST_EXPONENT_WAD = 20e18;

    /// @notice x² in units of 1/SQUARED_UNIT, of `movePercent` < 2^9 per √hour and `elapsed` < 2^40 seconds.
    function squaredMove(uint256 movePercent, uint256 elapsed) internal pure returns (uint256) {
        unchecked {
            return movePercent * movePercent * (elapsed + GRACE);
        }
    }

    /// @notice Whether `a` and `b`, both below 2^98, are within `squared` = x² of one another, see `squaredMove`.
    function isBounded(uint256 a, uint256 b, uint256 squared) internal pure returns (bool) {
        return isClearlyBounded(a, b, squared) || _isBelowPower(a, b, squared);
    }

    /// @notice Whether they are not zero and less than 1 + x ≤ e^x apart: most reports need no exponential. False says nothing.
    function isClearlyBounded(uint256 a, uint256 b, uint256 squared) internal pure returns (bool isClear) {
        uint256 unit = SQUARED_UNIT;
        assembly ("memory-safe") {
            // The products are below 2^(196 + 18 + 40).
            let low := xor(a, mul(xor(a, b), lt(b, a)))
            let apart := sub(xor(xor(a, b), low), low)
            isClear := lt(mul(mul(apart, apart), unit), mul(mul(low, low), squared))
        }
    }

    /// @dev high/low ≤ e^x.
    function _isBelowPower(uint256 a, uint256 b, uint256 squared) private pure returns (bool) {
        unchecked {
            (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
            uint256 xWad = SquareRoot.sqrt(squared * 1e36 / SQUARED_UNIT); // below 2^(58 + 120 − 25)
            if (xWad >= LARGEST_EXPONENT_WAD) return true;
            return high * 1e18 <= low * Exponential.expWad(int256(xWad)); // x < 2^65, e^x in WAD < 2^89
        }
    }
}
