// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {Board, MarketState} from "../../types/Board.sol";

/// @title Boards as the oracle hands them over
/// @notice The same as a call of `IMarketOracle.boards` or `boardsAt`, without the decoder's second look at every field: what the protocol's
/// own oracle encodes needs none, and the words are copied once.
library OracleBoards {
    /// @dev Words of `MarketState`, and of a `Board`.
    uint256 private constant STATE_WORDS = 9;
    uint256 private constant BOARD_WORDS = 9;

    /// @param oracle The protocol's oracle.
    /// @param request The encoded call; its answer is a state and a list of boards.
    function read(IMarketOracle oracle, bytes memory request)
        internal
        view
        returns (MarketState memory state, Board[] memory boards)
    {
        assembly ("memory-safe") {
            let data := mload(0x40)
            if iszero(staticcall(gas(), oracle, add(request, 0x20), mload(request), 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            returndatacopy(data, 0, returndatasize())
            state := data
            // The state, where the list begins, its length, the boards.
            let first := add(data, mul(add(STATE_WORDS, 2), 0x20))
            let count := mload(sub(first, 0x20))
            let size := mul(BOARD_WORDS, 0x20)
            boards := add(first, mul(count, size))
            if iszero(eq(sub(boards, data), returndatasize())) { revert(0, 0) }
            mstore(boards, count)
            let entry := add(boards, 0x20)
            for { let board := first } lt(board, boards) { board := add(board, size) } {
                mstore(entry, board)
                entry := add(entry, 0x20)
            }
            mstore(0x40, entry)
        }
    }
}
