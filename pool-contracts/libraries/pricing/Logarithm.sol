// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Logarithm
/// @notice The natural logarithm. Every constant is printed, with its error, by scripts/deriveConstants.ts.
library Logarithm {
    /// @notice The logarithm of zero does not exist.
    error Logarithm_OfZero();

    // ratio = 2^e · m with m in [1/√2, √2];   ln(ratio) = e·ln2 + 2·atanh(u),   u = (m − 1)/(m + 1), |u| ≤ 0.1716
    //
    //     2·atanh(u) = 2u / f(u²),     f ≈ F0 − w − F1 / (F2 − w − F3 / (F4 − w − F5 / (F6 − w))),     w = u² / W
    //
    // Eight parameters, absolute error 7.8e-23. The result counts 2^41 · 1e36 to one: a WAD times the WAD of a standard
    // score, so that dividing it by half a standard deviation (2^20 · 1e18 to a standard deviation of one) yields a score.
    uint256 private constant SQRT2_Q127 = 240615969168004511545033772477625056927;
    uint256 private constant W = 15934310935225269499344113304136253;
    uint256 private constant F0 = 2612655615435011534653208443;
    uint256 private constant F1 = 791393724436844593182582235640190929434411695962405032;
    uint256 private constant F2 = 633132902441693033970141660;
    uint256 private constant F3 = 11740926569219560513195366985614504328309500334651627;
    uint256 private constant F4 = 210452861169583692690330342;
    uint256 private constant F5 = 771896303346010298445884022097216115588171349809163;
    uint256 private constant F6 = 126498592403968575920647079;
    uint256 private constant TWICE = 4294967296000000000000000000000000000000000000; // 2^32 · 1e36 = 2 · 2^41 · 1e36 / 2^10
    uint256 private constant LN2 = 1524246769571620900605753743617826914139028856792; // ln2 · 2^41 · 1e36
    uint256 private constant LN_UNIT_PER_WAD = 1e18 << 41;

    /// @notice ln(larger / smaller) ≥ 0, 2^41 · 1e36 to one; error 2e-23.
    /// @param larger Below 2^127.
    /// @param smaller Not zero and at most `larger`.
    function lnRatio(uint256 larger, uint256 smaller) internal pure returns (uint256 ln) {
        assembly ("memory-safe") {
            // √2 · 2^127 · ratio has 128 + e bits, where e is the exponent of the ratio rounded to the nearest power of two.
            let ratio := div(mul(larger, SQRT2_Q127), smaller)
            let e := sub(128, clz(ratio))
            let m := shr(e, ratio)
            let u := sdiv(shl(100, sub(m, SQRT2_Q127)), add(m, SQRT2_Q127))
            let w := div(mul(u, u), W)
            let f := sub(sub(F4, w), div(F5, sub(F6, w)))
            f := sub(sub(F2, w), div(F3, f))
            f := sub(sub(F0, w), div(F1, f))
            ln := add(sdiv(mul(u, TWICE), f), mul(e, LN2))
        }
    }

    /// @notice ln(x), rounded toward zero; error 1 wei.
    /// @param xWad Not zero, else `Logarithm_OfZero`.
    function lnWad(uint256 xWad) internal pure returns (int256) {
        if (xWad == 0) revert Logarithm_OfZero();
        unchecked {
            uint256 excess;
            uint256 larger;
            uint256 smaller;
            assembly ("memory-safe") {
                // Bits beyond the 127 that lnRatio takes cannot be seen in the result.
                let clearance := clz(xWad)
                excess := mul(sub(129, clearance), lt(clearance, 129))
                let x := shr(excess, xWad)
                let difference := xor(x, 1000000000000000000)
                larger := xor(x, mul(difference, lt(x, 1000000000000000000)))
                smaller := xor(larger, difference)
            }
            int256 ln = int256((lnRatio(larger, smaller) + excess * LN2) / LN_UNIT_PER_WAD);
            return xWad < 1e18 ? -ln : ln;
        }
    }
}
