// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title Prices of a Uniswap v3 pool
/// @notice The pool counts token1 per token0 in the tokens' smallest units, as 1.0001^tick or as √price·2^96. Here a price is quote per
/// unit of the underlying, WAD. `decimals` are those of the base token less those of the quote token.
library UniswapPrice {
    /// @dev ln 1.0001 and ln 10, WAD.
    int256 private constant LN_TICK = 99_995_000_333_308;
    int256 private constant LN_10 = 2_302_585_092_994_045_684;

    /// @notice The geometric mean price over a time, WAD.
    /// @param tickSeconds Sum of tick times seconds over that time.
    /// @param period Its length, seconds, positive.
    /// @param isBaseFirst Whether the base token is the pool's token0: then ticks grow with the price.
    /// @dev Error: 1e-16 of itself times the tick, which is below 2^20.
    function mean(int256 tickSeconds, uint256 period, bool isBaseFirst, int256 decimals)
        internal
        pure
        returns (uint256)
    {
        int256 lnPrice = (isBaseFirst ? tickSeconds : -tickSeconds) * LN_TICK / int256(period);
        return uint256(FixedPointMathLib.expWad(lnPrice + decimals * LN_10)); // |ticks| < 2^20: far inside
    }

    /// @notice √price·2^96 of a price, rounded down. Positive prices below 2^128, |decimals| at most 18, and a price of fewer than
    /// 2^64 smallest units of token1 for one of token0: reverts beyond.
    function toSqrtX96(uint256 priceWad, bool isBaseFirst, int256 decimals) internal pure returns (uint160) {
        (uint256 quoteUnits, uint256 baseUnits) = _ratio(priceWad, decimals);
        uint256 ratioX192 = isBaseFirst
            ? FixedPointMathLib.fullMulDiv(quoteUnits, 1 << 192, baseUnits)
            : FixedPointMathLib.fullMulDiv(baseUnits, 1 << 192, quoteUnits);
        return uint160(FixedPointMathLib.sqrt(ratioX192)); // the root of 256 bits
    }

    /// @notice The inverse of `toSqrtX96`, rounded down; 2^-128 of a price of the smallest units is not seen.
    function fromSqrtX96(uint160 sqrtPriceX96, bool isBaseFirst, int256 decimals) internal pure returns (uint256) {
        uint256 ratioX128 = FixedPointMathLib.fullMulDiv(sqrtPriceX96, sqrtPriceX96, 1 << 64);
        (uint256 unitQuote, uint256 unitBase) = _ratio(1e18, decimals); // smallest units at a price of one
        return isBaseFirst
            ? FixedPointMathLib.fullMulDiv(FixedPointMathLib.fullMulDiv(ratioX128, unitBase, unitQuote), 1e18, 1 << 128)
            : FixedPointMathLib.fullMulDiv(unitBase * 1e18 / unitQuote, 1 << 128, ratioX128);
    }

    /// @dev The price as a fraction of smallest units.
    function _ratio(uint256 priceWad, int256 decimals) private pure returns (uint256 quoteUnits, uint256 baseUnits) {
        (quoteUnits, baseUnits) = (priceWad, 1e18);
        if (decimals >= 0) baseUnits *= 10 ** uint256(decimals);
        else quoteUnits *= 10 ** uint256(-decimals); // negative: compared
    }
}
