// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {BoundedMove} from "../libraries/oracle/BoundedMove.sol";

/// @notice A market's freshest spot and the one before it, which of its surfaces is the current one, what waits for
/// confirmation, and how far a report may move the market: all that every report reads and writes, in one slot.
///
///     bits   160…255     64…159              32…63     24…31                16…23                      8…15
///            spot (WAD)  previousSpot (WAD)  time (s)  spotMove (% per √h)  volatilityMove (% per √h)  minGap (s)
///
///     bits   3…7                         2                   1                0
///            acceptedDelay (s after it)  surfaceUnconfirmed  spotUnconfirmed  side
///
/// Surfaces alternate between side 0 and side 1, so the one before the last stays readable. The side is kept here and not
/// taken from the round's parity because rounds may skip numbers. Times fit 32 bits until 2106, as expiries do.
type SpotWord is uint256;

using {
    spot,
    previousSpot,
    time,
    acceptedAt,
    side,
    spotMove,
    volatilityMove,
    minGap,
    isRegistered,
    isSpotUnconfirmed,
    isSurfaceUnconfirmed,
    isUnconfirmed,
    isClearlyNext,
    withSpot,
    withSpotUnconfirmed,
    withOtherSide,
    withSurfaceUnconfirmed,
    withLimits
} for SpotWord global;

uint256 constant SIDE_BIT = 1;
uint256 constant SPOT_UNCONFIRMED_BIT = 1 << 1;
uint256 constant SURFACE_UNCONFIRMED_BIT = 1 << 2;

function spot(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) >> 160;
}

// Each cast below keeps the low bits that its field has.

function previousSpot(SpotWord self) pure returns (uint256) {
    return uint96(SpotWord.unwrap(self) >> 64);
}

function time(SpotWord self) pure returns (uint40) {
    return uint32(SpotWord.unwrap(self) >> 32);
}

function acceptedAt(SpotWord self) pure returns (uint40) {
    return time(self) + uint40(SpotWord.unwrap(self) >> 3 & 31);
}

function side(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) & SIDE_BIT;
}

/// @return Percent per √hour that a report may move spot, in ln.
function spotMove(SpotWord self) pure returns (uint256) {
    return uint8(SpotWord.unwrap(self) >> 24);
}

/// @return Percent per √hour that a report may move the at-the-money volatility of an expiry, in ln.
function volatilityMove(SpotWord self) pure returns (uint256) {
    return uint8(SpotWord.unwrap(self) >> 16);
}

/// @return Fewest seconds between the model times of two reports of one kind; 0 for a market that is not registered.
function minGap(SpotWord self) pure returns (uint256) {
    return uint8(SpotWord.unwrap(self) >> 8);
}

function isRegistered(SpotWord self) pure returns (bool) {
    return minGap(self) != 0;
}

function isSpotUnconfirmed(SpotWord self) pure returns (bool) {
    return SpotWord.unwrap(self) & SPOT_UNCONFIRMED_BIT != 0;
}

function isSurfaceUnconfirmed(SpotWord self) pure returns (bool) {
    return SpotWord.unwrap(self) & SURFACE_UNCONFIRMED_BIT != 0;
}

function isUnconfirmed(SpotWord self) pure returns (bool) {
    return SpotWord.unwrap(self) & (SPOT_UNCONFIRMED_BIT | SURFACE_UNCONFIRMED_BIT) != 0;
}

/// @notice Whether a spot is newer than the last one and within 1 + x of it, see `BoundedMove`, and no spot waits for
/// confirmation. False says nothing.
function isClearlyNext(SpotWord self, uint256 spot_, uint256 time_) pure returns (bool isNext) {
    unchecked {
        uint256 elapsed = time_ - time(self); // far above 2^32 where it wraps
        bool isNear = BoundedMove.isClearlyBounded(spot_, spot(self), BoundedMove.squaredMove(spotMove(self), elapsed));
        uint256 waits = SpotWord.unwrap(self) & SPOT_UNCONFIRMED_BIT;
        assembly ("memory-safe") {
            isNext := and(and(isNear, iszero(waits)), lt(sub(elapsed, 1), 0xffffffff)) // all three, without a branch
        }
    }
}

/// @notice The word after a newer spot; the present spot becomes the previous one, and none is unconfirmed.
/// @dev `time_` is not in the future, so below 2^32; `acceptedDelay_` is at most the greatest age of a report, 30 s.
function withSpot(SpotWord self, uint256 spot_, uint256 time_, uint256 acceptedDelay_) pure returns (SpotWord) {
    uint256 kept = SpotWord.unwrap(self) & 0xffffff05; // limits, surfaceUnconfirmed, side
    return SpotWord.wrap(spot_ << 160 | spot(self) << 64 | time_ << 32 | kept | acceptedDelay_ << 3);
}

function withSpotUnconfirmed(SpotWord self) pure returns (SpotWord) {
    return SpotWord.wrap(SpotWord.unwrap(self) | SPOT_UNCONFIRMED_BIT);
}

/// @notice The word after a newer surface, on the side that was the one before; none is unconfirmed.
function withOtherSide(SpotWord self) pure returns (SpotWord) {
    return SpotWord.wrap((SpotWord.unwrap(self) ^ SIDE_BIT) & ~SURFACE_UNCONFIRMED_BIT);
}

function withSurfaceUnconfirmed(SpotWord self) pure returns (SpotWord) {
    return SpotWord.wrap(SpotWord.unwrap(self) | SURFACE_UNCONFIRMED_BIT);
}

/// @dev Each limit fits 8 bits, `minGap_` is positive.
function withLimits(SpotWord self, uint8 spotMove_, uint8 volatilityMove_, uint8 minGap_) pure returns (SpotWord) {
    uint256 limits = uint256(spotMove_) << 24 | uint256(volatilityMove_) << 16 | uint256(minGap_) << 8;
    return SpotWord.wrap(SpotWord.unwrap(self) & ~uint256(0xffffff00) | limits);
}
