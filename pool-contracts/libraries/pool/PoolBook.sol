// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {PoolParameters} from "../../interfaces/IOptionPool.sol";
import {Board, MarketState, Moment} from "../../types/Board.sol";
import {StrikeWord} from "../../types/StrikeWord.sol";
import {OracleBoards} from "../oracle/OracleBoards.sol";
import {PoolQuote} from "../pricing/PoolQuote.sol";
import {Smile, Smiles, StrikeValue} from "../pricing/Smile.sol";
import {PoolPlace} from "./PoolState.sol";

/// @title The whole book of a pool at the last report's own time and spot
library PoolBook {
    /// @dev Sums over the book; raw (1e24) unless named otherwise.
    /// @param value Mid value of the options.
    /// @param netGamma Size times WAD per quote token: 1e24 to one.
    /// @param netShort Net short vega by bucket and net short delta, options alone, 6 decimals.
    /// @param expiries The live expiries of the book, and for each its net short vega and net short Γ·F², 6 decimals.
    struct Totals {
        int256 value;
        int256 netVega;
        uint256 grossVegaCost;
        uint256 contracts;
        int256 netGamma;
        int256[4] netShort;
        uint32[] expiries;
        int256[] expiryVega;
        int256[] expiryGamma;
    }

    /// @notice Values every strike that the pool holds.
    function value(PoolPlace memory place, PoolParameters memory parameters)
        internal
        view
        returns (Totals memory totals)
    {
        StrikeWord[] memory words = place.clearinghouse.strikes(place.account);
        (uint32[] memory expiries, uint256[] memory expiryOf) = _expiriesOf(words);
        (MarketState memory state, Board[] memory boards) = OracleBoards.read(
            place.oracle, abi.encodeCall(place.oracle.boards, (place.marketId, expiries, Moment.Report))
        );
        totals.expiries = expiries;
        totals.expiryVega = new int256[](expiries.length);
        totals.expiryGamma = new int256[](expiries.length);
        Column[] memory columns = new Column[](expiries.length);
        for (uint256 i = 0; i < expiries.length; ++i) {
            columns[i] = _column(parameters, boards[i], state.surfaceTime);
        }
        for (uint256 i = 0; i < words.length; ++i) {
            Column memory column = columns[expiryOf[i]];
            if (column.settled) _addSettled(totals, words[i], column.smile.forwardWad);
            else _addStrike(totals, words[i], column);
        }
        for (uint256 i = 0; i < expiries.length; ++i) {
            Column memory column = columns[i];
            totals.netShort[column.bucket] -= column.vega;
            (totals.expiryVega[i], totals.expiryGamma[i]) = (-column.vega, -column.gamma);
        }
    }

    /// @dev What the strikes of one expiry have in common, and their net vega and net Γ·F², 6 decimals.
    struct Column {
        bool settled;
        uint256 bucket;
        uint256 grossVegaSpread;
        Smile smile;
        int256 vega;
        int256 gamma;
    }

    function _column(PoolParameters memory parameters, Board memory board, uint256 surfaceTime)
        private
        pure
        returns (Column memory column)
    {
        if (board.settled) {
            column.settled = true;
            column.smile.forwardWad = board.forwardWad;
            return column;
        }
        column.bucket = PoolQuote.bucketOf(parameters, board.expiry - surfaceTime);
        uint256 floor_ = parameters.grossVegaSpread;
        column.grossVegaSpread = board.residualWad > floor_ ? board.residualWad : floor_;
        column.smile = Smiles.toSmile(board, surfaceTime);
    }

    function _addSettled(Totals memory totals, StrikeWord word, uint256 priceWad) private pure {
        uint256 strikeWad = word.key().strikeWad();
        unchecked {
            if (priceWad > strikeWad) totals.value += word.calls() * int256(priceWad - strikeWad);
            else totals.value += word.puts() * int256(strikeWad - priceWad); // prices < 2^97, sizes < 2^79
        }
    }

    /// @dev Bounds as in `PoolQuote`: every sum over a book's strikes stays far inside of a word.
    function _addStrike(Totals memory totals, StrikeWord word, Column memory column) private pure {
        Smile memory smile = column.smile;
        StrikeValue memory value_ = Smiles.value(smile, word.key().strikeWad());
        unchecked {
            (int256 calls, int256 puts) = (word.calls(), word.puts());
            int256 net = calls + puts;
            totals.value += calls * int256(value_.callWad) + puts * int256(value_.putWad);
            column.vega += net * int256(value_.vegaWad * PoolQuote.ROOT_REFERENCE_YEARS_WAD / 1e18) / 1e18;
            column.gamma += net * int256(Smiles.gammaWorth(value_)) / 1e18;
            int256 putDeltaWad = value_.callDeltaWad - int256(smile.deltaShareWad);
            totals.netShort[3] -= (calls * value_.callDeltaWad + puts * putDeltaWad) / 1e18;

            uint256 vegaPerVolatilityWad = value_.vegaWad * smile.rootYearsWad / 1e18;
            uint256 contracts = _abs(calls) + _abs(puts);
            totals.netVega += net * int256(vegaPerVolatilityWad);
            totals.grossVegaCost += contracts * (vegaPerVolatilityWad * column.grossVegaSpread / 1e18);
            totals.contracts += contracts;
            totals.netGamma += net * int256(Smiles.gamma(smile, value_));
        }
    }

    function _abs(int256 x) private pure returns (uint256) {
        unchecked {
            return uint256(x < 0 ? -x : x); // sizes fit int80
        }
    }

    function _expiriesOf(StrikeWord[] memory words)
        private
        pure
        returns (uint32[] memory expiries, uint256[] memory expiryOf)
    {
        expiries = new uint32[](words.length);
        expiryOf = new uint256[](words.length);
        uint256 count;
        for (uint256 i = 0; i < words.length; ++i) {
            uint32 expiry = words[i].key().expiry();
            uint256 j = 0;
            while (j < count && expiries[j] != expiry) ++j;
            if (j == count) expiries[count++] = expiry;
            expiryOf[i] = j;
        }
        assembly ("memory-safe") {
            mstore(expiries, count) // shortens the array in place
        }
    }
}
