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
    /// @notice T ≥ 2^64 seconds, σ or |r| ≥ 2^96 wei (7.9e10), or e^(−rT) > 2^112.
    error BlackScholes_OutOfDomain(uint256 secondsToExpiry, uint256 volatilityWad, int256 rateWad);

    // r·T in bits, 2^80 to one: 2^80 / (ln2 · 1e18 · 31536000), with 96 more bits.
    int256 private constant BITS_PER_WAD_SECOND_Q96 = 4381745697361086573512971400;

    // 2^200 / 31536000: √(T · this) = √(years) · 2^100.
    uint256 private constant YEARS_PER_SECOND_Q200 = 50955671114250072156962268275658377807020642877435085;

    // Half a bit rounds, and the 112 bits of the mantissa go with the shift.
    int256 private constant ROUND_112 = (112 << 80) + (1 << 79);
    uint256 private constant FRACTION_MASK = (1 << 80) - 1;

    /// @notice Call and put; call − put = S − ⌊K·e^(−rT)⌋ to the wei. Error: 1e-21·max(S, K·e^(−rT)) + 2 wei.
    /// @param spotWad S < 2^127, and so K·e^(−rT), else `Black76_PriceTooLarge`
    /// @param strikeWad K < 2^127
    /// @param secondsToExpiry T; 0 gives the intrinsic value
    /// @param volatilityWad σ for a year of 365 days
    /// @param rateWad r, continuously compounded for a year of 365 days; may be negative
    function price(uint256 spotWad, uint256 strikeWad, uint256 secondsToExpiry, uint256 volatilityWad, int256 rateWad)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            int256 bits = ROUND_112 + ((rateWad * int256(secondsToExpiry) * BITS_PER_WAD_SECOND_Q96) >> 96);
            bool outside;
            assembly ("memory-safe") {
                outside := or(
                    or(shr(64, secondsToExpiry), shr(96, or(volatilityWad, xor(rateWad, sar(255, rateWad))))),
                    or(shr(127, strikeWad), slt(bits, 0))
                )
            }
            if (outside) revert BlackScholes_OutOfDomain(secondsToExpiry, volatilityWad, rateWad);
            // K·e^(−rT): K < 2^127, the mantissa below 2^113.
            uint256 discount = Exponential.exp2Negative((bits & int256(FRACTION_MASK)) - (1 << 79));
            uint256 discountedStrikeWad = (strikeWad * discount) >> uint256(bits >> 80);
            // σ√T/2, 2^20 · 1e18 to a deviation of one: T·2^200/year < 2^240, its root below 2^120.
            uint256 halfStdDev = (volatilityWad * SquareRoot.sqrtNear(secondsToExpiry * YEARS_PER_SECOND_Q200)) >> 80;
            return Black76.priceFromScore(spotWad, discountedStrikeWad, halfStdDev);
        }
    }
}
