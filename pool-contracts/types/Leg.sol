// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {OptionId} from "./OptionId.sol";

/// @notice One leg of a swap, seen from the taker.
/// @param option What is traded.
/// @param size Signed, 6 decimals: positive the taker buys, negative the taker sells.
struct Leg {
    OptionId option;
    int128 size;
}
