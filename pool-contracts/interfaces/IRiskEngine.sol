// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StrikeWord} from "../types/StrikeWord.sol";

/// @notice Which of a market's two scenario grids is meant: wide to open, narrow to be liquidated.
enum Grid {
    Initial,
    Maintenance
}

/// @title Scenario margin
/// @notice Stateless but for its grids: values positions and base collateral together in every scenario of a grid of spot
/// and volatility shocks. One copy serves accounts, pools, auctions and lens.
interface IRiskEngine {
    error RiskEngine_InvalidGrid(uint16 marketId);
    error RiskEngine_UnknownMarket(uint16 marketId);
    /// @notice No scenario of the initial grid reaches as far as this one of the maintenance grid.
    error RiskEngine_MaintenanceWider(uint16 marketId, uint256 scenario);
    error RiskEngine_ContingencyTooLarge(uint256 given, uint256 max);
    /// @notice The initial grid has no tail twice as far as its furthest spots that count whole: nothing to take stress from.
    error RiskEngine_TailsTooNear(uint16 marketId);

    /// @notice The worst, the present and the stressed value of a portfolio without its cash.
    /// @param marketId The market of every word and of the base collateral.
    /// @param words The positions, any order; one strike may stand in several words.
    /// @param baseSize Base collateral as a size of 6 decimals.
    /// @param grid Which grid.
    /// @return worst Lowest value over the grid less the contingencies, quote units, rounded down.
    /// @return mid Value at the present surface and spot, quote units, rounded down.
    /// @return stressed Lowest value over the grid with its damped tails counted whole, without contingencies, quote units, rounded
    /// down.
    /// While a larger move waits for confirmation each is the lower of the two markets'.
    function values(uint16 marketId, StrikeWord[] calldata words, uint256 baseSize, Grid grid)
        external
        view
        returns (int256 worst, int256 mid, int256 stressed);

    /// @notice What the age of a market's last reports adds to margin now, WAD; 0 for reports younger than two minutes.
    /// @return volatilityWad To every volatility shock, as reporters' disagreement does.
    /// @return spotWad How far spot may have moved, as a share: held on the net delta.
    function staleness(uint16 marketId) external view returns (uint256 volatilityWad, uint256 spotWad);
}
