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
    // Best approximation: weighted by φ the error is at most 4.1e-22, relative it is 3e-11 at z = 9, 7e-9 at z = 20 and 1e-6 beyond.
    uint256 private constant A0 = 102362075167201743706;
    uint256 private constant A1 = 134653725894781567826618; // subtracted
    uint256 private constant A2 = 15685578628449111774162805;
    uint256 private constant A3 = 7867486887006958418028193;
    uint256 private constant A4 = 17916680253281270625184351;
    uint256 private constant A5 = 28973506110209161014420646;
    uint256 private constant A6 = 18421851625415367972815737; // subtracted
    uint256 private constant A7 = 1190497956256876179700913;
    uint256 private constant A8 = 7585031888275046256470124;
    uint256 private constant B0 = 1011439399107471280123010805988214738331883886907;
    uint256 private constant B1 = 4388524814664262834026168241025618464012956214630;
    uint256 private constant B2 = 15096777887875567848440492940789032092851421477135;
    uint256 private constant B3 = 236386064924032365110013428490039870135580995907774; // subtracted
    uint256 private constant B4 = 233114395029271048692780531088853721098171946175737;
    uint256 private constant B5 = 19464460189987268701253043563930761434008681876729;
    uint256 private constant B6 = 680005618699548587309084781407288260653397270934984;
    uint256 private constant B7 = 5210053814706350967087983959860901302228252301750; // subtracted
    uint256 private constant B8 = 114132358890171968771823696909479544089492761073989;

    //     A shorter fraction of the same form, with C for A and D for B: weighted by φ its error is at most 5e-15, relative it is
    //     5e-7 at z = 9 and 1e-4 beyond. It falls with z as M does.
    uint256 private constant C0 = 10717023171259584131998; // subtracted
    uint256 private constant C1 = 3805336589542795861390611;
    uint256 private constant C2 = 18139069928392015485219711;
    uint256 private constant C3 = 4195826177496400898401155;
    uint256 private constant C4 = 29591043840728887751209882; // subtracted
    uint256 private constant C5 = 36544368209205393058139086;
    uint256 private constant D0 = 1011333030949133242810854795160843085519816037559;
    uint256 private constant D1 = 4947501293151314354870410856985574053997330843149;
    uint256 private constant D2 = 75291842556950295858915934864597651206231803849065; // subtracted
    uint256 private constant D3 = 139016815919198214832247766519339270380698738164497;
    uint256 private constant D4 = 5341610632644549442698955926304308503529153796588; // subtracted
    uint256 private constant D5 = 1171255203905761922997508098116749932854364703274206;

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

    /// @notice `millsRatios` by the shorter fraction: where 1e-14 of a price is enough, as in a margin scenario.
    function millsRatiosShort(uint256 x, uint256 y) internal pure returns (uint256 millsX, uint256 millsY) {
        assembly ("memory-safe") {
            let t := add(x, C5)
            t := add(sub(x, C4), sdiv(D5, t))
            t := sub(add(x, C3), sdiv(D4, t))
            t := add(add(x, C2), sdiv(D3, t))
            t := sub(add(x, C1), sdiv(D2, t))
            t := add(sub(x, C0), sdiv(D1, t))
            millsX := sdiv(D0, t)

            t := add(y, C5)
            t := add(sub(y, C4), sdiv(D5, t))
            t := sub(add(y, C3), sdiv(D4, t))
            t := add(add(y, C2), sdiv(D3, t))
            t := sub(add(y, C1), sdiv(D2, t))
            t := add(sub(y, C0), sdiv(D1, t))
            millsY := sdiv(D0, t)
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
