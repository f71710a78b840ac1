// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title RollDown
/// @notice Time as an option on an average feels it, and what it does to a slice between reports.
///
/// Options settle on the average of spot over the last A = 30 minutes. The standard deviation of that average, seen τ before
/// the expiry, is σ√τ_eff with
///
///     τ_eff = τ − 2A/3       for τ ≥ A
///     τ_eff = τ³/(3A²)       for τ < A, of the forward that mixes what is fixed with what is open
///
/// (both are A/3 at τ = A). A slice with θ and ψ signed τ before its expiry has, at τ′ ≤ τ, θ′ = θ·τ′_eff/τ_eff and
/// ψ′ = ψ·τ′_eff/τ_eff. `Slice` proves that this keeps every inequality of the surface.
/// @dev All functions work on 3A²·τ_eff, which is an integer: nothing is lost before the one division.
library RollDown {
    /// @notice A, the averaging window.
    uint256 internal constant AVERAGING_WINDOW = 30 minutes;

    uint256 private constant THREE_A_SQUARED = 3 * AVERAGING_WINDOW * AVERAGING_WINDOW;
    uint256 internal constant TWO_THIRDS_A = 2 * AVERAGING_WINDOW / 3;

    /// @notice 3A²·τ_eff, exact, for τ < 2^64 seconds.
    function scaledEffectiveTime(uint256 secondsLeft) internal pure returns (uint256) {
        unchecked {
            // Below the window the cube is < 2^33; above it the product is < 2^64·2^24.
            return secondsLeft < AVERAGING_WINDOW
                ? secondsLeft * secondsLeft * secondsLeft
                : (secondsLeft - TWO_THIRDS_A) * THREE_A_SQUARED;
        }
    }

    /// @notice τ_eff in seconds, rounded up: positive until the expiry.
    function effectiveSeconds(uint256 secondsLeft) internal pure returns (uint256) {
        unchecked {
            return (scaledEffectiveTime(secondsLeft) + THREE_A_SQUARED - 1) / THREE_A_SQUARED;
        }
    }

    /// @notice `value`·τ′_eff/τ_eff, rounded down, for `value` < 2^128 and 0 < τ < 2^64.
    function rollDown(uint256 value, uint256 secondsLeft, uint256 secondsLeftAtReport) internal pure returns (uint256) {
        unchecked {
            // The product is < 2^128·2^88; the divisor is positive.
            return value * scaledEffectiveTime(secondsLeft) / scaledEffectiveTime(secondsLeftAtReport);
        }
    }

    /// @notice The forward of the settlement average when `elapsed` ≤ A seconds of the window are fixed at `averageWad`:
    /// (elapsed·average + (A − elapsed)·F)/A, rounded down. Prices are below 2^128.
    function averagingForward(uint256 averageWad, uint256 elapsed, uint256 forwardWad) internal pure returns (uint256) {
        unchecked {
            return (averageWad * elapsed + forwardWad * (AVERAGING_WINDOW - elapsed)) / AVERAGING_WINDOW; // < 2^128·2^11
        }
    }
}
