// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What is asked of a Uniswap v3 pool.
interface IUniswapV3Pool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    /// @param secondsAgos Moments, seconds before now.
    /// @return tickCumulatives Sum of tick times seconds up to each moment.
    function observe(uint32[] calldata secondsAgos)
        external
        view
        returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulatives);
}

/// @title The price at which an expiry settles
/// @notice The oracle's average of the last 30 minutes before the expiry. A Uniswap v3 pool's mean price of the same window may delay
/// it where the two differ, and stands in for it, late, where the oracle never says it.
interface ISettlementPrice {
    event ReferenceChanged(uint16 indexed marketId, IUniswapV3Pool pool);
    event MeanRecorded(uint16 indexed marketId, uint32 indexed expiry, uint256 meanWad);

    error SettlementPrice_WrongPool(IUniswapV3Pool pool);
    error SettlementPrice_NoMean(uint16 marketId, uint32 expiry);
    /// @notice The oracle's average and the pool's mean differ: the former counts from `until` on.
    error SettlementPrice_Disputed(uint16 marketId, uint32 expiry, uint256 averageWad, uint256 meanWad, uint256 until);

    /// @notice The settlement price, quote per unit of the underlying, WAD; 0 where there is none yet.
    /// @dev Reverts with `SettlementPrice_Disputed` while the oracle's average waits. Once not 0 it may still change from the pool's
    /// mean to the oracle's average, if that comes after all: the ledger takes the first it is given and keeps it.
    function priceOf(uint16 marketId, uint32 expiry) external view returns (uint256 priceWad);

    /// @notice The pool's geometric mean price of the window before the expiry, WAD; 0 where the pool does not know it or there is none.
    function meanOf(uint16 marketId, uint32 expiry) external view returns (uint256 meanWad);

    /// @notice Keeps the pool's mean for good: its memory is short. Anyone, once after the expiry.
    function recordMean(uint16 marketId, uint32 expiry) external returns (uint256 meanWad);
}
