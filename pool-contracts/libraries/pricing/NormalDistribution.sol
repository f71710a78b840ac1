// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Exponential} from "./Exponential.sol";

/// @title NormalDistribution
/// @notice Density φ, distribution function Φ and Mills ratio M(z) = (1 − Φ(z)) / φ(z) of the standard normal law.
/// @dev Standard scores count ONE = 2^21 · 1e18 to one: a WAD with 21 more bits. Every constant is printed, with its
/// error, by scripts/deriveConstants.ts.
library NormalDistribution {
    //     M(z) / √(2π) ≈ B0 / (z + A0 + B1 / (z + A1 + B2 / (z + A2 + … B8 / (z + A8))))       in Q80
    //
    // The error, weighted by φ, is below 5e-22 for every z ≥ 0.
    uint256 private constant A0 = 102396387088928846097;
    uint256 private constant A1 = 134694910984985476683397; // subtracted
    uint256 private constant A2 = 15688131124355595907272100;
    uint256 private constant A3 = 7863320624121979327708855;
    uint256 private constant A4 = 17918897430828041075410086;
    uint256 private constant A5 = 28963847947337783091977066;
    uint256 private constant A6 = 18411931642342016162297002; // subtracted
    uint256 private constant A7 = 1188501349849252137265102;
    uint256 private constant A8 = 7587008343120422843435801;
    uint256 private constant B0 = 1011439399304076804061982847701184351794304856746;
    uint256 private constant B1 = 4388521775184776303942581038905184667356465221704;
    uint256 private constant B2 = 15098634350243647465027216964933110365803828947714;
    uint256 private constant B3 = 236383493829531770985040177241446477468993396072776; // subtracted
    uint256 private constant B4 = 233151791585258227724465145910983251962267189389558;
    uint256 private constant B5 = 19468696111915206996333617918254280185253717516222;
    uint256 private constant B6 = 679539457857738572803242253814576424141283843165389;
    uint256 private constant B7 = 5211458383172936613669371556326274259643916502434; // subtracted
    uint256 private constant B8 = 114144552331450355936132582006821857731526455386440;

    // √(2π) · 2^80 and 1e18 / √(2π) · 2^80
    uint256 private constant SQRT_2PI_Q80 = 3030327641377486072904008;
    uint256 private constant WAD_OVER_SQRT_2PI_Q80 = 482291623313231213510444942385594877804871;

    /// @notice M(z) / √(2π) in Q80 for z ≥ 0.
    /// @param z Standard score, 2^21 · 1e18 to one, below 2^128.
    function millsRatio(uint256 z) internal pure returns (uint256 mills) {
        assembly ("memory-safe") {
            let t := add(z, A8)
            t := add(A7, add(z, sdiv(B8, t)))
            t := sub(sub(z, A6), sdiv(B7, t))
            t := add(A5, add(z, sdiv(B6, t)))
            t := add(A4, add(z, sdiv(B5, t)))
            t := add(A3, add(z, sdiv(B4, t)))
            t := add(A2, sub(z, sdiv(B3, t)))
            t := add(sub(z, A1), sdiv(B2, t))
            t := add(A0, add(z, sdiv(B1, t)))
            mills := sdiv(B0, t)
        }
    }

    /// @notice `millsRatio` of two scores: one body instead of two calls.
    function millsRatios(uint256 x, uint256 y) internal pure returns (uint256 millsX, uint256 millsY) {
        assembly ("memory-safe") {
            let t := add(x, A8)
            t := add(A7, add(x, sdiv(B8, t)))
            t := sub(sub(x, A6), sdiv(B7, t))
            t := add(A5, add(x, sdiv(B6, t)))
            t := add(A4, add(x, sdiv(B5, t)))
            t := add(A3, add(x, sdiv(B4, t)))
            t := add(A2, sub(x, sdiv(B3, t)))
            t := add(sub(x, A1), sdiv(B2, t))
            t := add(A0, add(x, sdiv(B1, t)))
            millsX := sdiv(B0, t)

            t := add(y, A8)
            t := add(A7, add(y, sdiv(B8, t)))
            t := sub(sub(y, A6), sdiv(B7, t))
            t := add(A5, add(y, sdiv(B6, t)))
            t := add(A4, add(y, sdiv(B5, t)))
            t := add(A3, add(y, sdiv(B4, t)))
            t := add(A2, sub(y, sdiv(B3, t)))
            t := add(sub(y, A1), sdiv(B2, t))
            t := add(A0, add(y, sdiv(B1, t)))
            millsY := sdiv(B0, t)
        }
    }

    /// @notice Φ(x) in [0, 1e18]; error 1 wei.
    function cdf(int256 xWad) internal pure returns (uint256) {
        unchecked {
            uint256 z = _score(xWad);
            (uint256 mantissa, uint256 shift) = Exponential.bell(z);
            // mantissa < 2^113, M/√(2π) ≤ 2^79, 1e18 < 2^60.
            uint256 tail = (1e18 * mantissa * millsRatio(z)) >> (shift + 125);
            return xWad < 0 ? tail : 1e18 - tail;
        }
    }

    /// @notice φ(x) in WAD; error 1 wei.
    function pdf(int256 xWad) internal pure returns (uint256) {
        unchecked {
            (uint256 mantissa, uint256 shift) = Exponential.bell(_score(xWad));
            return (WAD_OVER_SQRT_2PI_Q80 * mantissa) >> (shift + 125);
        }
    }

    /// @notice M(x) = (1 − Φ(x)) / φ(x) in WAD for x ≥ 0.
    function millsRatioWad(uint256 xWad) internal pure returns (uint256) {
        unchecked {
            return (millsRatio((xWad >> 85 == 0 ? xWad : 1 << 85) << 21) * SQRT_2PI_Q80 * 1e18) >> 160;
        }
    }

    /// @dev |x| as a standard score; beyond 2^85 (4e7 standard deviations) the bell is zero whatever the score.
    function _score(int256 xWad) private pure returns (uint256 z) {
        assembly ("memory-safe") {
            let sign := sar(255, xWad)
            z := sub(xor(xWad, sign), sign)
            if shr(85, z) { z := shl(85, 1) }
            z := shl(21, z)
        }
    }
}
