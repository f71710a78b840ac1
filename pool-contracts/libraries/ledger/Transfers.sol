// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IRiskEngine} from "../../interfaces/IRiskEngine.sol";
import {AccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {OptionId, StrikeKey, toOptionId} from "../../types/OptionId.sol";
import {StrikeWord, StrikeWord_SizeOverflow} from "../../types/StrikeWord.sol";
import {Positions} from "../accounting/Positions.sol";
import {Accounts} from "./Accounts.sol";
import {LedgerState} from "./LedgerState.sol";

/// @title Positions that change hands without a trade
/// @notice Part of the ledger that stands in code of its own (linked, called by delegatecall): moves between accounts of one owner,
/// and liquidations. Who is liquidated, how much of him and at what price is the auction's affair; here the same share of
/// everything an account holds changes hands.
library Transfers {
    using Accounts for LedgerState;
    using Positions for Positions.Book;

    /// @notice Moves a position, or a part of it, between two margin accounts. See `IClearinghouse.moveOptions`.
    function move(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId from,
        AccountId to,
        OptionId option,
        int256 size
    ) external {
        if (size == 0) revert IClearinghouse.Clearinghouse_ZeroAmount();
        if (size > type(int80).max || size < type(int80).min) revert StrikeWord_SizeOverflow(size);
        if (!option.isCanonical()) revert IClearinghouse.Clearinghouse_InvalidOption(option);
        StrikeKey key = option.key();
        if (block.timestamp >= key.expiry()) revert IClearinghouse.Clearinghouse_SeriesExpired(key.expiry());
        AccountWord word = self.accounts[from];
        int256 held = self.books[from].read(word.strikeCount(), word.isMaker(), key).position(option.isPut());
        bool isPart = size > 0 ? held >= size : held <= size;
        if (!isPart) {
            uint256 asked = uint256(size < 0 ? -size : size);
            revert IClearinghouse.Clearinghouse_InsufficientOptions(from, option, asked, held);
        }
        self.requireAccountMarket(to, key.marketId());
        self.addPosition(from, option, -size);
        self.addPosition(to, option, size);
        self.tightenMaker(riskEngine, from);
        self.tightenMaker(riskEngine, to);
        emit IClearinghouse.OptionsMoved(from, to, option, size);
    }

    /// @notice Moves a share of the account's positions, base collateral and cash to the bidder, against a payment.
    /// See `IClearinghouse.liquidate`.
    function take(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId insuranceAccount,
        IClearinghouse.Seizure calldata seizure
    ) external {
        (AccountId account, AccountId bidder) = (seizure.account, seizure.bidder);
        bool invalid = account == bidder || self.accounts[bidder].isMaker();
        if (invalid) revert IClearinghouse.Clearinghouse_InvalidAccount(bidder);
        if (seizure.shareWad == 0 || seizure.shareWad > 1e18) {
            revert IClearinghouse.Clearinghouse_InvalidShare(seizure.shareWad);
        }

        uint16 marketId = _movePositions(self, account, bidder, seizure.shareWad);
        if (marketId != 0) _moveBase(self, account, bidder, marketId, seizure.shareWad);
        // Cash is below 2^128, so its share is too; prices fit int128: checked by the ledger.
        int256 cashShare = int256(self.accounts[account].cash() * seizure.shareWad / 1e18);
        if (seizure.price >= 0) {
            self.addCash(account, seizure.price - int256(seizure.penalty) - cashShare);
            self.addCash(insuranceAccount, int256(seizure.penalty));
        } else {
            self.addCash(account, -cashShare);
            self.addCash(insuranceAccount, seizure.price);
        }
        self.addCash(bidder, cashShare - seizure.price);
        if (self.accounts[account].isMaker()) self.tightenMaker(riskEngine, account);
        else self.keepShareOfStress(account, 1e18 - seizure.shareWad);
        self.requireHealthy(riskEngine, bidder);
        emit IClearinghouse.Liquidated(account, bidder, seizure.shareWad, seizure.price, seizure.penalty);
    }

    /// @dev Sizes are rounded down, shorts to the larger, so that the rest is no worse than its share.
    /// @return marketId The account's market: of its strikes, or, where it holds none, of what it owes; 0 without either.
    function _movePositions(LedgerState storage self, AccountId account, AccountId bidder, uint256 shareWad)
        private
        returns (uint16 marketId)
    {
        StrikeWord[] memory words = self.strikes(account);
        if (words.length == 0) return self.marketOfDebt(account);
        marketId = words[0].key().marketId();
        self.requireAccountMarket(bidder, marketId);
        for (uint256 i = 0; i < words.length; ++i) {
            StrikeKey key = words[i].key();
            // An expired series belongs to its settlement, which comes first.
            if (block.timestamp >= key.expiry()) revert IClearinghouse.Clearinghouse_SeriesExpired(key.expiry());
            _movePosition(self, account, bidder, key, false, _shareDown(words[i].calls(), shareWad));
            _movePosition(self, account, bidder, key, true, _shareDown(words[i].puts(), shareWad));
        }
    }

    function _movePosition(
        LedgerState storage self,
        AccountId account,
        AccountId bidder,
        StrikeKey key,
        bool isPut,
        int256 size
    ) private {
        if (size == 0) return;
        self.addPosition(account, toOptionId(key, isPut), -size);
        self.addPosition(bidder, toOptionId(key, isPut), size);
    }

    /// @dev size·share towards minus infinity; sizes fit int80.
    function _shareDown(int256 size, uint256 shareWad) private pure returns (int256 part) {
        int256 product = size * int256(shareWad);
        part = product / 1e18;
        if (product < 0 && part * 1e18 != product) --part;
    }

    function _moveBase(LedgerState storage self, AccountId account, AccountId bidder, uint16 marketId, uint256 shareWad)
        private
    {
        uint256 amount = self.base[account][marketId] * shareWad / 1e18;
        self.base[account][marketId] -= amount;
        self.base[bidder][marketId] += amount;
    }
}
