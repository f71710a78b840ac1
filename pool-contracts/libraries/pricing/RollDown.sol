// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Time to the settlement average
/// @notice Options settle on the average of spot over the last A = 30 minutes. The variance that is left of that average,
/// at constant volatility σ, is σ²·τ_eff with
///
///     τ_eff = τ − 2A/3   where τ ≥ A,      τ_eff = τ³/(3A²)   inside the window;    both are A/3 at τ = A.
///
/// Until the next report θ and ψ of a slice shrink with τ_eff; `Slice` shows that no arbitrage appears.
library RollDown {
    /// @dev A, seconds.
    uint256 internal constant AVERAGING_WINDOW = 30 minutes;

    /// @notice τ_eff in seconds, WAD, rounded down.
    function effectiveSecondsWad(uint256 tenor) internal pure returns (uint256) {
        if (tenor >= AVERAGING_WINDOW) return tenor * 1e18 - 2e18 * AVERAGING_WINDOW / 3;
        return tenor ** 3 * 1e18 / (3 * AVERAGING_WINDOW ** 2);
    }

    /// @notice x·τ_eff(tenorNow)/τ_eff(tenorThen), rounded down; 0 where the slice had no time left.
    function roll(uint256 x, uint256 tenorThen, uint256 tenorNow) internal pure returns (uint256) {
        uint256 before = effectiveSecondsWad(tenorThen);
        return before == 0 ? 0 : x * effectiveSecondsWad(tenorNow) / before;
    }
}
