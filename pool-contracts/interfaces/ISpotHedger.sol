// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IUniswapV3Pool} from "./ISettlementPrice.sol";

/// @notice What a hedger asks of a Uniswap v3 pool beside its memory.
interface IUniswapV3SwapPool is IUniswapV3Pool {
    /// @notice Millionths.
    function fee() external view returns (uint24);
    function slot0()
        external
        view
        returns (
            uint160 sqrtPriceX96,
            int24 tick,
            uint16 observationIndex,
            uint16 observationCardinality,
            uint16 observationCardinalityNext,
            uint8 feeProtocol,
            bool unlocked
        );
    /// @param amountSpecified Positive: what goes in. Negative: what comes out.
    /// @param sqrtPriceLimitX96 The swap stops there.
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}

/// @notice When and how a pool's delta is hedged. Rates and shares are WAD, amounts quote units.
/// @param aversion γ: risk aversion is γ/NAV. Larger: a narrower band, larger bounties.
/// @param volatility σ, per √year, at which a delta's risk is counted for bounties.
/// @param minBand The band's half-width is at least this share of NAV, by its worth; a flat book has no band.
/// @param maxBand And at most this.
/// @param maxCost The worst price of a hedge, the Uniswap pool's fee included, as a share of the oracle's spot; λ of the band.
/// @param maxMeanDistance How far the Uniswap pool's mean price may lie from the oracle's spot, as a share of the latter.
/// @param blockShare What hedges of one block trade at most, as a share of NAV.
/// @param hourShare What hedges trade at most at once, as a share of NAV; what was used comes back evenly within an hour.
/// @param bountyShare The keeper's share of the saved cost of risk.
/// @param bountyRate And at most this share of what was traded.
/// @param maxBounty And at most so much.
/// @param fixedCost What a hedge costs beside its size: gas, about.
/// @param minNotional Smaller hedges are not made, unless they sell the last of the base of a flat book.
/// @param horizon T: how long a delta would stay unhedged if nobody came, seconds; for bounties.
/// @param meanSeconds Length of the Uniswap pool's mean.
/// @param maxSpotAge Oldest spot, seconds.
/// @param maxSurfaceAge Oldest surface, seconds: the delta was measured under it.
struct HedgerParameters {
    uint256 aversion;
    uint256 volatility;
    uint256 minBand;
    uint256 maxBand;
    uint256 maxCost;
    uint256 maxMeanDistance;
    uint256 blockShare;
    uint256 hourShare;
    uint256 bountyShare;
    uint256 bountyRate;
    uint256 maxBounty;
    uint256 fixedCost;
    uint256 minNotional;
    uint32 horizon;
    uint32 meanSeconds;
    uint32 maxSpotAge;
    uint32 maxSurfaceAge;
}

/// @notice A hedge as it would be made now. Sizes have 6 decimals.
/// @param buysBase Direction.
/// @param netShortDelta The pool's before.
/// @param band Half-width H.
/// @param target |net delta| after a whole hedge: `band` or 0, or more where the base or the caps do not reach.
/// @param amount Base token units to be traded: what the caps leave of it.
/// @param spotWad The oracle's spot.
/// @param meanWad The Uniswap pool's mean.
/// @param limitWad The worst price, the Uniswap pool's fee included.
/// @param sqrtLimitX96 The Uniswap pool's price at which a hedge stops, so that its fee on top gives `limitWad`.
/// @param navE6 NAV, floored, 6 decimals.
/// @param bounty Quote units, if all of `amount` is filled.
struct HedgePlan {
    bool buysBase;
    int256 netShortDelta;
    uint256 band;
    uint256 target;
    uint256 amount;
    uint256 spotWad;
    uint256 meanWad;
    uint256 limitWad;
    uint160 sqrtLimitX96;
    uint256 navE6;
    uint256 bounty;
}

