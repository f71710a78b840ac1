// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Names an account of the ledger: `owner << 8 | sub`.
/// Sub 0 is the owner's wallet: options held as ERC-6909 tokens, longs only, cash straight from and to the owner.
/// Subs 1 to 255 are margin accounts: cash, base collateral and signed positions under the margin check.
///
///     bits  168 … 255     8 … 167     0 … 7
///            zero          owner       sub
type AccountId is uint256;

using {owner, sub, isWallet, isCanonical, equals as ==} for AccountId global;

/// @dev The margin account that makers, the fund and other contracts of the protocol use.
uint8 constant PRIMARY_SUB = 1;

/// @notice The account `sub_` of `owner_`.
function toAccountId(address owner_, uint8 sub_) pure returns (AccountId) {
    return AccountId.wrap(uint256(uint160(owner_)) << 8 | sub_);
}

function owner(AccountId self) pure returns (address) {
    return address(uint160(AccountId.unwrap(self) >> 8));
}

function sub(AccountId self) pure returns (uint8) {
    return uint8(AccountId.unwrap(self)); // keeps the low byte, which is the sub
}

function isWallet(AccountId self) pure returns (bool) {
    return sub(self) == 0;
}

/// @notice Whether the 88 bits above the owner are zero, so that every account has one name only.
function isCanonical(AccountId self) pure returns (bool) {
    return AccountId.unwrap(self) >> 168 == 0;
}

function equals(AccountId a, AccountId b) pure returns (bool) {
    return AccountId.unwrap(a) == AccountId.unwrap(b);
}
