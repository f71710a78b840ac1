// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StrikeKey} from "../../types/OptionId.sol";
import {StrikeWord, toStrikeWord} from "../../types/StrikeWord.sol";

/// @title An account's positions
/// @notice A dense array of strike words: the array is the enumeration that margin and settlement read anyway. Makers hold
/// many strikes and find one by an index beside the array; other accounts hold few and are scanned. Whose positions they are
/// keeps the count.
library Positions {
    /// @dev More than any account may hold, see `Accounts`.
    uint256 private constant CAPACITY = 256;

    struct Book {
        StrikeWord[CAPACITY] words; // 0 … count−1, no gaps; adjacent slots cost no hash each
        mapping(StrikeKey => uint256) slotPlusOne; // makers only
    }

    /// @notice Where `key` stands: its slot, or `count` where the account does not hold the strike.
    function find(Book storage book, uint256 count, bool byIndex, StrikeKey key) internal view returns (uint256 slot) {
        if (byIndex) {
            uint256 plusOne = book.slotPlusOne[key];
            return plusOne == 0 ? count : plusOne - 1;
        }
        while (slot < count && !(book.words[slot].key() == key)) ++slot;
    }

    /// @notice The word of `key`, flat where the account does not hold the strike.
    function read(Book storage book, uint256 count, bool byIndex, StrikeKey key) internal view returns (StrikeWord) {
        uint256 slot = find(book, count, byIndex, key);
        return slot == count ? toStrikeWord(key, 0, 0) : book.words[slot];
    }

    /// @notice Adds `size` of the call or the put of `key` and drops the word where both are flat.
    /// @return before The word before; flat where it is new.
    /// @return after_ The word after.
    /// @return newCount Words in the book afterwards.
    function add(Book storage book, uint256 count, bool byIndex, StrikeKey key, bool isPut, int256 size)
        internal
        returns (StrikeWord before, StrikeWord after_, uint256 newCount)
    {
        uint256 slot = find(book, count, byIndex, key);
        before = slot == count ? toStrikeWord(key, 0, 0) : book.words[slot];
        after_ = before.add(isPut, size);
        if (after_.isFlat()) return (before, after_, slot == count ? count : remove(book, count, byIndex, slot));
        book.words[slot] = after_;
        if (slot < count) return (before, after_, count);
        if (byIndex) book.slotPlusOne[key] = slot + 1;
        return (before, after_, count + 1);
    }

    /// @notice Removes the word at `slot`; the last word takes its place.
    function remove(Book storage book, uint256 count, bool byIndex, uint256 slot) internal returns (uint256 newCount) {
        newCount = count - 1;
        if (byIndex) delete book.slotPlusOne[book.words[slot].key()];
        if (slot != newCount) {
            StrikeWord last = book.words[newCount];
            book.words[slot] = last;
            if (byIndex) book.slotPlusOne[last.key()] = slot + 1;
        }
        book.words[newCount] = StrikeWord.wrap(0);
    }

    /// @notice All words, in storage order.
    function all(Book storage book, uint256 count) internal view returns (StrikeWord[] memory words) {
        words = new StrikeWord[](count);
        for (uint256 i = 0; i < count; ++i) {
            words[i] = book.words[i];
        }
    }
}
