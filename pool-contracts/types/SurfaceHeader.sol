// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What one accepted surface report says beside its slices, in one slot.
///
///     bits   216…247  176…215   168…175                     72…167      56…71         48…55  32…47      0…31
///            round    time (s)  acceptedDelay (s after it)  spot (WAD)  disagreement  count  freshMask  signerSet
///
/// Slices are stored in the order of their expiries; bit i of `freshMask` is 1 where slice i came with this report and 0
/// where it was refused and an older one, rolled down, took its place. `disagreement` counts 1e-4 of volatility.
type SurfaceHeader is uint256;

using {round, time, acceptedAt, spot, disagreement, count, freshMask, isFresh, signerSet} for SurfaceHeader global;

uint256 constant DISAGREEMENT_UNIT_WAD = 1e14; // one unit is 0.01 volatility points

/// @dev Every argument has its field's width; `count_` is at most 16.
function toSurfaceHeader(
    uint32 round_,
    uint40 time_,
    uint8 acceptedDelay_,
    uint96 spot_,
    uint16 disagreement_,
    uint8 count_,
    uint16 freshMask_,
    uint32 signerSet_
) pure returns (SurfaceHeader) {
    uint256 clocks =
        uint256(round_) << 216 | uint256(time_) << 176 | uint256(acceptedDelay_) << 168;
    uint256 values = uint256(spot_) << 72 | uint256(disagreement_) << 56;
    return SurfaceHeader.wrap(clocks | values | uint256(count_) << 48 | uint256(freshMask_) << 32 | signerSet_);
}

// Each cast below keeps the low bits that its field has.

function round(SurfaceHeader self) pure returns (uint32) {
    return uint32(SurfaceHeader.unwrap(self) >> 216);
}

function time(SurfaceHeader self) pure returns (uint40) {
    return uint40(SurfaceHeader.unwrap(self) >> 176);
}

function acceptedAt(SurfaceHeader self) pure returns (uint40) {
    return time(self) + uint8(SurfaceHeader.unwrap(self) >> 168);
}

function spot(SurfaceHeader self) pure returns (uint256) {
    return uint96(SurfaceHeader.unwrap(self) >> 72);
}

function disagreement(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 56);
}

function count(SurfaceHeader self) pure returns (uint256) {
    return uint8(SurfaceHeader.unwrap(self) >> 48);
}

function freshMask(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 32);
}

function isFresh(SurfaceHeader self, uint256 index) pure returns (bool) {
    return freshMask(self) >> index & 1 == 1;
}

function signerSet(SurfaceHeader self) pure returns (uint32) {
    return uint32(SurfaceHeader.unwrap(self));
}
