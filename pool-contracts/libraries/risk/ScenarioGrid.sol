// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

/// @notice One scenario of a margin grid.
///
///     bits   20 … 31                8 … 19                      7         0 … 6
///            spot shock (int12, ‰)  volatility shock (int12, ‰)  inverted  weight (%)
///
/// The volatility shock u is relative and holds for a tenor of 30 days. With f = min(√(30 d/τ), 3) an expiry moves by u·f;
/// inverted, by u·(f − 1), so that the front and the back of the term structure move opposite ways. A loss counts by its
/// weight (damped tails).
type Scenario is uint32;

using {spotShockWad, volatilityShockWad, isInverted, weightPercent} for Scenario global;

/// @dev A grid is at most 24 scenarios in three words, first scenario lowest, ended by a weight of 0. The first is
/// (0, 0, 100 %), the present; equal spot shocks stand together.
uint256 constant MAX_SCENARIOS = 24;

/// @dev All of spot but a thousandth, and twice spot: the furthest a scenario may go.
int256 constant MIN_SPOT_SHOCK = -0.999e18;
int256 constant MAX_SPOT_SHOCK = 1e18;

/// @dev Shocks are whole ‰ of 12 bits, the weight at most 100.
function toScenario(int256 spotShockWad_, int256 volatilityShockWad_, bool inverted, uint256 weightPercent_)
    pure
    returns (Scenario)
{
    // Masking removes the sign extension only.
    uint256 spot = uint256(spotShockWad_ / 1e15) & 0xfff;
    uint256 volatility = uint256(volatilityShockWad_ / 1e15) & 0xfff;
    // 12 + 12 + 1 + 7 bits.
    return Scenario.wrap(uint32(spot << 20 | volatility << 8 | (inverted ? 1 << 7 : 0) | weightPercent_));
}

function spotShockWad(Scenario self) pure returns (int256) {
    // Shifting the 12 bits to the top of an int32 and back restores the sign.
    return int256(int32(Scenario.unwrap(self)) >> 20) * 1e15;
}

function volatilityShockWad(Scenario self) pure returns (int256) {
    return int256(int32(Scenario.unwrap(self) << 12) >> 20) * 1e15;
}

function isInverted(Scenario self) pure returns (bool) {
    return Scenario.unwrap(self) >> 7 & 1 == 1;
}

function weightPercent(Scenario self) pure returns (uint256) {
    return uint256(Scenario.unwrap(self)) & 0x7f;
}

/// @notice What is known of a portfolio beforehand: of which scenarios one is always the worst. A strike's net is the sum of its calls and
/// puts. `Short`: no net is positive. `ShortCalls`, `ShortPuts`: nothing but short options of that kind, and no base. `Long`: no net is
/// negative.
enum Shape {
    Any,
    Short,
    ShortCalls,
    ShortPuts,
    Long
}

