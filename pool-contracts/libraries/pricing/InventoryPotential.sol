// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The potential whose change is the price of inventory
/// @notice With x = (V_front, V_middle, V_back, y): net short vega by tenor bucket and net short delta worth y = Δ·S,
///
///     Φ(x) = ( Σ κ_ab·V_a·V_b + κ_Δ·y² ) / (2·NAV)
///
/// κ_V is positive semidefinite and κ_Δ ≥ 0, so Φ ≥ 0. Impact is a difference of Φ: it does not depend on the path.
library InventoryPotential {
    /// @param x Net short vega of three buckets and net short delta, 6 decimals each, as `Inventory` keeps them.
    /// @param vegaPotential κ_V as (00, 01, 02, 11, 12, 22), WAD.
    /// @param deltaPotential κ_Δ, WAD.
    /// @param spotWad Spot of the last surface report, below 2^96.
    /// @param navE6 NAV, floored, 6 decimals, positive.
    /// @return Φ in WAD of the quote token, rounded down.
    function potential(
        int256[4] memory x,
        uint256[6] memory vegaPotential,
        uint256 deltaPotential,
        uint256 spotWad,
        uint256 navE6
    ) internal pure returns (uint256) {
        unchecked {
            // |x| ≤ 2^55, spot < 2^96, κ_V < 2^67, κ_Δ < 2^64: |y| < 2^92, vega terms are below 2^180 and the delta term below 2^248.
            int256 y = x[3] * int256(spotWad) / 1e18;
            int256 mixed = int256(vegaPotential[1]) * x[0] * x[1] + int256(vegaPotential[2]) * x[0] * x[2]
                + int256(vegaPotential[4]) * x[1] * x[2];
            int256 quadratic = int256(vegaPotential[0]) * x[0] * x[0] + int256(vegaPotential[3]) * x[1] * x[1]
                + int256(vegaPotential[5]) * x[2] * x[2] + int256(deltaPotential) * y * y + 2 * mixed;
            if (quadratic <= 0) return 0; // rounding of an exactly singular κ may leave a trace below zero
            return uint256(quadratic) / (2e6 * navE6); // NAV is below 2^128
        }
    }

    /// @notice Whether κ_V is positive semidefinite: all principal minors are non-negative. Entries at most 1e20 each.
    function isPositiveSemidefinite(uint256[6] memory m) internal pure returns (bool) {
        for (uint256 i = 0; i < 6; ++i) {
            if (m[i] > 1e20) return false;
        }
        (int256 a, int256 b, int256 c) = (int256(m[0]), int256(m[1]), int256(m[2]));
        (int256 d, int256 e, int256 f) = (int256(m[3]), int256(m[4]), int256(m[5]));
        if (a * d < b * b || a * f < c * c || d * f < e * e) return false;
        return a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d) >= 0;
    }
}
