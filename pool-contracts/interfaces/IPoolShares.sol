// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Mark} from "./IOptionPool.sol";

/// @title The shares of one pool and the queue in front of it
/// @notice ERC-7540 in both directions; the share is the vault (ERC-7575). Requests of one epoch are priced together at the
/// first mark under a report whose model time is later than every request of it: deposits at mid less the fresh part of the
/// reserve, redemptions at their part of mid less reserve, unwinding and provision. A redemption is paid as far as the pool is liquid,
/// pro rata within its epoch, older epochs first; the rest waits and is priced when it is paid. A request cannot be cancelled:
/// who waits for an illiquid or wiped-out pool stays at its risk until a mark can pay him.
///
/// A request id is `epoch << 1 | direction`, direction 0 in and 1 out, epochs from 1: both directions have prices of their own.
interface IPoolShares {
    event DepositRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 assets
    );
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    event OperatorSet(address indexed controller, address indexed operator, bool approved);
    /// @notice Shares were claimed: `owner` is their receiver.
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    /// @notice Money was claimed by `owner`, the controller.
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    /// @notice An epoch was priced. `supply` is the share supply before, virtual shares included; where `refunded`, the deposits
    /// cannot be priced, since the pool has less than a millionth of par left for its holders, and go back.
    event EpochPriced(
        uint256 indexed epoch,
        uint32 indexed round,
        Mark mark,
        uint256 supply,
        uint256 assetsIn,
        uint256 sharesMinted,
        uint256 sharesLeaving,
        bool refunded
    );
    /// @notice A part of an epoch's redemptions was paid, at `assets` for `shares`.
    event RedemptionPaid(uint256 indexed epoch, uint32 indexed round, uint256 shares, uint256 assets, uint256 unpaid);
    event Refunded(address indexed controller, uint256 assets);

    error PoolShares_NotPool(address caller);
    error PoolShares_NotLedger(address caller);
    error PoolShares_NotAuthorized(address account, address caller);
    error PoolShares_BelowMinimum(uint256 amount, uint256 minimum);
    error PoolShares_TooManyRequests(address controller, uint256 max);
    error PoolShares_ExceedsClaimable(uint256 asked, uint256 claimable);
    error PoolShares_ZeroClaim();
    error PoolShares_NoPreview();
    error PoolShares_LedgerLocked();
    error PoolShares_WrongPool(address pool);

    /// @notice The pool marked its book: prices what waits and pays what can be paid. Pool only.
    function onMark(Mark calldata mark) external;

    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256 requestId);
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    /// @notice Claims priced deposits of `controller`, oldest first: `assets` of them, for their shares, rounded down.
    function deposit(uint256 assets, address receiver, address controller) external returns (uint256 shares);
    function mint(uint256 shares, address receiver, address controller) external returns (uint256 assets);
    /// @notice Claims paid redemptions of `controller`, oldest first: `shares` of them, for their money, rounded down.
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets);
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares);

    /// @notice Pays everything claimable of `controller`, shares, money and refunds, to the controller. Anyone.
    function claimFor(address controller) external returns (uint256 shares, uint256 assets);

    function setOperator(address operator, bool approved) external returns (bool);
    function isOperator(address controller, address operator) external view returns (bool);
    function asset() external view returns (address);
    function share() external view returns (address);
    /// @notice NAV at the last mark, quote units; 0 where it is negative. Waiting deposits are not in it.
    function totalAssets() external view returns (uint256);
    function convertToShares(uint256 assets) external view returns (uint256);
    function convertToAssets(uint256 shares) external view returns (uint256);
    function maxDeposit(address controller) external view returns (uint256 assets);
    function maxMint(address controller) external view returns (uint256 shares);
    function maxRedeem(address controller) external view returns (uint256 shares);
    function maxWithdraw(address controller) external view returns (uint256 assets);
}
