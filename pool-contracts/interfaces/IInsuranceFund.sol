// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The insurance fund
/// @notice Stakers put quote tokens at risk for a part of the fees; the fund pays what the debtors of an expiry cannot.
/// Its money is an account of the ledger. Stakes leave after a cooldown, inside a window that lapses; stakes in cooldown
/// stay liable.
interface IInsuranceFund is IERC20 {
    event Staked(address indexed from, address indexed to, uint256 assets, uint256 shares);
    event CooldownStarted(address indexed owner, uint256 shares, uint256 readyAt, uint256 lapsesAt);
    event Unstaked(address indexed owner, address indexed to, uint256 assets, uint256 shares);
    event Covered(uint16 indexed marketId, uint32 indexed expiry, uint256 missing, uint256 covered);

    error InsuranceFund_ZeroShares();
    error InsuranceFund_ZeroAssets();
    error InsuranceFund_Insolvent();
    error InsuranceFund_NotLedger(address caller);
    error InsuranceFund_InsufficientStake(uint256 asked, uint256 available);
    error InsuranceFund_CoolingDown(uint256 readyAt);
    error InsuranceFund_WindowLapsed(uint256 lapsedAt);
    error InsuranceFund_NoCooldown();
    error InsuranceFund_SharesLocked(uint256 locked);

    function stake(uint256 assets, address receiver) external returns (uint256 shares);
    function startCooldown(uint256 shares) external;
    function unstake(uint256 shares, address receiver) external returns (uint256 assets);

    /// @notice Names what the fund pays of a missing amount; the ledger then moves it out of the fund's account.
    function cover(uint16 marketId, uint32 expiry, uint256 missing) external returns (uint256 covered);

    function totalAssets() external view returns (uint256);
    function convertToShares(uint256 assets) external view returns (uint256);
    function convertToAssets(uint256 shares) external view returns (uint256);
}
