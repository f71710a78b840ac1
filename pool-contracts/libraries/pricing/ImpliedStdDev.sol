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
/// are enough, a third follows where the second was still large. Scores count ONE = 2^21 · 1e18 to one. Every constant is
/// printed, with the error of the guess, by scripts/deriveConstants.ts.
library ImpliedStdDev {
    int256 private constant ONE = 1e18 << 21;
    uint256 private constant HALF_A_WEI = 1 << 20;

    // A price relative to min(F, K) counts 2^126 to one: 2^46 times what a Mills ratio over √(2π) counts.
    uint256 private constant HALF_Q80 = 1 << 79; // M(0)/√(2π) = 1/2
    // Log units to 2^118: ONE²/2^127 · 2^8, only for the guess.
    uint256 private constant LN_UNIT_PER_Q118 = 6617444900424;
    uint256 private constant LN_UNIT_PER_Q126 = 25849394142;
    // ONE · √(2π), and ONE · 2^79 / √(2π)
    int256 private constant SQRT_2PI = 5256780499398951965642227;
    int256 private constant ONE_Q79_OVER_SQRT_2PI = 505719421207294732937928315906917534589120044861;

    uint256 private constant ONE_Q80 = 1 << 80;
    // ONE²/2^64, and the log units (ONE²/2) to 2^80
    uint256 private constant ONE_SQUARED_Q64 = 238418579101562500000000000000;
    uint256 private constant LN_UNIT_PER_Q80 = 1818989403545856475830078;

    // Where c < k/2: (k/v)² ≈ P0·T − P1 + P2/(T + P3) with T = ln(k/c) + k/2, from φ(d)/d − Φ(−d) = c/k; error of v 1.3 % as
    // k → 0, 3 % up to k = 1/2, a fifth at k = 14.
    int256 private constant P0_THOUSANDTHS = 2050;
    int256 private constant P1 = 40629245505182907034286831; // in ONE, subtracted
    int256 private constant P2 = 769693833149090442423439946397489993339907804863688; // in ONE²
    int256 private constant P3 = 18770294028269728271430683; // in ONE

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
            // All ones where the price is above that at v*, else zero. M(0) as computed may exceed a half by an ulp.
            uint256 side;
            if (int256(target) > (int256(HALF_Q80) - int256(millsTurn)) << 46) {
                side = type(uint256).max;
                target = _relative(smaller - otmWad, smaller);
                v = _guessAbove(target, turn, HALF_Q80 + millsTurn);
            } else {
                v = _guessBelow(target, ln);
            }
            for (uint256 round = 0; round < 8; ++round) {
                v = _onItsSide(v, turn, side) | HALF_A_WEI; // any number nearby will do, but not zero
                uint256 change = _step(v, ln, target, side);
                v += change;
                if (change + (v >> 11) < (v >> 10)) break; // |change| < v/2^11, and positive or negative alike
                v = _atLeastAQuarter(v, v - change);
            }
            stdDevWad = (_onItsSide(v, turn, side) + HALF_A_WEI) >> 21;
        }
    }

    /// @dev min(v, v*) below v*, max(v, v*) above.
    function _onItsSide(uint256 v, uint256 turn, uint256 side) private pure returns (uint256 bounded) {
        assembly ("memory-safe") {
            bounded := xor(v, mul(xor(v, turn), sgt(xor(v, side), xor(turn, side))))
        }
    }

    /// @dev max(v, before/4)
    function _atLeastAQuarter(uint256 v, uint256 before) private pure returns (uint256 bounded) {
        assembly ("memory-safe") {
            let quarter := shr(2, before)
            bounded := xor(v, mul(xor(v, quarter), slt(v, quarter)))
        }
    }

    /// @dev Householder's step of the fourth order for f = ln(model/target), in terms without a unit:
    ///
    ///     Δ = ν·(1 + γν/2) / (1 + γν + δν²/6),   ν = −f/f′,   γ = f″/f′,   δ = f‴/f′
    ///
    /// With m = |±M(|a|) − M(b)|, f′ = ±1/m, μ = −f·m = ±ν, q = k/v, h = v/2:
    ///
    ///     s = |a|·b·(μ/v),   r = −(3q² + h²)·(μ/v)²,   γν = s + f,   δν² = (s + f)·(s + 2f) + r
    ///
    /// so that the sign of the side, + below v* and − above, is needed for m and Δ alone.
    /// @param side Zero below v*, all ones above
    function _step(uint256 v, uint256 ln, uint256 target, uint256 side) private pure returns (uint256 change) {
        uint256 z;
        uint256 b;
        uint256 curvature;
        assembly ("memory-safe") {
            let q := div(shl(1, ln), v)
            let h := shr(1, v)
            z := sub(xor(sub(q, h), side), side) // |a|: the side tells its sign
            z := mul(z, sgt(z, 0)) // rounding may say otherwise at v* itself
            b := add(q, h)
            curvature := div(add(mul(3, mul(q, q)), mul(h, h)), ONE_SQUARED_Q64)
        }
        (uint256 millsA, uint256 millsB) = NormalDistribution.millsRatios(z, b);
        uint256 mills;
        assembly ("memory-safe") {
            mills := sub(millsA, sub(xor(millsB, side), side))
        }
        int256 lnQuotient = _lnQuotient(mills << 46, target);
        assembly ("memory-safe") {
            let f := sub(lnQuotient, shr(2, mul(z, z)))
            let mu := sdiv(mul(sub(0, f), mills), ONE_Q79_OVER_SQRT_2PI)
            f := sdiv(f, LN_UNIT_PER_Q80)
            let relative := sdiv(shl(80, mu), v) // μ/v; from here everything is Q80
            let s := sar(64, mul(div(mul(z, b), ONE_SQUARED_Q64), relative))
            let r := shr(64, mul(shr(80, mul(relative, relative)), curvature)) // −r
            let gamma := add(s, f)
            let numerator := add(ONE_Q80, sar(1, gamma))
            let denominator := add(add(ONE_Q80, gamma), sdiv(sub(sar(80, mul(gamma, add(gamma, f))), r), 6))
            if slt(denominator, 1) { denominator := numerator } // too far away for more than Newton's step
            change := sdiv(mul(mu, numerator), denominator)
            change := sub(xor(change, side), side)
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
            int256 square = P0_THOUSANDTHS * t / 1000 - P1;
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
    function _lnQuotient(uint256 x, uint256 y) private pure returns (int256 ln) {
        uint256 larger;
        uint256 smaller;
        uint256 sign;
        assembly ("memory-safe") {
            let difference := xor(x, y)
            sign := sub(0, lt(x, y))
            smaller := xor(y, and(difference, sign))
            larger := xor(smaller, difference)
        }
        ln = int256(Logarithm.lnRatio(larger, smaller));
        assembly ("memory-safe") {
            ln := sub(xor(ln, sign), sign)
        }
    }

    /// @dev x/y, 2^126 to one, at least 1; x < y < 2^127.
    function _relative(uint256 x, uint256 y) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := or(div(shl(126, x), y), 1)
        }
    }
}
