// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Rounding of money
/// @notice Values inside a formula are "raw": size (6 decimals) times price (WAD), 1e24 to one quote token. They become
/// quote units once, here, and the direction is in the name: down is towards minus infinity, up towards plus infinity.
library CashMath {
    /// @notice Raw units in one quote unit: 10^(24 − quote decimals).
    function divisor(uint8 quoteDecimals) internal pure returns (int256) {
        return int256(10 ** (24 - uint256(quoteDecimals))); // decimals are at most 18: checked by the ledger
    }

    /// @notice raw/divisor, rounded towards minus infinity. `divisor_` is positive.
    function toCashDown(int256 raw, int256 divisor_) internal pure returns (int256 cash) {
        unchecked {
            cash = raw / divisor_;
            if (raw < 0 && cash * divisor_ != raw) --cash; // the product is nearer to zero than raw
        }
    }

    /// @notice raw/divisor, rounded towards plus infinity. `divisor_` is positive.
    function toCashUp(int256 raw, int256 divisor_) internal pure returns (int256 cash) {
        unchecked {
            cash = raw / divisor_;
            if (raw > 0 && cash * divisor_ != raw) ++cash; // as above
        }
    }
}
