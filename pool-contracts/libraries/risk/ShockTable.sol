// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Logarithm} from "../pricing/Logarithm.sol";
import {Scenario} from "./ScenarioGrid.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @notice What margin adds to a grid, all WAD.
/// @param shortWad Share of spot held for each short contract, whatever hedges it.
/// @param skewWad Move of the smile's slope: volatility per unit of k/√τ.
/// @param basisWad Move of each forward against spot, as a share of spot.
struct Contingencies {
    uint256 shortWad;
    uint256 skewWad;
    uint256 basisWad;
}

/// @title Scenario grids as code
/// @notice A grid is read at every margin check and written once in years: kept as contract code, with the logarithms of its
/// spot factors, it costs one cold account to read. In code as in memory, words of 32 bytes:
///
///     short, skew and basis contingency, number of spots, number of scenarios
///     for each spot:         1 + shock, its logarithm, number of its volatilities
///     for each volatility:   shock u, inverted << 7 | weight (%)
///
/// The scenarios stand in the reverse of their order in the grid, so that the present is the last: what it was priced from is
/// then at hand for its Greeks.
library ShockTable {
    /// @dev What a table begins with; its spots follow.
    struct Table {
        uint256 shortWad;
        uint256 skewWad;
        uint256 basisWad;
        uint256 spotCount;
        uint256 scenarioCount;
    }

    uint256 internal constant HEAD_BYTES = 5 * 32;
    /// @dev What stands before the volatilities of a spot, and each volatility.
    uint256 internal constant SPOT_BYTES = 3 * 32;
    uint256 internal constant VOLATILITY_BYTES = 2 * 32;

    /// @notice Writes a valid grid as code.
    function write(Scenario[] memory scenarios, Contingencies memory contingencies) internal returns (address pointer) {
        bytes memory rows;
        bytes memory volatilities;
        uint256 spotCount;
        uint256 ofSpot;
        for (uint256 i = scenarios.length; i > 0; --i) {
            Scenario scenario = scenarios[i - 1];
            volatilities = bytes.concat(
                volatilities,
                abi.encode(
                    scenario.volatilityShockWad(), (scenario.isInverted() ? 1 << 7 : 0) | scenario.weightPercent()
                )
            );
            ++ofSpot;
            if (i > 1 && scenarios[i - 2].spotShockWad() == scenario.spotShockWad()) continue;
            uint256 factorWad = uint256(1e18 + scenario.spotShockWad()); // a valid shock is above −1
            rows = bytes.concat(rows, abi.encode(factorWad, Logarithm.lnWad(factorWad), ofSpot), volatilities);
            ++spotCount;
            (volatilities, ofSpot) = ("", 0);
        }
        return SSTORE2.write(bytes.concat(abi.encode(contingencies, spotCount, scenarios.length), rows));
    }

    /// @notice A table, copied to memory in one piece.
    function load(address pointer) internal view returns (Table memory table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            let length := sub(extcodesize(pointer), 1) // SSTORE2 keeps data behind one byte of STOP
            extcodecopy(pointer, table, 1, length)
            mstore(0x40, add(table, length))
        }
    }

    /// @notice Where the spots of a table begin in memory.
    function spots(Table memory table) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := add(table, HEAD_BYTES)
        }
    }

    /// @notice 1 + shock and the number of volatilities of the spot at `record`.
    function spot(uint256 record) internal pure returns (uint256 factorWad, uint256 count) {
        assembly ("memory-safe") {
            factorWad := mload(record)
            count := mload(add(record, 0x40))
        }
    }

    /// @notice Weight of the volatility at `record`.
    function weightPercent(uint256 record) internal pure returns (uint256 weight) {
        assembly ("memory-safe") {
            weight := and(mload(add(record, 0x20)), 0x7f)
        }
    }
}
