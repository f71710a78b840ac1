// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "../../interfaces/IInsuranceFund.sol";
import {IRiskEngine} from "../../interfaces/IRiskEngine.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {Accounts} from "./Accounts.sol";
import {BackstopPayment, LedgerState, toExpiryKey} from "./LedgerState.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Makers that stand behind the insurance fund
/// @notice A registered maker may opt in to pay, up to a cap, what the fund cannot of a settlement's losses: after the fund and before
/// the payout ratio. Several share a loss in proportion to what each can pay: its cap or its cash beyond its requirement,
/// whichever is less. What is paid lowers the cap. Debtors who pay late repay first the creditors, then these makers, then
/// the fund: who bore a loss last is paid first.
library Backstops {
    using Accounts for LedgerState;

    /// @dev Of one market: finality pays them all in one transaction.
    uint256 internal constant MAX_BACKSTOPS = 4;

    /// @notice Sets the cap of a registered maker; 0 opts out. See `IClearinghouse.setBackstop`.
    function setBackstop(LedgerState storage self, IInsuranceFund insuranceFund, uint16 marketId, uint128 cap)
        external
    {
        AccountId account = toAccountId(msg.sender, PRIMARY_SUB);
        if (!self.accounts[account].isMaker()) revert IClearinghouse.Clearinghouse_InvalidMaker(msg.sender, account);
        AccountId[] storage list = self.backstops[marketId];
        uint256 before = self.backstopCap[account][marketId];
        if (cap < before) {
            uint256 provision = provisionOf(self, insuranceFund, account, marketId);
            if (cap < provision) revert IClearinghouse.Clearinghouse_BackstopLiable(account, provision);
        }
        uint256 index = 0;
        while (index < list.length && !(list[index] == account)) ++index;
        if (index == list.length) {
            if (index == MAX_BACKSTOPS) revert IClearinghouse.Clearinghouse_TooManyBackstops(marketId, MAX_BACKSTOPS);
            list.push(account);
        }
        if (cap == 0) {
            list[index] = list[list.length - 1];
            list.pop();
        }
        self.backstopCap[account][marketId] = cap;
        emit IClearinghouse.BackstopChanged(account, marketId, cap);
    }

    /// @notice Pays what the makers can of a loss into the pot of an expiry.
    /// @return paid In all, quote units; at most `missing`.
    function pay(LedgerState storage self, IRiskEngine riskEngine, uint16 marketId, uint32 expiry, uint256 missing)
        internal
        returns (uint256 paid)
    {
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        AccountId[] memory list = self.backstops[marketId];
        uint256[] memory rooms = new uint256[](list.length);
        uint256 roomLeft;
        for (uint256 i = 0; i < list.length; ++i) {
            self.tightenMakerIfPriced(riskEngine, list[i], 0);
            rooms[i] = _room(self, list[i], marketId);
            roomLeft += rooms[i];
        }
        uint256 left = Math.min(missing, roomLeft);
        for (uint256 i = 0; left != 0 && i < list.length; ++i) {
            if (rooms[i] == 0) continue;
            // At most the room, as what is left is at most all room that is left.
            uint256 part = Math.mulDiv(left, rooms[i], roomLeft, Math.Rounding.Ceil);
            (left, roomLeft) = (left - part, roomLeft - rooms[i]);
            paid += part;
            self.addCash(list[i], -int256(part)); // at most its cash
            self.backstopCap[list[i]][marketId] -= uint128(part); // at most the cap
            self.backstopPayments[expiryKey].push(BackstopPayment(list[i], uint128(part)));
            emit IClearinghouse.BackstopPaid(list[i], marketId, expiry, part);
        }
    }

    /// @notice Gives what came in late to the makers that had paid for the expiry, in proportion.
    /// @return left What they are not owed.
    function repay(LedgerState storage self, uint256 expiryKey, uint256 amount) internal returns (uint256 left) {
        BackstopPayment[] storage payments = self.backstopPayments[expiryKey];
        uint256 owed;
        for (uint256 i = 0; i < payments.length; ++i) {
            owed += payments[i].amount;
        }
        uint256 toRepay = Math.min(amount, owed);
        left = amount - toRepay;
        for (uint256 i = 0; toRepay != 0 && i < payments.length; ++i) {
            BackstopPayment memory payment = payments[i];
            if (payment.amount == 0) continue;
            uint256 part = Math.mulDiv(toRepay, payment.amount, owed, Math.Rounding.Ceil);
            (toRepay, owed) = (toRepay - part, owed - payment.amount);
            payments[i].amount = payment.amount - uint128(part); // at most the payment, as above
            self.addCash(payment.account, int256(part)); // below 2^128
            // The key is made of these 48 bits.
            emit IClearinghouse.BackstopRepaid(payment.account, uint16(expiryKey >> 32), uint32(expiryKey), part);
        }
    }

    /// @notice What the maker would pay if every loss that is known came true, by caps alone. See `IClearinghouse.backstopProvision`.
    function provisionOf(LedgerState storage self, IInsuranceFund insuranceFund, AccountId account, uint16 marketId)
        public
        view
        returns (uint256)
    {
        uint256 cap = self.backstopCap[account][marketId];
        if (cap == 0) return 0;
        uint256 losses = insuranceFund.liabilities();
        uint256 fund = self.accounts[toAccountId(address(insuranceFund), PRIMARY_SUB)].cash();
        if (losses <= fund) return 0;
        uint256 uncovered = losses - fund;
        uint256 caps = capsOf(self, marketId);
        return uncovered >= caps ? cap : Math.mulDiv(uncovered, cap, caps, Math.Rounding.Ceil);
    }

    /// @notice Caps of all makers that stand behind a market, quote units.
    function capsOf(LedgerState storage self, uint16 marketId) internal view returns (uint256 caps) {
        AccountId[] storage list = self.backstops[marketId];
        for (uint256 i = 0; i < list.length; ++i) {
            caps += self.backstopCap[list[i]][marketId];
        }
    }

    /// @notice For an account whose stress loss has grown: where all of them together exceed what the fund holds and the makers
    /// behind it would pay, the account posts its own. So nobody gambles on limited liability with more than those could pay.
    function requireStressCovered(LedgerState storage self, AccountId insuranceAccount, AccountId account)
        internal
        view
    {
        uint256 total = self.exposure.stressLoss;
        uint256 limit = self.accounts[insuranceAccount].cash();
        if (total <= limit) return;
        uint16 marketId = self.books[account].words[0].key().marketId(); // it is short: it holds a strike
        limit += self.markets[marketId].stressAllowance;
        if (total <= limit) return;
        limit += capsOf(self, marketId);
        if (total <= limit) return;
        uint256 loss = self.accounts[account].stressLoss();
        revert IClearinghouse.Clearinghouse_StressLimit(account, loss, total, limit);
    }

    /// @dev The cap, or the cash that the maker's own book does not need.
    function _room(LedgerState storage self, AccountId account, uint16 marketId) private view returns (uint256) {
        AccountWord word = self.accounts[account];
        int256 requirement = word.requirement();
        uint256 needed = requirement > 0 ? uint256(requirement) : 0;
        uint256 free = word.cash() > needed ? word.cash() - needed : 0;
        return Math.min(free, self.backstopCap[account][marketId]);
    }
}
