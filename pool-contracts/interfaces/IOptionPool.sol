// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {Leg} from "../types/Leg.sol";
import {IAccountTaker} from "./IAccountTaker.sol";
import {IClearinghouse} from "./IClearinghouse.sol";
import {IMaker} from "./IMaker.sol";
import {IMarketOracle} from "./IMarketOracle.sol";

/// @notice The whole book valued under one surface report, at that report's own time and spot. Quote units.
/// @param round Round of the report.
/// @param surfaceTime Model time of the report.
/// @param nav Mid net asset value: cash, base collateral and positions, less what swaps since the report gained.
/// @param reserve The reserve R: impact collected and not yet paid back, rounded up.
/// @param freshReserve Part of R collected since the mark before this one, rounded up.
/// @param unwind The spread that closing the whole book would cost, rounded up.
/// @param provision What known losses of others may cost the pool as backstop of the insurance fund; `nav` is before it.
struct Mark {
    uint32 round;
    uint40 surfaceTime;
    int256 nav;
    uint256 reserve;
    uint256 freshReserve;
    uint256 unwind;
    uint256 provision;
}

/// @notice The parts of a quoted price, WAD of the quote token; they add up to `cash` before its one rounding up.
/// @param midWad Value of the legs at the surface's mid: the worse of the present and, soon after a report, the previous.
/// @param impactWad Change of the inventory potential (positive) or what R pays back (negative, at most the spread).
/// @param spreadWad Half-spread on vega, delta and gamma, with the widening for age.
/// @param feeWad Fee, capped per leg by a share of premium.
/// @param reportValueWad Value of the legs at the last report's own time and spot, as marks will see them.
/// @param vegaChange Change of the pool's net short vega by tenor bucket, 6 decimals.
/// @param deltaChange Change of the pool's net short delta, 6 decimals of the underlying.
/// @param cash What the taker pays, quote units; negative what he receives.
/// @param fee The fee in quote units, rounded down; part of `cash`.
struct Quote {
    int256 midWad;
    int256 impactWad;
    uint256 spreadWad;
    uint256 feeWad;
    int256 reportValueWad;
    int256[3] vegaChange;
    int256 deltaChange;
    int256 cash;
    uint256 fee;
}

/// @notice What one unit of each risk costs, and what the pool refuses. Rates and ratios in WAD.
/// @param vegaPotential κ_V, symmetric and positive semidefinite: front, middle, back (00, 01, 02, 11, 12, 22). A net short
/// vega V moves the price of volatility by κ_V·V/NAV.
/// @param deltaPotential κ_Δ: a net delta worth y moves the price of delta by κ_Δ·y/NAV of spot.
/// @param netVegaSpread s₀, volatility; the reporters' disagreement d comes on top.
/// @param grossVegaSpread s₁, volatility; a slice's fit residual where that is larger.
/// @param notionalSpread g, share of spot per option.
/// @param deltaSpread s_Δ, share of spot per unit of net delta: what hedging it costs at most, Uniswap's fee, price bound and bounty.
/// @param ageMultiplier c, standard deviations charged for the age of data.
/// @param volOfVol ξ per √year at 30 days.
/// @param feeRate Fee as a share of spot per option.
/// @param feeCap Cap of the fee as a share of the leg's premium.
/// @param maxDelta Largest |delta| of an option that adds risk.
/// @param minDelta Smallest.
/// @param vegaLimit Largest net short or long vega per bucket, as a share of NAV per 1.00 of volatility.
/// @param deltaLimit Largest net delta, as a share of NAV.
/// @param expiryVegaLimit Largest net short or long vega of one expiry, as `vegaLimit`.
/// @param expiryGammaLimit Largest net Γ·F² of one expiry, as a share of NAV: 20 means that 1 % of spot moves delta by 20 % of NAV.
/// @param vegaFlowLimit Most net vega, all buckets together, that is taken at once, as a share of NAV per 1.00 of volatility.
/// @param deltaFlowLimit Most net delta that is taken at once, as a share of NAV.
/// @param utilisationLimit U_max: requirement over NAV after a redemption is paid.
/// @param redemptionShare Largest part of free liquidity one mark pays out, while a book is open.
/// @param takeSpread What g is larger by where the pool closes out an account under liquidation, share of spot per option.
/// @param takeLimit Most it closes out in one block, options' worth of spot as a share of NAV; 0: none.
/// @param markBountyRate What a mark pays whoever made it for each hour since the one before, one hour at most, where somebody has
/// traded since: quote units.
/// @param navFloor NAV used in the potential is never below this, quote units.
/// @param minTenor Shortest tenor at which risk is added, seconds.
/// @param maxTenor Longest.
/// @param maxSpotAge Oldest spot at which risk is added, seconds.
/// @param maxSurfaceAge Oldest surface at which risk is added, seconds.
/// @param worseOfSeconds For how long after a report the worse of the previous and the present price holds.
/// @param frontTenor Tenors up to this are the front bucket, seconds.
/// @param middleTenor Tenors up to this are the middle bucket, seconds.
/// @param flowSeconds Within this time what was taken at once counts no longer, see `Flow`.
/// @param reduceOnly Whether no risk is added at all: the positions run off.
struct PoolParameters {
    uint256[6] vegaPotential;
    uint256 deltaPotential;
    uint256 netVegaSpread;
    uint256 grossVegaSpread;
    uint256 notionalSpread;
    uint256 deltaSpread;
    uint256 ageMultiplier;
    uint256 volOfVol;
    uint256 feeRate;
    uint256 feeCap;
    uint256 maxDelta;
    uint256 minDelta;
    uint256 vegaLimit;
    uint256 deltaLimit;
    uint256 expiryVegaLimit;
    uint256 expiryGammaLimit;
    uint256 vegaFlowLimit;
    uint256 deltaFlowLimit;
    uint256 utilisationLimit;
    uint256 redemptionShare;
    uint256 takeSpread;
    uint256 takeLimit;
    uint256 markBountyRate;
    uint256 navFloor;
    uint32 minTenor;
    uint32 maxTenor;
    uint32 maxSpotAge;
    uint32 maxSurfaceAge;
    uint32 worseOfSeconds;
    uint32 frontTenor;
    uint32 middleTenor;
    uint32 flowSeconds;
    bool reduceOnly;
}

