// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Names one strike of one expiry of one market, call and put together.
///
///     bits   80 … 95      48 … 79      0 … 47
///            marketId     expiry (s)   strike (1e-6 of the quote token per unit of the underlying)
type StrikeKey is uint96;

/// @notice Names one option; also its ERC-6909 token id.
///
///     bits   104 … 255    8 … 103      0 … 7
///            zero         StrikeKey    kind: 0 call, 1 put
type OptionId is uint256;

using {marketId, expiry, strikeE6, strikeWad, sameExpiryAs, equalKeys as ==} for StrikeKey global;
using {key, isPut, isCanonical} for OptionId global;

/// @dev Strikes are written in millionths of the quote token; one millionth is 1e12 WAD.
uint256 constant STRIKE_UNIT_WAD = 1e12;

function toStrikeKey(uint16 marketId_, uint32 expiry_, uint48 strikeE6_) pure returns (StrikeKey) {
    return StrikeKey.wrap(uint96(marketId_) << 80 | uint96(expiry_) << 48 | strikeE6_);
}

function toOptionId(StrikeKey key_, bool isPut_) pure returns (OptionId) {
    return OptionId.wrap(uint256(StrikeKey.unwrap(key_)) << 8 | (isPut_ ? 1 : 0));
}

function marketId(StrikeKey self) pure returns (uint16) {
    return uint16(StrikeKey.unwrap(self) >> 80);
}

/// @return Seconds since 1970; the option settles on the average of the last 30 minutes before it.
function expiry(StrikeKey self) pure returns (uint32) {
    return uint32(StrikeKey.unwrap(self) >> 48); // keeps the low 32 bits of what the shift leaves
}

function strikeE6(StrikeKey self) pure returns (uint48) {
    return uint48(StrikeKey.unwrap(self)); // keeps the low 48 bits
}

function strikeWad(StrikeKey self) pure returns (uint256) {
    return uint256(strikeE6(self)) * STRIKE_UNIT_WAD;
}

/// @notice Whether both keys stand in the same market and expiry.
function sameExpiryAs(StrikeKey a, StrikeKey b) pure returns (bool) {
    return StrikeKey.unwrap(a) >> 48 == StrikeKey.unwrap(b) >> 48;
}

function equalKeys(StrikeKey a, StrikeKey b) pure returns (bool) {
    return StrikeKey.unwrap(a) == StrikeKey.unwrap(b);
}

function key(OptionId self) pure returns (StrikeKey) {
    return StrikeKey.wrap(uint96(OptionId.unwrap(self) >> 8)); // canonical ids fit 104 bits
}

function isPut(OptionId self) pure returns (bool) {
    return OptionId.unwrap(self) & 1 == 1;
}

/// @notice Whether the id is the only name of its option: kind 0 or 1, nothing above the key.
function isCanonical(OptionId self) pure returns (bool) {
    uint256 id = OptionId.unwrap(self);
    return id >> 104 == 0 && id & 0xff <= 1;
}
