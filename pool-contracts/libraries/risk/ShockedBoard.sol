// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Board} from "../../types/Board.sol";
import {Essvi} from "../pricing/Essvi.sol";
import {Logarithm} from "../pricing/Logarithm.sol";
import {SquareRoot} from "../pricing/SquareRoot.sol";
import {ShockTable} from "./ShockTable.sol";

/// @notice One expiry under every scenario of a table: what depends on the expiry and not on the strike, worked out once, and
/// what its positions add up to.
/// @param spots Where its spots begin in memory, in the order of the table, and `end` where they end:
///
///     for each spot:         F′, ln(F′/F), where the next spot begins
///     for each volatility:   factor of the standard deviation (WAD), what is added to it (WAD, signed), Σ net·excess (raw)
///
/// @param forwardWad F, or the settlement price.
/// @param theta Of the slice, as `Essvi.terms` has it; so are the next two.
/// @param fixedWad What of the forward no longer moves: inside the averaging window the part that is averaged, else 0.
/// @param rootThetaWad √θ, the standard deviation at the money.
/// @param calls Σ calls, a size.
/// @param putsRaw Σ puts·K, raw.
/// @param deltaRaw Net delta by the forward, size times WAD.
struct ShockedBoard {
    uint256 spots;
    uint256 end;
    uint256 forwardWad;
    uint256 theta;
    int256 rhoTheta;
    uint256 rest;
    int256 rhoWad;
    uint256 psiWad;
    uint256 fixedWad;
    uint256 rootThetaWad;
    bool settled;
    int256 calls;
    int256 putsRaw;
    int256 deltaRaw;
}

