// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StrikeKey} from "./OptionId.sol";

/// @notice An account's calls and puts of one strike, in one slot. Sizes are signed, long positive, with 6 decimals:
/// 1_000_000 is one contract on one unit of the underlying.
///
///     bits   160 … 255    80 … 159       0 … 79
///            StrikeKey    calls (int80)  puts (int80)
type StrikeWord is uint256;

using {key, calls, puts, position, add, isFlat, isShort} for StrikeWord global;

/// @notice A position left the range of an int80: 6e17 contracts.
error StrikeWord_SizeOverflow(int256 size);

function toStrikeWord(StrikeKey key_, int256 calls_, int256 puts_) pure returns (StrikeWord) {
    _requireInt80(calls_);
    _requireInt80(puts_);
    // Both sizes fit 80 bits, so masking only removes the sign extension.
    uint256 packed = uint256(StrikeKey.unwrap(key_)) << 160 | (uint256(calls_) & type(uint80).max) << 80
        | (uint256(puts_) & type(uint80).max);
    return StrikeWord.wrap(packed);
}

function key(StrikeWord self) pure returns (StrikeKey) {
    return StrikeKey.wrap(uint96(StrikeWord.unwrap(self) >> 160));
}

function calls(StrikeWord self) pure returns (int256) {
    return int80(uint80(StrikeWord.unwrap(self) >> 80)); // the middle 80 bits, sign restored
}

function puts(StrikeWord self) pure returns (int256) {
    return int80(uint80(StrikeWord.unwrap(self))); // the low 80 bits, sign restored
}

function position(StrikeWord self, bool isPut) pure returns (int256) {
    return isPut ? puts(self) : calls(self);
}

/// @notice The word after `size` more of the call or the put. Reverts where a size would leave int80.
function add(StrikeWord self, bool isPut, int256 size) pure returns (StrikeWord) {
    return isPut
        ? toStrikeWord(key(self), calls(self), puts(self) + size)
        : toStrikeWord(key(self), calls(self) + size, puts(self));
}

function isFlat(StrikeWord self) pure returns (bool) {
    return uint160(StrikeWord.unwrap(self)) == 0; // calls and puts are the low 160 bits
}

function isShort(StrikeWord self) pure returns (bool) {
    return calls(self) < 0 || puts(self) < 0;
}

function _requireInt80(int256 size) pure {
    if (size > type(int80).max || size < type(int80).min) revert StrikeWord_SizeOverflow(size);
}
