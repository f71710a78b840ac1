// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Who may sign reports, in one slot; the addresses, 20 bytes each, are the code of a contract at `pointer`.
///
///     bits   96…255   64…95   8…15   0…7
///            pointer  number  count  quorum
type SignerSet is uint256;

using {pointer, number, count, quorum} for SignerSet global;

function toSignerSet(address pointer_, uint32 number_, uint8 count_, uint8 quorum_) pure returns (SignerSet) {
    return
        SignerSet.wrap(
            uint256(uint160(pointer_)) << 96 | uint256(number_) << 64 | uint256(count_) << 8 | uint256(quorum_)
        );
}

function pointer(SignerSet self) pure returns (address) {
    return address(uint160(SignerSet.unwrap(self) >> 96)); // the upper 160 bits
}

/// @return Counts the sets from 1: a report names the set that signed it.
function number(SignerSet self) pure returns (uint32) {
    return uint32(SignerSet.unwrap(self) >> 64); // keeps 32 bits
}

function count(SignerSet self) pure returns (uint256) {
    return uint8(SignerSet.unwrap(self) >> 8); // keeps 8 bits
}

function quorum(SignerSet self) pure returns (uint256) {
    return uint8(SignerSet.unwrap(self)); // keeps 8 bits
}
