// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {Leg} from "../types/Leg.sol";

/// @title A maker that closes out small accounts under liquidation
/// @notice It opts in by making the auction an operator of its account in the ledger.
interface IAccountTaker {
    /// @notice As `IMaker.onTrade`, for an account whose options all close with this maker at once. The auction only.
    /// @return makerAccount Its own: the auction refuses another's.
    /// @return cash What the account pays, quote units; negative: what it receives.
    /// @return fee The part of it that the ledger splits.
    function onTake(AccountId account, Leg[] calldata legs)
        external
        returns (AccountId makerAccount, int256 cash, uint256 fee);
}
