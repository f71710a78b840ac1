// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IOptionPool, Quote} from "./interfaces/IOptionPool.sol";
import {Grid, IRiskEngine} from "./interfaces/IRiskEngine.sol";
import {AccountId} from "./types/AccountId.sol";
import {Leg} from "./types/Leg.sol";
import {StrikeWord, toStrikeWord} from "./types/StrikeWord.sol";

/// @title What several pools ask for one package
/// @notice Reads only, and belongs to nobody. A list of pools comes in, so that a long one may be asked in pages.
contract PoolLens {
    /// @notice What one pool answers.
    /// @param quoted Whether it would trade: it names a price, and the ledger would let it carry what it takes on.
    /// @param reduces Whether every leg brings its own position nearer to zero.
    /// @param quote The price with its parts; empty where the pool refuses.
    /// @param refusal Why it would not trade, as it would revert.
    struct Answer {
        bool quoted;
        bool reduces;
        Quote quote;
        bytes refusal;
    }

    /// @notice No pool would trade.
    uint256 public constant NONE = type(uint256).max;

    IRiskEngine public immutable riskEngine;

    constructor(IRiskEngine riskEngine_) {
        riskEngine = riskEngine_;
    }

    /// @notice Asks all and finds whose price is best for the taker: the least cash; of equals the first.
    /// @param legs Seen from the taker, as the ledger takes them.
    /// @return best Index of the pool, or `NONE`.
    /// @return answers In the order of `pools`.
    function bestQuote(IOptionPool[] calldata pools, Leg[] calldata legs)
        external
        view
        returns (uint256 best, Answer[] memory answers)
    {
        best = NONE;
        answers = new Answer[](pools.length);
        for (uint256 i = 0; i < pools.length; ++i) {
            answers[i] = _ask(pools[i], legs);
            if (!answers[i].quoted) continue;
            if (best == NONE || answers[i].quote.cash < answers[best].quote.cash) best = i;
        }
    }

    function _ask(IOptionPool pool, Leg[] calldata legs) private view returns (Answer memory answer) {
        answer.reduces = _reduces(pool, legs);
        try pool.quote(legs, answer.reduces) returns (Quote memory quote) {
            answer.quote = quote;
        } catch (bytes memory reason) {
            answer.refusal = reason;
            return answer;
        }
        uint256 missing = answer.reduces ? 0 : _missing(pool, legs, answer.quote);
        if (missing == 0) {
            answer.quoted = true;
        } else {
            answer.refusal =
                abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, pool.account(), missing);
        }
    }

    /// @dev As the ledger finds it.
    function _reduces(IOptionPool pool, Leg[] calldata legs) private view returns (bool) {
        (IClearinghouse ledger, AccountId account) = (pool.clearinghouse(), pool.account());
        for (uint256 i = 0; i < legs.length; ++i) {
            if (!legs[i].reduces(ledger.position(account, legs[i].option))) return false;
        }
        return true;
    }

    /// @dev What the pool lacks of the ledger's requirement after the swap, quote units.
    function _missing(IOptionPool pool, Leg[] calldata legs, Quote memory quote) private view returns (uint256) {
        (IClearinghouse ledger, AccountId account) = (pool.clearinghouse(), pool.account());
        StrikeWord[] memory words = new StrikeWord[](legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            words[i] = toStrikeWord(legs[i].option.key(), 0, 0).add(legs[i].option.isPut(), -int256(legs[i].size));
        }
        (int256 worst,,) = riskEngine.values(pool.marketId(), words, 0, Grid.Initial);
        IClearinghouse.Market memory market = ledger.market(pool.marketId());
        uint256 shareBps = uint256(market.insuranceFeeShareBps) + market.protocolFeeShareBps;
        // Cash is below 2^128.
        int256 cash = int256(ledger.cash(account)) + quote.cash - int256(quote.fee * shareBps / 10_000);
        int256 missing = ledger.requirement(account) - worst - cash;
        return missing > 0 ? uint256(missing) : 0;
    }
}
