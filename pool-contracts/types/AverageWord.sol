// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice The average of spot over the window before one expiry, in one slot: the newest, and the one that the last
/// surface report carried, so that a mark under that report does not move when a report of spot brings a newer one.
///
///     bits   128…223        112…127             16…111               0…15
///            average (WAD)  elapsed (s, ≤ 1800)  reportAverage (WAD)  reportElapsed
///
/// Once `elapsed` is the whole window, `average` is the settlement price and never changes again.
type AverageWord is uint256;

using {average, elapsed, reportAverage, reportElapsed, withNewest, withReport} for AverageWord global;

function average(AverageWord self) pure returns (uint256) {
    return AverageWord.unwrap(self) >> 128;
}

// Each cast below keeps the low bits that its field has.

function elapsed(AverageWord self) pure returns (uint256) {
    return uint16(AverageWord.unwrap(self) >> 112);
}

function reportAverage(AverageWord self) pure returns (uint256) {
    return uint96(AverageWord.unwrap(self) >> 16);
}

function reportElapsed(AverageWord self) pure returns (uint256) {
    return uint16(AverageWord.unwrap(self));
}

/// @dev `average_` fits 96 bits and `elapsed_` 16, as they do in a report.
function withNewest(AverageWord self, uint256 average_, uint256 elapsed_) pure returns (AverageWord) {
    return AverageWord.wrap(average_ << 128 | elapsed_ << 112 | uint112(AverageWord.unwrap(self)));
}

/// @dev `average_` fits 96 bits and `elapsed_` 16, as they do in a report.
function withReport(AverageWord self, uint256 average_, uint256 elapsed_) pure returns (AverageWord) {
    return AverageWord.wrap(AverageWord.unwrap(self) >> 112 << 112 | average_ << 16 | elapsed_);
}
