// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice The part of a margin account that every trade writes, in one slot.
///
///     bits   128 … 255          32 … 127                        16 … 31       0 … 15
///            cash (quote units)  requirement or stressLoss       strikeCount   flags
///                                (quote units, int)
///
/// `requirement` is kept for makers: the cash the ledger wants beside the book, by the scenario margin of each swap
/// added up (never less than the truth, since scenario margin is sub-additive) and tightened by `stress`. Every other account
/// keeps `stressLoss` there: what it would fail to pay under stress, as of when it was last touched.
type AccountWord is uint256;

using {
    cash,
    requirement,
    stressLoss,
    strikeCount,
    isMaker,
    withCash,
    withRequirement,
    withStressLoss,
    withStrikeCount,
    withMaker
} for AccountWord global;

uint256 constant MAKER_FLAG = 1;

error AccountWord_CashOverflow(uint256 cash);
error AccountWord_RequirementOverflow(int256 requirement);

function cash(AccountWord self) pure returns (uint256) {
    return AccountWord.unwrap(self) >> 128;
}

function requirement(AccountWord self) pure returns (int256) {
    return int96(uint96(AccountWord.unwrap(self) >> 32)); // keeps 96 bits, restores the sign
}

/// @dev For accounts that are no makers.
function stressLoss(AccountWord self) pure returns (uint256) {
    return uint96(AccountWord.unwrap(self) >> 32); // keeps 96 bits; never negative there
}

function strikeCount(AccountWord self) pure returns (uint256) {
    return uint16(AccountWord.unwrap(self) >> 16); // keeps 16 bits
}

function isMaker(AccountWord self) pure returns (bool) {
    return AccountWord.unwrap(self) & MAKER_FLAG != 0;
}

function withCash(AccountWord self, uint256 cash_) pure returns (AccountWord) {
    if (cash_ > type(uint128).max) revert AccountWord_CashOverflow(cash_);
    return AccountWord.wrap(uint128(AccountWord.unwrap(self)) | cash_ << 128); // keeps the low half
}

function withRequirement(AccountWord self, int256 requirement_) pure returns (AccountWord) {
    if (requirement_ > type(int96).max || requirement_ < type(int96).min) {
        revert AccountWord_RequirementOverflow(requirement_);
    }
    uint256 cleared = AccountWord.unwrap(self) & ~(uint256(type(uint96).max) << 32);
    return AccountWord.wrap(cleared | uint256(uint96(int96(requirement_))) << 32); // in range: checked above
}

/// @dev For accounts that are no makers. A loss above 2^95 units is kept as that.
function withStressLoss(AccountWord self, uint256 loss) pure returns (AccountWord) {
    uint256 most = uint256(uint96(type(int96).max));
    return withRequirement(self, int256(loss < most ? loss : most));
}

/// @dev Counts stay far below 2^16: accounts are capped at hundreds of strikes.
function withStrikeCount(AccountWord self, uint256 count) pure returns (AccountWord) {
    return AccountWord.wrap(AccountWord.unwrap(self) & ~(uint256(type(uint16).max) << 16) | count << 16);
}

function withMaker(AccountWord self) pure returns (AccountWord) {
    return AccountWord.wrap(AccountWord.unwrap(self) | MAKER_FLAG);
}
