// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StrikeWord} from "../../types/StrikeWord.sol";
import {Black76} from "../pricing/Black76.sol";
import {Essvi} from "../pricing/Essvi.sol";
import {Logarithm} from "../pricing/Logarithm.sol";
import {ShockedBoard} from "./ShockedBoard.sol";

/// @title What a strike is worth in every scenario
/// @notice The loop that margin spends its gas in. Call and put of one strike share their excess, otm − min(F′, K), so that
///
///     Σ value = F′·Σ calls + Σ puts·K + Σ net·excess,     net = calls + puts of a strike
///
/// needs one price a strike and scenario, and none for a synthetic forward, net = 0. The smile moves with spot: it is read
/// at k′ = ln(K/F′), once per spot.
library ScenarioValues {
    // ln(K/F) counts 2^41 · 1e36 to one, a WAD times this.
    uint256 private constant LN_UNIT_PER_WAD = 1e18 << 41;
    /// @dev No standard deviation is less: 1e-12, as a score of 2^20 · 1e18 to one. Essvi has |k| < 2^64, so that |k|/v stays
    /// below 2^125, inside the kernel's domain. At such a v an option is worth its intrinsic value but for 1e-12 of the forward.
    uint256 private constant MIN_HALF_STD_DEV = 1e6 << 20;

    /// @notice Adds a strike's calls and puts to its expiry's sums.
    /// @return skewRaw size·vega·k, raw: what the strike gains or loses where the smile tilts by one per k/√τ.
    function add(ShockedBoard memory shocked, StrikeWord word) internal pure returns (int256 skewRaw) {
        unchecked {
            // Strikes are below 2^88 and forwards below 2^98, deviations below 2^64 before a shock and 2^67 after it; sizes are
            // below 2^80, so a value is below 2^179 and those of 128 strikes add up to less than 2^186.
            uint256 strikeWad = word.key().strikeWad();
            int256 net = word.calls() + word.puts();
            shocked.calls += word.calls();
            shocked.putsRaw += word.puts() * int256(strikeWad);
            shocked.deltaRaw -= word.puts() * 1e18;
            if (net == 0) return 0;
            (int256 deltaWad, int256 tiltWad) = _addExcess(shocked, strikeWad, net);
            shocked.deltaRaw += net * deltaWad;
            return net * tiltWad;
        }
    }

    /// @return deltaWad Φ(d1) at present.
    /// @return tiltWad vega·k at present.
    function _addExcess(ShockedBoard memory shocked, uint256 strikeWad, int256 net)
        private
        pure
        returns (int256 deltaWad, int256 tiltWad)
    {
        unchecked {
            int256 k = Logarithm.lnWad(strikeWad * 1e18 / shocked.forwardWad);
            uint256 bell;
            uint256 millsA;
            uint256 millsB;
            uint256 spot = shocked.spots;
            while (spot < shocked.end) {
                uint256 smaller;
                uint256 next;
                int256 kShocked;
                uint256 ln;
                assembly ("memory-safe") {
                    let forwardWad := mload(spot)
                    smaller := xor(forwardWad, mul(xor(forwardWad, strikeWad), lt(strikeWad, forwardWad)))
                    kShocked := sub(k, mload(add(spot, 0x20)))
                    next := mload(add(spot, 0x40))
                    let negative := sar(255, kShocked)
                    ln := mul(sub(xor(kShocked, negative), negative), LN_UNIT_PER_WAD)
                }
                uint256 stdDevWad = Essvi.stdDevOfTerms(
                    kShocked, shocked.theta, shocked.rhoTheta, shocked.rest, shocked.rhoWad, shocked.psiWad
                );
                (bell, millsA, millsB) = _addSpot(spot, next, stdDevWad, smaller, ln, net);
                spot = next;
            }

            // The last scenario was the present.
            uint256 vegaWad;
            (deltaWad, vegaWad) = Black76.deltaAndVega(shocked.forwardWad, strikeWad, bell, millsA, millsB);
            tiltWad = int256(vegaWad) * k / 1e18;
        }
    }

    /// @dev Adds net·excess under every volatility of a spot. It returns early where there is nothing to add, so that the
    /// optimiser leaves it a stack of its own, which it fills.
    /// @return bell Of the last volatility, as `Black76.shortKernel` has it; so are the other two.
    /// @return millsA
    /// @return millsB
    function _addSpot(uint256 spot, uint256 next, uint256 stdDevWad, uint256 smaller, uint256 ln, int256 net)
        private
        pure
        returns (uint256 bell, uint256 millsA, uint256 millsB)
    {
        unchecked {
            uint256 volatility = spot + 0x60;
            if (volatility == next) return (0, 0, 0);
            while (volatility < next) {
                uint256 moneyness;
                uint256 halfStdDev;
                assembly ("memory-safe") {
                    halfStdDev := div(mul(stdDevWad, mload(volatility)), 1000000000000000000)
                    halfStdDev := shl(20, add(halfStdDev, mload(add(volatility, 0x20))))
                    // The larger of both, signed: a deviation that falls below zero is the least.
                    let less := slt(halfStdDev, MIN_HALF_STD_DEV)
                    halfStdDev := xor(halfStdDev, mul(xor(halfStdDev, MIN_HALF_STD_DEV), less))
                    moneyness := div(ln, halfStdDev)
                }
                uint256 sign;
                (bell, millsA, millsB, sign) = Black76.shortKernel(smaller, moneyness, halfStdDev);
                assembly ("memory-safe") {
                    let excess := sub(sar(125, mul(bell, sub(millsA, millsB))), and(smaller, not(sign)))
                    let sum := add(volatility, 0x40)
                    mstore(sum, add(mload(sum), mul(net, excess)))
                    volatility := add(volatility, 0x60)
                }
            }
        }
    }
}
