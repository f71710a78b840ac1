// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Whoever pays the ledger inside a callback
interface IPayer {
    /// @notice Called by the ledger: send it exactly `amount` of `token` before returning.
    function onPayment(address token, uint256 amount, bytes calldata data) external;
}
