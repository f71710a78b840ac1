// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {Leg} from "../types/Leg.sol";

/// @title Whoever takes the other side of a swap
/// @notice The ledger calls the maker while it is locked; the maker names its price and its account. It may be untrusted:
/// the ledger enforces the taker's limit and deadline, that the account stands behind this maker, and both margins.
interface IMaker {
    /// @param taker Who trades.
    /// @param legs Seen from the taker, one market, no option twice.
    /// @param reduces Whether every leg brings the maker's own position in that option nearer to zero.
    /// @param data What the taker passed for this maker: nothing for a pool, the signed order for an order book.
    /// @return account The margin account that takes the other side: the maker's own, or one that made it its operator.
    /// @return cash What the taker pays, in quote units, everything included; negative what he receives.
    /// @return fee Part of `cash` that the ledger splits between the maker, the insurance fund and the protocol.
    function onTrade(AccountId taker, Leg[] calldata legs, bool reduces, bytes calldata data)
        external
        returns (AccountId account, int256 cash, uint256 fee);
}
