// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Slice} from "../../types/Slice.sol";

/// @title The inequalities that keep an eSSVI surface free of arbitrage
/// @notice On the stored words, in exact integers. In units, θ = t·1e-11, ψ = p·1e-10, ρ = r·2⁻¹⁵; u = p·(2¹⁵ + r) and
/// d = p·(2¹⁵ − r) are the slopes of the right and the left wing, ψ(1 ± ρ):
///
///     no butterfly:  ψ(1 + |ρ|) ≤ 4             max(u, d) ≤ 4·10¹⁰·2¹⁵
///                    ψ²(1 + |ρ|) ≤ 4θ           p·max(u, d) ≤ 4·10⁹·2¹⁵·t
///     no calendar:   θ₂ ≥ θ₁                    t₂ ≥ t₁
///                    |ρ₂ψ₂ − ρ₁ψ₁| ≤ ψ₂ − ψ₁    u₂ ≥ u₁ and d₂ ≥ d₁
///                    ψ₂θ₁ ≤ ψ₁θ₂                p₂·t₁ ≤ p₁·t₂
///
/// Sources: Hendriks & Martini 2019; Corbetta, Cohort, Laachir & Martini 2019.
library SurfaceArbitrage {
    uint256 internal constant LARGEST_SLOPE = 4e10 * 2 ** 15;
    uint256 internal constant SQUARE_FACTOR = 4e9 * 2 ** 15;

    // θ < 2^40, ψ < 2^36, |ρ| ≤ 2^15: every product is below 2^128.

    function isButterflyFree(Slice slice) internal pure returns (bool) {
        unchecked {
            (uint256 up, uint256 down) = wings(slice);
            uint256 steeper = up > down ? up : down;
            return steeper <= LARGEST_SLOPE && slice.psi() * steeper <= SQUARE_FACTOR * slice.theta();
        }
    }

    /// @dev Every slice may follow a zero `near`.
    function isCalendarFree(Slice near, Slice far) internal pure returns (bool) {
        unchecked {
            (uint256 up1, uint256 down1) = wings(near);
            (uint256 up2, uint256 down2) = wings(far);
            return far.theta() >= near.theta() && up2 >= up1 && down2 >= down1
                && far.psi() * near.theta() <= near.psi() * far.theta();
        }
    }

    function wings(Slice slice) private pure returns (uint256 up, uint256 down) {
        unchecked {
            (uint256 p, int256 r) = (slice.psi(), slice.rho());
            return (p * uint256(2 ** 15 + r), p * uint256(2 ** 15 - r)); // |r| ≤ 2^15
        }
    }
}
