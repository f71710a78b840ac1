// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Black76} from "./Black76.sol";
import {Exponential} from "./Exponential.sol";
import {SquareRoot} from "./SquareRoot.sol";

/// @title BlackScholes
/// @notice Prices on spot with a constant interest rate: Black-76 with the strike discounted, since
///
///     call = S·Φ(d1) − K·e^(−rT)·Φ(d2)
library BlackScholes {
    /// @notice K·e^(−rT) leaves the domain of `Black76`.
    error BlackScholes_DiscountTooLarge(int256 exponentWad);

    /// @notice Call and put; call − put = S − ⌊K·e^(−rT)⌋ to the wei.
    /// @param spotWad S < 2^127
    /// @param strikeWad K < 2^127, discounted as well
    /// @param secondsToExpiry T; 0 gives the intrinsic value
    /// @param volatilityWad σ for a year of 365 days
    /// @param rateWad r, continuously compounded for a year of 365 days; may be negative
    function price(uint256 spotWad, uint256 strikeWad, uint256 secondsToExpiry, uint256 volatilityWad, int256 rateWad)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        int256 exponentWad = -rateWad * int256(secondsToExpiry) / 365 days;
        uint256 discountedStrikeWad = strikeWad * Exponential.expWad(exponentWad) / 1e18;
        uint256 stdDevWad = volatilityWad * SquareRoot.sqrtWad(secondsToExpiry * 1e18 / 365 days) / 1e18;
        return Black76.price(spotWad, discountedStrikeWad, stdDevWad);
    }
}
