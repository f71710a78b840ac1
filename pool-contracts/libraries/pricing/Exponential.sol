// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Exponential
/// @notice e^x and the Gaussian bell e^(−z²/2). Every constant is printed, with its error, by scripts/deriveConstants.ts.
library Exponential {
    /// @notice e^x would not fit into 256 bits: `xWad` ≥ 135.305999368893231589e18.
    error Exponential_Overflow(int256 xWad);

    // With x measured in bits (x = ln2 · fraction / 2^80, |x| ≤ ln2/2):
    //
    //     e^x = (g + x) / (g − x),     g(x) = x·coth(x/2) ≈ u + G0 − G1 / (u + G2 − G3 / (u + G4)),     u = x² / U
    //
    // Everything is counted in units of ln2/2^80; U is chosen so that u enters with the factor one. Relative error of e^x 4.5e-23.
    uint256 private constant U = 73278861156178246867169145;
    uint256 private constant G0 = 24923001900877243257917929;
    uint256 private constant G1 = 131659512140050902935576075153748622277535243056442;
    uint256 private constant G2 = 7742803680387358542269664;
    uint256 private constant G3 = 3557301837562576279081569154946403433055073673758;
    uint256 private constant G4 = 2222657186315489723421346;

    // z²/2 in bits: z² / Z_PER_BIT = 2^80 · (z/ONE)² / (2·ln2), where a standard score counts ONE = 2^21 · 1e18.
    uint256 private constant Z_PER_BIT = 5043309506144908005206032;

    // Half a bit, so that the fraction is centred, and 67 whole bits that the bell's mantissa carries beyond Q45.
    uint256 private constant HALF_BIT = 1 << 79;
    uint256 private constant ROUND_AND_SCALE = (67 << 80) + (1 << 79);
    uint256 private constant FRACTION_MASK = (1 << 80) - 1;

    // 2^80 / (ln2 · 1e18) with 96 more bits.
    int256 private constant BITS_PER_WAD_Q96 = 138182732311979226182305066060065637;
    int256 private constant ROUND_195 = (195 << 80) + (1 << 79);
    uint256 private constant WAD_Q83 = 1e18 << 83;
    int256 private constant OVERFLOW = 135305999368893231589; // ⌈ln(2^255 / 1e18) · 1e18⌉
    int256 private constant LOWEST = -42139678854452767551; // below: e^x < 5e-19

    /// @notice The Gaussian bell: e^(−z²/2) = mantissa / 2^(45 + shift).
    /// @param z Standard score, 2^21 · 1e18 to one, below 2^128.
    /// @return mantissa Between 2^111.5 and 2^112.5, relative error 5e-23.
    /// @return shift At least 67, so that `shr(shift, mul(x, mantissa))` is x·e^(−z²/2) in Q45 for every x < 2^127.
    function bell(uint256 z) internal pure returns (uint256 mantissa, uint256 shift) {
        unchecked {
            uint256 bits;
            assembly ("memory-safe") {
                bits := add(div(mul(z, z), Z_PER_BIT), ROUND_AND_SCALE)
            }
            shift = bits >> 80;
            mantissa = exp2Negative(int256(bits & FRACTION_MASK) - int256(HALF_BIT));
        }
    }

    /// @notice 2^112 · 2^(−fraction / 2^80) for |fraction| ≤ 2^79; relative error 4e-23.
    function exp2Negative(int256 fraction) internal pure returns (uint256 power) {
        assembly ("memory-safe") {
            let u := div(mul(fraction, fraction), U)
            let g := sub(add(u, G2), div(G3, add(u, G4)))
            g := sub(add(u, G0), div(G1, g))
            power := div(shl(112, sub(g, fraction)), add(g, fraction))
        }
    }

    /// @notice e^x, rounded down up to an error of 1 wei or a relative error of 1e-22, whichever is greater.
    /// @param xWad Any number below 135.305999368893231589e18, else `Exponential_Overflow`; 0 where the result is below 1 wei.
    function expWad(int256 xWad) internal pure returns (uint256 power) {
        unchecked {
            // One comparison for both ends: x − lowest wraps around below.
            if (uint256(xWad - LOWEST) >= uint256(OVERFLOW - LOWEST)) {
                if (xWad >= OVERFLOW) revert Exponential_Overflow(xWad);
                return 0;
            }
            // The bits of 1/e^x, between −195.2 and 60.8, and 195 more, so that the last shift is never negative.
            uint256 bits = uint256(ROUND_195 - ((xWad * BITS_PER_WAD_Q96) >> 96));
            uint256 mantissa = exp2Negative(int256(bits & FRACTION_MASK) - int256(HALF_BIT));
            return (mantissa * WAD_Q83) >> (bits >> 80); // mantissa < 2^112.6, WAD_Q83 < 2^142.8
        }
    }
}
