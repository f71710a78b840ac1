// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Logarithm} from "../pricing/Logarithm.sol";
import {Scenario} from "./ScenarioGrid.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @notice One scenario made ready for pricing.
/// @param spotFactorWad 1 + the spot shock.
/// @param lnSpotFactorWad Its logarithm: k′ = k − lnSpotFactor.
/// @param volatilityShockWad Relative, for a tenor of 30 days.
/// @param weightWad How much of a loss counts.
/// @param valueRaw What positions are worth there, added up while they are valued.
struct Shock {
    uint256 spotFactorWad;
    int256 lnSpotFactorWad;
    int256 volatilityShockWad;
    int256 weightWad;
    int256 valueRaw;
}

/// @dev Five words, in memory as in the code.
uint256 constant SHOCK_BYTES = 5 * 32;

/// @title Scenario grids as code
/// @notice A grid is read at every margin check and written once in years: kept as contract code, with the logarithms of its
/// spot factors, it costs one cold account to read.
library ShockTable {
    /// @notice Writes a valid grid as code.
    function write(Scenario[] memory scenarios) internal returns (address pointer) {
        bytes memory data;
        for (uint256 i = 0; i < scenarios.length; ++i) {
            uint256 spotFactorWad = uint256(1e18 + scenarios[i].spotShockWad()); // a valid shock is above −1
            // The weight is at most 1e18.
            data = bytes.concat(
                data,
                abi.encode(
                    Shock(
                        spotFactorWad,
                        Logarithm.lnWad(spotFactorWad),
                        scenarios[i].volatilityShockWad(),
                        int256(scenarios[i].weightWad()),
                        0
                    )
                )
            );
        }
        return SSTORE2.write(data);
    }

    /// @notice The `count` shocks of a table, copied to memory in one piece behind an array of their addresses.
    function load(address pointer, uint256 count) internal view returns (Shock[] memory shocks) {
        uint256 length = SHOCK_BYTES;
        assembly ("memory-safe") {
            shocks := mload(0x40)
            mstore(shocks, count)
            let address_ := add(add(shocks, 0x20), shl(5, count))
            extcodecopy(pointer, address_, 1, mul(count, length)) // SSTORE2 keeps data behind one byte of STOP
            for { let i := 1 } iszero(gt(i, count)) { i := add(i, 1) } {
                mstore(add(shocks, shl(5, i)), address_)
                address_ := add(address_, length)
            }
            mstore(0x40, address_)
        }
    }
}
