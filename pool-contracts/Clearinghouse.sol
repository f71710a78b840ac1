// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "./interfaces/IInsuranceFund.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {IPermit2} from "./interfaces/IPermit2.sol";
import {Grid, IRiskEngine} from "./interfaces/IRiskEngine.sol";
import {ISettlementPrice} from "./interfaces/ISettlementPrice.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {Positions} from "./libraries/accounting/Positions.sol";
import {Accounts} from "./libraries/ledger/Accounts.sol";
import {Backstops} from "./libraries/ledger/Backstops.sol";
import {Deleveraging} from "./libraries/ledger/Deleveraging.sol";
import {LedgerState, toExpiryKey} from "./libraries/ledger/LedgerState.sol";
import {Markets} from "./libraries/ledger/Markets.sol";
import {PermittedTrades} from "./libraries/ledger/PermittedTrades.sol";
import {Settlement} from "./libraries/ledger/Settlement.sol";
import {Transfers} from "./libraries/ledger/Transfers.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {AccountWord} from "./types/AccountWord.sol";
import {ExpiryWord} from "./types/ExpiryWord.sol";
import {Leg} from "./types/Leg.sol";
import {OptionId, StrikeKey} from "./types/OptionId.sol";
import {StrikeWord, StrikeWord_SizeOverflow, toStrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

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
/// The ledger enforces the taker's limit and deadline and both margins, so any maker may be untrusted. Who has signed a swap with
/// its payment (Permit2) leaves it to anybody to call `tradeWithPermit`.
///
/// MARGIN. An account is healthy if cash plus the worst value of its positions and base collateral over the initial grid is
/// not negative. Longs with no debts need no check. A trade of an unhealthy account passes if it raises the worst value and
/// gives away no more than `MAX_CLOSE_COST` of equity. A registered maker carries one number instead, its requirement: raised
/// by the stand-alone requirement of every swap (never less than the truth, scenario margin is sub-additive) and made exact by
/// `stress`, which anyone may call.
///
/// SETTLEMENT. After expiry the oracle's average is the price. Each account is netted first; debtors pay what they have, the
/// rest is recorded as their debt. Once no account that is short remains, and no debt is pending or two hours have passed,
/// the insurance fund covers what it can, then the makers that stand behind it, up to their caps, and the payout ratio min(1,
/// collected/owed) is fixed. Credits are then paid in any order; nobody's payout depends on who claims first.
///
/// NOT GUARANTEED. Health between reports; that a debtor can pay; that a maker quotes. See SECURITY.md.
contract Clearinghouse is IClearinghouse, ERC6909, AccessManaged {
    using Address for address;
    using SafeERC20 for IERC20;
    using Accounts for LedgerState;
    using Backstops for LedgerState;
    using Deleveraging for LedgerState;
    using Transfers for LedgerState;
    using Markets for LedgerState;
    using PermittedTrades for LedgerState;
    using Positions for Positions.Book;
    using Settlement for LedgerState;

    /// @dev Legs of one swap.
    uint256 internal constant MAX_LEGS = 8;
    /// @dev Expiries are listed at 08:00 UTC.
    uint256 internal constant EXPIRY_TIME_OF_DAY = 8 hours;
    /// @dev The fund's target as a multiple of what accounts would fail to pay under stress.
    uint256 internal constant INSURANCE_TARGET = 2;
    uint256 internal constant BASIS_POINTS = 10_000;

    address public immutable quoteToken;
    uint8 public immutable quoteDecimals;
    IMarketOracle public immutable oracle;
    IRiskEngine public immutable riskEngine;
    ISettlementPrice public immutable settlementPrices;
    IInsuranceFund public immutable insuranceFund;
    IPermit2 public immutable permit2;
    /// @notice The only one who may liquidate.
    address public immutable liquidationAuction;
    AccountId public immutable insuranceAccount;
    AccountId public immutable protocolAccount;
    int256 internal immutable _divisor;

    bool private transient _locked;
    /// @dev Whose margin is checked at the end of the batch that runs; zero where none does.
    AccountId private transient _batched;
    LedgerState private _state;

    /// @param protocolFees Owner of the account that collects the protocol's part of the fees.
    constructor(
        address quoteToken_,
        IMarketOracle oracle_,
        IRiskEngine riskEngine_,
        ISettlementPrice settlementPrices_,
        IInsuranceFund insuranceFund_,
        IPermit2 permit2_,
        address liquidationAuction_,
        address protocolFees,
        address authority
    ) AccessManaged(authority) {
        uint8 decimals_ = IERC20Metadata(quoteToken_).decimals();
        if (decimals_ < 6 || decimals_ > 18) revert Clearinghouse_UnsupportedToken(quoteToken_, 18, decimals_);
        quoteToken = quoteToken_;
        quoteDecimals = decimals_;
        oracle = oracle_;
        riskEngine = riskEngine_;
        settlementPrices = settlementPrices_;
        insuranceFund = insuranceFund_;
        permit2 = permit2_;
        liquidationAuction = liquidationAuction_;
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
        _state.create(marketId, market_);
    }

    /// @notice Lets a maker's primary account carry one requirement number instead of a full check per swap.
    function registerMaker(address maker) external restricted {
        _state.registerMaker(maker);
    }

    // ───────────────────────────── Trading ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function trade(Swap calldata swap) external lock returns (int256 cash_) {
        _requireAuthorized(swap.account);
        cash_ = _swap(swap);
        if (swap.account.isWallet()) _payForWallet(swap.account.owner(), cash_);
    }

    /// @inheritdoc IClearinghouse
    function tradeWithPermit(Swap calldata swap, PermitPayment calldata) external lock returns (int256 cash_) {
        bool isWallet = swap.account.isWallet();
        if (!isWallet) _collectPermitted(0);
        cash_ = _swap(swap);
        // Checked last, where the price is known: without the wallet's signature nothing has happened.
        if (isWallet) _collectPermitted(cash_);
    }

    /// @dev Inside a swap with permit: hands its arguments on as they came.
    function _collectPermitted(int256 cash_) private {
        _state.collect(permit2, IERC20(quoteToken), cash_, msg.data[4:]);
    }

    /// @inheritdoc IClearinghouse
    function stress(AccountId account) external returns (int256 requirement_) {
        if (_locked) revert Clearinghouse_Reentered();
        if (!_state.accounts[account].isMaker()) revert Clearinghouse_InvalidAccount(account);
        _state.tightenMaker(riskEngine, account);
        requirement_ = _state.accounts[account].requirement();
        emit Stressed(account, requirement_);
    }

    /// @inheritdoc IClearinghouse
    function batch(AccountId account, bytes[] calldata calls) external returns (bytes[] memory results) {
        if (isLocked()) revert Clearinghouse_Reentered();
        _requireMarginAccount(account);
        _requireAuthorized(account);
        _batched = account;
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = address(this).functionDelegateCall(calls[i]);
        }
        _batched = AccountId.wrap(0);
        _requireFree(account);
    }

    /// @inheritdoc IClearinghouse
    function permitQuote(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        try IERC20Permit(quoteToken).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    // ───────────────────────────── Cash, collateral, options ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function depositCash(AccountId account, uint256 amount) external lock {
        _requireCanonical(account);
        _receive(quoteToken, msg.sender, amount);
        _state.addCash(account, int256(amount)); // tokens in existence fit: AccountWord bounds cash at 2^128
        emit CashDeposited(account, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositCashWithCallback(AccountId account, uint256 amount, bytes calldata data) external lock {
        _requireCanonical(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        uint256 before = IERC20(quoteToken).balanceOf(address(this));
        IPayer(msg.sender).onPayment(quoteToken, amount, data);
        _requireReceived(quoteToken, before, amount);
        _state.addCash(account, int256(amount)); // as above
        emit CashDeposited(account, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawCash(AccountId account, uint256 amount, address to) external lock {
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        _state.addCash(account, -_toInt(amount));
        _requireFree(account);
        emit CashWithdrawn(account, to, amount);
        IERC20(quoteToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IClearinghouse
    function moveCash(AccountId from, AccountId to, uint256 amount) external lock {
        _requireOwner(from);
        _requireCanonical(to);
        _state.addCash(from, -_toInt(amount));
        _state.addCash(to, int256(amount)); // fits: it was just taken from an account
        _requireFree(from);
        emit CashMoved(from, to, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositBase(AccountId account, uint16 marketId, uint256 amount) external lock {
        _requireMarginAccount(account);
        Market storage market_ = _requireMarket(marketId);
        uint256 total = _state.baseTotal[marketId] + amount;
        if (total > market_.baseCap) revert Clearinghouse_BaseCapExceeded(total, market_.baseCap);
        _receive(market_.baseToken, msg.sender, amount);
        _state.baseTotal[marketId] = total;
        _state.base[account][marketId] += amount;
        emit BaseDeposited(account, marketId, msg.sender, amount);
    }

    /// @inheritdoc IClearinghouse
    function withdrawBase(AccountId account, uint16 marketId, uint256 amount, address to) external lock {
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        uint256 available = _state.base[account][marketId];
        if (amount > available) revert Clearinghouse_InsufficientBase(account, amount, available);
        _state.base[account][marketId] = available - amount;
        _state.baseTotal[marketId] -= amount;
        _state.tightenMaker(riskEngine, account);
        _requireFree(account);
        emit BaseWithdrawn(account, marketId, to, amount);
        IERC20(_state.markets[marketId].baseToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IClearinghouse
    function depositOptions(AccountId account, OptionId option, uint256 amount) external lock {
        _requireMarginAccount(account);
        _requireOwner(account);
        if (amount == 0) revert Clearinghouse_ZeroAmount();
        if (!option.isCanonical()) revert Clearinghouse_InvalidOption(option);
        _requireOpen(option.key());
        _requireNoDebt(account); // a strike of another market would hide the base that stands for the debt
        _burn(msg.sender, OptionId.unwrap(option), amount);
        _state.requireAccountMarket(account, option.key().marketId());
        _state.addPosition(account, option, _toInt(amount));
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
        _state.addPosition(account, option, -_toInt(amount));
        _state.tightenMaker(riskEngine, account);
        _requireFree(account);
        _mint(to, OptionId.unwrap(option), amount);
        emit OptionsWithdrawn(account, option, to, amount);
    }

    /// @inheritdoc IClearinghouse
    function moveOptions(AccountId from, AccountId to, OptionId option, int256 size) external lock {
        _requireMarginAccount(from);
        _requireMarginAccount(to);
        _requireOwner(from);
        _requireOwner(to);
        _state.move(riskEngine, from, to, option, size);
        _requireFree(from);
        _requireFree(to);
    }

    /// @inheritdoc IClearinghouse
    function setAccountOperator(AccountId account, address operator, bool approved) external {
        _requireOwner(account);
        _requireMarginAccount(account);
        _state.operators[account][operator] = approved;
        emit OperatorChanged(account, operator, approved);
    }

    // ───────────────────────────── Liquidation ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function liquidate(Seizure calldata seizure) external lock {
        if (msg.sender != liquidationAuction) revert Clearinghouse_NotAuthorized(seizure.account, msg.sender);
        _requireMarginAccount(seizure.account);
        _requireMarginAccount(seizure.bidder);
        _state.take(riskEngine, insuranceAccount, seizure);
    }

    // ───────────────────────────── Settlement ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function setBackstop(uint16 marketId, uint128 cap) external lock {
        _state.setBackstop(insuranceFund, marketId, cap);
    }

    /// @inheritdoc IClearinghouse
    function startSettlement(uint16 marketId, uint32 expiry) external lock {
        _state.start(marketId, expiry, settlementPrices.priceOf(marketId, expiry));
    }

    /// @inheritdoc IClearinghouse
    function settleAccounts(uint16 marketId, uint32 expiry, AccountId[] calldata accounts) external lock {
        _state.settle(riskEngine, insuranceAccount, _divisor, marketId, expiry, accounts);
    }

    /// @inheritdoc IClearinghouse
    function finalizeSettlement(uint16 marketId, uint32 expiry) external lock {
        _state.finalize(riskEngine, insuranceFund, marketId, expiry);
    }

    /// @inheritdoc IClearinghouse
    function claimCredit(AccountId account, uint16 marketId, uint32 expiry) external lock returns (uint256 paid) {
        return _state.claim(account, marketId, expiry);
    }

    /// @inheritdoc IClearinghouse
    function redeemOptions(address wallet, OptionId[] calldata options) external lock returns (uint256 paid) {
        AccountId account = toAccountId(wallet, 0);
        for (uint256 i = 0; i < options.length; ++i) {
            uint256 amount = balanceOf(wallet, OptionId.unwrap(options[i]));
            if (amount == 0) continue;
            _burn(wallet, OptionId.unwrap(options[i]), amount);
            paid += _state.redeem(_divisor, account, options[i].key(), options[i].isPut(), amount);
        }
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc IClearinghouse
    function market(uint16 marketId) external view returns (Market memory) {
        return _state.markets[marketId];
    }

    /// @inheritdoc IClearinghouse
    function cash(AccountId account) public view returns (uint256) {
        return _state.accounts[account].cash();
    }

    /// @inheritdoc IClearinghouse
    function requirement(AccountId account) external view returns (int256) {
        return _state.accounts[account].requirement();
    }

    /// @inheritdoc IClearinghouse
    function isMaker(AccountId account) external view returns (bool) {
        return _state.accounts[account].isMaker();
    }

    /// @inheritdoc IClearinghouse
    function base(AccountId account, uint16 marketId) external view returns (uint256) {
        return _state.base[account][marketId];
    }

    /// @inheritdoc IClearinghouse
    function strikes(AccountId account) external view returns (StrikeWord[] memory) {
        return _state.strikes(account);
    }

    /// @inheritdoc IClearinghouse
    function position(AccountId account, OptionId option) public view returns (int256) {
        if (account.isWallet()) return int256(balanceOf(account.owner(), OptionId.unwrap(option))); // sizes fit int80
        AccountWord word = _state.accounts[account];
        return _state.books[account].read(word.strikeCount(), word.isMaker(), option.key()).position(option.isPut());
    }

    /// @inheritdoc IClearinghouse
    function expiryWord(uint16 marketId, uint32 expiry) external view returns (ExpiryWord) {
        return _state.expiries[toExpiryKey(marketId, expiry)];
    }

    /// @notice What is left to pay of an expiry: collected and covered, not yet claimed.
    function pot(uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _state.pot[toExpiryKey(marketId, expiry)];
    }

    /// @notice The price at which the expiry settles here, WAD; 0 before `startSettlement`.
    function settlementPrice(uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _state.settlementPriceWad[toExpiryKey(marketId, expiry)];
    }

    /// @inheritdoc IClearinghouse
    function credit(AccountId account, uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _state.creditOf(account, marketId, expiry);
    }

    /// @inheritdoc IClearinghouse
    function settlementBalance(AccountId account) external view returns (int256 balance) {
        return _state.balanceOf(account, cash(insuranceAccount));
    }

    /// @inheritdoc IClearinghouse
    function unpaidDebts() external view returns (uint256) {
        return _state.exposure.unpaidDebts;
    }

    /// @inheritdoc IClearinghouse
    function backstopCap(AccountId account, uint16 marketId) external view returns (uint256) {
        return _state.backstopCap[account][marketId];
    }

    /// @inheritdoc IClearinghouse
    function backstopProvision(AccountId account, uint16 marketId) external view returns (uint256) {
        return _state.provisionOf(insuranceFund, account, marketId);
    }

    /// @inheritdoc IClearinghouse
    function stressLoss() external view returns (uint256) {
        return _state.exposure.stressLoss;
    }

    /// @inheritdoc IClearinghouse
    function insuranceTarget() public view returns (uint256) {
        return INSURANCE_TARGET * _state.exposure.stressLoss;
    }

    /// @inheritdoc IClearinghouse
    function debt(AccountId account) external view returns (uint256) {
        return _state.dues[account].debt;
    }

    /// @inheritdoc IClearinghouse
    function pendingCredit(AccountId account) external view returns (uint256) {
        return _state.dues[account].credit;
    }

    /// @inheritdoc IClearinghouse
    function isAccountOperator(AccountId account, address operator) external view returns (bool) {
        return _state.operators[account][operator];
    }

    /// @inheritdoc IClearinghouse
    function health(AccountId account, Grid grid) external view returns (int256 worst, int256 equity) {
        (worst, equity,) = _state.health(riskEngine, account, grid);
    }

    /// @inheritdoc IClearinghouse
    function isLocked() public view returns (bool) {
        return _locked || AccountId.unwrap(_batched) != 0;
    }

    // ───────────────────────────── Swap, step by step ─────────────────────────────

    /// @dev A swap that is authorised, but for what a wallet pays or receives.
    function _swap(Swap calldata swap) private returns (int256 cash_) {
        if (block.timestamp > swap.deadline) revert Clearinghouse_DeadlinePassed(swap.deadline, block.timestamp);
        _requireNoDebt(swap.account);
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
            _state.addCash(swap.account, -cash_); // first: what a short brings may prepay its settlement
            _applyToAccount(swap.account, swap.legs, 1, marketId);
        }
        _applyToAccount(makerAccount, swap.legs, -1, marketId);
        _checkSide(makerAccount, swap.legs, -1, reduces, cash_, marketId);
        if (!swap.account.isWallet()) _checkSide(swap.account, swap.legs, 1, false, cash_, marketId);
        emit Traded(swap.account, makerAccount, swap.legs, cash_, fee, insuranceFee);
    }

    /// @dev The owner, or an operator of a margin account; the auction may close it.
    function _requireAuthorized(AccountId account) private view {
        _requireCanonical(account);
        bool authorized = msg.sender == account.owner()
            || (!account.isWallet() && (_state.operators[account][msg.sender] || msg.sender == liquidationAuction));
        if (!authorized) revert Clearinghouse_NotAuthorized(account, msg.sender);
    }

    /// @dev Only margin accounts can owe.
    function _requireNoDebt(AccountId account) private view {
        if (account.isWallet()) return;
        uint256 owed = _state.dues[account].debt;
        if (owed != 0) revert Clearinghouse_Unhealthy(account, owed);
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
        AccountWord word = _state.accounts[maker];
        if (!word.isMaker()) return false;
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            int256 held = _state.books[maker].read(word.strikeCount(), true, option.key()).position(option.isPut());
            if (!legs[i].reduces(held)) return false;
        }
        return true;
    }

    function _requireMakerAccount(address maker, AccountId account, AccountId taker) private view {
        bool valid = account.isCanonical() && !account.isWallet() && !(account == taker)
            && (account.owner() == maker || _state.operators[account][maker]);
        if (!valid) revert Clearinghouse_InvalidMaker(maker, account);
    }

    /// @dev The maker receives the taker's cash less the parts of the fee that are not his; how the fund and the protocol share those
    /// depends on what the fund holds.
    function _takeFees(uint16 marketId, AccountId makerAccount, int256 cash_, uint256 fee)
        private
        returns (uint256 insuranceFee)
    {
        Market storage market_ = _state.markets[marketId];
        uint256 atTarget = fee * market_.insuranceFeeShareBps / BASIS_POINTS;
        uint256 taken = atTarget + fee * market_.protocolFeeShareBps / BASIS_POINTS;
        insuranceFee = Math.min(atTarget * _insuranceFactorWad() / 1e18, taken);
        uint256 protocolFee = taken - insuranceFee;
        // Fees are below 2^96 and cash within int128: no overflow.
        _state.addCash(makerAccount, cash_ - int256(taken));
        if (insuranceFee != 0) _state.addCash(insuranceAccount, int256(insuranceFee));
        if (protocolFee != 0) _state.addCash(protocolAccount, int256(protocolFee));
    }

    /// @dev By how much the fund's part of fees is larger (2 where it is empty) or smaller (½ from one and a half targets on) than
    /// at its target.
    function _insuranceFactorWad() private view returns (uint256) {
        uint256 target = insuranceTarget();
        uint256 held = cash(insuranceAccount);
        if (2 * held >= 3 * target) return 0.5e18;
        return 2e18 - held * 1e18 / target; // held is below one and a half targets
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
        _state.requireAccountMarket(account, marketId);
        for (uint256 i = 0; i < legs.length; ++i) {
            int256 size = legs[i].size;
            int256 held = _state.addPosition(account, legs[i].option, sign * size);
            if (sign > 0) _requireMinimum(legs[i].option, size, held);
        }
    }

    /// @dev A dust leg is allowed only where it leaves nothing.
    function _requireMinimum(OptionId option, int256 size, int256 held) private view {
        uint256 minSize = _state.markets[option.key().marketId()].minSize;
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
        AccountWord word = _state.accounts[account];
        if (!word.isMaker()) {
            if (account == _batched) return;
            _checkAfterTrade(account, legs, sign, cash_);
            return;
        }
        StrikeWord[] memory words = new StrikeWord[](legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            words[i] = toStrikeWord(option.key(), 0, 0).add(option.isPut(), sign * legs[i].size);
        }
        (int256 worst,,) = riskEngine.values(marketId, words, 0, Grid.Initial);
        int256 needed = word.requirement() - worst;
        _state.accounts[account] = word.withRequirement(needed);
        if (!reduces && needed > int256(word.cash())) {
            // cash is below 2^128
            revert Clearinghouse_Unhealthy(account, uint256(needed - int256(word.cash())));
        }
    }

    /// @dev Healthy at initial margin, or nearer to it than before without giving equity away.
    function _checkAfterTrade(AccountId account, Leg[] calldata legs, int256 sign, int256 cash_) private {
        AccountWord word = _state.accounts[account];
        if (!_state.needsCheck(account, word)) return _state.forgetStressWithoutShorts(account);
        (int256 worst, int256 equity, bool stressGrown) = _state.assess(riskEngine, account);
        if (worst < 0) {
            _state.requireNearer(riskEngine, oracle, _divisor, account, legs, sign, cash_, worst, equity);
        } else if (stressGrown) {
            _state.requireStressCovered(insuranceAccount, account);
        }
    }

    /// @dev After something left the account: it is healthy, and no more than before is at stake for the fund.
    function _requireFree(AccountId account) private {
        if (account == _batched) return;
        bool stressGrown = _state.requireHealthy(riskEngine, account);
        if (stressGrown) _state.requireStressCovered(insuranceAccount, account);
    }

    function _payForWallet(address wallet, int256 cash_) private {
        if (cash_ > 0) _receive(quoteToken, wallet, uint256(cash_));
        else if (cash_ < 0) IERC20(quoteToken).safeTransfer(wallet, uint256(-cash_));
    }

    // ───────────────────────────── Money ─────────────────────────────

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
        market_ = _state.markets[marketId];
        if (market_.strikeStepE6 == 0) revert Clearinghouse_InvalidMarket(marketId); // a market has one, in the slot that swaps read
    }

    function _requireOpen(StrikeKey key) private view {
        if (block.timestamp >= key.expiry()) revert Clearinghouse_SeriesExpired(key.expiry());
    }

    function _toInt(uint256 amount) private pure returns (int256) {
        if (amount > uint256(uint128(type(int128).max))) revert Clearinghouse_InvalidFee(amount);
        return int256(amount); // below 2^127: checked
    }
}