/// @title Boards under shocks
/// @notice For a spot shock s and a volatility shock u, with fixed part A of the forward F, tenor τ, disagreement d:
///
///     F′ = A + (F − A)·(1 + s),     f = min(√(30 d/τ), 3),     shift = u·f, inverted u·(f − 1)
///     v′ = max( v·max(1 + shift, 0.1) + sign(shift)·d√τ, 1e-12 )
///
/// d√τ widens every shift in its own direction.
library ShockedBoards {
    uint256 private constant SECONDS_PER_YEAR = 365 days;
    /// @dev Tenor at which a volatility shock holds as it is written.
    uint256 private constant REFERENCE_TENOR = 30 days;
    /// @dev Largest factor by which a shorter tenor scales a volatility shock.
    uint256 private constant MAX_TENOR_FACTOR = 3e18;
    /// @dev What stands before the volatilities of a spot, and each volatility.
    uint256 internal constant SPOT_BYTES = 3 * 32;
    uint256 internal constant VOLATILITY_BYTES = 3 * 32;
    /// @dev Smallest factor a shock leaves of the standard deviation.
    uint256 private constant MIN_STD_DEV_FACTOR = 0.1e18;

    /// @notice The board under the table's scenarios. Forwards are below 2^97 (see `MarketOracle`), and at least `fixedWad`.
    function shock(ShockTable.Table memory table, Board memory board, uint256 fixedWad, uint256 disagreementWad)
        internal
        pure
        returns (ShockedBoard memory shocked)
    {
        (shocked.forwardWad, shocked.fixedWad, shocked.settled) = (board.forwardWad, fixedWad, board.settled);
        if (board.settled) return shocked;
        (shocked.theta, shocked.rhoTheta, shocked.rest) = Essvi.terms(board.thetaWad, board.rhoWad, board.psiWad);
        (shocked.rhoWad, shocked.psiWad) = (board.rhoWad, board.psiWad);
        shocked.rootThetaWad = SquareRoot.sqrtWad(board.thetaWad);
        uint256 source = ShockTable.spots(table);
        uint256 target;
        assembly ("memory-safe") {
            target := mload(0x40)
        }
        shocked.spots = target;
        uint256 rootTenorWad; // f
        uint256 apartWad; // d√τ
        unchecked {
            uint256 tenor = board.effectiveSeconds; // positive before the expiry
            rootTenorWad = tenor == 0 ? MAX_TENOR_FACTOR : SquareRoot.sqrtWad(REFERENCE_TENOR * 1e18 / tenor);
            if (rootTenorWad > MAX_TENOR_FACTOR) rootTenorWad = MAX_TENOR_FACTOR;
            if (disagreementWad != 0) {
                apartWad = disagreementWad * SquareRoot.sqrtWad(tenor * 1e18 / SECONDS_PER_YEAR) / 1e18;
            }
        }
        for (uint256 left = table.spotCount; left > 0; --left) {
            (source, target) = _shockSpot(source, target, board.forwardWad, fixedWad, rootTenorWad, apartWad);
        }
        assembly ("memory-safe") {
            mstore(0x40, target)
        }
        shocked.end = target;
    }

    /// @dev One spot with its volatilities, from the table at `source` to free memory at `target`; both move on.
    function _shockSpot(
        uint256 source,
        uint256 target,
        uint256 forwardWad,
        uint256 fixedWad,
        uint256 rootTenorWad,
        uint256 apartWad
    ) private pure returns (uint256, uint256) {
        unchecked {
            uint256 count;
            uint256 shockedWad;
            int256 lnFactorWad;
            assembly ("memory-safe") {
                shockedWad := add(fixedWad, div(mul(sub(forwardWad, fixedWad), mload(source)), 1000000000000000000))
                lnFactorWad := mload(add(source, 0x20))
                count := mload(add(source, 0x40))
            }
            if (fixedWad != 0) lnFactorWad = Logarithm.lnWad(shockedWad * 1e18 / forwardWad);
            uint256 next = target + SPOT_BYTES + count * VOLATILITY_BYTES;
            assembly ("memory-safe") {
                mstore(target, shockedWad)
                mstore(add(target, 0x20), lnFactorWad)
                mstore(add(target, 0x40), next)
            }
            assembly ("memory-safe") {
                source := add(source, 0x60)
                // |u| ≤ 2.047 and f ≤ 3.
                for { let row := add(target, SPOT_BYTES) } lt(row, next) { row := add(row, VOLATILITY_BYTES) } {
                    let inverted := shr(7, mload(add(source, 0x20)))
                    let shift := mul(mload(source), sub(rootTenorWad, mul(inverted, 1000000000000000000)))
                    shift := sdiv(shift, 1000000000000000000)
                    let factor := add(shift, 1000000000000000000)
                    if slt(factor, MIN_STD_DEV_FACTOR) { factor := MIN_STD_DEV_FACTOR }
                    mstore(row, factor)
                    mstore(add(row, 0x20), mul(apartWad, sub(sgt(shift, 0), slt(shift, 0))))
                    mstore(add(row, 0x40), 0)
                    source := add(source, 0x40)
                }
            }
            return (source, next);
        }
    }

    /// @notice Adds what the positions of an expiry are worth in each scenario, in the order of the table.
    function addValues(ShockedBoard memory shocked, int256[] memory raws) internal pure {
        unchecked {
            // Below 2^186, see `ScenarioValues`.
            (uint256 spot, uint256 end) = (shocked.spots, shocked.end);
            (int256 calls, int256 putsRaw) = (shocked.calls, shocked.putsRaw);
            assembly ("memory-safe") {
                let raw := add(raws, 0x20)
                for {} lt(spot, end) {} {
                    let line := add(mul(calls, mload(spot)), putsRaw)
                    let volatility := add(spot, SPOT_BYTES)
                    spot := mload(add(spot, 0x40))
                    for {} lt(volatility, spot) { volatility := add(volatility, VOLATILITY_BYTES) } {
                        mstore(raw, add(mload(raw), add(line, mload(add(volatility, 0x40)))))
                        raw := add(raw, 0x20)
                    }
                }
            }
        }
    }
}
