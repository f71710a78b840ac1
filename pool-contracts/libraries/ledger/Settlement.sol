// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "../../interfaces/IInsuranceFund.sol";
import {Grid, IRiskEngine} from "../../interfaces/IRiskEngine.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {ExpiryState, ExpiryWord} from "../../types/ExpiryWord.sol";
import {StrikeKey} from "../../types/OptionId.sol";
import {StrikeWord} from "../../types/StrikeWord.sol";
import {CashMath} from "../accounting/CashMath.sol";
import {Positions} from "../accounting/Positions.sol";
import {Accounts} from "./Accounts.sol";
import {Backstops} from "./Backstops.sol";
import {Credit, Debt, LedgerState, toExpiryKey} from "./LedgerState.sol";

/// @title Settlement of an expiry
/// @notice Part of the ledger that stands in code of its own (linked, called by delegatecall), as the ledger's would not fit.
/// Each account is netted first; debtors pay what they have, the rest is recorded as their debt. Once no account that is
/// short remains, and no debt is pending or two hours have passed, the insurance fund covers what it can, then the makers that stand
/// behind it, and the payout ratio min(1, collected/owed) is fixed. Credits are then paid in any order. What debtors pay later raises
/// the ratio for all, those who have claimed included, until nobody is short; only then it repays the makers, and the fund last.
library Settlement {
    using Accounts for LedgerState;
    using Backstops for LedgerState;
    using Positions for Positions.Book;

    /// @dev How long a missing payment may hold up the payout ratio.
    uint256 internal constant DEBT_GRACE = 2 hours;

    // ───────────────────────────── Steps ─────────────────────────────

    /// @notice Fixes the price of an expiry. See `IClearinghouse.startSettlement`.
    /// @param priceWad The oracle's, 0 where it has none.
    function start(LedgerState storage self, uint16 marketId, uint32 expiry, uint256 priceWad) external {
        if (block.timestamp < expiry) revert IClearinghouse.Clearinghouse_NotExpired(expiry);
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        ExpiryWord word = self.expiries[expiryKey];
        if (word.state() != ExpiryState.Open) revert IClearinghouse.Clearinghouse_NotSettling(expiry);
        if (priceWad == 0) revert IClearinghouse.Clearinghouse_NoSettlementPrice(expiry);
        self.settlementPriceWad[expiryKey] = priceWad;
        self.expiries[expiryKey] = word.withState(ExpiryState.Settling, block.timestamp - expiry);
        emit IClearinghouse.SettlementStarted(marketId, expiry, priceWad);
    }

    /// @notice Nets and settles the accounts. See `IClearinghouse.settleAccounts`.
    /// @param divisor Raw units in a quote unit.
    function settle(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId insuranceAccount,
        int256 divisor,
        uint16 marketId,
        uint32 expiry,
        AccountId[] calldata accounts
    ) external {
        if (self.expiries[toExpiryKey(marketId, expiry)].state() == ExpiryState.Open) {
            revert IClearinghouse.Clearinghouse_NotSettling(expiry);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            _settleAccount(self, riskEngine, insuranceAccount, divisor, accounts[i], marketId, expiry);
        }
    }

    /// @notice Covers what is missing and fixes the payout ratio. See `IClearinghouse.finalizeSettlement`.
    function finalize(
        LedgerState storage self,
        IRiskEngine riskEngine,
        IInsuranceFund insuranceFund,
        uint16 marketId,
        uint32 expiry
    ) external {
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        ExpiryWord word = self.expiries[expiryKey];
        if (word.state() == ExpiryState.Open) revert IClearinghouse.Clearinghouse_NotSettling(expiry);
        if (word.state() == ExpiryState.Final) revert IClearinghouse.Clearinghouse_AlreadyFinal(expiry);
        if (word.openShortAccounts() != 0) {
            revert IClearinghouse.Clearinghouse_ShortAccountsRemain(expiry, word.openShortAccounts());
        }
        uint256 missing = word.owed() - word.collected(); // debtors never pay more than they owe
        uint256 covered;
        uint256 backed;
        if (missing != 0) {
            uint256 until = uint256(expiry) + word.settledAfter() + DEBT_GRACE;
            if (block.timestamp < until) revert IClearinghouse.Clearinghouse_DebtsPending(expiry, until);
            covered = _cover(self, insuranceFund, marketId, expiry, missing);
            if (covered != missing) backed = self.pay(riskEngine, marketId, expiry, missing - covered);
            self.pot[expiryKey] += covered + backed;
            self.exposure.unpaidDebts -= uint128(missing); // a sum of debts, each counted once
        }
        uint256 collected = word.collected() + covered + backed;
        self.expiries[expiryKey] =
            word.withDebt(word.owed(), collected).withState(ExpiryState.Final, word.settledAfter());
        emit IClearinghouse.SettlementFinal(marketId, expiry, word.owed(), collected, covered, backed);
    }

    /// @dev Takes from the fund's account what it says it covers, and what the account has.
    function _cover(
        LedgerState storage self,
        IInsuranceFund insuranceFund,
        uint16 marketId,
        uint32 expiry,
        uint256 missing
    ) private returns (uint256 covered) {
        AccountId insuranceAccount = toAccountId(address(insuranceFund), PRIMARY_SUB);
        covered = _min(insuranceFund.cover(marketId, expiry, missing), missing);
        covered = _min(covered, self.accounts[insuranceAccount].cash());
        self.addCash(insuranceAccount, -int256(covered)); // at most the account's cash
    }

    /// @notice Pays a settled account's credit into its cash. See `IClearinghouse.claimCredit`.
    function claim(LedgerState storage self, AccountId account, uint16 marketId, uint32 expiry)
        external
        returns (uint256 paid)
    {
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        ExpiryWord word = _requireFinal(self, expiryKey, expiry);
        Credit memory credit = self.credits[account][expiryKey];
        paid = _payFromPot(self, account, expiryKey, word, credit);
        if (paid == 0 && (credit.claimed || credit.due == 0)) {
            revert IClearinghouse.Clearinghouse_NothingToSettle(account, expiry);
        }
        if (!credit.claimed) {
            self.dues[account].credit -= credit.due; // a part of it
            _forgetMakerCredit(self, account, expiryKey);
        }
        emit IClearinghouse.CreditPaid(account, marketId, expiry, paid);
    }

    /// @notice Pays a wallet for options of a final expiry that it has just burnt. See `IClearinghouse.redeemOptions`.
    /// @param amount Size of the option, 6 decimals.
    function redeem(
        LedgerState storage self,
        int256 divisor,
        AccountId account,
        StrikeKey key,
        bool isPut,
        uint256 amount
    ) external returns (uint256 paid) {
        uint256 expiryKey = toExpiryKey(key.marketId(), key.expiry());
        ExpiryWord word = _requireFinal(self, expiryKey, key.expiry());
        uint256 payoff = _payoffWad(key, isPut, self.settlementPriceWad[expiryKey]);
        // Sizes and prices are far below 2^127 each, so the product is a valid int256.
        uint256 due = uint256(CashMath.toCashDown(int256(amount * payoff), divisor));
        Credit memory credit = self.credits[account][expiryKey]; // of options redeemed before
        credit.due += uint120(due); // far below 2^120, as all that is owed
        paid = _payFromPot(self, account, expiryKey, word, credit);
        emit IClearinghouse.CreditPaid(account, key.marketId(), key.expiry(), paid);
    }

    /// @notice What the account may still be paid of an expiry. See `IClearinghouse.credit`.
    function creditOf(LedgerState storage self, AccountId account, uint16 marketId, uint32 expiry)
        external
        view
        returns (uint256)
    {
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        Credit memory credit = self.credits[account][expiryKey];
        if (!credit.claimed) return credit.due;
        ExpiryWord word = self.expiries[expiryKey];
        return _payout(credit.due, word.owed(), word.collected()) - credit.paid;
    }

    /// @notice What settlements owe a registered maker, less what it owes. See `IClearinghouse.settlementBalance`.
    /// @param fund Cash of the insurance fund.
    function balanceOf(LedgerState storage self, AccountId account, uint256 fund)
        external
        view
        returns (int256 balance)
    {
        uint256[] storage expiryKeys = self.makerCredits[account];
        for (uint256 i = 0; i < expiryKeys.length; ++i) {
            ExpiryWord word = self.expiries[expiryKeys[i]];
            (uint256 owed, uint256 collected) = (word.owed(), word.collected());
            if (word.state() != ExpiryState.Final) {
                uint256 covered = _min(fund, owed - collected); // debtors never pay more than they owe
                fund -= covered;
                collected += covered;
            }
            balance += int256(_payout(self.credits[account][expiryKeys[i]].due, owed, collected)); // below 2^128
        }
        balance -= int256(uint256(self.dues[account].debt)); // below 2^128
    }

    // ───────────────────────────── One account ─────────────────────────────

    function _settleAccount(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId insuranceAccount,
        int256 divisor,
        AccountId account,
        uint16 marketId,
        uint32 expiry
    ) private {
        uint256 expiryKey = toExpiryKey(marketId, expiry);
        (int256 raw, bool found) = _closeExpired(self, account, expiryKey);
        if (!found) {
            // Settled before, or never there: a batch may name it all the same, and what came since is collected.
            uint256 before = self.debts[account][expiryKey].unpaid;
            if (before == 0) return;
            uint256 paid = _collectDebt(self, riskEngine, insuranceAccount, account, expiryKey);
            if (paid != 0) emit IClearinghouse.DebtCollected(account, marketId, expiry, paid, before - paid);
            return;
        }
        if (self.shortStrikes[account][expiryKey] != 0) _closeShorts(self, account, marketId, expiry, expiryKey);
        self.forgetStressWithoutShorts(account);
        if (raw >= 0) {
            int256 net = CashMath.toCashDown(raw, divisor);
            _addCredit(self, account, expiryKey, uint256(net)); // not negative
            self.tightenMakerIfPriced(riskEngine, account, net);
            emit IClearinghouse.AccountSettled(account, marketId, expiry, net, 0);
            return;
        }
        uint256 owed = uint256(CashMath.toCashUp(-raw, divisor));
        uint256 unpaid = _settleDebt(self, riskEngine, account, marketId, expiryKey, owed);
        self.tightenMakerIfPriced(riskEngine, account, 0);
        emit IClearinghouse.AccountSettled(account, marketId, expiry, -int256(owed), unpaid);
    }

    /// @dev One account less with shorts of the expiry, and the keeper's bounty for it.
    function _closeShorts(
        LedgerState storage self,
        AccountId account,
        uint16 marketId,
        uint32 expiry,
        uint256 expiryKey
    ) private {
        delete self.shortStrikes[account][expiryKey];
        ExpiryWord word = self.expiries[expiryKey];
        self.expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() - 1);
        AccountId keeper = toAccountId(msg.sender, 0);
        uint256 bounty = self.payBounty(account, keeper, marketId, expiryKey);
        if (bounty != 0) emit IClearinghouse.SettlementBountyPaid(account, keeper, marketId, expiry, bounty);
    }

    /// @dev Removes the account's words of the expiry and nets their payoffs, raw.
    function _closeExpired(LedgerState storage self, AccountId account, uint256 expiryKey)
        private
        returns (int256 raw, bool found)
    {
        uint256 priceWad = self.settlementPriceWad[expiryKey];
        AccountWord word = self.accounts[account];
        Positions.Book storage book = self.books[account];
        uint256 count = word.strikeCount();
        for (uint256 i = count; i > 0; --i) {
            StrikeWord strike = book.words[i - 1];
            StrikeKey key = strike.key();
            if (toExpiryKey(key.marketId(), key.expiry()) != expiryKey) continue;
            found = true;
            // Payoffs are at most max(price, strike) < 2^97 and sizes below 2^79: the products fit.
            raw += strike.calls() * int256(_payoffWad(key, false, priceWad));
            raw += strike.puts() * int256(_payoffWad(key, true, priceWad));
            count = book.remove(count, word.isMaker(), i - 1);
        }
        if (found) self.accounts[account] = word.withStrikeCount(count);
    }

    // ───────────────────────────── Debts and payouts ─────────────────────────────

    function _addCredit(LedgerState storage self, AccountId account, uint256 expiryKey, uint256 amount) private {
        if (amount == 0) return;
        self.credits[account][expiryKey].due += uint120(amount); // far below 2^120, as all that is owed
        self.dues[account].credit += uint128(amount); // as cash, far below 2^128
        if (self.accounts[account].isMaker()) self.makerCredits[account].push(expiryKey);
    }

    /// @dev Takes what the account has; only what it cannot pay is written down as its debt.
    function _settleDebt(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId account,
        uint16 marketId,
        uint256 expiryKey,
        uint256 owed
    ) private returns (uint256 unpaid) {
        Debt memory debt = Debt(uint128(owed), uint128(owed)); // below 2^96, see `withDebt`
        uint256 paid = _min(owed, _availableFor(self, riskEngine, account, debt, self.dues[account].debt));
        ExpiryWord word = self.expiries[expiryKey];
        self.expiries[expiryKey] = word.withDebt(word.owed() + owed, word.collected() + paid);
        if (paid != 0) {
            self.addCash(account, -int256(paid)); // at most its cash
            self.pot[expiryKey] += paid;
        }
        unpaid = owed - paid;
        if (unpaid == 0) return 0;
        debt.unpaid = uint128(unpaid);
        self.debts[account][expiryKey] = debt;
        self.dues[account].debt += uint128(unpaid);
        self.exposure.unpaidDebts += uint128(unpaid);
        self.owingMarket[account] = marketId;
    }

    /// @dev Takes what the account has for this debt. It goes to the pot; after finality what the creditors were not paid does, then
    /// to the makers that stood behind the fund what they paid, and the rest to the fund: who bore a loss last is paid first.
    function _collectDebt(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId insuranceAccount,
        AccountId account,
        uint256 expiryKey
    ) private returns (uint256 paid) {
        Debt memory debt = self.debts[account][expiryKey];
        paid = _min(debt.unpaid, _availableFor(self, riskEngine, account, debt, self.dues[account].debt - debt.unpaid));
        if (paid == 0) return 0;
        self.addCash(account, -int256(paid)); // at most its cash
        self.debts[account][expiryKey].unpaid -= uint128(paid); // at most the debt
        self.dues[account].debt -= uint128(paid);
        ExpiryWord word = self.expiries[expiryKey];
        uint256 toPot = _min(paid, word.owed() - word.collected()); // nobody pays more than is owed
        if (toPot != 0) {
            uint256 collected = word.collected() + toPot;
            self.pot[expiryKey] += toPot;
            self.expiries[expiryKey] = word.withDebt(word.owed(), collected);
            if (word.state() == ExpiryState.Final) {
                // The key is made of these 48 bits.
                emit IClearinghouse.PayoutRaised(uint16(expiryKey >> 32), uint32(expiryKey), toPot, collected);
            }
        }
        if (word.state() != ExpiryState.Final) self.exposure.unpaidDebts -= uint128(paid);
        else if (paid != toPot) self.addCash(insuranceAccount, int256(self.repay(expiryKey, paid - toPot))); // a part of it
    }

    /// @dev The account's cash; where it cannot pay all it owes and is short in later expiries too, the part of this debt: the
    /// first expiry does not eat what all have a claim to. With C what was there before anything was paid for this debt d, and L
    /// all other liabilities, C·d/(d + L) is its part, less what was paid. Where the rest has no price now, all of the cash.
    /// @param otherDebts What it owes to other settlements.
    function _availableFor(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId account,
        Debt memory debt,
        uint256 otherDebts
    ) private view returns (uint256 available) {
        AccountWord word = self.accounts[account];
        available = word.cash();
        if (available == 0 || word.isMaker() || !self.needsCheck(account, word)) return available;
        StrikeWord[] memory words = self.strikes(account);
        uint16 marketId = words[0].key().marketId();
        try riskEngine.values(marketId, words, self.baseSize(account, marketId), Grid.Maintenance) returns (
            int256, int256 mid, int256
        ) {
            int256 others = int256(otherDebts) - mid; // debts are below 2^128
            if (others <= 0 || uint256(others) + debt.unpaid <= available) return available;
            uint256 paid = debt.owed - debt.unpaid;
            uint256 part = (available + paid) * debt.owed / (debt.owed + uint256(others)); // positive: checked
            available = part > paid ? _min(part - paid, available) : 0;
        } catch {
            return available;
        }
    }

    /// @dev Drops the expiry from the list of a maker's credits; other accounts have none.
    function _forgetMakerCredit(LedgerState storage self, AccountId account, uint256 expiryKey) private {
        uint256[] storage expiryKeys = self.makerCredits[account];
        uint256 count = expiryKeys.length;
        for (uint256 i = 0; i < count; ++i) {
            if (expiryKeys[i] != expiryKey) continue;
            expiryKeys[i] = expiryKeys[count - 1];
            expiryKeys.pop();
            return;
        }
    }

    /// @dev due·collected/owed, rounded down; the whole where nobody owed or all was paid.
    function _payout(uint256 due, uint256 owed, uint256 collected) private pure returns (uint256) {
        return collected >= owed ? due : due * collected / owed;
    }

    /// @dev Pays what the ratio gives of the credit less what was paid of it, and keeps the rest for what may still come in.
    function _payFromPot(
        LedgerState storage self,
        AccountId account,
        uint256 expiryKey,
        ExpiryWord word,
        Credit memory credit
    ) private returns (uint256 paid) {
        uint256 payout = _payout(credit.due, word.owed(), word.collected());
        paid = payout - credit.paid; // the ratio never falls
        // As `due`, which it does not exceed.
        if (payout < credit.due) self.credits[account][expiryKey] = Credit(credit.due, uint120(payout), true);
        else delete self.credits[account][expiryKey];
        self.pot[expiryKey] -= paid;
        self.addCash(account, int256(paid)); // the pot holds less than 2^128
    }

    function _payoffWad(StrikeKey key, bool put, uint256 priceWad) private pure returns (uint256) {
        uint256 strike = key.strikeWad();
        if (put) return strike > priceWad ? strike - priceWad : 0;
        return priceWad > strike ? priceWad - strike : 0;
    }

    function _requireFinal(LedgerState storage self, uint256 expiryKey, uint32 expiry)
        private
        view
        returns (ExpiryWord word)
    {
        word = self.expiries[expiryKey];
        if (word.state() != ExpiryState.Final) revert IClearinghouse.Clearinghouse_NotFinal(expiry);
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
