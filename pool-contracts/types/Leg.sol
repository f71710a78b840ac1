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

using {reduces} for Leg global;

/// @notice Whether the leg brings a maker's position in its option nearer to zero, without crossing it.
/// @param held The maker's position, signed: he changes it by −size.
function reduces(Leg calldata self, int256 held) pure returns (bool) {
    return self.size > 0 ? held >= self.size : held <= self.size;
}
