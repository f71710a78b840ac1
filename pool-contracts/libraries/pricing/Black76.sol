// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Exponential} from "./Exponential.sol";
import {ImpliedStdDev} from "./ImpliedStdDev.sol";
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
/// @notice Undiscounted Black-76 prices and Greeks: one exponential, two Mills ratios, no branch but a guard.
/// @dev With m = min(F, K), k = |ln(K/F)|, v = σ√τ, a = k/v − v/2, b = k/v + v/2 and M the Mills ratio,
///
///     otm = m·[a < 0] + m·φ(a)·( sgn(a)·M(|a|) − M(b) ),     call = otm + F − m,     put = otm + K − m
///
/// so call − put = F − K to the wei, and nothing cancels in the tails. Scores (a, b, v/2) count 2^21 · 1e18 to one.
///
/// Each function returns early at the limits instead of branching: the optimiser never inlines such a function, so that it
/// keeps a stack of its own whatever the caller's frame holds (inlined into a full one it costs three times as much).
///
/// Domain: every v; max(F, K) < 2^127 (1.7e20 units), else `Black76_PriceTooLarge`. Where ln(K/F) is known, min(F, K) < 2^127.
/// Limits: v = 0, F = 0 or K = 0 give the intrinsic value, v → ∞ gives call = F and put = K.
/// Error: 1e-21·max(F, K) + 1 wei; never below intrinsic, never above F (call) or K (put). Where F, K ≥ 1e-6 and v ≥ 1e-6:
/// delta 1 wei, gamma 1 wei or 1e-18 of itself, vega 1e-20·max(F, K) + 1 wei; below, they lose digits as F, K or v do.
library Black76 {
    /// @notice Beyond 2^127 wei.
    error Black76_PriceTooLarge(uint256 forwardWad, uint256 strikeWad);
    /// @notice Beyond 2^127 seconds.
    error Black76_TimeTooLong(uint256 secondsToExpiry);
    /// @notice No standard deviation gives a price below the intrinsic value.
    error Black76_PriceBelowIntrinsic(uint256 priceWad, uint256 intrinsicWad);
    /// @notice No standard deviation gives a call the price of its forward, or a put that of its strike.
    error Black76_PriceNotBelowMaximum(uint256 priceWad, uint256 maximumWad);

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
            if (_isBeyond127Bits(larger | stdDevWad | (moneyness + halfStdDev))) {
                return _priceAtLimit(forwardWad, strikeWad, stdDevWad, larger);
            }
            return _price(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
        }
    }

    /// @notice Call and put from a deviation with more digits than a WAD has.
    /// @param halfStdDev v/2 as a score, 2^21 · 1e18 to one, below 2^255
    function priceFromScore(uint256 forwardWad, uint256 strikeWad, uint256 halfStdDev)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            (uint256 smaller, uint256 larger) = _sorted(forwardWad, strikeWad);
            uint256 moneyness = _divide(Logarithm.lnRatio(larger, smaller), halfStdDev);
            if (_isBeyond127Bits(larger | halfStdDev | (moneyness + halfStdDev))) {
                return _priceAtLimit(forwardWad, strikeWad, halfStdDev >> 20, larger);
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
            uint256 ln = _absolute(lnStrikeOverForwardWad);
            uint256 moneyness = _divide(ln * LN_UNIT_PER_WAD, halfStdDev);
            if (_isBeyond127Bits(smaller | stdDevWad | ln | (moneyness + halfStdDev))) {
                return _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
            }
            return _price(forwardWad, strikeWad, smaller, moneyness, halfStdDev);
        }
    }

    /// @notice Price, delta and vega where k = ln(K/F) is known: what a quote, a mark and a margin scenario need.
    /// @return callWad As in `priceKnownLn`
    /// @return putWad As in `priceKnownLn`
    /// @return callDeltaWad Φ(d1), by the forward; put delta = call delta − 1e18
    /// @return vegaWad F·φ(d1), by the standard deviation v; rounded down
    function priceDeltaVegaKnownLn(
        uint256 forwardWad,
        uint256 strikeWad,
        int256 lnStrikeOverForwardWad,
        uint256 stdDevWad
    ) internal pure returns (uint256 callWad, uint256 putWad, int256 callDeltaWad, uint256 vegaWad) {
        unchecked {
            (uint256 smaller,) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 moneyness;
            {
                uint256 ln = _absolute(lnStrikeOverForwardWad);
                moneyness = _divide(ln * LN_UNIT_PER_WAD, halfStdDev);
                if (
                    _isBeyond127Bits(smaller | stdDevWad | ln | (moneyness + halfStdDev))
                        || _isProductZero(smaller, stdDevWad)
                ) {
                    (callWad, putWad) = _priceAtLimit(forwardWad, strikeWad, stdDevWad, smaller);
                    return (callWad, putWad, _deltaAtLimit(forwardWad, strikeWad, stdDevWad), 0);
                }
            }
            (uint256 bell, uint256 millsA, uint256 millsB, uint256 sign) = _kernel(smaller, moneyness, halfStdDev);
            assembly ("memory-safe") {
                let excess := sub(sar(125, mul(bell, sub(millsA, millsB))), and(smaller, not(sign)))
                callWad := add(forwardWad, excess)
                putWad := add(strikeWad, excess)
                vegaWad := shr(125, mul(bell, INVERSE_SQRT_2PI_Q80))
            }
            uint256 density = _divide(bell * 1e18, forwardWad);
            callDeltaWad = _delta(forwardWad, strikeWad, density, millsA, millsB, sign);
        }
    }

    /// @notice Price, every first derivative, and gamma, written into a struct that a loop can use again.
    /// @param secondsToExpiry Below 2^127, else `Black76_TimeTooLong`; only theta and rho need it. At expiry both are 0.
    /// @param greeks Overwritten; every derivative that has no limit at v → 0 or v → ∞ is 0 there
    function priceAndGreeks(
        uint256 forwardWad,
        uint256 strikeWad,
        uint256 stdDevWad,
        uint256 secondsToExpiry,
        Greeks memory greeks
    ) internal pure {
        unchecked {
            (uint256 smaller, uint256 larger) = _sorted(forwardWad, strikeWad);
            uint256 halfStdDev = stdDevWad << 20;
            uint256 moneyness = _divide(Logarithm.lnRatio(larger, smaller), halfStdDev);
            uint256 bounded = larger | stdDevWad | secondsToExpiry | (moneyness + halfStdDev);
            if (_isBeyond127Bits(bounded) || _isProductZero(smaller, stdDevWad)) {
                _greeksAtLimit(forwardWad, strikeWad, stdDevWad, secondsToExpiry, greeks);
                return;
            }
            // The stack has no room for these two while the Mills ratios are worked out.
            greeks.gammaWad = stdDevWad;
            greeks.thetaPerSecondWad = int256(secondsToExpiry);
            _greeks(forwardWad, strikeWad, smaller, moneyness, halfStdDev, greeks);
        }
    }

    /// @notice The standard deviation v at which the call, or the put, has the given price; 0 for the intrinsic value.
    /// @dev Error: 1e-12·max(1, v) beside what the rounding of the price brings, which is half a wei over vega.
    /// @param priceWad At least the intrinsic value and below F (call) or K (put), else an error that says so
    function impliedStdDev(uint256 priceWad, uint256 forwardWad, uint256 strikeWad, bool isCall)
        internal
        pure
        returns (uint256 stdDevWad)
    {
        unchecked {
            (uint256 smaller, uint256 larger) = _sorted(forwardWad, strikeWad);
            if (larger >> 127 != 0) revert Black76_PriceTooLarge(forwardWad, strikeWad);
            uint256 maximum = isCall ? forwardWad : strikeWad;
            uint256 intrinsic = maximum - smaller;
            if (priceWad < intrinsic) revert Black76_PriceBelowIntrinsic(priceWad, intrinsic);
            if (priceWad == intrinsic) return 0;
            if (priceWad >= maximum) revert Black76_PriceNotBelowMaximum(priceWad, maximum);
            return ImpliedStdDev.solve(priceWad - intrinsic, smaller, larger);
        }
    }

    /// @dev `priceAndGreeks` inside the domain of the formula; v and the seconds wait in the slots of gamma and theta.
    function _greeks(
        uint256 forwardWad,
        uint256 strikeWad,
        uint256 smaller,
        uint256 moneyness,
        uint256 halfStdDev,
        Greeks memory greeks
    ) private pure {
        unchecked {
            (uint256 bell, uint256 millsA, uint256 millsB, uint256 sign) = _kernel(smaller, moneyness, halfStdDev);
            uint256 density;
            assembly ("memory-safe") {
                let excess := sub(sar(125, mul(bell, sub(millsA, millsB))), and(smaller, not(sign)))
                mstore(greeks, add(forwardWad, excess))
                mstore(add(greeks, 0x20), add(strikeWad, excess))
                mstore(add(greeks, 0x80), shr(125, mul(bell, INVERSE_SQRT_2PI_Q80)))
                density := div(mul(bell, 1000000000000000000), forwardWad)
            }
            greeks.callDeltaWad = _delta(forwardWad, strikeWad, density, millsA, millsB, sign);
            assembly ("memory-safe") {
                let stdDevWad := mload(add(greeks, 0x60))
                let phi := shr(60, mul(density, INVERSE_SQRT_2PI_Q80)) // φ(d1), 2^65 · 1e18 to one, below 2^125
                let gamma := div(mul(phi, 1000000000000000000000000000000000000), mul(forwardWad, stdDevWad))
                mstore(add(greeks, 0x60), shr(65, gamma))

                let time := mload(add(greeks, 0xa0))
                let theta := div(mul(mload(add(greeks, 0x80)), stdDevWad), mul(2000000000000000000, time))
                mstore(add(greeks, 0xa0), sub(0, theta))
                mstore(add(greeks, 0xc0), sub(0, div(mul(mload(greeks), time), 31536000)))
                mstore(add(greeks, 0xe0), sub(0, div(mul(mload(add(greeks, 0x20)), time), 31536000)))
            }
        }
    }

    /// @dev The formula above; moneyness + halfStdDev < 2^127.
    function _price(uint256 forwardWad, uint256 strikeWad, uint256 smaller, uint256 moneyness, uint256 halfStdDev)
        private
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        (uint256 bell, uint256 millsA, uint256 millsB, uint256 sign) = _kernel(smaller, moneyness, halfStdDev);
        assembly ("memory-safe") {
            // otm − m, so that adding F or K gives the price
            let excess := sub(sar(125, mul(bell, sub(millsA, millsB))), and(smaller, not(sign)))
            callWad := add(forwardWad, excess)
            putWad := add(strikeWad, excess)
        }
    }

    /// @return bell m·e^(−a²/2) in Q45, below 2^173
    /// @return millsA sgn(a)·M(|a|)/√(2π) in Q80, |…| ≤ 2^79
    /// @return millsB M(b)/√(2π) in Q80
    /// @return sign All ones where a < 0, else zero
    function _kernel(uint256 smaller, uint256 moneyness, uint256 halfStdDev)
        private
        pure
        returns (uint256 bell, uint256 millsA, uint256 millsB, uint256 sign)
    {
        unchecked {
            uint256 a = moneyness - halfStdDev;
            assembly ("memory-safe") {
                sign := sar(255, a)
                a := sub(xor(a, sign), sign) // |a|
            }
            (uint256 mantissa, uint256 shift) = Exponential.bell(a);
            bell = (smaller * mantissa) >> shift;
            (millsA, millsB) = NormalDistribution.millsRatios(a, moneyness + halfStdDev);
            millsA = (millsA ^ sign) - sign;
        }
    }

    /// @notice What prices and Greeks are put together from, to 1e-14 of max(F, K), for a caller that has proven the domain.
    /// @param smaller min(F, K), below 2^127
    /// @param moneyness |k|/v, a score
    /// @param halfStdDev v/2, a score; the sum of both is below 2^127
    /// @return bell As in `_kernel`, and so is the rest
    function shortKernel(uint256 smaller, uint256 moneyness, uint256 halfStdDev)
        internal
        pure
        returns (uint256 bell, uint256 millsA, uint256 millsB, uint256 sign)
    {
        unchecked {
            uint256 a = moneyness - halfStdDev;
            assembly ("memory-safe") {
                sign := sar(255, a)
                a := sub(xor(a, sign), sign) // |a|
            }
            (uint256 mantissa, uint256 shift) = Exponential.bell(a);
            bell = (smaller * mantissa) >> shift;
            (millsA, millsB) = NormalDistribution.millsRatiosShort(a, moneyness + halfStdDev);
            millsA = (millsA ^ sign) - sign;
        }
    }

    /// @notice Φ(d1) and F·φ(d1) from the parts of a price; F is positive. The sign is that of `millsA`.
    function deltaAndVega(uint256 forwardWad, uint256 strikeWad, uint256 bell, uint256 millsA, uint256 millsB)
        internal
        pure
        returns (int256 callDeltaWad, uint256 vegaWad)
    {
        unchecked {
            uint256 sign = uint256(int256(millsA) >> 255);
            callDeltaWad = _delta(forwardWad, strikeWad, _divide(bell * 1e18, forwardWad), millsA, millsB, sign);
            vegaWad = (bell * INVERSE_SQRT_2PI_Q80) >> 125;
        }
    }

    /// @param density √(2π)·φ(d1), 2^45 · 1e18 to one: m·e^(−a²/2)/F, since F·φ(b) = K·φ(a) where d1 = b
    /// @dev Φ(d1) = K > F ? [a < 0] + φ(d1)·sgn(a)·M(|a|) : 1 − φ(d1)·M(b)
    function _delta(
        uint256 forwardWad,
        uint256 strikeWad,
        uint256 density,
        uint256 millsA,
        uint256 millsB,
        uint256 sign
    ) private pure returns (int256 callDeltaWad) {
        assembly ("memory-safe") {
            let outOfTheMoney := gt(strikeWad, forwardWad)
            let mills := sub(mul(outOfTheMoney, add(millsA, millsB)), millsB)
            let base := mul(or(iszero(outOfTheMoney), and(sign, 1)), 1000000000000000000)
            callDeltaWad := add(base, sar(125, mul(density, mills)))
        }
    }

    function _greeksAtLimit(
        uint256 forwardWad,
        uint256 strikeWad,
        uint256 stdDevWad,
        uint256 secondsToExpiry,
        Greeks memory greeks
    ) private pure {
        unchecked {
            if (secondsToExpiry >> 127 != 0) revert Black76_TimeTooLong(secondsToExpiry);
            (uint256 callWad, uint256 putWad) = _priceAtLimit(forwardWad, strikeWad, stdDevWad, forwardWad | strikeWad);
            greeks.callWad = callWad;
            greeks.putWad = putWad;
            greeks.callDeltaWad = _deltaAtLimit(forwardWad, strikeWad, stdDevWad);
            (greeks.gammaWad, greeks.vegaWad, greeks.thetaPerSecondWad) = (0, 0, 0);
            greeks.callRhoWad = -int256(callWad * secondsToExpiry / 365 days);
            greeks.putRhoWad = -int256(putWad * secondsToExpiry / 365 days);
        }
    }

    /// @dev v so small or so large that the option is worth its intrinsic value or its upper bound. Where a bound of
    /// 127 bits is broken by |k|/v, v is below 1e9; where it is broken by v/2 or v, v is above.
    function _priceAtLimit(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad, uint256 bounded)
        private
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            if (bounded >> 127 != 0) revert Black76_PriceTooLarge(forwardWad, strikeWad);
            (uint256 smaller,) = _sorted(forwardWad, strikeWad);
            uint256 excess = stdDevWad < 1e27 ? smaller : 0;
            callWad = forwardWad - excess;
            putWad = strikeWad - excess;
        }
    }

    /// @dev Φ(d1) for v → 0 or v → ∞, or where F or K is zero.
    function _deltaAtLimit(uint256 forwardWad, uint256 strikeWad, uint256 stdDevWad)
        private
        pure
        returns (int256 callDeltaWad)
    {
        unchecked {
            if (stdDevWad >= 1e27) {
                callDeltaWad = forwardWad == 0 ? int256(0) : int256(1e18);
            } else if (forwardWad == strikeWad) {
                callDeltaWad = 0.5e18;
            } else {
                callDeltaWad = forwardWad > strikeWad ? int256(1e18) : int256(0);
            }
        }
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

    function _isBeyond127Bits(uint256 bits) private pure returns (bool) {
        return bits >> 127 != 0;
    }

    /// @dev Exact for factors below 2^127, which is all that reaches the kernel.
    function _isProductZero(uint256 x, uint256 y) private pure returns (bool) {
        unchecked {
            return x * y == 0;
        }
    }

    function _absolute(int256 x) private pure returns (uint256 absolute) {
        assembly ("memory-safe") {
            let sign := sar(255, x)
            absolute := sub(xor(x, sign), sign)
        }
    }
}