/// @title Keeps a pool's spot delta inside a band
/// @notice Swaps the base token against the quote token on one Uniswap v3 pool, for one option pool. Anyone may call `hedge`; the pool
/// pays a bounty. The pool's base is collateral of its account in the ledger. No tokens are ever held here.
interface ISpotHedger {
    event ParametersChanged(HedgerParameters parameters);
    /// @notice A hedge was made.
    /// @param deltaBefore The pool's net short delta, 6 decimals.
    /// @param band Half-width, 6 decimals.
    /// @param baseAmount Base the pool bought, negative: sold; token units.
    /// @param quoteAmount Quote the pool received, negative: paid; token units, without the bounty.
    /// @param priceWad Average price, the Uniswap pool's fee included.
    /// @param bounty Paid to the keeper's wallet account in the ledger, quote units.
    event HedgeMade(
        address indexed keeper,
        int256 deltaBefore,
        int256 deltaAfter,
        uint256 band,
        int256 baseAmount,
        int256 quoteAmount,
        uint256 priceWad,
        uint256 spotWad,
        uint256 bounty
    );

    error SpotHedger_WrongPool(IUniswapV3SwapPool uniswapPool);
    error SpotHedger_InvalidParameters();
    /// @notice The pool would charge less for a net delta than hedging it may cost: whoever turns delta over would gain the rest.
    error SpotHedger_CostAboveSpread(uint256 cost, uint256 deltaSpread);
    error SpotHedger_NotUniswapPool(address caller);
    error SpotHedger_LedgerLocked();
    error SpotHedger_StaleSpot(uint256 age, uint256 maxAge);
    error SpotHedger_StaleSurface(uint256 age, uint256 maxAge);
    error SpotHedger_Unconfirmed(uint32 round);
    error SpotHedger_NotMarked(uint32 markedRound, uint32 round);
    /// @notice Series expired after the last surface report: what they add to the delta is not known any more.
    error SpotHedger_ExpiryPassed(uint256 expiry);
    /// @notice The delta is inside the band, or outside by less than the least size.
    error SpotHedger_WithinBand(int256 netShortDelta, uint256 band);
    /// @notice The pool is long and has no base to sell.
    error SpotHedger_NoBase(int256 netShortDelta);
    /// @notice Quote units.
    error SpotHedger_CapReached(uint256 wanted, uint256 left);
    /// @notice A hedge of this block went the other way.
    error SpotHedger_Reversed();
    /// @notice The Uniswap pool does not remember so long a time.
    error SpotHedger_NoMean(uint256 meanSeconds);
    error SpotHedger_MeanTooFar(uint256 meanWad, uint256 spotWad, uint256 maxDistance);
    /// @notice The Uniswap pool's price leaves nothing to buy or sell at the worst price; fee not included in `priceWad`.
    error SpotHedger_PriceTooFar(uint256 priceWad, uint256 limitWad);
    /// @notice Too little could be traded within the price bound; quote units.
    error SpotHedger_TooLittleFilled(uint256 filled, uint256 least);
    /// @notice The Uniswap pool asks for more, or gives less, than the worst price says; quote units.
    error SpotHedger_PriceExceeded(uint256 quoteAmount, uint256 limit);
    /// @notice The delta afterwards is not between that before and zero.
    error SpotHedger_Overshot(int256 deltaBefore, int256 deltaAfter);

    /// @notice Brings the pool's net delta to the band's edge (or to zero where a hedge's fixed cost is larger than what the rest of
    /// the way costs), as far as Uniswap's liquidity within the price bound and the caps reach. The rest is for later calls.
    /// @dev Reverts as `plan` does, and with `SpotHedger_TooLittleFilled`, `SpotHedger_PriceExceeded`, `SpotHedger_Overshot`, and with the
    /// errors of `IOptionPool.settleHedge`.
    function hedge() external;

    /// @notice What `hedge` would do now, with all its refusals but those that only the swap brings to light.
    function plan() external view returns (HedgePlan memory);

    function parameters() external view returns (HedgerParameters memory);

    /// @notice Notional that may be traded now, quote units: what block and hour leave.
    function notionalLeft() external view returns (uint256);
}
