// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {IOptionPool, Mark} from "./interfaces/IOptionPool.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {IPoolShares, RequestStatus} from "./interfaces/IPoolShares.sol";
import {Grid} from "./interfaces/IRiskEngine.sol";
import {Batch, Batches, Left} from "./libraries/shares/Batches.sol";
import {AccountId, toAccountId} from "./types/AccountId.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The shares of one pool and the queue in front of it
///
/// MONEY. None is here: waiting deposits and payouts are two accounts of the ledger, apart from the pool's own, so neither is
/// ever in NAV.
///
/// EPOCHS. The cut-off of a request is the end of its minute, and the first mark under a report of then or later prices it.
/// Whoever acts after the cut-off, when such a report may be known to him, cannot change that.
///
/// CLAIMS. Everybody of one epoch has the same price, so a batch, one direction of an epoch, needs totals only: a claim is a
/// share of them, whatever happened in between. Results are rounded down; the dust stays in the payout account. Amounts of a batch
/// and the supply are below 2^113, values of the ledger below 2^129: their products fit.
///
/// LOTS. Requests whose bound a mark's charge exceeds leave their batch together, and so do canceled ones: see `Batches`. A mark looks at
/// fifteen such lots of an epoch at most, however many requests there are.
///
/// ADVANCES. Money ahead of a mark is a debt of the batch to the pool until the next mark, which counts it as payment for what
/// it is worth there. Where a share turns out to be worth less than was advanced for it, in the worst scenario, the shares it was advanced for
/// are gone for it, and those who stay bear the difference.
///
/// WIPED OUT. Where what leaving pays for a share is below a millionth of par, deposits go back to their controllers: at such
/// a price a few of them would exhaust the supply's word. Redemptions then wait, for the book may recover. Deposits go back
/// too where one token would buy fewer than a million share units, and where nobody owns a pool that is in debt.
///
/// DUST. Redemptions of an epoch that together are worth less than one quote unit are burned for nothing, so that they hold
/// up nobody behind them.
contract PoolShares is IPoolShares, IPayer, ERC20, ERC20Permit, AccessManaged {
    using SafeERC20 for IERC20;
    using Math for uint256;
    using Batches for Batch;

    /// @dev A controller's request in one direction.
    /// @param amount Assets in, or shares out; 0: none.
    /// @param class Its bound on the charge, see `Batches`.
    /// @param cancelRound 1 more than the round of cancelations it is in; 0: none; `OUT`: canceled before the cut-off.
    /// @param backTaken Whether what was not done was taken back.
    /// @param takenDone What was claimed of its part of the batch: assets of a deposit, shares of a redemption.
    /// @param takenPaid And on the other side.
    struct Request {
        uint112 amount;
        uint32 epoch;
        uint8 class;
        uint32 cancelRound;
        bool backTaken;
        uint112 takenDone;
        uint112 takenPaid;
    }

    /// @dev What a request is due altogether, claimed or not.
    /// @param done Assets of a deposit that were priced, shares of a redemption that were paid.
    /// @param paid The shares or the money for them.
    /// @param back What was not done and goes back.
    /// @param ended Whether nothing of it waits.
    struct Due {
        uint256 done;
        uint256 paid;
        uint256 back;
        bool ended;
    }

    uint256 internal constant DEPOSIT = 0;
    uint256 internal constant REDEEM = 1;
    uint256 internal constant EPOCH_SECONDS = 1 minutes;
    /// @dev How long no report may come before deposits go back and redemptions are advanced.
    uint256 internal constant GRACE = 6 hours;
    /// @dev No report is taken that is older: see `MarketOracle`.
    uint256 internal constant MAX_REPORT_AGE = 30 seconds;
    /// @dev Epochs that one mark prices, and pays.
    uint256 internal constant MAX_EPOCHS_PER_MARK = 8;
    /// @dev Smallest redemption unless it is all: a thousandth of a share.
    uint256 internal constant MIN_SHARES = 1e15;
    /// @dev Counted in every supply and owned by nobody, a millionth of a share; so many that a gift to the pool cannot round
    /// the shares of others away.
    uint256 internal constant VIRTUAL_SHARES = 1e12;
    /// @dev Fewest share units that one quote token buys: rounding then costs at most a millionth.
    uint256 internal constant MIN_SHARES_PER_TOKEN = 1e6;
    uint256 internal constant CANCELED = Batches.CANCELED;
    uint32 internal constant OUT = type(uint32).max;

    IOptionPool public immutable pool;
    IClearinghouse public immutable clearinghouse;
    address public immutable asset;
    AccountId public immutable escrowAccount;
    AccountId public immutable payoutAccount;
    IMarketOracle internal immutable _oracle;
    uint16 internal immutable _marketId;
    AccountId internal immutable _poolAccount;
    uint256 internal immutable _minAssets;
    /// @dev A millionth of a quote token: par of the virtual shares.
    uint256 internal immutable _virtualAssets;

    address private transient _payer;
    uint32 private _lastEpoch; // in which somebody asked
    uint32 private _lastCutOff; // its own
    uint32 private _firstUnpriced = 1;
    uint32 private _firstUnpaid = 1; // the oldest epoch that may have redemptions to pay
    /// @inheritdoc IPoolShares
    bool public isWindingDown;
    uint112 private _advancedAssets; // of all batches since the last mark
    uint112 private _advancedShares; // for which they were advanced
    mapping(uint256 requestId => Batch) private _batches;
    mapping(uint256 direction => mapping(address controller => Request)) private _requests;
    mapping(address controller => mapping(address operator => bool)) private _operators;

    constructor(IOptionPool pool_, IClearinghouse clearinghouse_, string memory name_, string memory symbol_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
        AccessManaged(IAccessManaged(address(pool_)).authority())
    {
        if (pool_.shares() != address(this)) revert PoolShares_WrongPool(address(pool_));
        pool = pool_;
        clearinghouse = clearinghouse_;
        asset = clearinghouse_.quoteToken();
        escrowAccount = toAccountId(address(this), 1);
        payoutAccount = toAccountId(address(this), 2);
        _oracle = pool_.oracle();
        _marketId = pool_.marketId();
        _poolAccount = pool_.account();
        uint256 unit = 10 ** uint256(clearinghouse_.quoteDecimals());
        _minAssets = unit;
        _virtualAssets = unit / 1e6; // the ledger takes tokens of 6 to 18 decimals
    }

    modifier authorized(address account) {
        _requireAuthorized(account);
        _;
    }

    // ───────────────────────────── Requests ─────────────────────────────

    /// @inheritdoc IPoolShares
    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256) {
        return _requestDeposit(assets, controller, owner, type(uint256).max);
    }

    /// @inheritdoc IPoolShares
    function requestDeposit(uint256 assets, address controller, address owner, uint256 maxCharge)
        external
        returns (uint256)
    {
        return _requestDeposit(assets, controller, owner, maxCharge);
    }

    function _requestDeposit(uint256 assets, address controller, address owner, uint256 maxCharge)
        private
        authorized(owner)
        returns (uint256 requestId)
    {
        if (isWindingDown) revert PoolShares_WindingDown();
        if (assets < _minAssets) revert PoolShares_BelowMinimum(assets, _minAssets);
        requestId = _join(controller, owner, DEPOSIT, assets, maxCharge);
        emit DepositRequest(controller, owner, requestId, msg.sender, assets);
        _payer = owner;
        clearinghouse.depositCashWithCallback(escrowAccount, assets, "");
        _payer = address(0);
    }

    /// @inheritdoc IPayer
    function onPayment(address token, uint256 amount, bytes calldata) external {
        if (msg.sender != address(clearinghouse)) revert PoolShares_NotLedger(msg.sender);
        IERC20(token).safeTransferFrom(_payer, address(clearinghouse), amount);
    }

    /// @inheritdoc IPoolShares
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256) {
        return _requestRedeem(shares, controller, owner, type(uint256).max);
    }

    /// @inheritdoc IPoolShares
    function requestRedeem(uint256 shares, address controller, address owner, uint256 maxCharge)
        external
        returns (uint256)
    {
        return _requestRedeem(shares, controller, owner, maxCharge);
    }

    function _requestRedeem(uint256 shares, address controller, address owner, uint256 maxCharge)
        private
        returns (uint256 requestId)
    {
        bool isAll = shares == balanceOf(owner) && shares != 0;
        if (shares < MIN_SHARES && !isAll) revert PoolShares_BelowMinimum(shares, MIN_SHARES);
        if (!_mayActFor(owner)) _spendAllowance(owner, msg.sender, shares);
        requestId = _join(controller, owner, REDEEM, shares, maxCharge);
        _transfer(owner, address(this), shares);
        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    /// @dev Adds to the controller's request of this minute, or opens one. In another's name only for him who gives the money or
    /// the shares, or as operator: a request that waits keeps its controller from asking again.
    function _join(address controller, address owner, uint256 direction, uint256 amount, uint256 maxCharge)
        private
        returns (uint256 requestId)
    {
        if (controller == address(0)) revert PoolShares_NotAuthorized(controller, msg.sender);
        if (controller != owner) _requireAuthorized(controller);
        (uint256 epoch, uint256 cutOff) = (_lastEpoch, _lastCutOff);
        if (block.timestamp >= cutOff) {
            (epoch, cutOff) = (epoch + 1, _endOfMinute());
            (_lastEpoch, _lastCutOff) = (uint32(epoch), uint32(cutOff)); // until 2106
        }
        requestId = epoch << 1 | direction;
        uint256 class = Batches.classOf(maxCharge);
        Batch storage batch = _batches[requestId];
        uint256 requested = batch.requested + amount;
        if (requested > type(uint112).max) revert PoolShares_TooLarge(amount, type(uint112).max - batch.requested);
        (batch.requested, batch.cutOff) = (uint112(requested), uint32(cutOff));
        if (class != 0) {
            batch.lots |= uint16(1 << class);
            batch.amounts[class] += amount;
            emit ChargeBounded(controller, requestId, Batches.boundOf(class));
        }

        Request storage request = _requests[direction][controller];
        uint256 before = request.amount;
        if (before != 0 && (request.epoch != epoch || request.class != class || request.cancelRound != 0)) {
            revert PoolShares_RequestOpen(uint256(request.epoch) << 1 | direction);
        }
        // The sum is no more than the batch's; classes are below 8.
        (request.amount, request.epoch, request.class) = (uint112(before + amount), uint32(epoch), uint8(class));
    }

    /// @inheritdoc IPoolShares
    function setOperator(address operator, bool approved) external returns (bool) {
        _operators[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    // ───────────────────────────── Cancelations ─────────────────────────────

    /// @inheritdoc IPoolShares
    function cancelDepositRequest(uint256 requestId, address controller) external {
        emit CancelDepositRequest(controller, requestId, msg.sender);
        _cancel(DEPOSIT, requestId, controller);
    }

    /// @inheritdoc IPoolShares
    function cancelRedeemRequest(uint256 requestId, address controller) external {
        emit CancelRedeemRequest(controller, requestId, msg.sender);
        _cancel(REDEEM, requestId, controller);
    }

    /// @dev Before the cut-off nobody knows a report that prices the request. Afterwards such a report may be known, so its mark
    /// still counts: the cancelation waits for one that nobody can know yet.
    function _cancel(uint256 direction, uint256 requestId, address controller) private authorized(controller) {
        (Request storage request, Batch storage batch) = _find(direction, requestId, controller);
        (uint256 class, uint256 amount) = (request.class, request.amount);
        if (request.cancelRound != 0) revert PoolShares_NothingToCancel(requestId);
        if (block.timestamp < batch.cutOff) {
            batch.requested -= uint112(amount); // part of it
            if (class != 0) batch.amounts[class] -= amount;
            request.cancelRound = OUT;
            emit SentBack(requestId, 0, amount);
            return;
        }
        if (_statusOf(direction, controller).pending == 0) revert PoolShares_NothingToCancel(requestId);
        _leaveAsCanceled(batch, requestId);
        uint256 cutOff = batch.cancelCutOff;
        if (cutOff == 0) batch.cancelCutOff = uint32(_endOfMinute());
        else if (block.timestamp >= cutOff) revert PoolShares_CancelationsWait(requestId, cutOff);
        if (class != 0) batch.amounts[class] -= amount;
        batch.lots |= uint16(1 << (CANCELED | class));
        batch.amounts[CANCELED | class] += amount;
        request.cancelRound = batch.cancelRound + 1; // one round a minute at most
    }

    /// @dev Lets a round of cancelations leave whose mark has come, where that mark did not reach the batch and so paid nothing.
    function _leaveAsCanceled(Batch storage batch, uint256 requestId) private {
        if (batch.lots >> CANCELED == 0) return;
        batch.sendBack(requestId, pool.lastMark().surfaceTime, 0);
    }

    // ───────────────────────────── Marks ─────────────────────────────

    /// @inheritdoc IPoolShares
    function onMark(Mark calldata mark) external {
        if (msg.sender != address(pool)) revert PoolShares_NotPool(msg.sender);
        uint256 supply = _countedSupply();
        if (_advancedAssets != 0) supply -= _settleAdvances(mark, supply);
        _priceEpochs(mark, supply);
        _payRedemptions(mark, supply);
    }

    /// @dev Every epoch whose cut-off the report has passed. Deposits buy at mid less the fresh reserve; redemptions join the
    /// queue of what is to be paid. All see the supply of before the mark.
    function _priceEpochs(Mark calldata mark, uint256 supply) private {
        (uint256 first, uint256 last) = (_firstUnpriced, _lastEpoch);
        uint256 epoch = first;
        uint256 assetsIn;
        uint256 minted;
        for (; epoch <= last && epoch < first + MAX_EPOCHS_PER_MARK; ++epoch) {
            Batch storage redemptions = _batches[epoch << 1 | REDEEM];
            Batch storage deposits = _batches[epoch << 1 | DEPOSIT];
            uint256 cutOff = deposits.cutOff;
            if (cutOff == 0) cutOff = redemptions.cutOff;
            if (mark.surfaceTime < cutOff) break;
            uint256 assets;
            uint256 shares;
            if (deposits.requested != 0 && mark.surfaceTime <= cutOff + GRACE && !isWindingDown) {
                (assets, shares) = _priceDeposits(deposits, epoch, mark, supply, minted);
                if (shares != 0) (assetsIn, minted) = (assetsIn + assets, minted + shares);
            } else {
                assets = deposits.requested;
            }
            bool refunded = assets != 0 && shares == 0;
            emit EpochPriced(epoch, mark.round, mark, supply, assets, shares, redemptions.requested, refunded);
        }
        if (epoch != first) _firstUnpriced = uint32(epoch); // at most one a minute
        if (minted == 0) return;
        _mint(address(this), minted);
        clearinghouse.moveCash(escrowAccount, _poolAccount, assetsIn);
    }

    /// @dev 0 shares where the deposits go back.
    function _priceDeposits(
        Batch storage deposits,
        uint256 epoch,
        Mark calldata mark,
        uint256 supply,
        uint256 mintedBefore
    ) private returns (uint256 assets, uint256 shares) {
        if (deposits.lots != 0) {
            int256 cost = mark.nav - int256(mark.freshReserve); // amounts of the ledger: below 2^128
            deposits.sendBack(epoch << 1 | DEPOSIT, mark.surfaceTime, _chargeAgainst(cost, mark));
            deposits.lots = 0; // what is canceled too late is priced
        }
        assets = deposits.requested;
        if (assets != 0) shares = _sharesFor(assets, mark, supply, mintedBefore);
        if (shares != 0) deposits.done = uint112(shares); // checked in `_sharesFor`
    }

    /// @dev assets·supply/(nav − freshReserve + a millionth of a token), rounded down; 0 where deposits go back.
    function _sharesFor(uint256 assets, Mark calldata mark, uint256 supply, uint256 mintedBefore)
        private
        view
        returns (uint256)
    {
        int256 value = mark.nav - int256(mark.freshReserve); // amounts of the ledger: below 2^128
        if (value < 0) return 0;
        if (supply != VIRTUAL_SHARES && _isWipedOut(_exitValue(mark), supply)) return 0;
        uint256 divisor = uint256(value) + _virtualAssets; // not negative: checked
        if (_minAssets * supply / divisor < MIN_SHARES_PER_TOKEN) return 0;
        // Fits: with owners supply/divisor is at most 1e12 (not wiped out), without them supply is 1e12; assets are below 2^112.
        uint256 minted = assets * supply / divisor;
        return minted + mintedBefore + totalSupply() > type(uint112).max ? 0 : minted;
    }

    /// @dev Whether a share is worth less than a millionth of par: exitValue/supply < (unit/1e6)/1e18.
    function _isWipedOut(uint256 exitValue, uint256 supply) private view returns (bool) {
        return exitValue * 1e18 < supply * _virtualAssets; // below 2^128 · 2^60 and 2^113 · 2^40
    }

    /// @dev Pays waiting redemptions, oldest epoch first, each pro rata, as far as the pool is liquid.
    function _payRedemptions(Mark calldata mark, uint256 supply) private {
        (uint256 first, uint256 end) = (_firstUnpaid, _firstUnpriced);
        if (first == end) return;
        uint256 exitValue = _exitValue(mark);
        if (_isWipedOut(exitValue, supply)) return;
        if (end > first + MAX_EPOCHS_PER_MARK) end = first + MAX_EPOCHS_PER_MARK;
        uint256 liquid = type(uint256).max; // asked of the pool only when somebody waits
        uint256 burned;
        uint256 paid;
        uint256 epoch = first;
        for (; epoch < end; ++epoch) {
            Batch storage batch = _batches[epoch << 1 | REDEEM];
            if (batch.requested == batch.done) continue;
            if (liquid == type(uint256).max) liquid = pool.payableToRedeemers();
            if (liquid == paid) break;
            if (batch.lots != 0) {
                batch.sendBack(epoch << 1 | REDEEM, mark.surfaceTime, _chargeAgainst(mark.nav, mark));
                if (batch.requested == batch.done) continue;
            }
            (uint256 shares, uint256 assets, uint256 unpaid) = _pay(batch, exitValue, supply, liquid - paid);
            (burned, paid) = (burned + shares, paid + assets);
            if (shares != 0) emit RedemptionPaid(epoch, mark.round, shares, assets, unpaid);
            if (unpaid != 0) break;
        }
        if (epoch != first) _firstUnpaid = uint32(epoch); // below `_firstUnpriced`
        if (burned != 0) _burn(address(this), burned);
        if (paid != 0) pool.payRedeemers(paid);
    }

    function _pay(Batch storage batch, uint256 exitValue, uint256 supply, uint256 liquid)
        private
        returns (uint256 shares, uint256 assets, uint256 unpaid)
    {
        uint256 waiting = batch.requested - batch.done;
        uint256 worth = waiting * exitValue / supply;
        assets = worth.min(liquid).min(type(uint112).max - batch.paid);
        if (assets == 0 && worth != 0) return (0, 0, waiting);
        shares = assets == worth ? waiting : (waiting * assets).ceilDiv(worth);
        batch.done += uint112(shares); // at most what was requested
        if (assets != 0) batch.paid += uint112(assets); // the least of the above
        unpaid = waiting - shares;
    }

    /// @dev What all shares together would be paid: mid less reserve, unwinding and known losses.
    function _exitValue(Mark calldata mark) private pure returns (uint256) {
        int256 value = mark.nav - int256(mark.reserve) - int256(mark.unwind) - int256(mark.provision); // below 2^128 each
        return value > 0 ? uint256(value) : 0;
    }

    /// @dev 1 − exitValue/value in WAD, rounded up; 1 where the value is negative, 0 of nothing.
    function _chargeAgainst(int256 value, Mark calldata mark) private pure returns (uint256) {
        if (value < 0) return 1e18;
        (uint256 whole, uint256 exitValue) = (uint256(value), _exitValue(mark)); // not negative: checked
        return exitValue >= whole ? 0 : ((whole - exitValue) * 1e18).ceilDiv(whole);
    }

    // ───────────────────────────── Silence ─────────────────────────────

    /// @inheritdoc IPoolShares
    function advance() external returns (uint256 assets) {
        if (clearinghouse.isLocked()) revert PoolShares_LedgerLocked();
        uint256 from = _oracle.marketState(_marketId).surfaceTime + GRACE;
        if (block.timestamp < from) revert PoolShares_NotSilent(from);
        (uint256 value, uint256 supply) = _worstShare();
        uint256 liquid = pool.payableToRedeemers();
        uint256 first = _firstUnpaid;
        uint256 last = uint256(_lastEpoch).min(first + MAX_EPOCHS_PER_MARK - 1);
        assets = Batches.advance(
            _batches, first, last, block.timestamp - GRACE, value, supply, liquid, pool.lastMark().surfaceTime
        );
        if (assets == 0) revert PoolShares_NothingToAdvance();
        // Both are parts of what the pool holds and of the supply.
        _advancedAssets += uint112(assets);
        _advancedShares += uint112((assets * supply).ceilDiv(value));
        pool.payRedeemers(assets);
    }

    /// @dev A share's worth in the worst scenario, as value over supply. The first advance of a silence fixes it for the others,
    /// which need that the rest of the pool is worth no less.
    function _worstShare() private view returns (uint256 value, uint256 supply) {
        (int256 worst,) = clearinghouse.health(_poolAccount, Grid.Maintenance);
        Mark memory mark = pool.lastMark();
        // Amounts of the ledger: below 2^128 each.
        worst -= int256(mark.reserve) + int256(mark.unwind) + int256(clearinghouse.pendingCredit(_poolAccount))
        + int256(clearinghouse.backstopProvision(_poolAccount, _marketId));
        if (worst <= 0) revert PoolShares_NothingToAdvance();
        (value, supply) = (uint256(worst), _countedSupply());
        (uint256 assets, uint256 shares) = (_advancedAssets, _advancedShares);
        if (shares == 0) return (value, supply);
        if (value * shares < assets * (supply - shares)) revert PoolShares_NothingToAdvance(); // below 2^240 each
        return (assets, shares);
    }

    /// @dev What was advanced counts as payment at this mark's price, (exitValue + advanced)/supply.
    function _settleAdvances(Mark calldata mark, uint256 supply) private returns (uint256 burned) {
        uint256 value = _exitValue(mark) + _advancedAssets;
        (_advancedAssets, _advancedShares) = (0, 0);
        uint256 first = _firstUnpaid;
        burned = Batches.settle(_batches, first, first + MAX_EPOCHS_PER_MARK, value, supply, mark.round);
        _burn(address(this), burned);
    }

    // ───────────────────────────── The end ─────────────────────────────

    /// @inheritdoc IPoolShares
    function windDown() external restricted {
        isWindingDown = true;
        emit WindDownStarted();
    }

    /// @dev With the virtual shares, which count until the last owner leaves a pool that ends: then he gets all.
    function _countedSupply() private view returns (uint256) {
        uint256 supply = totalSupply();
        return isWindingDown && supply != 0 ? supply : supply + VIRTUAL_SHARES;
    }

    // ───────────────────────────── Claims ─────────────────────────────

    /// @inheritdoc IPoolShares
    function deposit(uint256 assets, address receiver, address controller)
        public
        authorized(controller)
        returns (uint256 shares)
    {
        shares = _claim(DEPOSIT, controller, assets, true);
        _payShares(receiver, controller, assets, shares);
    }

    /// @notice As the three-argument form, of the caller.
    function deposit(uint256 assets, address receiver) external returns (uint256) {
        return deposit(assets, receiver, msg.sender);
    }

    /// @inheritdoc IPoolShares
    function mint(uint256 shares, address receiver, address controller)
        public
        authorized(controller)
        returns (uint256 assets)
    {
        assets = _claim(DEPOSIT, controller, shares, false);
        _payShares(receiver, controller, assets, shares);
    }

    /// @notice As the three-argument form, of the caller.
    function mint(uint256 shares, address receiver) external returns (uint256) {
        return mint(shares, receiver, msg.sender);
    }

    /// @inheritdoc IPoolShares
    function redeem(uint256 shares, address receiver, address controller)
        external
        authorized(controller)
        returns (uint256 assets)
    {
        assets = _claim(REDEEM, controller, shares, true);
        _payOut(receiver, controller, assets, shares);
    }

    /// @inheritdoc IPoolShares
    function withdraw(uint256 assets, address receiver, address controller)
        external
        authorized(controller)
        returns (uint256 shares)
    {
        shares = _claim(REDEEM, controller, assets, false);
        _payOut(receiver, controller, assets, shares);
    }

    /// @inheritdoc IPoolShares
    function claimCancelDepositRequest(uint256 requestId, address receiver, address controller)
        external
        returns (uint256)
    {
        return _claimBack(DEPOSIT, requestId, receiver, controller);
    }

    /// @inheritdoc IPoolShares
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller)
        external
        returns (uint256)
    {
        return _claimBack(REDEEM, requestId, receiver, controller);
    }

    function _claimBack(uint256 direction, uint256 requestId, address receiver, address controller)
        private
        authorized(controller)
        returns (uint256 amount)
    {
        _find(direction, requestId, controller);
        amount = _takeBack(direction, controller);
        if (amount == 0) revert PoolShares_ZeroClaim();
        _payBack(direction, requestId, receiver, controller, amount);
    }

    /// @inheritdoc IPoolShares
    function claimFor(address controller) external returns (uint256 shares, uint256 assets) {
        uint256 requestId = _idOf(DEPOSIT, controller);
        uint256 assetsBack = _takeBack(DEPOSIT, controller);
        uint256 priced;
        (priced, shares) = _claimAll(DEPOSIT, controller);
        if (priced != 0) _payShares(controller, controller, priced, shares);
        if (assetsBack != 0) _payBack(DEPOSIT, requestId, controller, controller, assetsBack);

        requestId = _idOf(REDEEM, controller);
        uint256 sharesBack = _takeBack(REDEEM, controller);
        uint256 redeemed;
        (redeemed, assets) = _claimAll(REDEEM, controller);
        if (redeemed != 0 || assets != 0) _payOut(controller, controller, assets, redeemed);
        if (sharesBack != 0) _payBack(REDEEM, requestId, controller, controller, sharesBack);
        return (shares + sharesBack, assets + assetsBack);
    }

    function _payShares(address receiver, address controller, uint256 assets, uint256 shares) private {
        _transfer(address(this), receiver, shares);
        emit Deposit(controller, receiver, assets, shares);
    }

    function _payOut(address receiver, address controller, uint256 assets, uint256 shares) private {
        if (assets != 0) clearinghouse.withdrawCash(payoutAccount, assets, receiver);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
    }

    function _payBack(uint256 direction, uint256 requestId, address receiver, address controller, uint256 amount)
        private
    {
        if (direction == DEPOSIT) {
            clearinghouse.withdrawCash(escrowAccount, amount, receiver);
            emit CancelDepositClaim(controller, receiver, requestId, msg.sender, amount);
        } else {
            _transfer(address(this), receiver, amount);
            emit CancelRedeemClaim(controller, receiver, requestId, msg.sender, amount);
        }
    }

    /// @dev Claims `amount` of what was done, or of what was paid for it, and returns the other side, rounded down.
    function _claim(uint256 direction, address controller, uint256 amount, bool ofDone)
        private
        returns (uint256 other)
    {
        if (amount == 0) revert PoolShares_ZeroClaim();
        Request storage request = _requests[direction][controller];
        Due memory due = _dueOf(direction, request);
        (uint256 done, uint256 paid) = _unclaimed(request, due);
        uint256 whole = ofDone ? done : paid;
        if (amount > whole) revert PoolShares_ExceedsClaimable(amount, whole);
        other = ofDone ? paid : done;
        if (amount != whole) other = other * amount / whole;
        _take(direction, controller, due, ofDone ? amount : other, ofDone ? other : amount);
    }

    /// @dev Claims whatever there is on both sides.
    function _claimAll(uint256 direction, address controller) private returns (uint256 done, uint256 paid) {
        Request storage request = _requests[direction][controller];
        Due memory due = _dueOf(direction, request);
        (done, paid) = _unclaimed(request, due);
        if (done != 0 || paid != 0) _take(direction, controller, due, done, paid);
    }

    /// @dev Notes what is claimed, and forgets a request that has brought everything.
    function _take(uint256 direction, address controller, Due memory due, uint256 done, uint256 paid) private {
        Request storage request = _requests[direction][controller];
        (uint256 takenDone, uint256 takenPaid) = (request.takenDone + done, request.takenPaid + paid);
        bool isWhole = due.ended ? due.back == 0 || request.backTaken : due.done == request.amount;
        if (isWhole && takenDone >= due.done && takenPaid >= due.paid) {
            delete _requests[direction][controller];
        } else {
            (request.takenDone, request.takenPaid) = (uint112(takenDone), uint112(takenPaid)); // parts of the batch's words
        }
    }

    /// @dev What goes back of a request, once.
    function _takeBack(uint256 direction, address controller) private returns (uint256 back) {
        Request storage request = _requests[direction][controller];
        if (request.cancelRound != 0 && request.cancelRound != OUT) {
            uint256 requestId = uint256(request.epoch) << 1 | direction;
            _leaveAsCanceled(_batches[requestId], requestId);
        }
        Due memory due = _dueOf(direction, request);
        if (due.back == 0 || request.backTaken) return 0;
        request.backTaken = true;
        _take(direction, controller, due, 0, 0);
        return due.back;
    }

    // ───────────────────────────── What a request is due ─────────────────────────────

    function _dueOf(uint256 direction, Request storage request) private view returns (Due memory due) {
        uint256 amount = request.amount;
        if (amount == 0) return due;
        (uint256 epoch, uint256 class, uint256 round) = (request.epoch, request.class, request.cancelRound);
        if (round == OUT) return Due(0, 0, amount, true);
        Batch storage batch = _batches[epoch << 1 | direction];
        uint256 requested;
        uint256 done;
        uint256 paid;
        if (class != 0 || round != 0) {
            uint256 lot = round == 0 ? class : CANCELED | class;
            Left storage left = batch.left[Batches.keyOf(lot, round == 0 ? 0 : round - 1)];
            (requested, done, paid) = (left.requested, left.done, left.paid);
            // Also where the mark that lets it leave did not reach the batch.
            due.ended = requested != 0
                || (round != 0 && batch.lots >> lot & 1 != 0 && pool.lastMark().surfaceTime >= batch.cancelCutOff);
        }
        if (requested == 0) {
            (requested, done) = (batch.requested, batch.done);
            if (direction == REDEEM) paid = batch.paid + batch.advanced;
            else if (done == 0 && !due.ended) due.ended = _isLapsed(epoch, batch.cutOff);
        }
        if (direction == DEPOSIT) {
            if (due.ended) due.back = amount;
            else if (done != 0) (due.done, due.paid) = (amount, amount * done / requested);
            return due;
        }
        (due.done, due.paid) = (amount * done / requested, amount * paid / requested);
        if (due.ended) due.back = amount - (amount * done).ceilDiv(requested);
    }

    /// @dev Whether deposits that were not priced never will be. Before the marks know it too, only once no report of the grace
    /// time can come any more, and none is there to be marked: so nobody has the choice.
    function _isLapsed(uint256 epoch, uint256 cutOff) private view returns (bool) {
        if (epoch < _firstUnpriced || isWindingDown) return true;
        if (block.timestamp <= cutOff + GRACE + MAX_REPORT_AGE) return false;
        uint256 reportTime = _oracle.marketState(_marketId).surfaceTime;
        return reportTime < cutOff || reportTime > cutOff + GRACE;
    }

    /// @dev What can be claimed now. Rounding may take a unit of money from a batch that a request has claimed already.
    function _unclaimed(Request storage request, Due memory due) private view returns (uint256 done, uint256 paid) {
        return (due.done - request.takenDone, due.paid.saturatingSub(request.takenPaid));
    }

    /// @dev The request and its batch, where it is the controller's.
    function _find(uint256 direction, uint256 requestId, address controller)
        private
        view
        returns (Request storage request, Batch storage batch)
    {
        if (requestId == 0 || _idOf(direction, controller) != requestId) {
            revert PoolShares_NoRequest(requestId, controller);
        }
        return (_requests[direction][controller], _batches[requestId]);
    }

    /// @dev 0 where there is none.
    function _idOf(uint256 direction, address controller) private view returns (uint256) {
        Request storage request = _requests[direction][controller];
        return request.amount == 0 ? 0 : uint256(request.epoch) << 1 | direction;
    }

    function _endOfMinute() private view returns (uint256) {
        return (block.timestamp / EPOCH_SECONDS + 1) * EPOCH_SECONDS;
    }

    function _mayActFor(address account) private view returns (bool) {
        return msg.sender == account || _operators[account][msg.sender];
    }

    function _requireAuthorized(address account) private view {
        if (!_mayActFor(account)) revert PoolShares_NotAuthorized(account, msg.sender);
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc IPoolShares
    function requestsOf(address controller)
        external
        view
        returns (RequestStatus memory deposit_, RequestStatus memory redemption)
    {
        return (_statusOf(DEPOSIT, controller), _statusOf(REDEEM, controller));
    }

    /// @inheritdoc IPoolShares
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(DEPOSIT, requestId, controller).pending;
    }

    /// @inheritdoc IPoolShares
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(REDEEM, requestId, controller).pending;
    }

    /// @inheritdoc IPoolShares
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(DEPOSIT, requestId, controller).claimableAssets;
    }

    /// @inheritdoc IPoolShares
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(REDEEM, requestId, controller).claimableShares;
    }

    /// @inheritdoc IPoolShares
    function pendingCancelDepositRequest(uint256 requestId, address controller) external view returns (bool) {
        return _statusIf(DEPOSIT, requestId, controller).canceling;
    }

    /// @inheritdoc IPoolShares
    function pendingCancelRedeemRequest(uint256 requestId, address controller) external view returns (bool) {
        return _statusIf(REDEEM, requestId, controller).canceling;
    }

    /// @inheritdoc IPoolShares
    function claimableCancelDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(DEPOSIT, requestId, controller).back;
    }

    /// @inheritdoc IPoolShares
    function claimableCancelRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _statusIf(REDEEM, requestId, controller).back;
    }

    /// @inheritdoc IPoolShares
    function maxDeposit(address controller) external view returns (uint256) {
        return _statusOf(DEPOSIT, controller).claimableAssets;
    }

    /// @inheritdoc IPoolShares
    function maxMint(address controller) external view returns (uint256) {
        return _statusOf(DEPOSIT, controller).claimableShares;
    }

    /// @inheritdoc IPoolShares
    function maxRedeem(address controller) external view returns (uint256) {
        return _statusOf(REDEEM, controller).claimableShares;
    }

    /// @inheritdoc IPoolShares
    function maxWithdraw(address controller) external view returns (uint256) {
        return _statusOf(REDEEM, controller).claimableAssets;
    }

    function _statusIf(uint256 direction, uint256 requestId, address controller)
        private
        view
        returns (RequestStatus memory status)
    {
        if (_idOf(direction, controller) == requestId) return _statusOf(direction, controller);
    }

    function _statusOf(uint256 direction, address controller) private view returns (RequestStatus memory status) {
        Request storage request = _requests[direction][controller];
        uint256 amount = request.amount;
        if (amount == 0) return status;
        Due memory due = _dueOf(direction, request);
        (uint256 done, uint256 paid) = _unclaimed(request, due);
        status.requestId = _idOf(direction, controller);
        status.amount = amount;
        if (!due.ended) status.pending = amount - due.done;
        (status.claimableAssets, status.claimableShares) = direction == DEPOSIT ? (done, paid) : (paid, done);
        if (!request.backTaken) status.back = due.back;
        status.maxCharge = Batches.boundOf(request.class);
        status.cutOff = _batches[status.requestId].cutOff;
        status.canceling = request.cancelRound != 0 && status.pending != 0;
    }

    /// @inheritdoc IPoolShares
    function isOperator(address controller, address operator) external view returns (bool) {
        return _operators[controller][operator];
    }

    /// @inheritdoc IPoolShares
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IPoolShares
    function totalAssets() public view returns (uint256) {
        if (clearinghouse.isLocked()) revert PoolShares_LedgerLocked();
        Mark memory mark = pool.lastMark();
        int256 value = mark.nav - int256(mark.provision); // amounts of the ledger: below 2^128
        return value > 0 ? uint256(value) : 0;
    }

    /// @inheritdoc IPoolShares
    function convertToShares(uint256 assets) external view returns (uint256) {
        return assets * (totalSupply() + VIRTUAL_SHARES) / (totalAssets() + _virtualAssets);
    }

    /// @inheritdoc IPoolShares
    function convertToAssets(uint256 shares) external view returns (uint256) {
        return shares * (totalAssets() + _virtualAssets) / (totalSupply() + VIRTUAL_SHARES);
    }

    /// @notice Always reverts: what a request will bring is known when it is priced (ERC-7540).
    function previewDeposit(uint256) external pure returns (uint256) {
        revert PoolShares_NoPreview();
    }

    /// @notice Always reverts, as `previewDeposit`.
    function previewMint(uint256) external pure returns (uint256) {
        revert PoolShares_NoPreview();
    }

    /// @notice Always reverts, as `previewDeposit`.
    function previewRedeem(uint256) external pure returns (uint256) {
        revert PoolShares_NoPreview();
    }

    /// @notice Always reverts, as `previewDeposit`.
    function previewWithdraw(uint256) external pure returns (uint256) {
        revert PoolShares_NoPreview();
    }

    /// @notice ERC-165: ERC-7540 operators, deposits and redemptions; ERC-7887 cancelations of both; ERC-7575 vault and share.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0xe3bc4e65 || interfaceId == 0xce3bbe50
            || interfaceId == 0x620ee8e4 || interfaceId == 0x8bf840e3 || interfaceId == 0xe76cffc7
            || interfaceId == 0x2f0a18c5 || interfaceId == 0xf815c03d;
    }

    /// @notice ERC-7575: the vault of an asset.
    function vault(address asset_) external view returns (address) {
        return asset_ == asset ? address(this) : address(0);
    }
}
