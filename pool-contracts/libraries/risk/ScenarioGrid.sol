// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice One scenario of a margin grid.
///
///     bits   20 … 31                8 … 19                      0 … 7
///            spot shock (int12, ‰)  volatility shock (int12, ‰)  weight (%)
///
/// The volatility shock is relative and holds for a tenor of 30 days; a loss counts by its weight (damped tails).
type Scenario is uint32;

using {spotShockWad, volatilityShockWad, weightWad} for Scenario global;

/// @dev A grid is at most 24 scenarios in three words, first scenario lowest, ended by a weight of 0. The first is
/// (0, 0, 100 %), the present; equal spot shocks stand together.
uint256 constant MAX_SCENARIOS = 24;

function spotShockWad(Scenario self) pure returns (int256) {
    // Shifting the 12 bits to the top of an int32 and back restores the sign.
    return int256(int32(Scenario.unwrap(self)) >> 20) * 1e15;
}

function volatilityShockWad(Scenario self) pure returns (int256) {
    return int256(int32(Scenario.unwrap(self) << 12) >> 20) * 1e15;
}

function weightWad(Scenario self) pure returns (uint256) {
    return uint256(uint8(Scenario.unwrap(self))) * 1e16;
}

/// @title Scenario grids as data
library ScenarioGrid {
    /// @notice The scenarios of a grid, in order.
    function unpack(uint256[3] memory words) internal pure returns (Scenario[] memory scenarios) {
        scenarios = new Scenario[](MAX_SCENARIOS);
        uint256 count;
        while (count < MAX_SCENARIOS) {
            Scenario scenario = Scenario.wrap(uint32(words[count / 8] >> (count % 8 * 32))); // one lane of 32 bits
            if (scenario.weightWad() == 0) break;
            scenarios[count++] = scenario;
        }
        assembly ("memory-safe") {
            mstore(scenarios, count) // shortens the array in place
        }
    }

    /// @notice Whether a grid may be used: it starts with the present, its weights are at most 100 %, no spot shock takes
    /// all of spot or more than doubles it, and equal spot shocks stand together.
    function isValid(Scenario[] memory scenarios) internal pure returns (bool) {
        if (scenarios.length < 2) return false;
        Scenario first = scenarios[0];
        if (first.spotShockWad() != 0 || first.volatilityShockWad() != 0 || first.weightWad() != 1e18) return false;
        for (uint256 i = 1; i < scenarios.length; ++i) {
            int256 spot = scenarios[i].spotShockWad();
            if (spot <= -1e18 || spot > 1e18 || scenarios[i].weightWad() > 1e18) return false;
            if (spot == scenarios[i - 1].spotShockWad()) continue;
            for (uint256 j = 0; j + 1 < i; ++j) {
                if (scenarios[j].spotShockWad() == spot) return false;
            }
        }
        return true;
    }
}