/// @notice What a hedger decides on, beside the inventory.
/// @param markedRound Round of the report under which the book was last marked.
/// @param netShortGammaWad Net short gamma at the last mark, units of the underlying per quote token, WAD.
/// @param navE6 NAV at the last mark, floored by `navFloor`, 6 decimals.
struct HedgeBook {
    uint32 markedRound;
    int256 netShortGammaWad;
    uint256 navE6;
}

/// @notice One exchange that a hedger has made: what it bought lies with the pool's contract, what it owes leaves the pool's account.
/// @param buysBase Whether base came and cash leaves, or the other way round.
/// @param received What came, in that token's units.
/// @param paid What leaves the pool's account, in that token's units.
/// @param payee To whom.
/// @param keeper The ledger account that is paid for the work.
/// @param bounty How much, quote units, out of the pool's cash.
struct HedgeTrade {
    bool buysBase;
    uint256 received;
    uint256 paid;
    address payee;
    AccountId keeper;
    uint256 bounty;
}

/// @title A pool that makes prices for options
/// @notice Quotes mid plus the change of an inventory potential, pays impact back only from what was collected, and marks
/// its whole book once per surface report. Its money and positions are an account of the ledger; its shares are
/// `PoolShares`.
interface IOptionPool is IMaker, IAccountTaker {
    /// @notice The whole breakdown of a swap: enough to replay it to the unit with `pricing/fixed`.
    event Swapped(AccountId indexed taker, uint32 indexed round, Leg[] legs, Quote quote, uint256 reserveWad);
    /// @notice The whole book was valued. `settlements` is what settlements owe the pool less what it owes them. `inventory` is net short vega by bucket and net short delta, 6 decimals.
    event Marked(
        uint32 indexed round,
        uint40 surfaceTime,
        int256 nav,
        uint256 reserve,
        uint256 unwind,
        uint256 provision,
        int256 cash,
        int256 settlements,
        int256 bookValue,
        int256[4] inventory
    );
    /// @notice The hedger exchanged cash for base: both as they changed in the pool's account, in their tokens' units, the bounty
    /// inside of `cash`. `netShortDelta` is what is left, 6 decimals; `reserveWad` is R afterwards.
    event Hedged(uint32 indexed round, int256 cash, int256 baseAmount, int256 netShortDelta, uint256 reserveWad);
    event HedgerChanged(address hedger);
    event RedemptionsPaid(uint256 amount);
    event ParametersChanged(PoolParameters parameters);

