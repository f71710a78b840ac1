// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "./interfaces/IInsuranceFund.sol";
import {IPayer} from "./interfaces/IPayer.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The insurance fund
/// @notice Its money is an account of the ledger; a share is a part of it. Stakes leave after a cooldown, within a window
/// that lapses; until then they pay for losses as all others do.
contract InsuranceFund is IInsuranceFund, IPayer, ERC20 {
    using SafeERC20 for IERC20;
    using Math for uint256;

    /// @param shares Locked since the cooldown began.
    /// @param readyAt When they may leave.
    struct Cooldown {
        uint128 shares;
        uint40 readyAt;
    }

    /// @dev Counted in every supply and owned by nobody, a millionth of a share.
    uint256 internal constant VIRTUAL_SHARES = 1e12;

    IClearinghouse public immutable clearinghouse;
    IERC20 public immutable asset;
    uint256 public immutable cooldownSeconds;
    uint256 public immutable windowSeconds;
    AccountId public immutable account;
    /// @dev A millionth of a quote token: par of the virtual shares.
    uint256 internal immutable _virtualAssets;

    address private transient _payer;
    mapping(address owner => Cooldown) private _cooldowns;

    constructor(IClearinghouse clearinghouse_, IERC20 asset_, uint256 cooldownSeconds_, uint256 windowSeconds_)
        ERC20("Meniscus Insurance", "mINS")
    {
        clearinghouse = clearinghouse_;
        asset = asset_;
        cooldownSeconds = cooldownSeconds_;
        windowSeconds = windowSeconds_;
        account = toAccountId(address(this), PRIMARY_SUB);
        // The ledger takes tokens of 6 to 18 decimals.
        _virtualAssets = 10 ** (uint256(IERC20Metadata(address(asset_)).decimals()) - 6);
    }

    /// @inheritdoc IInsuranceFund
    function stake(uint256 assets, address receiver) external returns (uint256 shares) {
        if (assets == 0) revert InsuranceFund_ZeroAssets();
        uint256 held = totalAssets();
        uint256 supply = totalSupply();
        // A share below a millionth of par: a few stakes at such a price would exhaust the 128 bits of a cooldown.
        if (supply != 0 && held * 1e18 < supply * _virtualAssets) revert InsuranceFund_Insolvent();
        shares = assets.mulDiv(supply + VIRTUAL_SHARES, held + _virtualAssets);
        if (shares == 0) revert InsuranceFund_ZeroShares();
        _payer = msg.sender;
        clearinghouse.depositCashWithCallback(account, assets, "");
        _payer = address(0);
        _mint(receiver, shares);
        emit Staked(msg.sender, receiver, assets, shares);
    }

    /// @inheritdoc IPayer
    function onPayment(address token, uint256 amount, bytes calldata) external {
        if (msg.sender != address(clearinghouse)) revert InsuranceFund_NotLedger(msg.sender);
        IERC20(token).safeTransferFrom(_payer, address(clearinghouse), amount);
    }

    /// @inheritdoc IInsuranceFund
    function startCooldown(uint256 shares) external {
        if (shares == 0) revert InsuranceFund_ZeroShares();
        uint256 owned = balanceOf(msg.sender);
        if (shares > owned) revert InsuranceFund_InsufficientStake(shares, owned);
        uint256 readyAt = block.timestamp + cooldownSeconds;
        // Assets of the ledger are below 2^128 units, shares at most 2^128; times fit 40 bits.
        _cooldowns[msg.sender] = Cooldown(uint128(shares), uint40(readyAt));
        emit CooldownStarted(msg.sender, shares, readyAt, readyAt + windowSeconds);
    }

    /// @inheritdoc IInsuranceFund
    function unstake(uint256 shares, address receiver) external returns (uint256 assets) {
        Cooldown storage cooldown = _cooldowns[msg.sender];
        uint256 readyAt = cooldown.readyAt;
        if (readyAt == 0) revert InsuranceFund_NoCooldown();
        if (block.timestamp < readyAt) revert InsuranceFund_CoolingDown(readyAt);
        if (block.timestamp > readyAt + windowSeconds) revert InsuranceFund_WindowLapsed(readyAt + windowSeconds);
        if (shares > cooldown.shares) revert InsuranceFund_InsufficientStake(shares, cooldown.shares);
        assets = convertToAssets(shares);
        if (assets == 0) revert InsuranceFund_ZeroAssets();
        cooldown.shares -= uint128(shares); // at most what is there: checked
        if (cooldown.shares == 0) delete _cooldowns[msg.sender];
        _burn(msg.sender, shares);
        clearinghouse.withdrawCash(account, assets, receiver);
        emit Unstaked(msg.sender, receiver, assets, shares);
    }

    /// @inheritdoc IInsuranceFund
    function cover(uint16 marketId, uint32 expiry, uint256 missing) external returns (uint256 covered) {
        if (msg.sender != address(clearinghouse)) revert InsuranceFund_NotLedger(msg.sender);
        covered = Math.min(missing, clearinghouse.cash(account));
        emit Covered(marketId, expiry, missing, covered);
    }

    /// @notice Shares of `owner` that are leaving, and from when until when.
    function cooldownOf(address owner) external view returns (uint256 shares, uint256 readyAt, uint256 lapsesAt) {
        Cooldown storage cooldown = _cooldowns[owner];
        return (cooldown.shares, cooldown.readyAt, cooldown.readyAt == 0 ? 0 : cooldown.readyAt + windowSeconds);
    }

    /// @inheritdoc IInsuranceFund
    function totalAssets() public view returns (uint256) {
        return clearinghouse.cash(account);
    }

    /// @inheritdoc IInsuranceFund
    function convertToShares(uint256 assets) public view returns (uint256) {
        return assets.mulDiv(totalSupply() + VIRTUAL_SHARES, totalAssets() + _virtualAssets);
    }

    /// @inheritdoc IInsuranceFund
    function convertToAssets(uint256 shares) public view returns (uint256) {
        uint256 held = totalAssets();
        // The virtual assets are not there: nobody is paid out of them.
        return Math.min(shares.mulDiv(held + _virtualAssets, totalSupply() + VIRTUAL_SHARES), held);
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
