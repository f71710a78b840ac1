// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "./interfaces/IInsuranceFund.sol";
import {ILiquidationAuction} from "./interfaces/ILiquidationAuction.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The insurance fund
/// @notice An ERC-4626 vault whose money is an account of the ledger. Shares leave after a cooldown, within a window that
/// lapses; until then they pay for losses as all others do.
///
/// Who comes pays for all that is held; who goes is paid as if every loss that is known came true: debts of settlements and
/// accounts under liquidation (`liabilities`) are deducted. `totalAssets` is what is left.
///
/// Anyone may give to the fund: `Clearinghouse.depositCash(account(), amount)`.
contract InsuranceFund is IInsuranceFund, IPayer, ERC4626 {
    using SafeERC20 for IERC20;
    using Math for uint256;

    /// @param shares Locked since the cooldown began.
    /// @param readyAt When they may leave.
    struct Cooldown {
        uint216 shares;
        uint40 readyAt;
    }

    /// @dev Decimals of a share; the difference to the asset's is what makes a stake robust against donations.
    uint8 internal constant SHARE_DECIMALS = 18;
    uint8 internal constant MIN_DECIMALS_OFFSET = 6;

    IClearinghouse public immutable clearinghouse;
    uint256 public immutable cooldownSeconds;
    uint256 public immutable windowSeconds;
    /// @inheritdoc IInsuranceFund
    AccountId public immutable account;
    uint8 internal immutable _offset;

    address private transient _payer;
    mapping(address owner => Cooldown) private _cooldowns;

    constructor(IClearinghouse clearinghouse_, IERC20 asset_, uint256 cooldownSeconds_, uint256 windowSeconds_)
        ERC20("Meniscus Insurance", "mINS")
        ERC4626(asset_)
    {
        clearinghouse = clearinghouse_;
        cooldownSeconds = cooldownSeconds_;
        windowSeconds = windowSeconds_;
        account = toAccountId(address(this), PRIMARY_SUB);
        // The ledger takes tokens of 6 to 18 decimals.
        uint8 offset = SHARE_DECIMALS - IERC20Metadata(address(asset_)).decimals();
        _offset = offset < MIN_DECIMALS_OFFSET ? MIN_DECIMALS_OFFSET : offset;
    }

    // ───────────────────────────── Leaving ─────────────────────────────

    /// @inheritdoc IInsuranceFund
    function startCooldown(uint256 shares) external {
        if (shares == 0) revert InsuranceFund_ZeroShares();
        uint256 owned = balanceOf(msg.sender);
        if (shares > owned) revert InsuranceFund_InsufficientStake(shares, owned);
        uint256 readyAt = block.timestamp + cooldownSeconds;
        // Shares stay below 2^216, see `_isInsolvent`; times fit 40 bits.
        _cooldowns[msg.sender] = Cooldown(uint216(shares), uint40(readyAt));
        emit CooldownStarted(msg.sender, shares, readyAt, readyAt + windowSeconds);
    }

    /// @inheritdoc IInsuranceFund
    function cooldownOf(address owner) external view returns (uint256 shares, uint256 readyAt, uint256 lapsesAt) {
        Cooldown storage cooldown = _cooldowns[owner];
        return (cooldown.shares, cooldown.readyAt, cooldown.readyAt == 0 ? 0 : cooldown.readyAt + windowSeconds);
    }

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        _requireWindow(owner, previewWithdraw(assets));
        return super.withdraw(assets, receiver, owner);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        _requireWindow(owner, shares);
        if (previewRedeem(shares) == 0) revert InsuranceFund_ZeroAssets();
        return super.redeem(shares, receiver, owner);
    }

    /// @dev Says why shares may not leave, where ERC-4626 would only say how many may.
    function _requireWindow(address owner, uint256 shares) private view {
        Cooldown storage cooldown = _cooldowns[owner];
        uint256 readyAt = cooldown.readyAt;
        if (readyAt == 0) revert InsuranceFund_NoCooldown();
        if (block.timestamp < readyAt) revert InsuranceFund_CoolingDown(readyAt);
        if (block.timestamp > readyAt + windowSeconds) revert InsuranceFund_WindowLapsed(readyAt + windowSeconds);
        if (shares > cooldown.shares) revert InsuranceFund_InsufficientStake(shares, cooldown.shares);
    }

    // ───────────────────────────── Losses ─────────────────────────────

    /// @inheritdoc IInsuranceFund
    function cover(uint16 marketId, uint32 expiry, uint256 missing) external returns (uint256 covered) {
        if (msg.sender != address(clearinghouse)) revert InsuranceFund_NotLedger(msg.sender);
        covered = missing.min(_held());
        emit Covered(marketId, expiry, missing, covered);
    }

    /// @inheritdoc IInsuranceFund
    function liabilities() public view returns (uint256) {
        return clearinghouse.unpaidDebts() + ILiquidationAuction(clearinghouse.liquidationAuction()).totalProvision();
    }

    // ───────────────────────────── ERC-4626 ─────────────────────────────

    /// @inheritdoc IERC4626
    /// @dev Net of what is known to be lost.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _held().saturatingSub(liabilities());
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        return _isInsolvent() ? 0 : type(uint128).max;
    }

    /// @inheritdoc IERC4626
    function maxMint(address) public view override(ERC4626, IERC4626) returns (uint256) {
        return _isInsolvent() ? 0 : type(uint128).max;
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return previewRedeem(maxRedeem(owner));
    }

    /// @inheritdoc IERC4626
    /// @dev Shares that would bring nothing do not leave.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        Cooldown storage cooldown = _cooldowns[owner];
        uint256 readyAt = cooldown.readyAt;
        bool open = readyAt != 0 && block.timestamp >= readyAt && block.timestamp <= readyAt + windowSeconds;
        uint256 shares = open ? cooldown.shares : 0;
        return previewRedeem(shares) == 0 ? 0 : shares;
    }

    /// @inheritdoc IERC4626
    /// @dev At all that is held: who comes does not buy the hope that a known loss passes.
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        return assets.mulDiv(totalSupply() + 10 ** _offset, _held() + 1);
    }

    /// @inheritdoc IERC4626
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        return shares.mulDiv(_held() + 1, totalSupply() + 10 ** _offset, Math.Rounding.Ceil);
    }

    /// @inheritdoc IPayer
    function onPayment(address token, uint256 amount, bytes calldata) external {
        if (msg.sender != address(clearinghouse)) revert InsuranceFund_NotLedger(msg.sender);
        IERC20(token).safeTransferFrom(_payer, address(clearinghouse), amount);
    }

    function _held() private view returns (uint256) {
        return clearinghouse.cash(account);
    }

    /// @dev Whether a share is below a millionth of par. Stakes at such a price would multiply shares without end; so they
    /// stay below 2^128·10^18.
    function _isInsolvent() private view returns (bool) {
        return _held() * 10 ** _offset * 1e6 < totalSupply();
    }

    function _decimalsOffset() internal view override returns (uint8) {
        return _offset;
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        if (assets == 0) revert InsuranceFund_ZeroAssets();
        if (shares == 0) revert InsuranceFund_ZeroShares();
        super._deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        if (assets == 0) revert InsuranceFund_ZeroAssets();
        Cooldown storage cooldown = _cooldowns[owner];
        cooldown.shares -= uint216(shares); // at most what is there: `_requireWindow`
        if (cooldown.shares == 0) delete _cooldowns[owner];
        super._withdraw(caller, receiver, owner, assets, shares);
    }

    function _transferIn(address from, uint256 assets) internal override {
        _payer = from;
        clearinghouse.depositCashWithCallback(account, assets, "");
        _payer = address(0);
    }

    function _transferOut(address to, uint256 assets) internal override {
        clearinghouse.withdrawCash(account, assets, to);
    }

    /// @dev Shares in cooldown do not move; a cooldown that has lapsed locks nothing.
    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0) && to != address(0)) {
            Cooldown storage cooldown = _cooldowns[from];
            bool isLocked = cooldown.readyAt != 0 && block.timestamp <= cooldown.readyAt + windowSeconds;
            uint256 locked = isLocked ? cooldown.shares : 0;
            uint256 owned = balanceOf(from); // at least what is locked
            if (locked != 0 && value > owned - locked) revert InsuranceFund_SharesLocked(locked);
        }
        super._update(from, to, value);
    }
}