/// @title Scenario grids as data
library ScenarioGrid {
    /// @notice The scenarios of a grid, in order.
    function unpack(uint256[3] memory words) internal pure returns (Scenario[] memory scenarios) {
        scenarios = new Scenario[](MAX_SCENARIOS);
        uint256 count;
        while (count < MAX_SCENARIOS) {
            Scenario scenario = Scenario.wrap(uint32(words[count / 8] >> (count % 8 * 32))); // one lane of 32 bits
            if (scenario.weightPercent() == 0) break;
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
        if (Scenario.unwrap(scenarios[0]) != Scenario.unwrap(toScenario(0, 0, false, 100))) return false;
        for (uint256 i = 1; i < scenarios.length; ++i) {
            int256 spot = scenarios[i].spotShockWad();
            if (spot < MIN_SPOT_SHOCK || spot > MAX_SPOT_SHOCK || scenarios[i].weightPercent() > 100) return false;
            if (spot == scenarios[i - 1].spotShockWad()) continue;
            for (uint256 j = 0; j + 1 < i; ++j) {
                if (scenarios[j].spotShockWad() == spot) return false;
            }
        }
        return true;
    }

    /// @notice Which scenario of `narrow` reaches further than `wide` does; `narrow.length` where none does. A scenario is
    /// covered where one of `wide` shocks spot and volatility at least as far the same way, counts at least as much of the
    /// loss, and bends the term structure alike.
    function firstOutside(Scenario[] memory narrow, Scenario[] memory wide) internal pure returns (uint256 i) {
        for (; i < narrow.length; ++i) {
            uint256 j = 0;
            while (j < wide.length && !_covers(wide[j], narrow[i])) ++j;
            if (j == wide.length) return i;
        }
    }

    function _covers(Scenario wide, Scenario narrow) private pure returns (bool) {
        int256 volatility = narrow.volatilityShockWad();
        return wide.weightPercent() >= narrow.weightPercent()
            && (volatility == 0 || wide.isInverted() == narrow.isInverted())
            && _isBetweenZeroAnd(wide.volatilityShockWad(), volatility)
            && _isBetweenZeroAnd(wide.spotShockWad(), narrow.spotShockWad());
    }

    function _isBetweenZeroAnd(int256 end, int256 x) private pure returns (bool) {
        return end < 0 ? end <= x && x <= 0 : 0 <= x && x <= end;
    }

    /// @notice The scenarios of a grid that may be the worst for a portfolio of a shape, the present among them, in order.
    ///
    /// For one spot, a portfolio without positive nets loses by volatility: of value, calls·F′ + puts·K is the same under every volatility, and the
    /// rest is net·excess. Short calls lose by spot besides, short puts by its fall. A scenario is left out where another goes as far in what the
    /// portfolio loses by, at every tenor, and counts as much: it is not above it in value, weighed or whole, or both are above the present.
    /// Without negative nets it loses by what volatility falls. Between spots it sags besides, by their least weights (`PayoffSag`): there only a
    /// scenario of the same weight stands for another.
    function front(Scenario[] memory scenarios, Shape shape) internal pure returns (Scenario[] memory kept) {
        if (shape == Shape.Any) return scenarios;
        kept = new Scenario[](scenarios.length);
        kept[0] = scenarios[0];
        uint256 count = 1;
        for (uint256 i = 1; i < scenarios.length; ++i) {
            if (!_isDominated(scenarios, i, shape)) kept[count++] = scenarios[i];
        }
        assembly ("memory-safe") {
            mstore(kept, count) // shortens the array in place
        }
    }

    function _isDominated(Scenario[] memory scenarios, uint256 i, Shape shape) private pure returns (bool) {
        for (uint256 j = 0; j < scenarios.length; ++j) {
            if (j == i || !_dominates(scenarios[j], scenarios[i], shape)) continue;
            // Of two alike the first stays.
            if (j < i || !_dominates(scenarios[i], scenarios[j], shape)) return true;
        }
        return false;
    }

    /// @dev Whether `a` is nowhere better than `b`. Shifts are straight lines in f, between 0 and 3.
    function _dominates(Scenario a, Scenario b, Shape shape) private pure returns (bool) {
        (int256 spotA, int256 spotB) = (a.spotShockWad(), b.spotShockWad());
        if (shape == Shape.Long) {
            return spotA == spotB && a.weightPercent() == b.weightPercent() && _shift(a, 0) <= _shift(b, 0)
                && _shift(a, 3) <= _shift(b, 3);
        }
        if (shape == Shape.Short ? spotA != spotB : shape == Shape.ShortCalls ? spotA < spotB : spotA > spotB) {
            return false;
        }
        return a.weightPercent() >= b.weightPercent() && _shift(a, 0) >= _shift(b, 0) && _shift(a, 3) >= _shift(b, 3);
    }

    /// @dev See `ShockedBoards`.
    function _shift(Scenario scenario, int256 factor) private pure returns (int256) {
        return scenario.volatilityShockWad() * (scenario.isInverted() ? factor - 1 : factor);
    }

    /// @notice Whether on each side some scenario moves spot twice as far, as far as a scenario may go, as any that counts whole.
    function hasFarTails(Scenario[] memory scenarios) internal pure returns (bool) {
        int256[2] memory whole; // the furthest down and up
        int256[2] memory all;
        for (uint256 i = 0; i < scenarios.length; ++i) {
            int256 spot = scenarios[i].spotShockWad();
            _widen(all, spot);
            if (scenarios[i].weightPercent() == 100) _widen(whole, spot);
        }
        return all[0] <= SignedMath.max(2 * whole[0], MIN_SPOT_SHOCK)
            && all[1] >= SignedMath.min(2 * whole[1], MAX_SPOT_SHOCK);
    }

    function _widen(int256[2] memory range, int256 x) private pure {
        if (x < range[0]) range[0] = x;
        if (x > range[1]) range[1] = x;
    }
}
