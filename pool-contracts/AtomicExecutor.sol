// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAtomicExecutor} from "./interfaces/IAtomicExecutor.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IUniswapV3SwapPool} from "./interfaces/ISpotHedger.sol";
import {AccountId} from "./types/AccountId.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title Swaps of several makers and one on Uniswap v3, all or nothing
/// @notice For whoever trades differences of price: legs at several pools, the hedge of their delta, and the check that it was worth it, in
/// one transaction. It belongs to nobody and holds nothing.
///
/// RIGHTS. The owner of a margin account makes this contract its operator: it may trade for the account and never withdraw. It acts for
/// the owner alone, in his own call. What Uniswap is owed comes straight from his wallet, up to what he approved; what it pays goes there.
///
/// GAIN. Counted on what is held before and after, so that no maker's word is needed: cash of the account, quote tokens and base tokens of
/// the owner, base at a price that he names. What options are worth is his to know: the bound may be negative.
contract AtomicExecutor is IAtomicExecutor {
    using FixedPointMathLib for uint256;
    using SafeERC20 for IERC20;

    /// @dev Bounds of Uniswap's price, beyond which a swap is refused.
    uint160 internal constant MIN_SQRT_RATIO = 4_295_128_739;
    uint160 internal constant MAX_SQRT_RATIO = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342;

    IClearinghouse public immutable clearinghouse;
    IUniswapV3SwapPool public immutable uniswapPool;
    IERC20 public immutable quoteToken;
    IERC20 public immutable baseToken;
    bool internal immutable _isBaseFirst;
    /// @dev A whole base token at a price of one, over a quote unit: base units · WAD price / this are quote units.
    uint256 internal immutable _baseDivisor;

    /// @param uniswapPool_ Of base and quote token.
    constructor(IClearinghouse clearinghouse_, uint16 marketId, IUniswapV3SwapPool uniswapPool_) {
        clearinghouse = clearinghouse_;
        uniswapPool = uniswapPool_;
        quoteToken = IERC20(clearinghouse_.quoteToken());
        baseToken = IERC20(clearinghouse_.market(marketId).baseToken);
        _isBaseFirst = address(baseToken) < address(quoteToken);
        uint256 baseUnit = 10 ** IERC20Metadata(address(baseToken)).decimals();
        _baseDivisor = baseUnit * 10 ** (18 - uint256(clearinghouse_.quoteDecimals())); // at most 18: checked by the ledger
    }

    /// @inheritdoc IAtomicExecutor
    function execute(
        AccountId account,
        IClearinghouse.Swap[] calldata swaps,
        SpotTrade calldata spot,
        Bound calldata bound
    ) external returns (int256 gain) {
        if (account.owner() != msg.sender) revert AtomicExecutor_NotOwner(account, msg.sender);
        if (block.timestamp > bound.deadline) revert AtomicExecutor_Expired(bound.deadline);

        int256 before = _wealth(account, bound.basePriceWad);
        if (swaps.length != 0) clearinghouse.batch(account, _calls(account, swaps));
        if (spot.baseAmount != 0) _tradeSpot(spot);
        gain = _wealth(account, bound.basePriceWad) - before;

        if (gain < bound.leastGain) revert AtomicExecutor_TooLittle(gain, bound.leastGain);
        emit Executed(account, swaps.length, spot.baseAmount, gain);
    }

    /// @notice Called by Uniswap: pays what it is owed out of the wallet of who trades.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        // Uniswap calls back whoever has called it: what it hands on was written here.
        if (msg.sender != address(uniswapPool)) revert AtomicExecutor_NotUniswap(msg.sender);
        address payer = abi.decode(data, (address));
        (int256 owed, bool isFirst) = amount0 > 0 ? (amount0, true) : (amount1, false);
        IERC20 token = isFirst == _isBaseFirst ? baseToken : quoteToken;
        if (owed > 0) token.safeTransferFrom(payer, msg.sender, uint256(owed)); // positive: compared
    }

    function _tradeSpot(SpotTrade calldata spot) private {
        bool falls = (spot.baseAmount < 0) == _isBaseFirst; // Uniswap's price, as token0 goes in
        uint160 limit = spot.sqrtPriceLimitX96;
        if (limit == 0) limit = falls ? MIN_SQRT_RATIO + 1 : MAX_SQRT_RATIO - 1;
        // Base that is sold goes in exactly, base that is bought comes out exactly: of either the sign is turned.
        (int256 amount0, int256 amount1) =
            uniswapPool.swap(msg.sender, falls, -spot.baseAmount, limit, abi.encode(msg.sender));
        int256 filled = -(_isBaseFirst ? amount0 : amount1);
        if (filled != spot.baseAmount) revert AtomicExecutor_NotFilled(filled, spot.baseAmount);
    }

    /// @dev Cash of the account, and the owner's tokens with base at the price; quote units.
    function _wealth(AccountId account, uint256 basePriceWad) private view returns (int256) {
        uint256 base = baseToken.balanceOf(msg.sender).fullMulDiv(basePriceWad, _baseDivisor);
        // Tokens in existence and their worth are below 2^255: `fullMulDiv` reverts above 2^256, the cast below is of sums of three.
        return int256(clearinghouse.cash(account) + quoteToken.balanceOf(msg.sender) + base);
    }

    function _calls(AccountId account, IClearinghouse.Swap[] calldata swaps)
        private
        pure
        returns (bytes[] memory calls)
    {
        calls = new bytes[](swaps.length);
        for (uint256 i = 0; i < swaps.length; ++i) {
            AccountId named = swaps[i].account;
            if (!(named == account)) revert AtomicExecutor_WrongAccount(named, account);
            calls[i] = abi.encodeCall(IClearinghouse.trade, (swaps[i]));
        }
    }
}
