// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RiskEngine} from "../../../pool-contracts/RiskEngine.sol";
import {IMarketOracle} from "../../../pool-contracts/interfaces/IMarketOracle.sol";
import {Grid} from "../../../pool-contracts/interfaces/IRiskEngine.sol";
import {Board, MarketState, Moment} from "../../../pool-contracts/types/Board.sol";
import {StrikeWord} from "../../../pool-contracts/types/StrikeWord.sol";

/// @notice A margin engine on an oracle that answers what the test says, many portfolios to a call.
contract RiskHarness {
    /// @param waiting Boards of the surface that waits for confirmation, where `state.unconfirmed`.
    /// @param waitingSpotWad The spot that waits; 0 where none does.
    /// @param averages For each board, the running average of its window.
    /// @param elapsed For each board, the seconds of it that are fixed.
    struct Scene {
        MarketState state;
        Board[] boards;
        Board[] waiting;
        uint256 waitingSpotWad;
        uint256[] averages;
        uint256[] elapsed;
        StrikeWord[] words;
        uint256 baseSize;
    }

    /// @param failure What the engine reverted with; then the rest is zero.
    struct Seen {
        bytes failure;
        int256 worst;
        int256 mid;
        int256 stressed;
        int256 worstMaintenance;
    }

    Scene private _scene;

    /// @param creationCode `RiskEngine`'s: forge turns `new` under test/ into a cheat code, which a real chain does not have.
    function play(
        bytes calldata creationCode,
        uint8 quoteDecimals,
        RiskEngine.MarketGrids calldata grids,
        Scene[] calldata scenes
    ) external returns (Seen[] memory seen) {
        RiskEngine risk = _deploy(creationCode, quoteDecimals);
        risk.setGrids(1, grids);
        seen = new Seen[](scenes.length);
        for (uint256 i = 0; i < scenes.length; ++i) {
            Scene calldata scene = scenes[i];
            _scene = scene;
            try this.valuesOf(risk, scene.words, scene.baseSize) returns (Seen memory values) {
                seen[i] = values;
            } catch (bytes memory reason) {
                seen[i].failure = reason;
            }
        }
    }

    function valuesOf(RiskEngine risk, StrikeWord[] calldata words, uint256 baseSize)
        external
        view
        returns (Seen memory seen)
    {
        (seen.worst, seen.mid, seen.stressed) = risk.values(1, words, baseSize, Grid.Initial);
        (seen.worstMaintenance,,) = risk.values(1, words, baseSize, Grid.Maintenance);
    }

    function _deploy(bytes calldata creationCode, uint8 quoteDecimals) private returns (RiskEngine risk) {
        bytes memory code = bytes.concat(creationCode, abi.encode(address(this), quoteDecimals, address(this)));
        assembly ("memory-safe") {
            risk := create(0, add(code, 32), mload(code))
        }
        require(address(risk) != address(0), "the engine could not be deployed");
    }

    // The oracle.

    function boards(uint16, uint32[] calldata expiries, Moment moment)
        external
        view
        returns (MarketState memory, Board[] memory boards_)
    {
        boards_ = new Board[](expiries.length);
        for (uint256 i = 0; i < expiries.length; ++i) {
            uint256 j = _indexOf(expiries[i]);
            boards_[i] = moment == Moment.Unconfirmed ? _scene.waiting[j] : _scene.boards[j];
        }
        return (_scene.state, boards_);
    }

    function unconfirmed(uint16) external view returns (IMarketOracle.Unconfirmed memory) {
        return IMarketOracle.Unconfirmed(0, 0, 0, _scene.waitingSpotWad);
    }

    function runningAverage(uint16, uint32 expiry) external view returns (uint256, uint256) {
        uint256 i = _indexOf(expiry);
        return (_scene.averages[i], _scene.elapsed[i]);
    }

    function _indexOf(uint32 expiry) private view returns (uint256 i) {
        while (_scene.boards[i].expiry != expiry) ++i;
    }

    // The authority.

    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }
}
