// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Slice} from "../../types/Slice.sol";

/// @title The inequalities that keep an eSSVI surface free of arbitrage
/// @notice On the stored words, in exact integers. In units, θ = t·1e-11, ψ = p·1e-10, ρ = r·2⁻¹⁵:
///
///     no butterfly:  ψ(1 + |ρ|) ≤ 4         p·(2¹⁵ + |r|) ≤ 4·10¹⁰·2¹⁵
///                    ψ²(1 + |ρ|) ≤ 4θ       p²·(2¹⁵ + |r|) ≤ 4·10⁹·2¹⁵·t
///     no calendar:   θ₂ ≥ θ₁                t₂ ≥ t₁
///                    |ρ₂ψ₂ − ρ₁ψ₁| ≤ ψ₂ − ψ₁  |r₂p₂ − r₁p₁| ≤ 2¹⁵·(p₂ − p₁)
///                    ψ₂θ₁ ≤ ψ₁θ₂            p₂·t₁ ≤ p₁·t₂
///
/// Sources: Hendriks & Martini 2019; Corbetta, Cohort, Laachir & Martini 2019.
library SurfaceArbitrage {
    // θ < 2^40, ψ < 2^36, |ρ| ≤ 2^15: every product fits 256 bits with room, signed or not.

    function isButterflyFree(Slice slice) internal pure returns (bool) {
        unchecked {
            uint256 p = slice.psi();
            int256 r = slice.rho();
            uint256 onePlusRho = 2 ** 15 + uint256(r < 0 ? -r : r);
            return p * onePlusRho <= 4e10 * 2 ** 15 && p * p * onePlusRho <= 4e9 * 2 ** 15 * slice.theta();
        }
    }

    /// @dev Every slice may follow a zero `near`.

    function isCalendarFree(Slice near, Slice far) internal pure returns (bool) {
        unchecked {
            (int256 p1, int256 p2) = (int256(near.psi()), int256(far.psi()));
            int256 gap = far.rho() * p2 - near.rho() * p1;
            return far.theta() >= near.theta() && (gap < 0 ? -gap : gap) <= 2 ** 15 * (p2 - p1)
                && far.psi() * near.theta() <= near.psi() * far.theta();
        }
    }
}
