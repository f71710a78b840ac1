// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice A market's freshest spot, the one before it, and which of its two surfaces is the current one, in one slot.
///
///     bits   160…255     64…159              24…63     16…23                       8…15   0…7
///            spot (WAD)  previousSpot (WAD)  time (s)  acceptedDelay (s after it)  side   registered
///
/// Surfaces alternate between side 0 and side 1, so the one before the last stays readable. The side is kept here and not
/// taken from the round's parity because rounds may skip numbers.
type SpotWord is uint256;

using {spot, previousSpot, time, acceptedAt, side, isRegistered, withSpot, withOtherSide} for SpotWord global;

/// @dev A market without reports: known, everything else zero.
SpotWord constant REGISTERED_MARKET = SpotWord.wrap(1);

uint256 constant SIDE_BIT = 1 << 8;

function spot(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) >> 160;
}

function previousSpot(SpotWord self) pure returns (uint256) {
    return uint96(SpotWord.unwrap(self) >> 64); // keeps 96 bits
}

function time(SpotWord self) pure returns (uint40) {
    return uint40(SpotWord.unwrap(self) >> 24); // keeps 40 bits
}

function acceptedAt(SpotWord self) pure returns (uint40) {
    return time(self) + uint8(SpotWord.unwrap(self) >> 16); // keeps 8 bits
}

function side(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) >> 8 & 1;
}

function isRegistered(SpotWord self) pure returns (bool) {
    return SpotWord.unwrap(self) & 1 == 1;
}

/// @notice The word after a newer spot; the present spot becomes the previous one.
/// @dev `acceptedDelay_` is at most the greatest age of a report, 30 s.
function withSpot(SpotWord self, uint96 spot_, uint40 time_, uint8 acceptedDelay_) pure returns (SpotWord) {
    return SpotWord.wrap(
        uint256(spot_) << 160 | spot(self) << 64 | uint256(time_) << 24 | uint256(acceptedDelay_) << 16
            | uint16(SpotWord.unwrap(self)) // keeps side and registered
    );
}

function withOtherSide(SpotWord self) pure returns (SpotWord) {
    return SpotWord.wrap(SpotWord.unwrap(self) ^ SIDE_BIT);
}
