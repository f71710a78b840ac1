// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {Grid, IRiskEngine} from "../../interfaces/IRiskEngine.sol";
import {AccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {ExpiryWord} from "../../types/ExpiryWord.sol";
import {OptionId, StrikeKey} from "../../types/OptionId.sol";
import {StrikeWord} from "../../types/StrikeWord.sol";
import {Positions} from "../accounting/Positions.sol";
import {Dues, LedgerState, toExpiryKey} from "./LedgerState.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// @title What every part of the ledger does to an account
/// @notice Cash and positions change here and nowhere else; health is read here.
library Accounts {
    using Positions for Positions.Book;

    /// @dev Strikes of one margin account; a check at this size stays under a million gas.
    uint256 internal constant MAX_STRIKES = 32;
    /// @dev Strikes of one registered maker; a stress at this size stays under four million gas.
    uint256 internal constant MAX_MAKER_STRIKES = 128;

    // ───────────────────────────── Cash ─────────────────────────────

    /// @notice Adds to an account's cash. `amount` is within int128.
    function addCash(LedgerState storage self, AccountId account, int256 amount) internal {
        AccountWord word = self.accounts[account];
        uint256 held = word.cash();
        if (amount >= 0) {
            self.accounts[account] = word.withCash(held + uint256(amount)); // not negative
            return;
        }
        uint256 taken = uint256(-amount); // callers stay within int128
        if (taken > held) revert IClearinghouse.Clearinghouse_InsufficientCash(account, taken, held);
        self.accounts[account] = word.withCash(held - taken);
    }

    // ───────────────────────────── Positions ─────────────────────────────

    /// @notice A margin account holds positions of one market only.
    function requireAccountMarket(LedgerState storage self, AccountId account, uint16 marketId) internal view {
        if (self.accounts[account].strikeCount() == 0) return;
        uint16 held = self.books[account].words[0].key().marketId();
        if (held != marketId) revert IClearinghouse.Clearinghouse_MarketMismatch(account, marketId, held);
    }

    /// @notice All strikes of a margin account.
    function strikes(LedgerState storage self, AccountId account) internal view returns (StrikeWord[] memory) {
        return self.books[account].all(self.accounts[account].strikeCount());
    }

    /// @notice Adds to a margin account's position and keeps the counts of shorts.
    /// @return The new position.
    function addPosition(LedgerState storage self, AccountId account, OptionId option, int256 size)
        internal
        returns (int256)
    {
        AccountWord word = self.accounts[account];
        uint256 count = word.strikeCount();
        Positions.Book storage book = self.books[account];
        (StrikeWord before, StrikeWord after_, uint256 newCount) =
            book.add(count, word.isMaker(), option.key(), option.isPut(), size);
        if (newCount != count) {
            uint256 max = word.isMaker() ? MAX_MAKER_STRIKES : MAX_STRIKES;
            // A liquidation may have brought more than the cap: closing is never refused for it.
            if (newCount > count && newCount > max) {
                revert IClearinghouse.Clearinghouse_TooManyStrikes(account, newCount, max);
            }
            self.accounts[account] = word.withStrikeCount(newCount);
        }
        if (before.isShort() != after_.isShort()) _countShort(self, account, after_.key(), after_.isShort());
        return after_.position(option.isPut());
    }

    /// @dev Counts, per expiry, the accounts that are short: those are the ones that may owe at settlement.
    function _countShort(LedgerState storage self, AccountId account, StrikeKey key, bool becameShort) private {
        uint256 expiryKey = toExpiryKey(key.marketId(), key.expiry());
        uint256 shortStrikes = self.shortStrikes[account][expiryKey];
        ExpiryWord word = self.expiries[expiryKey];
        if (becameShort) {
            if (shortStrikes == 0) {
                self.expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() + 1);
                _prepayBounty(self, account, key.marketId(), expiryKey);
            }
            self.shortStrikes[account][expiryKey] = shortStrikes + 1;
        } else {
            if (shortStrikes == 1) {
                self.expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() - 1);
                payBounty(self, account, account, key.marketId(), expiryKey);
            }
            self.shortStrikes[account][expiryKey] = shortStrikes - 1;
        }
    }

    // ───────────────────────────── Settlement bounties ─────────────────────────────

    /// @dev Who becomes short in an expiry pays in advance for the work of settling him; makers are settled by their own keepers.
    function _prepayBounty(LedgerState storage self, AccountId account, uint16 marketId, uint256 expiryKey) private {
        uint256 bounty = self.markets[marketId].settlementBounty;
        if (bounty == 0 || self.accounts[account].isMaker()) return;
        addCash(self, account, -int256(bounty)); // 64 bits
        self.pot[expiryKey] += bounty;
    }

    /// @notice Pays what the account had paid in advance: back, or to who settles it.
    function payBounty(LedgerState storage self, AccountId account, AccountId to, uint16 marketId, uint256 expiryKey)
        internal
        returns (uint256 bounty)
    {
        bounty = self.markets[marketId].settlementBounty;
        if (bounty == 0 || self.accounts[account].isMaker()) return 0;
        self.pot[expiryKey] -= bounty;
        addCash(self, to, int256(bounty)); // 64 bits
    }

    // ───────────────────────────── Health ─────────────────────────────

    /// @notice Base collateral as a size of 6 decimals, rounded down.
    function baseSize(LedgerState storage self, AccountId account, uint16 marketId) internal view returns (uint256) {
        uint256 amount = self.base[account][marketId];
        if (amount == 0) return 0;
        return amount * 1e6 / 10 ** IERC20Metadata(self.markets[marketId].baseToken).decimals();
    }

    /// @notice Whether a short makes a check necessary: longs paid in full need none.
    function needsCheck(LedgerState storage self, AccountId account, AccountWord word) internal view returns (bool) {
        for (uint256 i = 0; i < word.strikeCount(); ++i) {
            if (self.books[account].words[i].isShort()) return true;
        }
        return false;
    }

    /// @notice Worst, present and stressed value of what the account holds beside cash, quote units; see `IRiskEngine.values`.
    function values(LedgerState storage self, IRiskEngine riskEngine, AccountId account, Grid grid)
        internal
        view
        returns (int256 worst, int256 mid, int256 stressed)
    {
        StrikeWord[] memory words = strikes(self, account);
        uint16 marketId = words.length == 0 ? marketOfDebt(self, account) : words[0].key().marketId();
        if (marketId == 0) return (0, 0, 0);
        return riskEngine.values(marketId, words, baseSize(self, account, marketId), grid);
    }

    /// @notice The market whose base an account without strikes owes; 0 where it owes nothing.
    function marketOfDebt(LedgerState storage self, AccountId account) internal view returns (uint16) {
        return self.dues[account].debt == 0 ? 0 : self.owingMarket[account];
    }

    /// @notice As `values`, with cash and less what the account owes to settlements. What settlements owe the account counts for
    /// maintenance, so that a spread over two expiries is not liquidated for want of it, and cannot be withdrawn.
    function health(LedgerState storage self, IRiskEngine riskEngine, AccountId account, Grid grid)
        internal
        view
        returns (int256 worst, int256 equity, int256 stressed)
    {
        (worst, equity, stressed) = values(self, riskEngine, account, grid);
        Dues memory dues = self.dues[account];
        int256 own = int256(self.accounts[account].cash()) - int256(uint256(dues.debt)); // both below 2^128
        if (grid == Grid.Maintenance) own += int256(uint256(dues.credit)); // as above
        (worst, equity, stressed) = (worst + own, equity + own, stressed + own);
    }

    /// @notice Health over the initial grid; brings the account's stress loss and the sum of all up to date.
    /// @return worst Worst value with cash, less debts.
    /// @return equity The present one.
    /// @return stressGrown Whether the account's stress loss has grown.
    function assess(LedgerState storage self, IRiskEngine riskEngine, AccountId account)
        internal
        returns (int256 worst, int256 equity, bool stressGrown)
    {
        int256 stressed;
        (worst, equity, stressed) = health(self, riskEngine, account, Grid.Initial);
        AccountWord word = self.accounts[account];
        uint256 loss = stressed < 0 ? uint256(-stressed) : 0;
        stressGrown = loss > word.stressLoss();
        _setStress(self, account, word, loss);
    }

    /// @notice The account owes nothing and its initial margin holds. Brings its stress loss up to date.
    /// @return stressGrown Whether that has grown.
    function requireHealthy(LedgerState storage self, IRiskEngine riskEngine, AccountId account)
        internal
        returns (bool stressGrown)
    {
        uint256 owed = self.dues[account].debt;
        if (owed != 0) revert IClearinghouse.Clearinghouse_Unhealthy(account, owed);
        AccountWord word = self.accounts[account];
        if (word.isMaker()) {
            int256 missing = word.requirement() - int256(word.cash()); // cash is below 2^128
            if (missing > 0) revert IClearinghouse.Clearinghouse_Unhealthy(account, uint256(missing));
            return false;
        }
        if (!needsCheck(self, account, word)) {
            _setStress(self, account, word, 0);
            return false;
        }
        int256 worst;
        (worst,, stressGrown) = assess(self, riskEngine, account);
        if (worst < 0) revert IClearinghouse.Clearinghouse_Unhealthy(account, uint256(-worst));
    }

    // ───────────────────────────── Stress ─────────────────────────────

    /// @notice A share of the account is left, and with it this share of its stress loss.
    function keepShareOfStress(LedgerState storage self, AccountId account, uint256 shareWad) internal {
        AccountWord word = self.accounts[account];
        _setStress(self, account, word, word.stressLoss() * shareWad / 1e18);
    }

    /// @notice An account without shorts fails to pay nothing.
    function forgetStressWithoutShorts(LedgerState storage self, AccountId account) internal {
        AccountWord word = self.accounts[account];
        if (word.isMaker() || needsCheck(self, account, word)) return;
        _setStress(self, account, word, 0);
    }

    function _setStress(LedgerState storage self, AccountId account, AccountWord word, uint256 loss) private {
        uint256 before = word.stressLoss();
        if (loss == before) return;
        AccountWord after_ = word.withStressLoss(loss);
        self.accounts[account] = after_;
        // Each part is below 2^96 and counted once.
        self.exposure.stressLoss = uint128(self.exposure.stressLoss - before + after_.stressLoss());
    }

    // ───────────────────────────── Makers ─────────────────────────────

    /// @notice Makes a registered maker's requirement exact: what leaves beside cash changes it.
    function tightenMaker(LedgerState storage self, IRiskEngine riskEngine, AccountId account) internal {
        AccountWord word = self.accounts[account];
        if (!word.isMaker()) return;
        (int256 worst,,) = values(self, riskEngine, account, Grid.Initial);
        self.accounts[account] = word.withRequirement(-worst);
    }

    /// @notice As `tightenMaker`, for settlement, which waits for nothing: where the book has no price now the requirement stays, raised
    /// by `credited`, as what it counted as value has left the book and a credit is no cash before it is claimed.
    function tightenMakerIfPriced(LedgerState storage self, IRiskEngine riskEngine, AccountId account, int256 credited)
        internal
    {
        AccountWord word = self.accounts[account];
        if (!word.isMaker()) return;
        int256 needed;
        if (word.strikeCount() != 0) {
            StrikeWord[] memory words = strikes(self, account);
            uint16 marketId = words[0].key().marketId();
            try riskEngine.values(marketId, words, baseSize(self, account, marketId), Grid.Initial) returns (
                int256 worst, int256, int256
            ) {
                needed = -worst;
            } catch {
                needed = word.requirement() + credited;
            }
        }
        self.accounts[account] = word.withRequirement(needed);
    }
}
