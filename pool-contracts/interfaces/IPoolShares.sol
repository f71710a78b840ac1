// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Mark} from "./IOptionPool.sol";

/// @title The shares of one pool and the queue in front of it
/// @notice ERC-7540 in both directions. Requests of one epoch are priced together at the first complete mark under a
/// report whose model time is later than every request of it.
interface IPoolShares {
    /// @notice The pool marked its book: price what waits and pay what can be paid. Pool only.
    function onMark(Mark calldata mark) external;
}