    error OptionPool_NotLedger(address caller);
    error OptionPool_NotAuction(address caller);
    error OptionPool_NotShares(address caller);
    error OptionPool_NotHedger(address caller);
    /// @notice At the oracle's spot the exchange gains less than a hedge may cost; both 1e24 to one quote token.
    error OptionPool_HedgeTooDear(int256 gainedRaw, int256 boundRaw);
    error OptionPool_LedgerLocked();
    error OptionPool_WrongMarket(uint16 marketId, uint16 poolMarketId);
    error OptionPool_NoSurface();
    error OptionPool_StaleSurface(uint256 age, uint256 maxAge);
    error OptionPool_StaleSpot(uint256 age, uint256 maxAge);
    error OptionPool_NotMarked(uint32 markedRound, uint32 round);
    /// @notice A report after `round` moves the market further than one report may, and waits for confirmation.
    error OptionPool_Unconfirmed(uint32 round);
    error OptionPool_SliceRefused(uint32 expiry);
    error OptionPool_TenorOutOfRange(uint32 expiry, uint256 tenor);
    error OptionPool_DeltaOutOfRange(uint256 absDelta, uint256 minDelta, uint256 maxDelta);
    error OptionPool_VegaLimit(uint256 bucket, uint256 absVega, uint256 limit);
    error OptionPool_DeltaLimit(uint256 absDelta, uint256 limit);
    error OptionPool_ExpiryVegaLimit(uint32 expiry, uint256 absVega, uint256 limit);
    error OptionPool_ExpiryGammaLimit(uint32 expiry, uint256 absGamma, uint256 limit);
    /// @notice The pool took so much of this risk lately that it takes no more of it now: `flow` of it, full at 32,767, and `change` on top
    /// (6 decimals), where it takes `limit` at once.
    error OptionPool_VegaFlowLimit(int256 flow, int256 change, uint256 limit);
    error OptionPool_DeltaFlowLimit(int256 flow, int256 change, uint256 limit);
    error OptionPool_ReduceOnly();
    /// @notice In this block the pool would close out options worth `notional` of spot, more than `limit`, 6 decimals of the quote token.
    error OptionPool_TakeLimit(uint256 notional, uint256 limit);
    error OptionPool_Insolvent(int256 nav);
    error OptionPool_InvalidParameters();

    /// @notice The price of a package now, with nothing done. `reduces` as the ledger would find it.
    /// @dev Reverts as the swap would.
    function quote(Leg[] calldata legs, bool reduces) external view returns (Quote memory);

    /// @notice Values the whole book under the last surface report, once; a second call under one report returns the same.
    /// The pool's shares price their waiting requests inside.
    function mark() external returns (Mark memory);

    function lastMark() external view returns (Mark memory);

    /// @notice What may be paid to leaving LPs now, quote units, after the ledger's fresh stress of the book.
    function payableToRedeemers() external returns (uint256);

    /// @notice Moves cash of the pool to the shares' payout account. Shares only.
    function payRedeemers(uint256 amount) external;

    /// @notice Pays `trade.received` of one token, which lies with this contract, into the pool's account, `trade.paid` of the other out
    /// of it to `trade.payee`, and `trade.bounty` to the keeper. The hedger alone, outside of the ledger's lock.
    /// @dev Tokens sent here otherwise are nobody's. Reverts where it costs more than a twentieth of its worth at the oracle's spot, and with the ledger's errors: short of
    /// cash or base, unhealthy, `baseCap` reached.
    /// @return netShortDelta What is left, 6 decimals.
    function settleHedge(HedgeTrade calldata trade) external returns (int256 netShortDelta);

    function hedgeBook() external view returns (HedgeBook memory);

    /// @notice Who may exchange the pool's cash for base; zero for nobody.
    function hedger() external view returns (address);

    /// @notice Net short vega by tenor bucket and net short delta, 6 decimals, and the reserve R in WAD.
    function inventory() external view returns (int256[4] memory netShort, uint256 reserveWad);

    /// @notice What was taken lately of net short vega and of net short delta, as parts of what is taken at once, WAD, signed: see `Flow`.
    function flow() external view returns (int256 vegaWad, int256 deltaWad);

    /// @notice Net short vega and net short Γ·F² of one expiry, 6 decimals, as the last mark found them and swaps have changed them.
    function expiryRisk(uint32 expiry) external view returns (int256 netShortVega, int256 netShortGamma);

    function parameters() external view returns (PoolParameters memory);
    function account() external view returns (AccountId);
    function shares() external view returns (address);
    function marketId() external view returns (uint16);
    function clearinghouse() external view returns (IClearinghouse);
    function oracle() external view returns (IMarketOracle);
}
