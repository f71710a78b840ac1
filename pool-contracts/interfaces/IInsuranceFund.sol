// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title The insurance fund
/// @notice Stakers put quote tokens at risk for a part of the fees; the fund pays what the debtors of an expiry cannot.
/// Its money is an account of the ledger. Stakes leave after a cooldown, inside a window that lapses; stakes in cooldown
/// stay liable.
interface IInsuranceFund is IERC4626 {
    event CooldownStarted(address indexed owner, uint256 shares, uint256 readyAt, uint256 lapsesAt);
    event Covered(uint16 indexed marketId, uint32 indexed expiry, uint256 missing, uint256 covered);

    error InsuranceFund_ZeroShares();
    error InsuranceFund_ZeroAssets();
    error InsuranceFund_NotLedger(address caller);
    error InsuranceFund_InsufficientStake(uint256 asked, uint256 available);
    error InsuranceFund_CoolingDown(uint256 readyAt);
    error InsuranceFund_WindowLapsed(uint256 lapsedAt);
    error InsuranceFund_NoCooldown();
    error InsuranceFund_SharesLocked(uint256 locked);

    /// @notice Announces that `shares` of the caller will leave: they can be redeemed after the cooldown, inside the window. A new
    /// call replaces an earlier one.
    function startCooldown(uint256 shares) external;

    /// @notice Names what the fund pays of a missing amount; the ledger then moves it out of the fund's account.
    function cover(uint16 marketId, uint32 expiry, uint256 missing) external returns (uint256 covered);

    /// @notice Shares of `owner` that are leaving, and from when until when, seconds; zeros where none are.
    function cooldownOf(address owner) external view returns (uint256 shares, uint256 readyAt, uint256 lapsesAt);

    /// @notice What the fund may have to pay as far as is known, quote units: debts of settlements that are not final, and
    /// provisions for accounts under liquidation.
    function liabilities() external view returns (uint256);

    /// @notice The fund's account in the ledger.
    function account() external view returns (AccountId);
}
