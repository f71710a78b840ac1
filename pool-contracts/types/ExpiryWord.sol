// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Where the settlement of one expiry of one market stands.
enum ExpiryState {
    /// Trading, or expired and waiting for its settlement price.
    Open,
    /// The price is fixed; accounts with shorts are being settled.
    Settling,
    /// The payout ratio is fixed: credits may be claimed in any order.
    Final
}

/// @notice The settlement of one expiry, in one slot.
///
///     bits   224 … 255          128 … 223    32 … 127     8 … 31                    0 … 7
///            openShortAccounts  owed (uint)  collected    settledAfter (s, 24 bits)  state
///
/// Positions sum to zero, so once every account that is short has been netted and settled, what debtors owe is what
/// creditors are due: `owed` and `collected` grow as debtors settle, and the payout ratio is collected/owed at the end.
/// At finality `owed` keeps the ratio's denominator and `collected` what is there to pay.
type ExpiryWord is uint256;

using {
    openShortAccounts,
    owed,
    collected,
    settledAfter,
    state,
    withOpenShortAccounts,
    withDebt,
    withState
} for ExpiryWord global;

error ExpiryWord_AmountOverflow(uint256 amount);

function openShortAccounts(ExpiryWord self) pure returns (uint256) {
    return ExpiryWord.unwrap(self) >> 224;
}

function owed(ExpiryWord self) pure returns (uint256) {
    return uint96(ExpiryWord.unwrap(self) >> 128); // keeps 96 bits
}

function collected(ExpiryWord self) pure returns (uint256) {
    return uint96(ExpiryWord.unwrap(self) >> 32); // keeps 96 bits
}

/// @return Seconds between the expiry and the moment its settlement began.
function settledAfter(ExpiryWord self) pure returns (uint256) {
    return uint24(ExpiryWord.unwrap(self) >> 8); // keeps 24 bits
}

function state(ExpiryWord self) pure returns (ExpiryState) {
    return ExpiryState(uint8(ExpiryWord.unwrap(self)));
}

function withOpenShortAccounts(ExpiryWord self, uint256 count) pure returns (ExpiryWord) {
    return ExpiryWord.wrap(ExpiryWord.unwrap(self) & type(uint224).max | count << 224);
}

function withDebt(ExpiryWord self, uint256 owed_, uint256 collected_) pure returns (ExpiryWord) {
    if (owed_ > type(uint96).max) revert ExpiryWord_AmountOverflow(owed_);
    if (collected_ > type(uint96).max) revert ExpiryWord_AmountOverflow(collected_);
    uint256 cleared = ExpiryWord.unwrap(self) & ~(uint256(type(uint192).max) << 32);
    return ExpiryWord.wrap(cleared | owed_ << 128 | collected_ << 32);
}

/// @dev A settlement that begins more than 194 days late keeps the largest delay: only the deadline reads it.
function withState(ExpiryWord self, ExpiryState state_, uint256 settledAfter_) pure returns (ExpiryWord) {
    if (settledAfter_ > type(uint24).max) settledAfter_ = type(uint24).max;
    uint256 cleared = ExpiryWord.unwrap(self) & ~uint256(type(uint32).max);
    return ExpiryWord.wrap(cleared | settledAfter_ << 8 | uint256(state_));
}
