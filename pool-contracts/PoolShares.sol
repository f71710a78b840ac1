// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IOptionPool, Mark} from "./interfaces/IOptionPool.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {IPoolShares} from "./interfaces/IPoolShares.sol";
import {AccountId, toAccountId} from "./types/AccountId.sol";
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
/// EPOCHS. Requests join the open epoch. A mark prices it if its report is later than the last request; else the epoch is
/// closed, and the next report prices it. So nobody can hold an epoch open by sending requests, and two epochs wait at most.
///
/// CLAIMS. Everybody of one epoch has the same price, so an epoch needs totals only: a claim is a share of them, whatever
/// happened in between. Results are rounded down; the dust stays in the payout account.
///
/// WIPED OUT. Where what leaving pays for a share is below a millionth of par, deposits go back to their controllers: at such
/// a price a few of them would exhaust the supply's word. Redemptions then wait, for the book may recover. Deposits go back
/// too where one token would buy fewer than a million share units, and where nobody owns a pool that is in debt.
///
/// DUST. Redemptions of an epoch that together are worth less than one quote unit are burned for nothing, so that they hold
/// up nobody behind them.
contract PoolShares is IPoolShares, IPayer, ERC20, ERC20Permit {
    using SafeERC20 for IERC20;
    using Math for uint256;

    /// @param assets Requested.
    /// @param shares Minted for them; 0 until priced.
    struct DepositEpoch {
        uint128 assets;
        uint128 shares;
        bool priced;
        bool refunded;
    }

    /// @param shares Requested.
    /// @param paidShares Of them, paid and burned.
    /// @param paidAssets What was paid for those.
    struct RedeemEpoch {
        uint128 shares;
        uint128 paidShares;
        uint128 paidAssets;
    }

    /// @param amount Assets in, or shares out.
    /// @param claimedAssets Assets of this request that were claimed.
    /// @param claimedShares Shares of this request that were claimed.
    struct Request {
        uint128 amount;
        uint128 claimedAssets;
        uint128 claimedShares;
    }

    uint256 internal constant DEPOSIT = 0;
    uint256 internal constant REDEEM = 1;
    /// @dev Requests of one controller and direction that are not fully claimed: claims loop over them.
    uint256 internal constant MAX_REQUESTS = 8;
    /// @dev Of these, how many others may open in somebody's name: he is never shut out.
    uint256 internal constant MAX_REQUESTS_BY_OTHERS = 4;
    /// @dev Epochs of redemptions that one mark pays.
    uint256 internal constant MAX_EPOCHS_PER_MARK = 4;
    /// @dev Smallest redemption unless it is all: a thousandth of a share.
    uint256 internal constant MIN_SHARES = 1e15;
    /// @dev Counted in every supply and owned by nobody, a millionth of a share; so many that a gift to the pool cannot round
    /// the shares of others away.
    uint256 internal constant VIRTUAL_SHARES = 1e12;
    /// @dev Fewest share units that one quote token buys: rounding then costs at most a millionth.
    uint256 internal constant MIN_SHARES_PER_TOKEN = 1e6;

    IOptionPool public immutable pool;
    IClearinghouse public immutable clearinghouse;
    address public immutable asset;
    AccountId public immutable escrowAccount;
    AccountId public immutable payoutAccount;
    AccountId internal immutable _poolAccount;
    uint256 internal immutable _minAssets;
    /// @dev A millionth of a quote token: par of the virtual shares.
    uint256 internal immutable _virtualAssets;

    address private transient _payer;
    uint64 private _openEpoch = 1;
    uint64 private _closedEpoch; // closed and not yet priced; 0 where there is none
    uint40 private _openLastRequest; // time of the last request of the open epoch; 0 where it is empty
    uint40 private _closedLastRequest;
    uint64 private _firstUnpaid = 1; // the oldest epoch that may have redemptions to pay
    uint64 private _lastPriced;
    mapping(uint256 epoch => DepositEpoch) private _deposits;
    mapping(uint256 epoch => RedeemEpoch) private _redemptions;
    mapping(uint256 requestId => mapping(address controller => Request)) private _requests;
    mapping(address controller => mapping(uint256 direction => uint256[])) private _openRequests;
    mapping(address controller => mapping(address operator => bool)) private _operators;

    constructor(IOptionPool pool_, IClearinghouse clearinghouse_, string memory name_, string memory symbol_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        if (pool_.shares() != address(this)) revert PoolShares_WrongPool(address(pool_));
        pool = pool_;
        clearinghouse = clearinghouse_;
        asset = clearinghouse_.quoteToken();
        escrowAccount = toAccountId(address(this), 1);
        payoutAccount = toAccountId(address(this), 2);
        _poolAccount = pool_.account();
        uint256 unit = 10 ** uint256(clearinghouse_.quoteDecimals());
        _minAssets = unit;
        _virtualAssets = unit / 1e6; // the ledger takes tokens of 6 to 18 decimals
    }

    modifier authorized(address account) {
        if (msg.sender != account && !_operators[account][msg.sender]) {
            revert PoolShares_NotAuthorized(account, msg.sender);
        }
        _;
    }

    // ───────────────────────────── Requests ─────────────────────────────

    /// @inheritdoc IPoolShares
    function requestDeposit(uint256 assets, address controller, address owner)
        external
        authorized(owner)
        returns (uint256 requestId)
    {
        if (assets < _minAssets) revert PoolShares_BelowMinimum(assets, _minAssets);
        requestId = _join(controller, DEPOSIT, assets);
        _deposits[_openEpoch].assets += uint128(assets); // the ledger bounds cash at 2^127
        _payer = owner;
        clearinghouse.depositCashWithCallback(escrowAccount, assets, "");
        _payer = address(0);
        emit DepositRequest(controller, owner, requestId, msg.sender, assets);
    }

    /// @inheritdoc IPayer
    function onPayment(address token, uint256 amount, bytes calldata) external {
        if (msg.sender != address(clearinghouse)) revert PoolShares_NotLedger(msg.sender);
        IERC20(token).safeTransferFrom(_payer, address(clearinghouse), amount);
    }

    /// @inheritdoc IPoolShares
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId) {
        bool isAll = shares == balanceOf(owner) && shares != 0;
        if (shares < MIN_SHARES && !isAll) revert PoolShares_BelowMinimum(shares, MIN_SHARES);
        if (msg.sender != owner && !_operators[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);
        requestId = _join(controller, REDEEM, shares);
        _redemptions[_openEpoch].shares += uint128(shares); // supply stays below 2^128: see `_mintFor`
        _transfer(owner, address(this), shares);
        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    /// @inheritdoc IPoolShares
    function setOperator(address operator, bool approved) external returns (bool) {
        _operators[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    // ───────────────────────────── Marks ─────────────────────────────

    /// @inheritdoc IPoolShares
    function onMark(Mark calldata mark) external {
        if (msg.sender != address(pool)) revert PoolShares_NotPool(msg.sender);
        uint256 supply = totalSupply() + VIRTUAL_SHARES;
        if (_closedEpoch != 0 && mark.surfaceTime > _closedLastRequest) {
            _priceEpoch(_closedEpoch, mark, supply);
            _closedEpoch = 0;
        }
        if (_openLastRequest != 0 && _closedEpoch == 0) {
            if (mark.surfaceTime > _openLastRequest) {
                _priceEpoch(_openEpoch, mark, supply);
            } else {
                (_closedEpoch, _closedLastRequest) = (_openEpoch, _openLastRequest);
            }
            ++_openEpoch;
            _openLastRequest = 0;
        }
        _payRedemptions(mark, supply);
    }

    /// @dev Deposits buy at mid less the fresh reserve; redemptions join the queue of what is to be paid. Both epochs of one
    /// mark see the supply of before it.
    function _priceEpoch(uint256 epoch, Mark calldata mark, uint256 supply) private {
        DepositEpoch storage deposits = _deposits[epoch];
        uint256 assets = deposits.assets;
        uint256 minted;
        bool refunded;
        if (assets != 0) {
            deposits.priced = true;
            minted = _sharesFor(assets, mark, supply);
            refunded = minted == 0;
            if (refunded) {
                deposits.refunded = true;
            } else {
                deposits.shares = uint128(minted); // checked in `_sharesFor`
                _mint(address(this), minted);
                clearinghouse.moveCash(escrowAccount, _poolAccount, assets);
            }
        }
        _lastPriced = uint64(epoch); // counts marks: far below 2^64
        emit EpochPriced(epoch, mark.round, mark, supply, assets, minted, _redemptions[epoch].shares, refunded);
    }

    /// @dev assets·supply/(nav − freshReserve + a millionth of a token), rounded down; 0 where deposits go back.
    function _sharesFor(uint256 assets, Mark calldata mark, uint256 supply) private view returns (uint256) {
        int256 value = mark.nav - int256(mark.freshReserve); // amounts of the ledger: below 2^128
        if (value < 0) return 0;
        if (supply != VIRTUAL_SHARES && _isWipedOut(_exitValue(mark), supply)) return 0;
        uint256 divisor = uint256(value) + _virtualAssets; // not negative: checked
        if (_minAssets.mulDiv(supply, divisor) < MIN_SHARES_PER_TOKEN) return 0;
        // Fits: with owners supply/divisor is at most 1e12 (not wiped out), without them supply is 1e12; assets are below 2^128.
        uint256 minted = assets.mulDiv(supply, divisor);
        return minted > type(uint128).max - totalSupply() ? 0 : minted;
    }

    /// @dev Whether a share is worth less than a millionth of par: exitValue/supply < (unit/1e6)/1e18.
    function _isWipedOut(uint256 exitValue, uint256 supply) private view returns (bool) {
        return exitValue * 1e18 < supply * _virtualAssets; // below 2^128 · 2^60 and 2^129 · 2^40
    }

    /// @dev Pays waiting redemptions, oldest epoch first, each pro rata, as far as the pool is liquid.
    function _payRedemptions(Mark calldata mark, uint256 supply) private {
        uint256 exitValue = _exitValue(mark);
        if (_isWipedOut(exitValue, supply)) return;
        uint256 left = type(uint256).max; // asked of the pool only when somebody waits
        for (uint256 i = 0; i < MAX_EPOCHS_PER_MARK; ++i) {
            uint256 epoch = _firstUnpaid;
            if (epoch > _lastPriced) return;
            RedeemEpoch storage redemptions = _redemptions[epoch];
            uint256 waiting = redemptions.shares - redemptions.paidShares;
            if (waiting == 0) {
                ++_firstUnpaid;
                continue;
            }
            if (left == type(uint256).max) left = pool.payableToRedeemers();
            uint256 worth = waiting.mulDiv(exitValue, supply);
            uint256 pay = worth < left ? worth : left;
            if (pay == 0 && worth != 0) return;
            uint256 shares = pay == worth ? waiting : waiting.mulDiv(pay, worth, Math.Rounding.Ceil);
            redemptions.paidShares += uint128(shares); // at most what was requested
            redemptions.paidAssets += uint128(pay); // cash of the ledger
            left -= pay;
            _burn(address(this), shares);
            if (pay != 0) pool.payRedeemers(pay);
            emit RedemptionPaid(epoch, mark.round, shares, pay, waiting - shares);
            if (shares != waiting) return;
            ++_firstUnpaid;
        }
    }

    /// @dev What all shares together would be paid: mid less reserve, unwinding and known losses.
    function _exitValue(Mark calldata mark) private pure returns (uint256) {
        int256 value = mark.nav - int256(mark.reserve) - int256(mark.unwind) - int256(mark.provision); // below 2^128 each
        return value > 0 ? uint256(value) : 0;
    }

    // ───────────────────────────── Claims ─────────────────────────────

    /// @inheritdoc IPoolShares
    function deposit(uint256 assets, address receiver, address controller)
        public
        authorized(controller)
        returns (uint256 shares)
    {
        shares = _claim(controller, DEPOSIT, assets, false);
        _transfer(address(this), receiver, shares);
        emit Deposit(controller, receiver, assets, shares);
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
        assets = _claim(controller, DEPOSIT, shares, true);
        _transfer(address(this), receiver, shares);
        emit Deposit(controller, receiver, assets, shares);
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
        assets = _claim(controller, REDEEM, shares, true);
        _payOut(receiver, controller, assets, shares);
    }

    /// @inheritdoc IPoolShares
    function withdraw(uint256 assets, address receiver, address controller)
        external
        authorized(controller)
        returns (uint256 shares)
    {
        shares = _claim(controller, REDEEM, assets, false);
        _payOut(receiver, controller, assets, shares);
    }

    /// @inheritdoc IPoolShares
    function claimFor(address controller) external returns (uint256 shares, uint256 assets) {
        uint256 refund = _takeRefunds(controller);
        (uint256 claimableAssets,) = _claimable(controller, DEPOSIT);
        if (claimableAssets != 0) {
            shares = _claim(controller, DEPOSIT, claimableAssets, false);
            _transfer(address(this), controller, shares);
            emit Deposit(controller, controller, claimableAssets, shares);
        }
        (, uint256 redeemed) = _claimable(controller, REDEEM);
        if (redeemed != 0) {
            assets = _claim(controller, REDEEM, redeemed, true); // what was counted: a unit without its share waits
            _payOut(controller, controller, assets, redeemed);
        }
        if (refund != 0) {
            assets += refund;
            clearinghouse.withdrawCash(escrowAccount, refund, controller);
            emit Refunded(controller, refund);
        }
    }

    function _payOut(address receiver, address controller, uint256 assets, uint256 shares) private {
        if (assets != 0) clearinghouse.withdrawCash(payoutAccount, assets, receiver);
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
    }

    /// @dev Claims `amount` of shares or assets, oldest request first, and returns the other side, rounded down.
    function _claim(address controller, uint256 direction, uint256 amount, bool inShares)
        private
        returns (uint256 other)
    {
        if (amount == 0) revert PoolShares_ZeroClaim();
        uint256[] storage open = _openRequests[controller][direction];
        uint256 left = amount;
        uint256 i = 0;
        while (left != 0 && i < open.length) {
            uint256 requestId = open[i];
            Request storage request = _requests[requestId][controller];
            (uint256 assets, uint256 shares) = _claimableOf(requestId, request);
            uint256 whole = inShares ? shares : assets;
            uint256 taken = whole < left ? whole : left;
            uint256 counterpart = inShares ? assets : shares;
            if (taken != whole) counterpart = counterpart.mulDiv(taken, whole);
            left -= taken;
            other += counterpart;
            // Both are parts of what the request is due: they fit.
            request.claimedAssets += uint128(inShares ? counterpart : taken);
            request.claimedShares += uint128(inShares ? taken : counterpart);
            if (_isFinished(requestId, request)) _forget(open, i);
            else ++i;
        }
        if (left != 0) revert PoolShares_ExceedsClaimable(amount, amount - left);
    }

    function _takeRefunds(address controller) private returns (uint256 refund) {
        uint256[] storage open = _openRequests[controller][DEPOSIT];
        uint256 i = 0;
        while (i < open.length) {
            uint256 requestId = open[i];
            if (_deposits[requestId >> 1].refunded) {
                refund += _requests[requestId][controller].amount;
                delete _requests[requestId][controller];
                _forget(open, i);
            } else {
                ++i;
            }
        }
    }

    /// @dev Removes the i-th and keeps the order.
    function _forget(uint256[] storage open, uint256 i) private {
        for (uint256 j = i + 1; j < open.length; ++j) {
            open[j - 1] = open[j];
        }
        open.pop();
    }

    function _join(address controller, uint256 direction, uint256 amount) private returns (uint256 requestId) {
        if (controller == address(0)) revert PoolShares_NotAuthorized(controller, msg.sender);
        if (clearinghouse.isLocked()) revert PoolShares_LedgerLocked();
        requestId = uint256(_openEpoch) << 1 | direction;
        Request storage request = _requests[requestId][controller];
        if (request.amount == 0) {
            uint256[] storage open = _openRequests[controller][direction];
            bool isOwn = msg.sender == controller || _operators[controller][msg.sender];
            uint256 max = isOwn ? MAX_REQUESTS : MAX_REQUESTS_BY_OTHERS;
            if (open.length >= max) revert PoolShares_TooManyRequests(controller, max);
            open.push(requestId);
        }
        if (amount > type(uint120).max) revert PoolShares_ExceedsClaimable(amount, type(uint120).max);
        request.amount += uint128(amount); // below 2^120 each: checked
        _openLastRequest = uint40(block.timestamp); // fits for 34,000 years
    }

    // ───────────────────────────── What a request is due ─────────────────────────────

    function _claimableOf(uint256 requestId, Request storage request)
        private
        view
        returns (uint256 assets, uint256 shares)
    {
        uint256 epoch = requestId >> 1;
        uint256 amount = request.amount;
        if (requestId & 1 == DEPOSIT) {
            DepositEpoch storage deposits = _deposits[epoch];
            if (!deposits.priced || deposits.refunded || amount == 0) return (0, 0);
            assets = amount - request.claimedAssets;
            shares = amount.mulDiv(deposits.shares, deposits.assets) - request.claimedShares;
        } else {
            RedeemEpoch storage redemptions = _redemptions[epoch];
            if (redemptions.paidShares == 0 || amount == 0) return (0, 0);
            assets = amount.mulDiv(redemptions.paidAssets, redemptions.shares) - request.claimedAssets;
            shares = amount.mulDiv(redemptions.paidShares, redemptions.shares) - request.claimedShares;
        }
    }

    function _isFinished(uint256 requestId, Request storage request) private view returns (bool) {
        if (requestId & 1 == DEPOSIT) return request.claimedAssets == request.amount;
        return request.claimedShares == request.amount;
    }

    function _claimable(address controller, uint256 direction) private view returns (uint256 assets, uint256 shares) {
        uint256[] storage open = _openRequests[controller][direction];
        for (uint256 i = 0; i < open.length; ++i) {
            (uint256 moreAssets, uint256 moreShares) = _claimableOf(open[i], _requests[open[i]][controller]);
            assets += moreAssets;
            shares += moreShares;
        }
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc IPoolShares
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256) {
        if (requestId & 1 != DEPOSIT || _deposits[requestId >> 1].priced) return 0;
        return _requests[requestId][controller].amount;
    }

    /// @inheritdoc IPoolShares
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets) {
        if (requestId & 1 != DEPOSIT) return 0;
        (assets,) = _claimableOf(requestId, _requests[requestId][controller]);
    }

    /// @inheritdoc IPoolShares
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        if (requestId & 1 != REDEEM) return 0;
        Request storage request = _requests[requestId][controller];
        RedeemEpoch storage redemptions = _redemptions[requestId >> 1];
        if (request.amount == 0) return 0;
        return request.amount - uint256(request.amount).mulDiv(redemptions.paidShares, redemptions.shares);
    }

    /// @inheritdoc IPoolShares
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        if (requestId & 1 != REDEEM) return 0;
        (, shares) = _claimableOf(requestId, _requests[requestId][controller]);
    }

    /// @notice Ids of the requests of `controller` that are not fully claimed: deposits and redemptions, oldest first.
    function openRequests(address controller)
        external
        view
        returns (uint256[] memory deposits, uint256[] memory redemptions)
    {
        return (_openRequests[controller][DEPOSIT], _openRequests[controller][REDEEM]);
    }

    /// @notice The epoch that requests join now.
    function openEpoch() external view returns (uint256) {
        return _openEpoch;
    }

    /// @inheritdoc IPoolShares
    function maxDeposit(address controller) external view returns (uint256 assets) {
        (assets,) = _claimable(controller, DEPOSIT);
    }

    /// @inheritdoc IPoolShares
    function maxMint(address controller) external view returns (uint256 shares) {
        (, shares) = _claimable(controller, DEPOSIT);
    }

    /// @inheritdoc IPoolShares
    function maxRedeem(address controller) external view returns (uint256 shares) {
        (, shares) = _claimable(controller, REDEEM);
    }

    /// @inheritdoc IPoolShares
    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (assets,) = _claimable(controller, REDEEM);
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
        return assets.mulDiv(totalSupply() + VIRTUAL_SHARES, totalAssets() + _virtualAssets);
    }

    /// @inheritdoc IPoolShares
    function convertToAssets(uint256 shares) external view returns (uint256) {
        return shares.mulDiv(totalAssets() + _virtualAssets, totalSupply() + VIRTUAL_SHARES);
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

    /// @notice ERC-165: ERC-7540 operators, deposits and redemptions; ERC-7575 vault and share.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0xe3bc4e65 || interfaceId == 0xce3bbe50
            || interfaceId == 0x620ee8e4 || interfaceId == 0x2f0a18c5 || interfaceId == 0xf815c03d;
    }

    /// @notice ERC-7575: the vault of an asset.
    function vault(address asset_) external view returns (address) {
        return asset_ == asset ? address(this) : address(0);
    }
}
