// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {Leg} from "../types/Leg.sol";
import {IMaker} from "./IMaker.sol";

/// @title Orders that are signed and filled later
/// @notice The second maker beside pools: an account states what it would trade at which price; whoever likes it takes it.
interface ISignedOrders is IMaker {
    /// @param account The margin account that stands behind the order; it has made this contract its operator.
    /// @param taker Who may fill it; zero for anybody.
    /// @param legs What the taker receives (positive sizes) and gives; filled whole or in the same part of each leg.
    /// @param cash What the taker pays for all of it, quote units; negative: what he receives. The fee comes off the signer's side.
    /// @param nonce One of 2^256 that the signer has not used: an order is one bit.
    /// @param deadline Last second at which it may be filled.
    struct Order {
        AccountId account;
        AccountId taker;
        Leg[] legs;
        int256 cash;
        uint256 nonce;
        uint40 deadline;
    }

    event OrderFilled(AccountId indexed account, uint256 indexed nonce, AccountId indexed taker, bytes32 orderHash);
    event OrderCancelled(address indexed owner, uint256 indexed nonce);

    error SignedOrders_NotLedger(address caller);
    error SignedOrders_WrongTaker(AccountId taker, AccountId wanted);
    error SignedOrders_Expired(uint256 deadline);
    error SignedOrders_NonceUsed(address owner, uint256 nonce);
    error SignedOrders_WrongLegs();
    error SignedOrders_InvalidSignature(address owner);

    /// @notice Makes orders with this nonce of the caller worthless, signed or not.
    function cancel(uint256 nonce) external;

    /// @notice Whether the nonce of an owner is used up, by a fill or a cancel.
    function isUsed(address owner, uint256 nonce) external view returns (bool);

    /// @notice The EIP-712 digest that the owner of the order's account signs; a contract answers by ERC-1271.
    function digestOf(Order calldata order) external view returns (bytes32);
}
