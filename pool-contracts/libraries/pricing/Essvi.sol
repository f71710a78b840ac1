// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SquareRoot} from "./SquareRoot.sol";

/// @title Essvi
/// @notice Total variance of one expiry on an eSSVI surface (Hendriks & Martini 2019, Corbetta et al. 2019):
///
///     w(k) = ½·[ θ + ρψk + √((ψk + ρθ)² + (1 − ρ²)θ²) ],     k = ln(K/F)
///
/// @dev θ is the total variance at the money, ψ = θφ(θ) the slope of the wings, ρ ∈ [−1, 1] the skew; all WAD.
/// Domain: ψ < 2^62 wei (4.6; the absence of butterflies asks for 4), θ and |k| < 2^64 wei (18.4), |ρ| ≤ 1, else
/// `Essvi_OutOfDomain`.
library Essvi {
    error Essvi_OutOfDomain(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad);

    /// @notice w(k) in WAD, rounded down; error 1 wei.
    function totalVariance(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            return _twiceTotalVariance(kWad, thetaWad, rhoWad, psiWad) / 2e18;
        }
    }

    /// @notice √w(k) in WAD, from the variance before it is rounded; error 1 wei.
    function stdDev(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad) internal pure returns (uint256) {
        return SquareRoot.sqrtNear(_twiceTotalVariance(kWad, thetaWad, rhoWad, psiWad) >> 1); // √(w · 1e36)
    }

    /// @notice What of w does not depend on k, for a caller that reads one slice at many k: θ, ρθ and θ² − (ρθ)², exact, 1e36 and
    /// 1e72 to one. Checks the domain of all but k.
    function terms(uint256 thetaWad, int256 rhoWad, uint256 psiWad)
        internal
        pure
        returns (uint256 theta, int256 rhoTheta, uint256 rest)
    {
        bool outside;
        assembly ("memory-safe") {
            outside := or(
                or(shr(62, psiWad), shr(64, thetaWad)),
                gt(add(rhoWad, 1000000000000000000), 2000000000000000000)
            )
        }
        if (outside) revert Essvi_OutOfDomain(0, thetaWad, rhoWad, psiWad);
        assembly ("memory-safe") {
            theta := mul(thetaWad, 1000000000000000000) // < 2^124
            rhoTheta := mul(rhoWad, thetaWad)
            rest := sub(mul(theta, theta), mul(rhoTheta, rhoTheta))
        }
    }

    /// @notice `stdDev`, to the wei, from the terms of a slice: without a third of the work.
    function stdDevOfTerms(int256 kWad, uint256 theta, int256 rhoTheta, uint256 rest, int256 rhoWad, uint256 psiWad)
        internal
        pure
        returns (uint256)
    {
        bool outside;
        assembly ("memory-safe") {
            outside := shr(64, xor(kWad, sar(255, kWad)))
        }
        if (outside) revert Essvi_OutOfDomain(kWad, theta / 1e18, rhoWad, psiWad);
        uint256 twice;
        assembly ("memory-safe") {
            let psiK := mul(psiWad, kWad)
            let a := add(psiK, rhoTheta)
            let square := add(mul(a, a), rest)
            let root := shr(shr(1, clz(square)), 240615969168004511545033772477625056927) // as below
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            twice := add(add(theta, sdiv(mul(rhoWad, psiK), 1000000000000000000)), root)
        }
        return SquareRoot.sqrtNear(twice >> 1);
    }

    /// @dev 2·w(k), 1e36 to one. The square is exact, and no term is rounded against the sum: it is never negative.
    function _twiceTotalVariance(int256 kWad, uint256 thetaWad, int256 rhoWad, uint256 psiWad)
        private
        pure
        returns (uint256 twice)
    {
        bool outside;
        assembly ("memory-safe") {
            outside := or(
                or(shr(62, psiWad), shr(64, or(thetaWad, xor(kWad, sar(255, kWad))))),
                gt(add(rhoWad, 1000000000000000000), 2000000000000000000)
            )
        }
        if (outside) revert Essvi_OutOfDomain(kWad, thetaWad, rhoWad, psiWad);
        uint256 square;
        assembly ("memory-safe") {
            let theta := mul(thetaWad, 1000000000000000000) // < 2^124
            let psiK := mul(psiWad, kWad) // |ψk| < 2^126
            let rhoTheta := mul(rhoWad, thetaWad)
            let a := add(psiK, rhoTheta)
            square := add(mul(a, a), sub(mul(theta, theta), mul(rhoTheta, rhoTheta)))
            twice := add(theta, sdiv(mul(rhoWad, psiK), 1000000000000000000))
        }
        assembly ("memory-safe") {
            // SquareRoot.sqrtNear once more: a second call would not be inlined, and cost 50 gas.
            let root := shr(shr(1, clz(square)), 240615969168004511545033772477625056927)
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            root := shr(1, add(root, div(square, root)))
            twice := add(twice, root)
        }
    }
}
