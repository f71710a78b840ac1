// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What one surface report says besides its slices, in one slot.
///
///     bits   224 … 255   184 … 223    176 … 183       80 … 175     64 … 79               56 … 63      40 … 55
///            round       modelTime    acceptedDelay   spot (WAD)   disagreement (1e-4)   sliceCount   freshMask
type SurfaceHeader is uint256;

using {round, modelTime, acceptedAt, spotWad, disagreement, sliceCount, freshMask} for SurfaceHeader global;

/// @dev Fields must fit; `acceptedDelay` is at most the largest age of a report, 30 s.
function toSurfaceHeader(
    uint256 round_,
    uint256 modelTime_,
    uint256 acceptedDelay_,
    uint256 spotWad_,
    uint256 disagreement_,
    uint256 sliceCount_,
    uint256 freshMask_
) pure returns (SurfaceHeader) {
    uint256 clocks = round_ << 224 | modelTime_ << 184 | acceptedDelay_ << 176;
    return SurfaceHeader.wrap(clocks | spotWad_ << 80 | disagreement_ << 64 | sliceCount_ << 56 | freshMask_ << 40);
}

function round(SurfaceHeader self) pure returns (uint256) {
    return SurfaceHeader.unwrap(self) >> 224;
}

function modelTime(SurfaceHeader self) pure returns (uint256) {
    return uint40(SurfaceHeader.unwrap(self) >> 184); // keeps 40 bits
}

function acceptedAt(SurfaceHeader self) pure returns (uint256) {
    return modelTime(self) + uint8(SurfaceHeader.unwrap(self) >> 176); // keeps 8 bits
}

function spotWad(SurfaceHeader self) pure returns (uint256) {
    return uint96(SurfaceHeader.unwrap(self) >> 80); // keeps 96 bits
}

function disagreement(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 64); // keeps 16 bits
}

function sliceCount(SurfaceHeader self) pure returns (uint256) {
    return uint8(SurfaceHeader.unwrap(self) >> 56); // keeps 8 bits
}

/// @return Bit i is 1 where slice i came with this report; a slice that was refused is its last one, rolled down.
function freshMask(SurfaceHeader self) pure returns (uint256) {
    return uint16(SurfaceHeader.unwrap(self) >> 40); // keeps 16 bits
}
