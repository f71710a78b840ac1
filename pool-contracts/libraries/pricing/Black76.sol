// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Exponential} from "./Exponential.sol";
import {Logarithm} from "./Logarithm.sol";
import {NormalDistribution} from "./NormalDistribution.sol";

/// @notice The price of a European call and put on a forward, undiscounted, with its derivatives. Everything is WAD.
struct Greeks {
    uint256 callWad;
    uint256 putWad;
    /// Φ(d1) = ∂call/∂F; the put's delta is `callDeltaWad − 1e18`.
    int256 callDeltaWad;
    /// φ(d1)/(F·v) = ∂²price/∂F², per unit of price, of call and put alike.
    uint256 gammaWad;
    /// F·φ(d1) = ∂price/∂v, where v is the standard deviation σ√τ, of call and put alike. ∂price/∂σ is √τ times as much.
    uint256 vegaWad;
    /// ∂price/∂t for one second that passes at constant σ and F: −vega·v / (2·seconds), of call and put alike.
    int256 thetaPerSecondWad;
    /// ∂price/∂r of the discounted price e^(−rτ)·price at r = 0 and constant F: −τ·price, τ in years of 365 days.
    int256 callRhoWad;
    int256 putRhoWad;
}

/// @title Black76
/// @notice Undiscounted Black-76 prices, Greeks and implied standard deviation: one exponential, two Mills ratios.
/// @dev With m = min(F, K), k = |ln(K/F)|, v = σ√τ, a = k/v − v/2, b = k/v + v/2 and M the Mills ratio,
///
///     otm = m·[a < 0] + m·φ(a)·( sgn(a)·M(|a|) − M(b) ),     call = otm + F − m,     put = otm + K − m
///
/// so call − put = F − K to the wei, and nothing cancels in the tails. Standard scores count 2^21 · 1e18 to one.
///
/// Domain: F, K < 2^127 (1.7e20 units), else `Black76_PriceTooLarge`; every v.
/// Limits: v = 0, F = 0 or K = 0 give the intrinsic value, v → ∞ gives call = F and put = K.
/// Error: 1e-21·max(F, K) + 1 wei; never below intrinsic, never above F (call) or K (put).
library Black76 {
    error Black76_PriceTooLarge(uint256 forwardWad, uint256 strikeWad);

    // ln(K/F) counts 2^41 · 1e36 to one, a WAD times this.
    uint256 private constant LN_UNIT_PER_WAD = 1e18 << 41;

    // 2^80/√(2π)
    uint256 private constant INVERSE_SQRT_2PI_Q80 = 482291623313231213510445;

    /// @notice Call and put.
    function price(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            (uint256 smaller, uint256 larger) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 moneyness = _divide(Logarithm.lnRatio(larger, smaller), halfStdDev);
            if (_isExtreme(forwardWad | strikeWad | stdDevWad | (moneyness + halfStdDev))) {
                return _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
            }
            return _price(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
        }
    }

    /// @notice Call and put where k = ln(K/F) is known to the caller, as it is for a strike on the surface.
    /// @dev Half a wei that k was rounded by moves the price by at most half a wei per unit of min(F, K).
    function priceKnownLn(uint256 forwardWad, uint256 strikeWad, int256 lnStrikeOverForwardWad, uint256 stdDevWad)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            (uint256 smaller,) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 lnAbsolute = _absolute(lnStrikeOverForwardWad);
            uint256 moneyness = _divide(lnAbsolute * LN_UNIT_PER_WAD, halfStdDev);
            if (_isExtreme(forwardWad | strikeWad | stdDevWad | lnAbsolute | (moneyness + halfStdDev))) {
                return _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
            }
            return _price(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
        }
    }

    /// @notice Price, delta and vega where k = ln(K/F) is known: what a quote, a mark and a margin scenario need.
    /// @return callWad As in `priceKnownLn`
    /// @return putWad As in `priceKnownLn`
    /// @return callDeltaWad Φ(d1), by the forward; put delta = call delta − 1e18
    /// @return vegaWad F·φ(d1), by the standard deviation v
    function priceDeltaVegaKnownLn(
        uint256 forwardWad,
        uint256 strikeWad,
        int256 lnStrikeOverForwardWad,
        uint256 stdDevWad
    ) internal pure returns (uint256 callWad, uint256 putWad, int256 callDeltaWad, uint256 vegaWad) {
        unchecked {
            (uint256 smaller,) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 lnAbsolute = _absolute(lnStrikeOverForwardWad);
            uint256 moneyness = _divide(lnAbsolute * LN_UNIT_PER_WAD, halfStdDev);
            if (
                _isExtreme(forwardWad | strikeWad | stdDevWad | lnAbsolute | (moneyness + halfStdDev))
                    || _isZero(stdDevWad, smaller)
            ) {
                (callWad, putWad) = _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
                return (callWad, putWad, _deltaAtLimit(forwardWad, strikeWad, stdDevWad), 0);
            }
            (callWad, putWad, callDeltaWad, vegaWad,) =
                _priceDeltaVega(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
        }
    }

    /// @notice Price and every first derivative, and gamma.
    /// @param secondsToExpiry Below 2^127; only theta and rho need it. At expiry both are 0.
    function priceAndGreeks(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad, uint256 secondsToExpiry)
        internal
        pure
        returns (Greeks memory greeks)
    {
        unchecked {
            (uint256 smaller, uint256 larger) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 moneyness = _divide(Logarithm.lnRatio(larger, smaller), halfStdDev);
            if (
                _isExtreme(forwardWad | strikeWad | stdDevWad | (moneyness + halfStdDev)) || _isZero(stdDevWad, smaller)
            ) {
                (greeks.callWad, greeks.putWad) = _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
                greeks.callDeltaWad = _deltaAtLimit(forwardWad, strikeWad, stdDevWad);
            } else {
                uint256 vegaWad;
                uint256 density;
                (greeks.callWad, greeks.putWad, greeks.callDeltaWad, vegaWad, density) =
                    _priceDeltaVega(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
                greeks.vegaWad = vegaWad;
                greeks.gammaWad = _gamma(density, forwardWad, stdDevWad);
                greeks.thetaPerSecondWad = -int256(_divide(vegaWad * stdDevWad / 2e18, secondsToExpiry));
            }
            greeks.callRhoWad = -int256(greeks.callWad * secondsToExpiry / 365 days);
            greeks.putRhoWad = -int256(greeks.putWad * secondsToExpiry / 365 days);
        }
    }

    /// @dev `_price` with Φ(d1), F·φ(d1) and √(2π)·φ(d1) (2^45 · 1e18 to one). Where K > F, d1 = −a and F = m; else d1 = b and F·φ(b) = K·φ(a).
    function _priceDeltaVega(
        uint256 forwardWad,
        uint256 strikeWad,
        uint256 smaller,
        uint256 moneyness,
        uint256 halfStdDev
    ) private pure returns (uint256 callWad, uint256 putWad, int256 callDeltaWad, uint256 vegaWad, uint256 density) {
        unchecked {
            (uint256 a, uint256 sign) = _absoluteDifference(moneyness, halfStdDev);
            (uint256 mantissa, uint256 shift) = Exponential.bell(a);
            (uint256 millsA, uint256 millsB) = NormalDistribution.millsRatios(a, moneyness + halfStdDev);
            uint256 bell = (smaller * mantissa) >> shift; // m·e^(−a²/2) in Q45, below 2^173
            assembly ("memory-safe") {
                millsA := sub(xor(millsA, sign), sign)
                let excess := sub(sar(125, mul(bell, sub(millsA, millsB))), and(smaller, not(sign)))
                callWad := add(forwardWad, excess)
                putWad := add(strikeWad, excess)
                vegaWad := shr(125, mul(bell, INVERSE_SQRT_2PI_Q80))

                // Φ(d1) = K > F ? [a < 0] + φ(d1)·sgn(a)·M(|a|) : 1 − φ(d1)·M(b)
                let outOfTheMoney := gt(strikeWad, forwardWad)
                let mills := sub(mul(outOfTheMoney, add(millsA, millsB)), millsB)
                let base := or(iszero(outOfTheMoney), and(sign, 1))
                density := div(mul(bell, 1000000000000000000), forwardWad)
                callDeltaWad := add(mul(base, 1000000000000000000), sar(125, mul(density, mills)))
            }
        }
    }

    /// @dev φ(d1)/(F·v); `density` as `_priceDeltaVega` gives it, below 2^106.
    function _gamma(uint256 density, uint256 forwardWad, uint256 stdDevWad) private pure returns (uint256 gammaWad) {
        assembly ("memory-safe") {
            let phi := shr(60, mul(density, INVERSE_SQRT_2PI_Q80)) // 2^65 · 1e18 to one
            gammaWad := shr(65, div(mul(phi, 1000000000000000000000000000000000000), mul(forwardWad, stdDevWad)))
        }
    }

    /// @dev Φ(d1) for v → 0 or v → ∞, or where F or K is zero.
    function _deltaAtLimit(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad) private pure returns (int256) {
        if (stdDevWad >= 1e27 || forwardWad > strikeWad) return forwardWad == 0 ? int256(0) : int256(1e18);
        return forwardWad == strikeWad ? int256(0.5e18) : int256(0);
    }

    /// @dev The formula above; moneyness + halfStdDev < 2^127, F, K < 2^127.
    function _price(uint256 forwardWad, uint256 strikeWad, uint256 smaller, uint256 moneyness, uint256 halfStdDev)
        private
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            (uint256 a, uint256 sign) = _absoluteDifference(moneyness, halfStdDev);
            (uint256 mantissa, uint256 shift) = Exponential.bell(a);
            (uint256 millsA, uint256 millsB) = NormalDistribution.millsRatios(a, moneyness + halfStdDev);
            uint256 bell = (smaller * mantissa) >> shift; // m·e^(−a²/2) in Q45, below 2^173
            assembly ("memory-safe") {
                // otm − m, so that adding F or K gives the price
                let mills := sub(sub(xor(millsA, sign), sign), millsB) // sgn(a)·M(|a|) − M(b), |…| ≤ 2^80
                let excess := sub(sar(125, mul(bell, mills)), and(smaller, not(sign)))
                callWad := add(forwardWad, excess)
                putWad := add(strikeWad, excess)
            }
        }
    }

    /// @dev v so small or so large, that the option is worth its intrinsic value or its upper bound.
    function _priceAtLimit(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad, uint256 smaller)
        private
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        require((forwardWad | strikeWad) >> 127 == 0, Black76_PriceTooLarge(forwardWad, strikeWad));
        // |k|/v exceeds v/2 by far below v = 1e9, and falls short of it by far above: one of both is beyond 2^126.
        return stdDevWad < 1e27 ? (forwardWad - smaller, strikeWad - smaller) : (forwardWad, strikeWad);
    }

    function _sorted(uint256 x, uint256 y) private pure returns (uint256 smaller, uint256 larger) {
        assembly ("memory-safe") {
            let difference := xor(x, y)
            smaller := xor(x, mul(difference, gt(x, y)))
            larger := xor(smaller, difference)
        }
    }

    /// @dev 0 where the divisor is 0.
    function _divide(uint256 dividend, uint256 divisor) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := div(dividend, divisor)
        }
    }

    function _isExtreme(uint256 bits) private pure returns (bool) {
        return bits >> 127 != 0;
    }

    function _isZero(uint256 x, uint256 y) private pure returns (bool zero) {
        assembly ("memory-safe") {
            zero := or(iszero(x), iszero(y))
        }
    }

    function _absolute(int256 x) private pure returns (uint256 absolute) {
        assembly ("memory-safe") {
            let sign := sar(255, x)
            absolute := sub(xor(x, sign), sign)
        }
    }

    /// @return absolute |x − y|
    /// @return sign All ones where x < y, else zero
    function _absoluteDifference(uint256 x, uint256 y) private pure returns (uint256 absolute, uint256 sign) {
        assembly ("memory-safe") {
            let difference := sub(x, y)
            sign := sar(255, difference)
            absolute := sub(xor(difference, sign), sign)
        }
    }
}
