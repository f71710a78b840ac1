// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What a surface says beside its slices, and what must be known of the surface before it, in one slot.
///
///     bits   224…255  192…223   187…191                     91…186      75…90         59…74      57…58
///            round    time (s)  acceptedDelay (s after it)  spot (WAD)  disagreement  freshMask  list
///
///     bits   25…56             9…24                   7…8             0…6
///            previousTime (s)  previousFreshMask      previousList    unused
///
/// Slices are stored in the order of their expiries; bit i of `freshMask` is 1 where slice i came with this report and 0
/// where it was refused and an older one, rolled down, took its place. `list` says which of a market's three lists of
/// expiries is the surface's: a report that lists the same expiries as the one before shares its list. `disagreement` counts
/// 1e-4 of volatility. Times fit 32 bits until 2106, as expiries do. `previousTime` is 0 before the second report.
type SurfaceHeader is uint256;

using {
    round,
    time,
    acceptedAt,
    spot,
    disagreement,
    freshMask,
    list,
    previousTime,
    previousFreshMask,
    previousList,
    spareList
} for SurfaceHeader global;

uint256 constant DISAGREEMENT_UNIT_WAD = 1e14; // one unit is 0.01 volatility points

/// @notice The header of a surface that comes after `last`.
/// @dev Every argument has its field's width: the delay is at most 30, the list at most 2, the time below 2^32.
function toSurfaceHeader(
    SurfaceHeader last,
    uint256 round_,
    uint256 time_,
    uint256 acceptedDelay_,
    uint256 spot_,
    uint256 disagreement_,
    uint256 freshMask_,
    uint256 list_
) pure returns (SurfaceHeader) {
    uint256 clocks = round_ << 224 | time_ << 192 | acceptedDelay_ << 187;
    uint256 values = spot_ << 91 | disagreement_ << 75 | freshMask_ << 59 | list_ << 57;
    uint256 before = last.time() << 25 | last.freshMask() << 9 | last.list() << 7;
    return SurfaceHeader.wrap(clocks | values | before);
}

// Each cast and mask below keeps the low bits that its field has.

function round(SurfaceHeader self) pure returns (uint256) {
    return SurfaceHeader.unwrap(self) >> 224;
}

function time(SurfaceHeader self) pure returns (uint256) {
    return uint32(SurfaceHeader.unwrap(self) >> 192);
}

function acceptedAt(SurfaceHeader self) pure returns (uint256) {
    unchecked {
        return time(self) + (SurfaceHeader.unwrap(self) >> 187 & 31); // far below 2^256
    }
}

function spot(SurfaceHeader self) pure returns (uint256) {
    return uint96(SurfaceHeader.unwrap(self) >> 91);
}

function disagreement(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 75);
}

function freshMask(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 59);
}

function list(SurfaceHeader self) pure returns (uint256) {
    return SurfaceHeader.unwrap(self) >> 57 & 3;
}

function previousTime(SurfaceHeader self) pure returns (uint256) {
    return uint32(SurfaceHeader.unwrap(self) >> 25);
}

function previousFreshMask(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 9);
}

function previousList(SurfaceHeader self) pure returns (uint256) {
    return SurfaceHeader.unwrap(self) >> 7 & 3;
}

/// @notice A list that neither the surface nor the one before it uses.
function spareList(SurfaceHeader self) pure returns (uint256) {
    (uint256 a, uint256 b) = (list(self), previousList(self));
    unchecked {
        // 0 + 1 + 2 = 3: of two different ones the third is what is missing.
        return a == b ? (a + 1) % 3 : 3 - a - b;
    }
}
