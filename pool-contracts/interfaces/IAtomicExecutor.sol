// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {IClearinghouse} from "./IClearinghouse.sol";

/// @title Swaps of several makers and one on Uniswap v3, all or nothing
interface IAtomicExecutor {
    /// @notice What is traded on Uniswap v3 between the caller's own tokens.
    /// @param baseAmount Positive: so much base is bought; negative: sold; zero: nothing. Base token units, exact.
    /// @param sqrtPriceLimitX96 Where the swap stops; it reverts if that is before the whole amount.
    struct SpotTrade {
        int256 baseAmount;
        uint160 sqrtPriceLimitX96;
    }

    /// @notice What the caller wants to have gained.
    /// @param basePriceWad What a unit of the underlying counts, quote per unit, WAD.
    /// @param leastGain Least change of the account's cash and of the caller's tokens together, quote units; negative: what the options
    /// that he takes may cost.
    /// @param deadline Last second at which it may happen.
    struct Bound {
        uint256 basePriceWad;
        int256 leastGain;
        uint40 deadline;
    }

    event Executed(AccountId indexed account, uint256 swaps, int256 baseAmount, int256 gain);

    error AtomicExecutor_NotOwner(AccountId account, address caller);
    error AtomicExecutor_WrongAccount(AccountId account, AccountId wanted);
    error AtomicExecutor_Expired(uint40 deadline);
    /// @notice Less was gained than the caller wanted.
    error AtomicExecutor_TooLittle(int256 gain, int256 leastGain);
    error AtomicExecutor_NotFilled(int256 filled, int256 wanted);
    error AtomicExecutor_NotUniswap(address caller);

    /// @notice Does the swaps in order as the operator of `account`, whose margin is checked once, then the trade on Uniswap v3 out of the
    /// caller's tokens and into them. Reverts unless the caller owns the account and has gained what he wanted.
    /// @param account Margin account of the caller that has made this contract its operator.
    /// @param swaps Of that account; may be none.
    /// @return gain Change of the account's cash and of the caller's quote and base tokens, quote units, rounded down.
    function execute(
        AccountId account,
        IClearinghouse.Swap[] calldata swaps,
        SpotTrade calldata spot,
        Bound calldata bound
    ) external returns (int256 gain);
}
