// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {AccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {ExpiryWord} from "../../types/ExpiryWord.sol";
import {Positions} from "../accounting/Positions.sol";

/// @notice What an account owes to settlements and is due from them, all expiries together, quote units.
struct Dues {
    uint128 debt;
    uint128 credit;
}

/// @notice What an account owed to one settlement, and what of it is unpaid, quote units.
struct Debt {
    uint128 owed;
    uint128 unpaid;
}

/// @notice What an account is due from one settlement, and what of it was paid, quote units.
/// @param due Before the payout ratio.
/// @param claimed Whether it was asked for: from then on only what late debtors pay is to come.
struct Credit {
    uint120 due;
    uint120 paid;
    bool claimed;
}

/// @notice What the insurance fund may have to pay, quote units.
/// @param unpaidDebts Debts of all expiries that are not final.
/// @param stressLoss What margin accounts would fail to pay under stress (`IRiskEngine.values`), each as of when it was last touched.
struct Exposure {
    uint128 unpaidDebts;
    uint128 stressLoss;
}

/// @notice What a maker paid for an expiry as backstop and has not been repaid, quote units.
struct BackstopPayment {
    AccountId account;
    uint128 amount;
}

/// @notice Everything the ledger stores, but for its ERC-6909 balances. An expiry key is `marketId << 32 | expiry`.
/// @param books Positions of margin accounts.
/// @param base Base collateral, in the base token's units.
/// @param pot What is left to pay of an expiry: collected and covered, not yet claimed, and the settlement bounties of accounts that
/// are short of it.
/// @param shortStrikes In how many strikes of the expiry the account is short.
/// @param credits What settlements owe the account; gone once it is paid whole.
/// @param owingMarket The market whose settlement an account last failed to pay: while it owes, its base there stands for the debt.
/// @param makerCredits Expiries whose credit a registered maker has not claimed: marks value them.
/// @param backstops Makers that stand behind the insurance fund, and `backstopCap` with how much, quote units.
/// @param backstopPayments What they paid for an expiry: late debtors repay it.
struct LedgerState {
    mapping(uint16 marketId => IClearinghouse.Market) markets;
    mapping(AccountId => AccountWord) accounts;
    mapping(AccountId => Positions.Book) books;
    mapping(AccountId => mapping(uint16 marketId => uint256)) base;
    mapping(AccountId => mapping(address operator => bool)) operators;
    mapping(uint16 marketId => uint256) baseTotal;
    mapping(uint256 expiryKey => ExpiryWord) expiries;
    mapping(uint256 expiryKey => uint256) settlementPriceWad;
    mapping(uint256 expiryKey => uint256) pot;
    mapping(AccountId => mapping(uint256 expiryKey => uint256)) shortStrikes;
    mapping(AccountId => mapping(uint256 expiryKey => Credit)) credits;
    mapping(AccountId => mapping(uint256 expiryKey => Debt)) debts;
    mapping(AccountId => Dues) dues;
    mapping(AccountId => uint16 marketId) owingMarket;
    mapping(AccountId => uint256[] expiryKeys) makerCredits;
    mapping(uint16 marketId => AccountId[]) backstops;
    mapping(AccountId => mapping(uint16 marketId => uint128)) backstopCap;
    mapping(uint256 expiryKey => BackstopPayment[]) backstopPayments;
    Exposure exposure;
}

/// @notice The key under which an expiry of a market is kept.
function toExpiryKey(uint16 marketId, uint32 expiry) pure returns (uint256) {
    return uint256(marketId) << 32 | expiry;
}
