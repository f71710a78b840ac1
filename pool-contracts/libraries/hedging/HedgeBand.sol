// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title How much delta is left alone, and what less of it is worth
/// @notice Trading costs a share of what is traded, so a delta is not brought to zero at every move: it may stray inside a band. With
/// the risk aversion γ/NAV, λ the cost per traded unit as a share of spot and Γ the gamma of the book, the half-width is
///
///     H = ( 3/2 · λ · S · Γ² · NAV / γ )^(1/3)
///
/// in units of the underlying: Whalley and Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with
/// transaction costs", Mathematical Finance 7 (1997), for exponential utility, small λ, and no interest. Its risk: a delta worth y, held
/// unhedged for a time T at volatility σ, costs its holder as much as a certain loss of
///
///     ½ · γ/NAV · y² · σ² · T
///
/// Sizes have 6 decimals, NAV too; rates are WAD.
library HedgeBand {
    uint256 internal constant SECONDS_PER_YEAR = 365 days;
    /// @dev Larger gammas are cut off: the band is capped long before.
    uint256 private constant MAX_GAMMA_WAD = 1 << 112;

    /// @notice H, 6 decimals, rounded down: it is hedged rather too early.
    /// @param costWad λ, at most 1e18.
    /// @param spotWad S, below 2^96.
    /// @param gammaWad |Γ|, units per quote token.
    /// @param navE6 NAV, below 2^100.
    /// @param aversionWad γ, positive.
    function halfWidth(uint256 costWad, uint256 spotWad, uint256 gammaWad, uint256 navE6, uint256 aversionWad)
        internal
        pure
        returns (uint256)
    {
        if (gammaWad > MAX_GAMMA_WAD) gammaWad = MAX_GAMMA_WAD;
        uint256 costPerUnitWad = 3 * costWad * spotWad / 2e18; // below 2^98
        // 3/2·λSΓ² has 54 decimals, of which 24 stay: below 2^(98 + 224 − 99). With NAV they are 30; a size's cube has 18.
        uint256 curvature = FixedPointMathLib.fullMulDiv(gammaWad * gammaWad, costPerUnitWad, 1e30);
        uint256 cube = FixedPointMathLib.saturatingMul(curvature, navE6) / aversionWad; // 30 − 18 = 12 decimals …
        return FixedPointMathLib.cbrt(FixedPointMathLib.saturatingMul(cube, 1e6)); // … and 6 more
    }

    /// @notice By how much less certain loss a delta counts for after it fell from `beforeE6` to `afterE6`, both its worth in quote tokens
    /// with 6 decimals, below 2^112. 6 decimals, rounded down.
    /// @param riskWad γ·σ²·T/2, see `riskOf`.
    function savedE6(uint256 beforeE6, uint256 afterE6, uint256 navE6, uint256 riskWad)
        internal
        pure
        returns (uint256)
    {
        if (afterE6 >= beforeE6) return 0;
        return FixedPointMathLib.fullMulDiv((beforeE6 - afterE6) * (beforeE6 + afterE6), riskWad, navE6 * 1e18);
    }

    /// @notice γ·σ²·T/2, WAD, rounded down.
    function riskOf(uint256 aversionWad, uint256 volatilityWad, uint256 horizon) internal pure returns (uint256) {
        return aversionWad * volatilityWad / 1e18 * volatilityWad / 1e18 * horizon / (2 * SECONDS_PER_YEAR);
    }
}
