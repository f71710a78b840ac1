// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice The freshest spot and the one before it, in one slot, and which of the two stored surfaces is the last.
///
///     bits   160 … 255    64 … 159             24 … 63     16 … 23         0
///            spot (WAD)   previousSpot (WAD)   modelTime   acceptedDelay   parity of the last surface's round
type SpotWord is uint256;

using {spotWad, previousSpotWad, modelTime, acceptedAt, parity} for SpotWord global;

function toSpotWord(
    uint256 spotWad_,
    uint256 previousSpotWad_,
    uint256 modelTime_,
    uint256 acceptedDelay_,
    uint256 parity_
) pure returns (SpotWord) {
    return SpotWord.wrap(spotWad_ << 160 | previousSpotWad_ << 64 | modelTime_ << 24 | acceptedDelay_ << 16 | parity_);
}

function spotWad(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) >> 160;
}

function previousSpotWad(SpotWord self) pure returns (uint256) {
    return uint96(SpotWord.unwrap(self) >> 64); // keeps 96 bits
}

function modelTime(SpotWord self) pure returns (uint256) {
    return uint40(SpotWord.unwrap(self) >> 24); // keeps 40 bits
}

function acceptedAt(SpotWord self) pure returns (uint256) {
    return modelTime(self) + uint8(SpotWord.unwrap(self) >> 16); // keeps 8 bits
}

function parity(SpotWord self) pure returns (uint256) {
    return SpotWord.unwrap(self) & 1;
}
