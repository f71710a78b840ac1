// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Logarithm} from "./Logarithm.sol";
import {NormalDistribution} from "./NormalDistribution.sol";
import {SquareRoot} from "./SquareRoot.sol";

/// @title ImpliedStdDev
/// @notice The standard deviation v at which an out-of-the-money option, undiscounted, has a given price.
/// @dev With c = price/min(F, K), k = |ln(K/F)|, a, b and M as in `Black76`, and v* = √(2k), where a = 0, the logarithm
///
///     v ≤ v*:  ln c       = −a²/2 + ln( (M(|a|) − M(b)) / √(2π) )
///     v > v*:  ln (1 − c) = −a²/2 + ln( (M(|a|) + M(b)) / √(2π) )
///
/// needs no exponential, loses nothing to cancellation on either side and is nearly a parabola. Its inverse is found by
/// Householder's method of the fourth order (Jäckel, "Let's Be Rational", 2015) from a guess within a fifth: two steps
/// are enough, a third follows where the second was still large. Scores count ONE = 2^21 · 1e18 to one.
library ImpliedStdDev {
    int256 private constant ONE = 1e18 << 21;

    // A price relative to min(F, K) counts 2^126 to one: 2^46 times what a Mills ratio over √(2π) counts.
    uint256 private constant HALF_Q80 = 1 << 79; // M(0)/√(2π) = 1/2
    // Log units to 2^118: ONE²/2^127 · 2^8, only for the guess.
    uint256 private constant LN_UNIT_PER_Q118 = 6617444900424;
    uint256 private constant LN_UNIT_PER_Q126 = 25849394142;
    // ONE · √(2π), and ONE · 2^79 / √(2π)
    int256 private constant SQRT_2PI = 5256780499398951965642227;
    int256 private constant ONE_Q79_OVER_SQRT_2PI = 505719421207294732937928315906917534589120044861;

    // Where c < k/2: (k/v)² ≈ P0·T + P1 + P2/(T + P3) with T = ln(k/c) + k/2, from φ(d)/d − Φ(−d) = c/k; error 6 %.
    int256 private constant P0_THOUSANDTHS = 1977;
    int256 private constant P1 = -33051115520000000000000000; // −15.76
    int256 private constant P2 = 487171612034990080000000000000000000000000000000000; // 110.77 · ONE
    int256 private constant P3 = 14401142784000000000000000; // 6.867

    /// @notice v in WAD, rounded to the nearest; error 1e-12·max(1, v) beside what the rounding of the price brings.
    /// @param otmWad Between 0 and `smaller`, both excluded
    /// @param smaller min(F, K) < 2^127
    /// @param larger max(F, K) < 2^127
    function solve(uint256 otmWad, uint256 smaller, uint256 larger) internal pure returns (uint256 stdDevWad) {
        unchecked {
            uint256 ln = Logarithm.lnRatio(larger, smaller);
            uint256 target = _relative(otmWad, smaller);
            uint256 turn = SquareRoot.sqrtNear(ln << 2); // v* = √(2k): ln counts ONE²/2 to one
            uint256 millsTurn = NormalDistribution.millsRatio(turn);
            uint256 v;
            // M(0) as computed may exceed a half by an ulp: the difference is signed.
            bool isUpper = int256(target) > (int256(HALF_Q80) - int256(millsTurn)) << 46;
            if (isUpper) {
                target = _relative(smaller - otmWad, smaller);
                v = _guessAbove(target, turn, HALF_Q80 + millsTurn);
            } else {
                v = _guessBelow(target, ln);
                if (v > turn) v = turn;
            }
            for (uint256 round = 0; round < 8; ++round) {
                if (v < 1 << 20) v = 1 << 20; // half a wei
                uint256 before = v;
                v = uint256(int256(v) + _step(v, ln, target, isUpper));
                // Never beyond the side of v* that the price is on, and never more than a factor of four.
                if (int256(v) < int256(before >> 2)) v = before >> 2;
                if (isUpper ? v < turn : v > turn) v = turn;
                uint256 change = v > before ? v - before : before - v;
                if (change <= before >> 11) break;
            }
            stdDevWad = (v + (1 << 20)) >> 21;
        }
    }

    /// @dev Householder's step of the fourth order for f = ln(model/target), in terms without a unit:
    ///
    ///     Δ = ν·(1 + γν/2) / (1 + γν + δν²/6),   ν = −f/f′,   γ = f″/f′,   δ = f‴/f′
    ///
    /// With p = f′ = 1/(±M(|a|) − M(b)), so that pν = −f, and s = (ab/v)·ν, r = −(3k²/v⁴ + ¼)·ν²:
    /// γν = s + f and δν² = s² + r + 3fs + 2f².
    function _step(uint256 v, uint256 ln, uint256 target, bool isUpper) private pure returns (int256 change) {
        unchecked {
            int256 a;
            uint256 b;
            int256 moneyness;
            assembly ("memory-safe") {
                moneyness := div(shl(1, ln), v)
                a := sub(moneyness, shr(1, v))
                b := add(moneyness, shr(1, v))
            }
            // On its side of v* the sign of a is known; rounding may say otherwise at v* itself.
            if (isUpper ? a > 0 : a < 0) a = 0;
            int256 difference;
            {
                (uint256 millsA, uint256 millsB) = NormalDistribution.millsRatios(uint256(isUpper ? -a : a), b);
                difference = (isUpper ? -int256(millsA) : int256(millsA)) - int256(millsB);
            }
            int256 f = _lnQuotient(uint256(isUpper ? -difference : difference) << 46, target) - a * a / 4;
            int256 nu = -f * difference / ONE_Q79_OVER_SQRT_2PI;
            f /= ONE / 2;
            int256 relative; // ν/v
            assembly ("memory-safe") {
                relative := sdiv(mul(nu, ONE), v)
            }
            int256 s = a * int256(b) / ONE * relative / ONE;
            int256 r = moneyness * relative / ONE; // (k/v)·(ν/v)
            r = -(3 * r * r + nu * nu / 4) / ONE;
            int256 gamma = s + f;
            int256 denominator = ONE + gamma + ((s * s + 3 * f * s + 2 * f * f) / ONE + r) / 6;
            if (denominator <= 0) return nu;
            assembly ("memory-safe") {
                change := sdiv(mul(nu, add(ONE, sdiv(gamma, 2))), denominator)
            }
        }
    }

    /// @dev v − v* ≈ S·y/√(1 + S²y/8), y = ln(C*/C), C = 1 − c: right in slope at v*, and right where v²/8 ≈ −ln C.
    function _guessAbove(uint256 target, uint256 turn, uint256 millsSum) private pure returns (uint256 v) {
        unchecked {
            int256 y = _lnQuotient(millsSum << 46, target) / (ONE / 2);
            int256 s = (int256(millsSum) * SQRT_2PI) >> 80;
            int256 root = int256(SquareRoot.sqrtNear(uint256(ONE * ONE + s * s / ONE * y / 8)));
            int256 excess;
            assembly ("memory-safe") {
                excess := sdiv(mul(s, y), root)
            }
            v = uint256(int256(turn) + excess);
        }
    }

    /// @dev c > k/2: v ≈ √(2π)·(c + k/2), as Brenner and Subrahmanyam at the money; else from the asymptotic P.
    function _guessBelow(uint256 target, uint256 ln) private pure returns (uint256 v) {
        unchecked {
            uint256 k = ln / LN_UNIT_PER_Q126;
            if (target << 1 > k) return (((target + (k >> 1)) >> 46) * uint256(SQRT_2PI)) >> 80;
            int256 t = (_lnQuotient(ln / LN_UNIT_PER_Q118, (target >> 8) | 1) + int256(ln >> 1)) / (ONE / 2);
            int256 square = P0_THOUSANDTHS * t / 1000 + P1;
            assembly ("memory-safe") {
                square := add(square, sdiv(P2, add(t, P3)))
            }
            uint256 root = SquareRoot.sqrtNear(uint256(square * ONE));
            assembly ("memory-safe") {
                v := div(shl(1, ln), root)
            }
        }
    }

    /// @dev ln(x/y), 2^41 · 1e36 to one, of either sign; x, y < 2^128, not zero.
    function _lnQuotient(uint256 x, uint256 y) private pure returns (int256) {
        unchecked {
            return x >= y ? int256(Logarithm.lnRatio(x, y)) : -int256(Logarithm.lnRatio(y, x));
        }
    }

    /// @dev x/y, 2^126 to one, at least 1; x < y < 2^127.
    function _relative(uint256 x, uint256 y) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := or(div(shl(126, x), y), 1)
        }
    }
}
