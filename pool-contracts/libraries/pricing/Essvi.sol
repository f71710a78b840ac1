// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SquareRoot} from "./SquareRoot.sol";

/// @title Essvi
/// @notice Total variance of one expiry on an eSSVI surface (Hendriks & Martini 2019, Corbetta et al. 2019):
///
///     w(k) = ½·[ θ + ρψk + √((ψk + ρθ)² + (1 − ρ²)θ²) ],     k = ln(K/F)
///
/// @dev θ is the total variance at the money, ψ = θφ(θ) the slope of the wings, ρ ∈ [−1, 1] the skew; all WAD.
/// Domain: θ, ψ and |k| < 2^67 wei (147), |ρ| ≤ 1, else `Essvi_OutOfDomain`.
library Essvi {
    error Essvi_OutOfDomain(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad);

    // The terms count 1e36 / 2^8 to one, so that their squares fit.
    uint256 private constant WAD_PER_TERM = 1e18 >> 8;

    /// @notice w(k) in WAD, rounded down; error 1 wei.
    function totalVariance(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad)
        internal
        pure
        returns (uint256)
    {
        return _twiceTotalVariance(kWad, thetaWad, rhoWad, psiWad) / (2 * WAD_PER_TERM);
    }

    /// @notice √w(k) in WAD, from the variance before it is rounded; error 1 wei where w(k) > 1e-24.
    function stdDev(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad) internal pure returns (uint256) {
        unchecked {
            // √(2w · 1e36/2^8 · 2^7) = √w · 1e18
            return SquareRoot.sqrtNear(_twiceTotalVariance(kWad, thetaWad, rhoWad, psiWad) << 7);
        }
    }

    /// @dev 2·w(k), 1e36 / 2^8 to one.
    function _twiceTotalVariance(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad)
        private
        pure
        returns (uint256 twice)
    {
        uint256 outside;
        assembly ("memory-safe") {
            outside := or(
                shr(67, or(or(thetaWad, psiWad), xor(kWad, sar(255, kWad)))),
                gt(add(rhoWad, 1000000000000000000), 2000000000000000000)
            )
        }
        if (outside != 0) revert Essvi_OutOfDomain(kWad, thetaWad, rhoWad, psiWad);
        uint256 square;
        int256 sum;
        assembly ("memory-safe") {
            let theta := mul(thetaWad, WAD_PER_TERM) // < 2^119
            let psiK := sar(8, mul(psiWad, kWad)) // < 2^126
            let rhoTheta := sar(8, mul(rhoWad, thetaWad))
            let a := add(psiK, rhoTheta)
            square := add(mul(a, a), sub(mul(theta, theta), mul(rhoTheta, rhoTheta)))
            sum := add(theta, sdiv(mul(rhoWad, psiK), 1000000000000000000))
        }
        uint256 root = SquareRoot.sqrtNear(square);
        assembly ("memory-safe") {
            // For |ρ| = 1 the true sum may be zero, and the rounded one a unit below.
            twice := add(sum, root)
            twice := mul(twice, sgt(twice, 0))
        }
    }
}
