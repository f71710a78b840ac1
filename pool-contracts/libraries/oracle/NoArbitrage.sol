// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {RHO_ONE, Slice} from "../../types/Slice.sol";

/// @title NoArbitrage
/// @notice The inequalities that keep an eSSVI surface free of arbitrage, exactly, on the words that will be stored
/// (Gatheral & Jacquier 2014, theorem 4.2; Hendriks & Martini 2019, proposition 3.5):
///
///     no butterfly   ψ(1+|ρ|) ≤ 4    and    ψ²(1+|ρ|) ≤ 4θ
///     no calendar    θ₂ ≥ θ₁,   |ρ₂ψ₂ − ρ₁ψ₁| ≤ ψ₂ − ψ₁,   ψ₂θ₁ ≤ ψ₁θ₂
///
/// @dev With integers t = θ·1e11, p = ψ·1e10, r = ρ·2^15 and R = 2^15, multiplied out so that nothing is divided.
library NoArbitrage {
    uint256 private constant R = uint256(RHO_ONE);

    /// @notice Why `slice` may not follow `previous`, the accepted slice before it; `None` where it may.
    /// @dev A zero `previous` stands for "there is none": every calendar inequality then holds.
    function refusal(Slice previous, Slice slice) internal pure returns (IMarketOracle.SliceRefusal) {
        unchecked {
            (uint256 t, uint256 p, int256 r) = (slice.theta(), slice.psi(), slice.rho());
            uint256 absR = uint256(r < 0 ? -r : r); // |r| ≤ 2^15
            if (t == 0 || absR >= R) return IMarketOracle.SliceRefusal.Range;

            // Products stay below 2^36·2^36·2^17 and 2^40·2^32·2^15.
            if (p * (R + absR) > 4e10 * R || p * p * (R + absR) > 4e9 * t * R) {
                return IMarketOracle.SliceRefusal.Butterfly;
            }

            (uint256 t1, uint256 p1) = (previous.theta(), previous.psi());
            int256 skewStep = r * int256(p) - previous.rho() * int256(p1); // ψ fits 36 bits
            uint256 absStep = uint256(skewStep < 0 ? -skewStep : skewStep);
            if (t < t1 || p < p1 || absStep > (p - p1) * R || p * t1 > p1 * t) {
                return IMarketOracle.SliceRefusal.Calendar;
            }
            return IMarketOracle.SliceRefusal.None;
        }
    }
}
