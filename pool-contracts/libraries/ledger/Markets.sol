// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {LedgerState} from "./LedgerState.sol";

/// @title What governance adds to the ledger
/// @notice Part of the ledger that stands in code of its own (linked, called by delegatecall): called so seldom that it shall take no
/// room there. Who may call it is the ledger's affair.
library Markets {
    uint256 internal constant BASIS_POINTS = 10_000;

    /// @notice See `Clearinghouse.createMarket`.
    function create(LedgerState storage self, uint16 marketId, IClearinghouse.Market calldata market) external {
        bool invalid = marketId == 0 || self.markets[marketId].baseToken != address(0) || market.baseToken == address(0)
            || market.minSize == 0 || market.strikeStepE6 == 0
            || uint256(market.insuranceFeeShareBps) + market.protocolFeeShareBps > BASIS_POINTS;
        if (invalid) revert IClearinghouse.Clearinghouse_InvalidMarket(marketId);
        self.markets[marketId] = market;
        emit IClearinghouse.MarketCreated(marketId, market);
    }

    /// @notice See `Clearinghouse.registerMaker`.
    function registerMaker(LedgerState storage self, address maker) external {
        AccountId account = toAccountId(maker, PRIMARY_SUB);
        AccountWord word = self.accounts[account];
        if (word.strikeCount() != 0) revert IClearinghouse.Clearinghouse_InvalidMaker(maker, account);
        self.accounts[account] = word.withMaker();
        emit IClearinghouse.MakerRegistered(account);
    }
}
