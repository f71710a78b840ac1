// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Slice} from "./Slice.sol";
import {SurfaceHeader} from "./SurfaceHeader.sol";

/// @notice A surface in storage: its header and two pages of eight slices, in the order of their expiries.
///
///     page   word 0         8 expiries of 32 bits, the first lowest
///            words 1 … 4    2 slices of 128 bits, the first lowest
///
/// Lanes beyond the header's count mean nothing. In memory, and in events, a surface is an array of the same words.
struct Surface {
    SurfaceHeader header;
    uint256[10] words;
}

using {wordAt, expiryAt, sliceAt, indexOf, store} for Surface global;

/// @dev Most slices a surface has.
uint256 constant MAX_SLICES = 16;
uint256 constant SURFACE_WORDS = 10;

/// @dev Which word holds the expiry of slice `index`.
function expiryWordOf(uint256 index) pure returns (uint256) {
    unchecked {
        return (index >> 3) * 5; // five words a page
    }
}

/// @dev Which word holds slice `index`.
function sliceWordOf(uint256 index) pure returns (uint256) {
    unchecked {
        return (index >> 3) * 5 + 1 + (index >> 1 & 3);
    }
}

/// @notice The expiry of slice `index` out of its word.
function expiryIn(uint256 word, uint256 index) pure returns (uint32) {
    return uint32(word >> (index & 7) * 32); // keeps one lane
}

/// @notice Slice `index` out of its word.
function sliceIn(uint256 word, uint256 index) pure returns (Slice) {
    return Slice.wrap(uint128(word >> (index & 1) * 128)); // keeps one half
}

/// @notice Puts slice `index` of `expiry` into `words`, whose lanes are still zero there. `index` is below MAX_SLICES, and
/// `words` has SURFACE_WORDS.
function putSlice(uint256[] memory words, uint256 index, uint256 expiry, uint256 slice) pure {
    (uint256 expiryWord, uint256 sliceWord) = (expiryWordOf(index), sliceWordOf(index));
    assembly ("memory-safe") {
        let at := add(add(words, 0x20), shl(5, expiryWord))
        mstore(at, or(mload(at), shl(shl(5, and(index, 7)), expiry)))
        at := add(add(words, 0x20), shl(5, sliceWord))
        mstore(at, or(mload(at), shl(shl(7, and(index, 1)), slice)))
    }
}

/// @dev `word` is below SURFACE_WORDS.
function wordAt(Surface storage self, uint256 word) view returns (uint256 value) {
    uint256[10] storage words = self.words;
    assembly ("memory-safe") {
        value := sload(add(words.slot, word))
    }
}

/// @dev `index` is below the header's count.
function expiryAt(Surface storage self, uint256 index) view returns (uint32) {
    return expiryIn(wordAt(self, expiryWordOf(index)), index);
}

/// @dev `index` is below the header's count.
function sliceAt(Surface storage self, uint256 index) view returns (Slice) {
    return sliceIn(wordAt(self, sliceWordOf(index)), index);
}

/// @notice Where `expiry` stands among the first `count` slices; `count` where it is not among them.
function indexOf(Surface storage self, uint256 count, uint256 expiry) view returns (uint256 index) {
    uint256 word;
    unchecked {
        for (; index < count; ++index) {
            if (index & 7 == 0) word = wordAt(self, expiryWordOf(index));
            if (uint32(word) == expiry) return index; // the low lane is the present one
            word >>= 32;
        }
    }
}

/// @notice Writes a header and the words it counts; `words` has no more than SURFACE_WORDS.
function store(Surface storage self, SurfaceHeader header, uint256[] memory words) {
    self.header = header;
    uint256[10] storage stored = self.words;
    assembly ("memory-safe") {
        let slot := stored.slot
        let end := add(words, shl(5, mload(words)))
        for { let at := words } lt(at, end) { slot := add(slot, 1) } {
            at := add(at, 0x20)
            sstore(slot, mload(at))
        }
    }
}
