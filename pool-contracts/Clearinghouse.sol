// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "./interfaces/IInsuranceFund.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {Grid, IRiskEngine} from "./interfaces/IRiskEngine.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {Positions} from "./libraries/accounting/Positions.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {AccountWord} from "./types/AccountWord.sol";
import {ExpiryState, ExpiryWord} from "./types/ExpiryWord.sol";
import {Leg} from "./types/Leg.sol";
import {OptionId, StrikeKey} from "./types/OptionId.sol";
import {StrikeWord, StrikeWord_SizeOverflow, toStrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";

/// @title The ledger of Meniscus
///
/// CUSTODY. Every token of the protocol is held here; pools, shares, fund and protocol fees are accounts. Cash is counted
/// in the quote token's own units, so what is claimed equals what is held, to the unit. Tokens that take a fee or rebase are
/// refused by measuring what arrives. Tokens sent here without a deposit are nobody's.
///
/// ACCOUNTS. Sub 0 of an owner is the wallet: options are ERC-6909 tokens of this contract, longs only, freely transferable;
/// trades are paid straight from and to the owner. Subs 1 to 255 are margin accounts: cash, base collateral and signed
/// positions of one market. Nobody can put positions into somebody else's margin account. Operators trade, never withdraw.
///
/// SWAPS. The taker calls `trade`, the ledger calls the maker, which names cash, fee and the account that stands behind it.
/// The ledger enforces the taker's limit and deadline and both margins, so any maker may be untrusted.
///
/// MARGIN. An account is healthy if cash plus the worst value of its positions and base collateral over the initial grid is
/// not negative. Longs with no debts need no check. A trade of an unhealthy account passes if it raises the worst value and
/// gives away no more than `MAX_CLOSE_COST` of equity. A registered maker carries one number instead, its requirement: raised
/// by the stand-alone requirement of every swap (never less than the truth, scenario margin is sub-additive) and made exact by
/// `stress`, which anyone may call.
///
/// SETTLEMENT. After expiry the oracle's average is the price. Each account is netted first; debtors pay what they have, the
/// rest is recorded as their debt. Once no account that is short remains, and no debt is pending or two hours have passed,
/// the insurance fund covers what it can and the payout ratio min(1, collected/owed) is fixed once. Credits are then paid in
/// any order; nobody's payout depends on who claims first.
///
/// NOT GUARANTEED. Health between reports; that a debtor can pay; that a maker quotes. See SECURITY.md.
contract Clearinghouse is IClearinghouse, ERC6909, AccessManaged {
    using SafeERC20 for IERC20;
    using Positions for Positions.Book;

    /// @dev Legs of one swap.
    uint256 internal constant MAX_LEGS = 8;
    /// @dev Strikes of one margin account; a check at this size stays under a million gas.
    uint256 internal constant MAX_STRIKES = 32;
    /// @dev Strikes of one registered maker; a stress at this size stays under four million gas.
    uint256 internal constant MAX_MAKER_STRIKES = 128;
    /// @dev Expiries are listed at 08:00 UTC.
    uint256 internal constant EXPIRY_TIME_OF_DAY = 8 hours;
    /// @dev How long a missing payment may hold up the payout ratio.
    uint256 internal constant DEBT_GRACE = 2 hours;
    /// @dev Most equity an unhealthy account may give away in a trade that lowers its shortfall: 0.5 % of notional.
    uint256 internal constant MAX_CLOSE_COST = 0.005e18;
    uint256 internal constant BASIS_POINTS = 10_000;

    address public immutable quoteToken;
    uint8 public immutable quoteDecimals;
    IMarketOracle public immutable oracle;
    IRiskEngine public immutable riskEngine;
    IInsuranceFund public immutable insuranceFund;
    AccountId public immutable insuranceAccount;
    AccountId public immutable protocolAccount;
    int256 internal immutable _divisor;

    bool private transient _locked;
    mapping(uint16 marketId => Market) private _markets;
    mapping(AccountId => AccountWord) private _accounts;
    mapping(AccountId => Positions.Book) private _books;
    mapping(AccountId => mapping(uint16 marketId => uint256)) private _base;
    mapping(AccountId => mapping(address operator => bool)) private _operators;
    mapping(uint16 marketId => uint256) private _baseTotal;
    mapping(uint256 expiryKey => ExpiryWord) private _expiries;
    mapping(uint256 expiryKey => uint256) private _settlementPriceWad;
    mapping(uint256 expiryKey => uint256) private _pot;
    mapping(AccountId => mapping(uint256 expiryKey => uint256)) private _shortStrikes;
    mapping(AccountId => mapping(uint256 expiryKey => uint256)) private _credit;
    mapping(AccountId => mapping(uint256 expiryKey => uint256)) private _debt;
    mapping(AccountId => uint256) private _totalDebt;
    mapping(AccountId => uint256[] expiryKeys) private _makerCredits; // not yet claimed; marks value them

    /// @param protocolFees Owner of the account that collects the protocol's part of the fees.
    constructor(
        address quoteToken_,
        IMarketOracle oracle_,
        IRiskEngine riskEngine_,
        IInsuranceFund insuranceFund_,
        address protocolFees,
        address authority
    ) AccessManaged(authority) {
        uint8 decimals_ = IERC20Metadata(quoteToken_).decimals();
        if (decimals_ < 6 || decimals_ > 18) revert Clearinghouse_UnsupportedToken(quoteToken_, 18, decimals_);
        quoteToken = quoteToken_;
        quoteDecimals = decimals_;
        oracle = oracle_;
        riskEngine = riskEngine_;
        insuranceFund = insuranceFund_;
        insuranceAccount = toAccountId(address(insuranceFund_), PRIMARY_SUB);
        protocolAccount = toAccountId(protocolFees, PRIMARY_SUB);
        _divisor = CashMath.divisor(decimals_);
    }

    /// @dev One lock for the whole ledger; views that price elsewhere ask `isLocked`.
    modifier lock() {
        if (_locked) revert Clearinghouse_Reentered();
        _locked = true;
        _;
        _locked = false;
    }

    // ───────────────────────────── Markets ─────────────────────────────

    /// @notice Adds a market. Immutable afterwards.
    function createMarket(uint16 marketId, Market calldata market_) external restricted {
        bool invalid = marketId == 0 || _markets[marketId].baseToken != address(0) || market_.baseToken == address(0)
            || market_.minSize == 0 || market_.strikeStepE6 == 0
            || uint256(market_.insuranceFeeShareBps) + market_.protocolFeeShareBps > BASIS_POINTS;
        if (invalid) revert Clearinghouse_InvalidMarket(marketId);
        _markets[marketId] = market_;
        emit MarketCreated(marketId, market_);
    }

    /// @notice Lets a maker's primary account carry one requirement number instead of a full check per swap.
    function registerMaker(address maker) external restricted {
        AccountId account = toAccountId(maker, PRIMARY_SUB);
        AccountWord word = _accounts[account];
        if (word.strikeCount() != 0) revert Clearinghouse_InvalidMaker(maker, account);
        _accounts[account] = word.withMaker();
        emit MakerRegistered(account);
    }

    // ───────────────────────────── Trading ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function trade(Swap calldata swap) external lock returns (int256 cash_) {
        if (block.timestamp > swap.deadline) revert Clearinghouse_DeadlinePassed(swap.deadline, block.timestamp);
        _requireTrader(swap.account);
        uint16 marketId = _requireLegs(swap.legs);
        if (swap.report.length != 0) oracle.submitIfNewer(swap.report);

        bool reduces = _reduces(toAccountId(swap.maker, PRIMARY_SUB), swap.legs);
        AccountId makerAccount;
        uint256 fee;
        (makerAccount, cash_, fee) = IMaker(swap.maker).onTrade(swap.account, swap.legs, reduces, swap.makerData);
        _requireMakerAccount(swap.maker, makerAccount, swap.account);
        if (cash_ > swap.limitCash) revert Clearinghouse_LimitExceeded(cash_, swap.limitCash);
        if (cash_ > type(int128).max || cash_ < type(int128).min) revert Clearinghouse_LimitExceeded(cash_, 0);
        if (fee > type(uint96).max) revert Clearinghouse_InvalidFee(fee);

        uint256 insuranceFee = _takeFees(marketId, makerAccount, cash_, fee);
        if (swap.account.isWallet()) {
            _applyToWallet(swap.account, swap.legs);
        } else {
            _applyToAccount(swap.account, swap.legs, 1, marketId);
            _addCash(swap.account, -cash_);
        }
        _applyToAccount(makerAccount, swap.legs, -1, marketId);
        _checkSide(makerAccount, swap.legs, -1, reduces, cash_, marketId);
        if (!swap.account.isWallet()) _checkSide(swap.account, swap.legs, 1, false, cash_, marketId);
        emit Traded(swap.account, makerAccount, swap.legs, cash_, fee, insuranceFee);
        if (swap.account.isWallet()) _payForWallet(swap.account.owner(), cash_);
    }

    /// @inheritdoc IClearinghouse
    function stress(AccountId account) external returns (int256 requirement_) {
        if (_locked) revert Clearinghouse_Reentered();
        if (!_accounts[account].isMaker()) revert Clearinghouse_InvalidAccount(account);
        _tightenMaker(account);
        requirement_ = _accounts[account].requirement();
        emit Stressed(account, requirement_);
    }

    // ───────────────────────────── Cash, collateral, options ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function depositCash(AccountId account, uint256 amount) external lock {
        _requireCanonical(account);
        _receive(quoteToken, msg.sender, amount);
        _addCash(account, int256(amount)); // tokens in existence fit: AccountWord bounds cash at 2^128
        emit CashDeposited(account, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositCashWithCallback(AccountId account, uint256 amount, bytes calldata data) external lock {
        _requireCanonical(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        uint256 before = IERC20(quoteToken).balanceOf(address(this));
        IPayer(msg.sender).onPayment(quoteToken, amount, data);
        _requireReceived(quoteToken, before, amount);
        _addCash(account, int256(amount)); // as above
        emit CashDeposited(account, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawCash(AccountId account, uint256 amount, address to) external lock {
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        _addCash(account, -_toInt(amount));
        _requireFree(account);
        emit CashWithdrawn(account, to, amount);
        IERC20(quoteToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IClearinghouse
    function moveCash(AccountId from, AccountId to, uint256 amount) external lock {
        _requireOwner(from);
        _requireCanonical(to);
        _addCash(from, -_toInt(amount));
        _addCash(to, int256(amount)); // fits: it was just taken from an account
        _requireFree(from);
        emit CashMoved(from, to, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositBase(AccountId account, uint16 marketId, uint256 amount) external lock {
        _requireMarginAccount(account);
        Market storage market_ = _requireMarket(marketId);
        uint256 total = _baseTotal[marketId] + amount;
        if (total > market_.baseCap) revert Clearinghouse_BaseCapExceeded(total, market_.baseCap);
        _receive(market_.baseToken, msg.sender, amount);
        _baseTotal[marketId] = total;
        _base[account][marketId] += amount;
        emit BaseDeposited(account, marketId, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawBase(AccountId account, uint16 marketId, uint256 amount, address to) external lock {
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        uint256 available = _base[account][marketId];
        if (amount > available) revert Clearinghouse_InsufficientBase(account, amount, available);
        _base[account][marketId] = available - amount;
        _baseTotal[marketId] -= amount;
        _tightenMaker(account);
        _requireFree(account);
        emit BaseWithdrawn(account, marketId, to, amount);
        IERC20(_markets[marketId].baseToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositOptions(AccountId account, OptionId option, uint256 amount) external lock {
        _requireMarginAccount(account);
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        if (!option.isCanonical()) revert Clearinghouse_InvalidOption(option);
        _requireOpen(option.key());
        _burn(msg.sender, OptionId.unwrap(option), amount);
        _requireAccountMarket(account, option.key().marketId());
        _addPosition(account, option, _toInt(amount));
        emit OptionsDeposited(account, option, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawOptions(AccountId account, OptionId option, uint256 amount, address to) external lock {
        _requireMarginAccount(account); // a wallet's options are with its owner
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        if (!option.isCanonical()) revert Clearinghouse_InvalidOption(option);
        _requireOpen(option.key());
        int256 held = position(account, option);
        if (held < 0 || amount > uint256(held)) {
            revert Clearinghouse_InsufficientOptions(account, option, amount, held);
        }
        _addPosition(account, option, -_toInt(amount));
        _tightenMaker(account);
        _requireFree(account);
        _mint(to, OptionId.unwrap(option), amount);
        emit OptionsWithdrawn(account, option, to, amount);
    }

    /// @inheritdoc IClearinghouse
    function setAccountOperator(AccountId account, address operator, bool approved) external {
        _requireOwner(account);
        _requireMarginAccount(account);
        _operators[account][operator] = approved;
        emit OperatorChanged(account, operator, approved);
    }

    // ───────────────────────────── Settlement ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function startSettlement(uint16 marketId, uint32 expiry) external lock {
        if (block.timestamp < expiry) revert Clearinghouse_NotExpired(expiry);
        uint256 expiryKey = _expiryKey(marketId, expiry);
        ExpiryWord word = _expiries[expiryKey];
        if (word.state() != ExpiryState.Open) revert Clearinghouse_NotSettling(expiry);
        uint256 priceWad = oracle.settlementPrice(marketId, expiry);
        if (priceWad == 0) revert Clearinghouse_NoSettlementPrice(expiry);
        _settlementPriceWad[expiryKey] = priceWad;
        _expiries[expiryKey] = word.withState(ExpiryState.Settling, block.timestamp - expiry);
        emit SettlementStarted(marketId, expiry, priceWad);
    }

    /// @inheritdoc IClearinghouse
    function settleAccounts(uint16 marketId, uint32 expiry, AccountId[] calldata accounts) external lock {
        if (_expiries[_expiryKey(marketId, expiry)].state() == ExpiryState.Open) {
            revert Clearinghouse_NotSettling(expiry);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            _settleAccount(accounts[i], marketId, expiry);
        }
    }

    /// @inheritdoc IClearinghouse
    function finalizeSettlement(uint16 marketId, uint32 expiry) external lock {
        uint256 expiryKey = _expiryKey(marketId, expiry);
        ExpiryWord word = _expiries[expiryKey];
        if (word.state() == ExpiryState.Open) revert Clearinghouse_NotSettling(expiry);
        if (word.state() == ExpiryState.Final) revert Clearinghouse_AlreadyFinal(expiry);
        if (word.openShortAccounts() != 0) {
            revert Clearinghouse_ShortAccountsRemain(expiry, word.openShortAccounts());
        }
        uint256 missing = word.owed() - word.collected(); // debtors never pay more than they owe
        uint256 covered;
        if (missing != 0) {
            uint256 until = uint256(expiry) + word.settledAfter() + DEBT_GRACE;
            if (block.timestamp < until) revert Clearinghouse_DebtsPending(expiry, until);
            covered = _min(insuranceFund.cover(marketId, expiry, missing), missing);
            covered = _min(covered, cash(insuranceAccount));
            _addCash(insuranceAccount, -int256(covered)); // at most the account's cash
            _pot[expiryKey] += covered;
        }
        uint256 collected = word.collected() + covered;
        _expiries[expiryKey] = word.withDebt(word.owed(), collected).withState(ExpiryState.Final, word.settledAfter());
        emit SettlementFinal(marketId, expiry, word.owed(), collected, covered);
    }

    /// @inheritdoc IClearinghouse
    function claimCredit(AccountId account, uint16 marketId, uint32 expiry) external lock returns (uint256 paid) {
        uint256 expiryKey = _expiryKey(marketId, expiry);
        ExpiryWord word = _requireFinal(expiryKey, expiry);
        uint256 due = _credit[account][expiryKey];
        if (due == 0) revert Clearinghouse_NothingToSettle(account, expiry);
        delete _credit[account][expiryKey];
        _forgetMakerCredit(account, expiryKey);
        paid = _payFromPot(account, expiryKey, word, due);
        emit CreditPaid(account, marketId, expiry, paid);
    }

    /// @inheritdoc IClearinghouse
    function redeemOptions(address wallet, OptionId[] calldata options) external lock returns (uint256 paid) {
        AccountId account = toAccountId(wallet, 0);
        for (uint256 i = 0; i < options.length; ++i) {
            StrikeKey key = options[i].key();
            uint256 expiryKey = _expiryKey(key.marketId(), key.expiry());
            ExpiryWord word = _requireFinal(expiryKey, key.expiry());
            uint256 amount = balanceOf(wallet, OptionId.unwrap(options[i]));
            if (amount == 0) continue;
            _burn(wallet, OptionId.unwrap(options[i]), amount);
            uint256 payoff = _payoffWad(key, options[i].isPut(), _settlementPriceWad[expiryKey]);
            // Sizes and prices are far below 2^127 each, so the product is a valid int256.
            uint256 due = uint256(CashMath.toCashDown(int256(amount * payoff), _divisor));
            uint256 paidNow = _payFromPot(account, expiryKey, word, due);
            paid += paidNow;
            emit CreditPaid(account, key.marketId(), key.expiry(), paidNow);
        }
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function market(uint16 marketId) external view returns (Market memory) {
        return _markets[marketId];
    }

    /// @inheritdoc IClearinghouse
    function cash(AccountId account) public view returns (uint256) {
        return _accounts[account].cash();
    }

    /// @inheritdoc IClearinghouse
    function requirement(AccountId account) external view returns (int256) {
        return _accounts[account].requirement();
    }

    /// @inheritdoc IClearinghouse
    function base(AccountId account, uint16 marketId) external view returns (uint256) {
        return _base[account][marketId];
    }

    /// @inheritdoc IClearinghouse
    function strikes(AccountId account) external view returns (StrikeWord[] memory) {
        return _books[account].all(_accounts[account].strikeCount());
    }

    /// @inheritdoc IClearinghouse
    function position(AccountId account, OptionId option) public view returns (int256) {
        if (account.isWallet()) return int256(balanceOf(account.owner(), OptionId.unwrap(option))); // sizes fit int80
        AccountWord word = _accounts[account];
        return _books[account].read(word.strikeCount(), word.isMaker(), option.key()).position(option.isPut());
    }

    /// @inheritdoc IClearinghouse
    function expiryWord(uint16 marketId, uint32 expiry) external view returns (ExpiryWord) {
        return _expiries[_expiryKey(marketId, expiry)];
    }

    /// @notice What is left to pay of an expiry: collected and covered, not yet claimed.
    function pot(uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _pot[_expiryKey(marketId, expiry)];
    }

    /// @notice The price at which the expiry settles here, WAD; 0 before `startSettlement`.
    function settlementPrice(uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _settlementPriceWad[_expiryKey(marketId, expiry)];
    }

    /// @inheritdoc IClearinghouse
    function credit(AccountId account, uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _credit[account][_expiryKey(marketId, expiry)];
    }

    /// @inheritdoc IClearinghouse
    function settlementBalance(AccountId account) external view returns (int256 balance) {
        uint256[] storage expiryKeys = _makerCredits[account];
        uint256 fund = cash(insuranceAccount);
        for (uint256 i = 0; i < expiryKeys.length; ++i) {
            ExpiryWord word = _expiries[expiryKeys[i]];
            (uint256 owed_, uint256 collected) = (word.owed(), word.collected());
            if (word.state() != ExpiryState.Final) {
                uint256 covered = _min(fund, owed_ - collected); // debtors never pay more than they owe
                fund -= covered;
                collected += covered;
            }
            balance += int256(_payout(_credit[account][expiryKeys[i]], owed_, collected)); // below 2^128
        }
        balance -= int256(_totalDebt[account]); // below 2^128
    }

    /// @notice What the account could not pay at settlements, quote units.
    function debt(AccountId account) external view returns (uint256) {
        return _totalDebt[account];
    }

    /// @inheritdoc IClearinghouse
    function isAccountOperator(AccountId account, address operator) external view returns (bool) {
        return _operators[account][operator];
    }

    /// @inheritdoc IClearinghouse
    function health(AccountId account, Grid grid) external view returns (int256 worst, int256 equity) {
        return _health(account, grid);
    }

    /// @inheritdoc IClearinghouse
    function isLocked() external view returns (bool) {
        return _locked;
    }

    // ───────────────────────────── Swap, step by step ─────────────────────────────

    function _requireTrader(AccountId account) private view {
        _requireCanonical(account);
        bool authorized = msg.sender == account.owner() || (!account.isWallet() && _operators[account][msg.sender]);
        if (!authorized) revert Clearinghouse_NotAuthorized(account, msg.sender);
        if (_totalDebt[account] != 0) revert Clearinghouse_Unhealthy(account, _totalDebt[account]);
    }

    /// @dev One market, listed strikes and expiries, no option twice, nothing expired.
    function _requireLegs(Leg[] calldata legs) private view returns (uint16 marketId) {
        if (legs.length == 0 || legs.length > MAX_LEGS) revert Clearinghouse_InvalidLegs(legs.length);
        marketId = legs[0].option.key().marketId();
        Market storage market_ = _requireMarket(marketId);
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            StrikeKey key = option.key();
            if (!option.isCanonical() || key.marketId() != marketId) revert Clearinghouse_InvalidOption(option);
            uint256 strikeE6 = key.strikeE6();
            if (strikeE6 == 0 || strikeE6 % market_.strikeStepE6 != 0) {
                revert Clearinghouse_StrikeNotOnGrid(strikeE6, market_.strikeStepE6);
            }
            if (key.expiry() % 1 days != EXPIRY_TIME_OF_DAY) revert Clearinghouse_ExpiryNotListed(key.expiry());
            _requireOpen(key);
            int256 size = legs[i].size;
            if (size == 0) revert Clearinghouse_BelowMinimum(0, market_.minSize);
            if (size > type(int80).max || size < type(int80).min) revert StrikeWord_SizeOverflow(size);
            for (uint256 j = 0; j < i; ++j) {
                if (OptionId.unwrap(legs[j].option) == OptionId.unwrap(option)) {
                    revert Clearinghouse_DuplicateLeg(option);
                }
            }
        }
    }

    /// @dev Whether every leg brings the maker's position in that option nearer to zero, without crossing it.
    function _reduces(AccountId maker, Leg[] calldata legs) private view returns (bool) {
        AccountWord word = _accounts[maker];
        if (!word.isMaker()) return false;
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            int256 held = _books[maker].read(word.strikeCount(), true, option.key()).position(option.isPut());
            int256 size = legs[i].size; // the maker's change is −size
            bool nearer = size > 0 ? held >= size : held <= size;
            if (!nearer) return false;
        }
        return true;
    }

    function _requireMakerAccount(address maker, AccountId account, AccountId taker) private view {
        bool valid = account.isCanonical() && !account.isWallet() && !(account == taker)
            && (account.owner() == maker || _operators[account][maker]);
        if (!valid) revert Clearinghouse_InvalidMaker(maker, account);
    }

    /// @dev The maker receives the taker's cash less the parts of the fee that are not his.
    function _takeFees(uint16 marketId, AccountId makerAccount, int256 cash_, uint256 fee)
        private
        returns (uint256 insuranceFee)
    {
        Market storage market_ = _markets[marketId];
        insuranceFee = fee * market_.insuranceFeeShareBps / BASIS_POINTS;
        uint256 protocolFee = fee * market_.protocolFeeShareBps / BASIS_POINTS;
        // Fees are below 2^96 and cash within int128: no overflow.
        _addCash(makerAccount, cash_ - int256(insuranceFee + protocolFee));
        if (insuranceFee != 0) _addCash(insuranceAccount, int256(insuranceFee));
        if (protocolFee != 0) _addCash(protocolAccount, int256(protocolFee));
    }

    function _applyToWallet(AccountId account, Leg[] calldata legs) private {
        address wallet = account.owner();
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            int256 size = legs[i].size;
            if (size > 0) {
                _requireMinimum(option, size, size);
                _mint(wallet, OptionId.unwrap(option), uint256(size)); // positive: checked
                continue;
            }
            uint256 held = balanceOf(wallet, OptionId.unwrap(option));
            if (uint256(-size) > held) {
                revert Clearinghouse_InsufficientOptions(account, option, uint256(-size), int256(held)); // fits int80
            }
            _burn(wallet, OptionId.unwrap(option), uint256(-size));
        }
    }

    /// @dev Adds sign·size of every leg. `sign` is 1 for the taker, −1 for the maker.
    function _applyToAccount(AccountId account, Leg[] calldata legs, int256 sign, uint16 marketId) private {
        _requireAccountMarket(account, marketId);
        for (uint256 i = 0; i < legs.length; ++i) {
            int256 size = legs[i].size;
            int256 held = _addPosition(account, legs[i].option, sign * size);
            if (sign > 0) _requireMinimum(legs[i].option, size, held);
        }
    }

    /// @dev A dust leg is allowed only where it leaves nothing.
    function _requireMinimum(OptionId option, int256 size, int256 held) private view {
        uint256 minSize = _markets[option.key().marketId()].minSize;
        uint256 magnitude = uint256(size < 0 ? -size : size);
        if (magnitude < minSize && held != 0) revert Clearinghouse_BelowMinimum(magnitude, minSize);
    }

    /// @dev A registered maker's requirement grows by what the legs need alone; every other account is checked whole.
    function _checkSide(
        AccountId account,
        Leg[] calldata legs,
        int256 sign,
        bool reduces,
        int256 cash_,
        uint16 marketId
    ) private {
        AccountWord word = _accounts[account];
        if (!word.isMaker()) return _checkAfterTrade(account, legs, sign, cash_, marketId);
        StrikeWord[] memory words = new StrikeWord[](legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            words[i] = toStrikeWord(option.key(), 0, 0).add(option.isPut(), sign * legs[i].size);
        }
        (int256 worst,) = riskEngine.values(marketId, words, 0, Grid.Initial);
        int256 needed = word.requirement() - worst;
        _accounts[account] = word.withRequirement(needed);
        if (!reduces && needed > int256(word.cash())) {
            // cash is below 2^128
            revert Clearinghouse_Unhealthy(account, uint256(needed - int256(word.cash())));
        }
    }

    /// @dev Healthy at initial margin, or nearer to it than before without giving equity away.
    function _checkAfterTrade(AccountId account, Leg[] calldata legs, int256 sign, int256 cash_, uint16 marketId)
        private
        view
    {
        AccountWord word = _accounts[account];
        if (!_needsCheck(account, word)) return;
        (int256 worst, int256 equity) = _health(account, Grid.Initial);
        if (worst >= 0) return;
        StrikeWord[] memory words = _books[account].all(word.strikeCount());
        (int256 worstBefore, int256 equityBefore) = _valuesBefore(account, words, legs, sign, marketId);
        worstBefore += int256(word.cash()) + sign * cash_; // the cash as it was
        equityBefore += int256(word.cash()) + sign * cash_;
        int256 allowance = _closeCost(legs, marketId);
        if (worst < worstBefore || equity < equityBefore - allowance) {
            revert Clearinghouse_Unhealthy(account, uint256(-worst));
        }
    }

    /// @dev Values of the portfolio without the legs: taken out strike by strike, so that no short counts that was not there.
    function _valuesBefore(
        AccountId account,
        StrikeWord[] memory words,
        Leg[] calldata legs,
        int256 sign,
        uint16 marketId
    ) private view returns (int256 worst, int256 mid) {
        StrikeWord[] memory before = new StrikeWord[](words.length + legs.length);
        uint256 count = words.length;
        for (uint256 i = 0; i < count; ++i) {
            before[i] = words[i];
        }
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            uint256 j = 0;
            while (j < count && !(before[j].key() == option.key())) ++j;
            if (j == count) before[count++] = toStrikeWord(option.key(), 0, 0); // the legs closed it
            before[j] = before[j].add(option.isPut(), -sign * legs[i].size);
        }
        assembly ("memory-safe") {
            mstore(before, count) // shortens the array in place
        }
        return riskEngine.values(marketId, before, _baseSize(account, marketId), Grid.Initial);
    }

    function _closeCost(Leg[] calldata legs, uint16 marketId) private view returns (int256) {
        uint256 contracts;
        for (uint256 i = 0; i < legs.length; ++i) {
            int256 size = legs[i].size;
            contracts += uint256(size < 0 ? -size : size);
        }
        uint256 raw = contracts * (oracle.marketState(marketId).spotWad * MAX_CLOSE_COST / 1e18);
        return CashMath.toCashDown(int256(raw), _divisor); // sizes fit int128 and prices uint96: below 2^255
    }

    function _payForWallet(address wallet, int256 cash_) private {
        if (cash_ > 0) _receive(quoteToken, wallet, uint256(cash_));
        else if (cash_ < 0) IERC20(quoteToken).safeTransfer(wallet, uint256(-cash_));
    }

    // ───────────────────────────── Positions ─────────────────────────────

    /// @dev Adds to a margin account's position and keeps the counts of shorts. Returns the new position.
    function _addPosition(AccountId account, OptionId option, int256 size) private returns (int256) {
        AccountWord word = _accounts[account];
        uint256 count = word.strikeCount();
        (StrikeWord before, StrikeWord after_, uint256 newCount) =
            _books[account].add(count, word.isMaker(), option.key(), option.isPut(), size);
        if (newCount != count) {
            uint256 max = word.isMaker() ? MAX_MAKER_STRIKES : MAX_STRIKES;
            if (newCount > max) revert Clearinghouse_TooManyStrikes(account, newCount, max);
            _accounts[account] = word.withStrikeCount(newCount);
        }
        if (before.isShort() != after_.isShort()) _countShort(account, after_.key(), after_.isShort());
        return after_.position(option.isPut());
    }

    /// @dev Counts, per expiry, the accounts that are short: those are the ones that may owe at settlement.
    function _countShort(AccountId account, StrikeKey key, bool becameShort) private {
        uint256 expiryKey = _expiryKey(key.marketId(), key.expiry());
        uint256 shortStrikes = _shortStrikes[account][expiryKey];
        ExpiryWord word = _expiries[expiryKey];
        if (becameShort) {
            if (shortStrikes == 0) _expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() + 1);
            _shortStrikes[account][expiryKey] = shortStrikes + 1;
        } else {
            if (shortStrikes == 1) _expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() - 1);
            _shortStrikes[account][expiryKey] = shortStrikes - 1;
        }
    }

    /// @dev A margin account holds positions of one market only.
    function _requireAccountMarket(AccountId account, uint16 marketId) private view {
        if (_accounts[account].strikeCount() == 0) return;
        uint16 held = _books[account].words[0].key().marketId();
        if (held != marketId) revert Clearinghouse_MarketMismatch(account, marketId, held);
    }

    // ───────────────────────────── Health ─────────────────────────────

    /// @dev Longs paid in full need no check; neither does a maker here, who carries a requirement.
    function _needsCheck(AccountId account, AccountWord word) private view returns (bool) {
        for (uint256 i = 0; i < word.strikeCount(); ++i) {
            if (_books[account].words[i].isShort()) return true;
        }
        return false;
    }

    /// @dev After something left the account: it owes nothing and its margin holds.
    function _requireFree(AccountId account) private view {
        uint256 owed_ = _totalDebt[account];
        if (owed_ != 0) revert Clearinghouse_Unhealthy(account, owed_);
        AccountWord word = _accounts[account];
        if (word.isMaker()) {
            int256 missing = word.requirement() - int256(word.cash()); // cash is below 2^128
            if (missing > 0) revert Clearinghouse_Unhealthy(account, uint256(missing));
            return;
        }
        if (!_needsCheck(account, word)) return;
        (int256 worst,) = _health(account, Grid.Initial);
        if (worst < 0) revert Clearinghouse_Unhealthy(account, uint256(-worst));
    }

    /// @dev Makes a registered maker's requirement exact: what leaves beside cash changes it.
    function _tightenMaker(AccountId account) private {
        AccountWord word = _accounts[account];
        if (word.isMaker()) _accounts[account] = word.withRequirement(-_worst(account, word, Grid.Initial));
    }

    function _health(AccountId account, Grid grid) private view returns (int256 worst, int256 equity) {
        AccountWord word = _accounts[account];
        int256 own = int256(word.cash()) - int256(_totalDebt[account]); // both below 2^128
        if (word.strikeCount() == 0) return (own, own);
        StrikeWord[] memory words = _books[account].all(word.strikeCount());
        uint16 marketId = words[0].key().marketId();
        (worst, equity) = riskEngine.values(marketId, words, _baseSize(account, marketId), grid);
        (worst, equity) = (worst + own, equity + own);
    }

    function _worst(AccountId account, AccountWord word, Grid grid) private view returns (int256 worst) {
        if (word.strikeCount() == 0) return 0;
        StrikeWord[] memory words = _books[account].all(word.strikeCount());
        uint16 marketId = words[0].key().marketId();
        (worst,) = riskEngine.values(marketId, words, _baseSize(account, marketId), grid);
    }

    /// @dev Base collateral as a size of 6 decimals, rounded down.
    function _baseSize(AccountId account, uint16 marketId) private view returns (uint256) {
        uint256 amount = _base[account][marketId];
        if (amount == 0) return 0;
        return amount * 1e6 / 10 ** IERC20Metadata(_markets[marketId].baseToken).decimals();
    }

    // ───────────────────────────── Settlement, step by step ─────────────────────────────

    function _settleAccount(AccountId account, uint16 marketId, uint32 expiry) private {
        uint256 expiryKey = _expiryKey(marketId, expiry);
        (int256 raw, bool found) = _closeExpired(account, marketId, expiry, _settlementPriceWad[expiryKey]);
        uint256 pending = _debt[account][expiryKey];
        if (!found) {
            if (pending != 0) {
                uint256 left = _collectDebt(account, expiryKey, pending);
                if (left != pending) emit DebtCollected(account, marketId, expiry, pending - left, left);
            }
            return; // settled before, or never held it: a batch may name it all the same
        }
        if (_shortStrikes[account][expiryKey] != 0) {
            delete _shortStrikes[account][expiryKey];
            ExpiryWord word = _expiries[expiryKey];
            _expiries[expiryKey] = word.withOpenShortAccounts(word.openShortAccounts() - 1);
        }
        if (raw >= 0) {
            int256 net = CashMath.toCashDown(raw, _divisor);
            _credit[account][expiryKey] += uint256(net); // not negative
            if (net != 0 && _accounts[account].isMaker()) _makerCredits[account].push(expiryKey);
            _tightenSettledMaker(account, net);
            emit AccountSettled(account, marketId, expiry, net, 0);
            return;
        }
        uint256 owed_ = uint256(CashMath.toCashUp(-raw, _divisor));
        ExpiryWord before = _expiries[expiryKey];
        _expiries[expiryKey] = before.withDebt(before.owed() + owed_, before.collected());
        _debt[account][expiryKey] = owed_;
        _totalDebt[account] += owed_;
        uint256 unpaid = _collectDebt(account, expiryKey, owed_);
        _tightenSettledMaker(account, 0);
        emit AccountSettled(account, marketId, expiry, -int256(owed_), unpaid);
    }

    /// @dev What a registered maker's requirement counted as value has left its book, and a credit is no cash before it is
    /// claimed. Where the rest of the book has no price now, the credit is added, for settlement waits for nothing.
    function _tightenSettledMaker(AccountId account, int256 credited) private {
        AccountWord word = _accounts[account];
        if (!word.isMaker()) return;
        int256 needed;
        if (word.strikeCount() != 0) {
            StrikeWord[] memory words = _books[account].all(word.strikeCount());
            uint16 marketId = words[0].key().marketId();
            try riskEngine.values(marketId, words, _baseSize(account, marketId), Grid.Initial) returns (
                int256 worst, int256
            ) {
                needed = -worst;
            } catch {
                needed = word.requirement() + credited;
            }
        }
        _accounts[account] = word.withRequirement(needed);
    }

    /// @dev Removes the account's words of the expiry and nets their payoffs, raw.
    function _closeExpired(AccountId account, uint16 marketId, uint32 expiry, uint256 priceWad)
        private
        returns (int256 raw, bool found)
    {
        AccountWord word = _accounts[account];
        Positions.Book storage book = _books[account];
        uint256 count = word.strikeCount();
        for (uint256 i = count; i > 0; --i) {
            StrikeWord strike = book.words[i - 1];
            StrikeKey key = strike.key();
            if (key.expiry() != expiry || key.marketId() != marketId) continue;
            found = true;
            // Payoffs are at most max(price, strike) < 2^97 and sizes below 2^79: the products fit.
            raw += strike.calls() * int256(_payoffWad(key, false, priceWad));
            raw += strike.puts() * int256(_payoffWad(key, true, priceWad));
            count = book.remove(count, word.isMaker(), i - 1);
        }
        if (found) _accounts[account] = word.withStrikeCount(count);
    }

    /// @dev Takes what the account has. Before finality it goes to the pot, afterwards to the fund that covered it.
    function _collectDebt(AccountId account, uint256 expiryKey, uint256 pending) private returns (uint256 unpaid) {
        uint256 paid = _min(pending, cash(account));
        unpaid = pending - paid;
        if (paid == 0) return unpaid;
        _addCash(account, -int256(paid)); // at most its cash
        _debt[account][expiryKey] = unpaid;
        _totalDebt[account] -= paid;
        ExpiryWord word = _expiries[expiryKey];
        if (word.state() == ExpiryState.Final) {
            _addCash(insuranceAccount, int256(paid));
        } else {
            _pot[expiryKey] += paid;
            _expiries[expiryKey] = word.withDebt(word.owed(), word.collected() + paid);
        }
    }

    /// @dev Drops the expiry from the list of a maker's credits; other accounts have none.
    function _forgetMakerCredit(AccountId account, uint256 expiryKey) private {
        uint256[] storage expiryKeys = _makerCredits[account];
        uint256 count = expiryKeys.length;
        for (uint256 i = 0; i < count; ++i) {
            if (expiryKeys[i] != expiryKey) continue;
            expiryKeys[i] = expiryKeys[count - 1];
            expiryKeys.pop();
            return;
        }
    }

    /// @dev due·collected/owed, rounded down; the whole where nobody owed or all was paid.
    function _payout(uint256 due, uint256 owed_, uint256 collected) private pure returns (uint256) {
        return collected >= owed_ ? due : due * collected / owed_;
    }

    function _payFromPot(AccountId account, uint256 expiryKey, ExpiryWord word, uint256 due)
        private
        returns (uint256 paid)
    {
        paid = _payout(due, word.owed(), word.collected());
        _pot[expiryKey] -= paid;
        _addCash(account, int256(paid)); // the pot holds less than 2^128
    }

    function _payoffWad(StrikeKey key, bool put, uint256 priceWad) private pure returns (uint256) {
        uint256 strike = key.strikeWad();
        if (put) return strike > priceWad ? strike - priceWad : 0;
        return priceWad > strike ? priceWad - strike : 0;
    }

    function _requireFinal(uint256 expiryKey, uint32 expiry) private view returns (ExpiryWord word) {
        word = _expiries[expiryKey];
        if (word.state() != ExpiryState.Final) revert Clearinghouse_NotFinal(expiry);
    }

    // ───────────────────────────── Money ─────────────────────────────

    /// @dev The only place where cash changes.
    function _addCash(AccountId account, int256 amount) private {
        AccountWord word = _accounts[account];
        uint256 held = word.cash();
        if (amount >= 0) {
            _accounts[account] = word.withCash(held + uint256(amount)); // not negative
            return;
        }
        uint256 taken = uint256(-amount); // callers stay within int128
        if (taken > held) revert Clearinghouse_InsufficientCash(account, taken, held);
        _accounts[account] = word.withCash(held - taken);
    }

    function _receive(address token, address from, uint256 amount) private {
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        _requireReceived(token, before, amount);
    }

    function _requireReceived(address token, uint256 before, uint256 amount) private view {
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert Clearinghouse_UnsupportedToken(token, amount, received);
    }

    // ───────────────────────────── Checks ─────────────────────────────

    function _requireCanonical(AccountId account) private pure {
        if (!account.isCanonical() || account.owner() == address(0)) revert Clearinghouse_InvalidAccount(account);
    }

    function _requireMarginAccount(AccountId account) private pure {
        _requireCanonical(account);
        if (account.isWallet()) revert Clearinghouse_InvalidAccount(account);
    }

    function _requireOwner(AccountId account) private view {
        _requireCanonical(account);
        if (msg.sender != account.owner()) revert Clearinghouse_NotAuthorized(account, msg.sender);
    }

    function _requireMarket(uint16 marketId) private view returns (Market storage market_) {
        market_ = _markets[marketId];
        if (market_.baseToken == address(0)) revert Clearinghouse_InvalidMarket(marketId);
    }

    function _requireOpen(StrikeKey key) private view {
        if (block.timestamp >= key.expiry()) revert Clearinghouse_SeriesExpired(key.expiry());
    }

    function _expiryKey(uint16 marketId, uint32 expiry) private pure returns (uint256) {
        return uint256(marketId) << 32 | expiry;
    }

    function _toInt(uint256 amount) private pure returns (int256) {
        if (amount > uint256(uint128(type(int128).max))) revert Clearinghouse_InvalidFee(amount);
        return int256(amount); // below 2^127: checked
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
