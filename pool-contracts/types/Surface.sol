// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Slice} from "./Slice.sol";
import {SurfaceHeader} from "./SurfaceHeader.sol";

/// @notice The surfaces of one market: the present one and the one before it, which alternate between sides 0 and 1, and on
/// side 2 one that waits for confirmation.
/// @param header Of the present surface, with what must be known of the one before.
/// @param unconfirmed Header of the surface on side 2.
/// @param lists Three lists of expiries: eight to a word, the first highest, ended by a zero or by the sixteenth. Headers say
/// whose is whose.
/// @param slices Of each side, in the order of its list: two to a word, the first highest.
struct Surfaces {
    SurfaceHeader header;
    SurfaceHeader unconfirmed;
    uint256[2][3] lists;
    uint256[8][3] slices;
}

using {expiryWords, sliceWord, writeList, writeSlices} for Surfaces global;

/// @dev Most slices a surface has.
uint256 constant MAX_SLICES = 16;
/// @dev The side of a surface that waits for confirmation.
uint256 constant UNCONFIRMED_SIDE = 2;

// In memory a surface is an array of pages: a word of eight expiries, then the four words of their slices; the last page may
// have fewer. In events its header comes first.

uint256 constant PAGE_WORDS = 5;
uint256 constant SURFACE_WORDS = 10;

/// @dev Which word of an array of pages holds the expiry of slice `index`.
function expiryPlace(uint256 index) pure returns (uint256) {
    unchecked {
        return (index >> 3) * PAGE_WORDS;
    }
}

/// @dev Which word of an array of pages holds slice `index`.
function slicePlace(uint256 index) pure returns (uint256) {
    unchecked {
        return (index >> 3) * PAGE_WORDS + 1 + (index >> 1 & 3);
    }
}

/// @notice The expiry of slice `index` out of its word.
function expiryIn(uint256 word, uint256 index) pure returns (uint256) {
    unchecked {
        return uint32(word >> 224 - (index & 7) * 32); // keeps one lane
    }
}

/// @notice Slice `index` out of its word.
function sliceIn(uint256 word, uint256 index) pure returns (Slice) {
    unchecked {
        return Slice.wrap(uint128(word >> 128 - (index & 1) * 128)); // keeps one half
    }
}

/// @notice Room for a surface's pages, all zero, with two words to spare before the length, where an event puts its header.
function newPages() pure returns (uint256[] memory pages) {
    assembly ("memory-safe") {
        pages := add(mload(0x40), 0x40)
        mstore(pages, SURFACE_WORDS)
        calldatacopy(add(pages, 0x20), calldatasize(), 0x140) // zeros lie behind the calldata
        mstore(0x40, add(pages, 0x160))
    }
}

/// @notice Logs `topic`, the market, the header and the pages as `event(uint16 indexed, SurfaceHeader, uint256[])`, where they
/// lie. `pages` came from `newPages`.
function logSurface(bytes32 topic, uint256 marketId, SurfaceHeader header, uint256[] memory pages) {
    assembly ("memory-safe") {
        let data := sub(pages, 0x40)
        mstore(data, header)
        mstore(add(data, 0x20), 0x40) // where the array begins
        log2(data, add(0x60, shl(5, mload(pages))), topic, marketId)
    }
}

/// @notice Puts slice `index` of `expiry` into pages whose lanes are still zero there; `index` is below MAX_SLICES.
function putSlice(uint256[] memory pages, uint256 index, uint256 expiry, uint256 slice) pure {
    assembly ("memory-safe") {
        let page := add(add(pages, 0x20), mul(shr(3, index), 0xa0))
        mstore(page, or(mload(page), shl(sub(224, shl(5, and(index, 7))), expiry)))
        let at := add(add(page, 0x20), and(shl(4, index), 0x60))
        mstore(at, or(mload(at), shl(sub(128, shl(7, and(index, 1))), slice)))
    }
}

/// @notice Cuts pages to the words that `count` slices fill.
function cutPages(uint256[] memory pages, uint256 count) pure {
    unchecked {
        uint256 used = count == 0 ? 0 : slicePlace(count - 1) + 1; // of at most MAX_SLICES
        assembly ("memory-safe") {
            mstore(pages, used) // only ever shorter
        }
    }
}

/// @notice Where `expiry` stands in a list of two words, and whether it does.
function findExpiry(uint256 first, uint256 second, uint256 expiry) pure returns (bool found, uint256 index) {
    unchecked {
        uint256 word = first;
        for (; word != 0 && index < MAX_SLICES;) {
            if (word >> 224 == expiry) return (true, index); // the highest lane is the present one
            ++index;
            word = index == 8 ? second : word << 32;
        }
    }
}

/// @notice Both words of a list; the second is read only where the first is full. `list` is below 3.
function expiryWords(Surfaces storage self, uint256 list) view returns (uint256 first, uint256 second) {
    uint256[2][3] storage lists = self.lists;
    assembly ("memory-safe") {
        let slot := add(lists.slot, shl(1, list))
        first := sload(slot)
        if and(first, 0xffffffff) { second := sload(add(slot, 1)) }
    }
}

/// @dev The word of slices 2·`pair` and the next; `side` is below 3, `pair` below 8.
function sliceWord(Surfaces storage self, uint256 side, uint256 pair) view returns (uint256 word) {
    uint256[8][3] storage slices = self.slices;
    assembly ("memory-safe") {
        word := sload(add(add(slices.slot, shl(3, side)), pair))
    }
}

/// @notice Writes the expiries of `pages`, which are not empty. `list` is below 3.
function writeList(Surfaces storage self, uint256 list, uint256[] memory pages) {
    uint256[2][3] storage lists = self.lists;
    assembly ("memory-safe") {
        let slot := add(lists.slot, shl(1, list))
        sstore(slot, mload(add(pages, 0x20)))
        switch gt(mload(pages), PAGE_WORDS)
        case 0 { sstore(add(slot, 1), 0) }
        default { sstore(add(slot, 1), mload(add(pages, 0xc0))) }
    }
}

/// @notice Writes the slices of `pages`. `side` is below 3.
function writeSlices(Surfaces storage self, uint256 side, uint256[] memory pages) {
    uint256[8][3] storage slices = self.slices;
    assembly ("memory-safe") {
        let slot := add(slices.slot, shl(3, side))
        let first := add(pages, 0x40) // behind the length and the first page's expiries
        let end := add(add(pages, 0x20), shl(5, mload(pages)))
        let second := add(pages, 0xc0) // where the second page's expiries stand
        for { let at := first } lt(at, end) { at := add(at, 0x20) } {
            if eq(at, second) { continue }
            sstore(slot, mload(at))
            slot := add(slot, 1)
        }
    }
}
