// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {OptionPool} from "../../../pool-contracts/OptionPool.sol";
import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../../pool-contracts/interfaces/IMarketOracle.sol";
import {Mark, PoolParameters, Quote} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {PoolQuote} from "../../../pool-contracts/libraries/pricing/PoolQuote.sol";
import {AccountId} from "../../../pool-contracts/types/AccountId.sol";
import {Board, MarketState, Moment} from "../../../pool-contracts/types/Board.sol";
import {Leg} from "../../../pool-contracts/types/Leg.sol";
import {StrikeWord} from "../../../pool-contracts/types/StrikeWord.sol";

/// @notice `PoolQuote.price` with every input in the caller's hand, many packages to a call.
contract QuoteHarness {
    struct Priced {
        bytes failure;
        Quote quote;
        PoolQuote.Totals totals;
    }

    function prices(PoolParameters[] calldata parameters, PoolQuote.Facts[] calldata facts)
        external
        view
        returns (Priced[] memory priced)
    {
        priced = new Priced[](facts.length);
        for (uint256 i = 0; i < facts.length; ++i) {
            try this.price(parameters[i], facts[i]) returns (Quote memory quote, PoolQuote.Totals memory totals) {
                priced[i].quote = quote;
                priced[i].totals = totals;
            } catch (bytes memory reason) {
                priced[i].failure = reason;
            }
        }
    }

    function price(PoolParameters calldata parameters, PoolQuote.Facts calldata facts)
        external
        pure
        returns (Quote memory, PoolQuote.Totals memory)
    {
        return PoolQuote.price(parameters, facts);
    }
}

/// @notice A pool between a ledger, an oracle and shares that answer what the test says: what its marks and swaps make of it.
contract MarkHarness {
    /// @param legs What a taker swaps under the report; empty for none.
    /// @param words The pool's book when the next report comes.
    /// @param flow What LPs bring (or, negative, take) at the mark.
    struct Scene {
        PoolParameters parameters;
        uint8 quoteDecimals;
        MarketState state;
        Board[] boards;
        StrikeWord[] words;
        uint256 baseAmount;
        uint256 cash;
        int256 flow;
        Leg[] legs;
    }

    struct Seen {
        Mark mark;
        int256[4] netShort;
        uint256 reserveWad;
        Quote quote;
    }

    Scene private _scene;
    bool private _flowed;
    uint8 public quoteDecimals;

    /// @notice Plays one scene after another on a fresh pool: mark under the scene's report, then swap.
    /// @param creationCode `OptionPool`'s: forge turns `new` under test/ into a cheat code, which a real chain does not have.
    function play(bytes calldata creationCode, Scene[] calldata scenes) external returns (Seen[] memory seen) {
        quoteDecimals = scenes[0].quoteDecimals;
        OptionPool pool = _deploy(creationCode, scenes[0].parameters);
        seen = new Seen[](scenes.length);
        for (uint256 i = 0; i < scenes.length; ++i) {
            (_scene, _flowed) = (scenes[i], false);
            pool.setParameters(scenes[i].parameters);
            seen[i].mark = pool.mark();
            (seen[i].netShort, seen[i].reserveWad) = pool.inventory();
            if (scenes[i].legs.length == 0) continue;
            seen[i].quote = pool.quote(scenes[i].legs, true);
            pool.onTrade(AccountId.wrap(0x101), scenes[i].legs, true, "");
        }
    }

    function _deploy(bytes calldata creationCode, PoolParameters calldata parameters)
        private
        returns (OptionPool pool)
    {
        address self = address(this);
        bytes memory code = bytes.concat(creationCode, abi.encode(self, self, self, uint16(1), parameters, self));
        assembly ("memory-safe") {
            pool := create(0, add(code, 32), mload(code))
        }
        require(address(pool) != address(0), "the pool refused its parameters");
    }

    // The ledger.

    function market(uint16) external view returns (IClearinghouse.Market memory market_) {
        market_.baseToken = address(this);
        market_.insuranceFeeShareBps = 2000;
        market_.protocolFeeShareBps = 1000;
    }

    function liquidationAuction() external view returns (address) {
        return address(this);
    }

    function backstopProvision(AccountId, uint16) external pure returns (uint256) {
        return 0;
    }

    function decimals() external pure returns (uint8) {
        return 18;
    }

    function isLocked() external pure returns (bool) {
        return false;
    }

    function cash(AccountId) external view returns (uint256) {
        return _flowed ? uint256(int256(_scene.cash) + _scene.flow) : _scene.cash;
    }

    function base(AccountId, uint16) external view returns (uint256) {
        return _scene.baseAmount;
    }

    function settlementBalance(AccountId) external pure returns (int256) {
        return 0;
    }

    function strikes(AccountId) external view returns (StrikeWord[] memory) {
        return _scene.words;
    }

    // The oracle.

    function marketState(uint16) external view returns (MarketState memory) {
        return _scene.state;
    }

    function boards(uint16, uint32[] calldata expiries, Moment)
        external
        view
        returns (MarketState memory, Board[] memory boards_)
    {
        boards_ = new Board[](expiries.length);
        _fill(boards_, 0, expiries);
        return (_scene.state, boards_);
    }

    function boardsAt(uint16, uint32[] calldata expiries, Moment, Moment)
        external
        view
        returns (MarketState memory, Board[] memory boards_)
    {
        boards_ = new Board[](2 * expiries.length);
        _fill(boards_, 0, expiries);
        _fill(boards_, expiries.length, expiries);
        return (_scene.state, boards_);
    }

    function _fill(Board[] memory boards_, uint256 from, uint32[] calldata expiries) private view {
        for (uint256 i = 0; i < expiries.length; ++i) {
            for (uint256 j = 0; j < _scene.boards.length; ++j) {
                if (_scene.boards[j].expiry == expiries[i]) boards_[from + i] = _scene.boards[j];
            }
        }
    }

    // Shares and authority.

    function onMark(Mark calldata) external {
        _flowed = true;
    }

    function canCall(address, address, bytes4) external pure returns (bool, uint32) {
        return (true, 0);
    }
}
