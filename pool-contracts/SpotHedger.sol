// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {HedgeBook, HedgeTrade, IOptionPool} from "./interfaces/IOptionPool.sol";
import {HedgePlan, HedgerParameters, ISpotHedger, IUniswapV3SwapPool} from "./interfaces/ISpotHedger.sol";
import {HedgeBand} from "./libraries/hedging/HedgeBand.sol";
import {UniswapPrice} from "./libraries/uniswap/UniswapPrice.sol";
import {AccountId, toAccountId} from "./types/AccountId.sol";
import {MarketState} from "./types/Board.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title Keeps a pool's spot delta inside a band
///
/// DELTA. Net short delta of options and base together, as the pool was last marked and as swaps and hedges changed it since, at the
/// report's own spot. The delta of the forward stands for that of spot; inside an averaging window it counts whole.
///
/// BAND. Half-width H of Whalley and Wilmott, see `HedgeBand`, at the book's gamma of the last mark, with λ the worst cost of a
/// hedge; never below `minBand` nor above `maxBand` of NAV, nothing for a flat book. Outside the band the delta is brought to its
/// edge; to zero where λ·S·H, what the rest of the way costs, is at most `fixedCost`, what another hedge would cost.
///
/// DIRECTION. A pool that is short delta buys base. One that is long sells the base it has and no more: it borrows nothing. What
/// is left of a long delta is priced by the pool's potential and limited by `deltaLimit`.
///
/// PRICE. No unit is traded beyond `maxCost` of the oracle's spot, the Uniswap pool's fee included; a thin pool fills a part, and the
/// rest is for later calls. The Uniswap pool's mean over `meanSeconds` has to lie near that spot. Who calls, and pushes the Uniswap
/// pool's price around the call, gains at most that cost of what is traded, and what is traded is capped by block and by hour.
///
/// TOKENS. Uniswap pays what is bought to the option pool, and calls back for what it is owed; the option pool takes the former
/// into its account and pays the latter out of it, in one step. So no token and no allowance is ever here, and a hedge that fills
/// a part leaves nothing over.
///
/// BOUNTY. A share of what less risk is worth: ½·γ/NAV·σ²·T·(y² − y′²), with y the delta's worth before and y′ after, not below the
/// band's edge. It is at most `bountyRate` of what was traded, which is less than what option trades that move the delta as far pay
/// for it (`deltaSpread` of the pool). A second call finds the delta in the band and is refused.
contract SpotHedger is ISpotHedger, AccessManaged, ReentrancyGuardTransient {
    using FixedPointMathLib for uint256;

    /// @dev What hedges have traded, quote units.
    struct Usage {
        uint128 inHour; // as of `time`; falls evenly, by the whole allowance within an hour
        uint40 time;
        bool bought; // direction in `blockNumber`
        uint64 blockNumber;
        uint128 inBlock;
    }

    uint256 internal constant SIZE_UNIT = 1e6;
    uint256 internal constant FEE_UNIT = 1e6;
    /// @dev Expiries are listed at 08:00 UTC.
    uint256 internal constant EXPIRY_TIME_OF_DAY = 8 hours;

    IOptionPool public immutable optionPool;
    IUniswapV3SwapPool public immutable uniswapPool;
    IClearinghouse public immutable clearinghouse;
    IMarketOracle public immutable oracle;
    uint16 public immutable marketId;
    AccountId internal immutable _poolAccount;
    bool internal immutable _isBaseFirst;
    int256 internal immutable _decimals; // those of the base token less those of the quote token
    uint256 internal immutable _baseUnit;
    uint256 internal immutable _quoteUnit;
    uint256 internal immutable _feePips;

    HedgerParameters private _parameters;
    Usage private _usage;

    constructor(
        IOptionPool optionPool_,
        IUniswapV3SwapPool uniswapPool_,
        HedgerParameters memory parameters_,
        address authority
    ) AccessManaged(authority) {
        (optionPool, uniswapPool) = (optionPool_, uniswapPool_);
        (clearinghouse, oracle) = (optionPool_.clearinghouse(), optionPool_.oracle());
        (marketId, _poolAccount) = (optionPool_.marketId(), optionPool_.account());
        address quoteToken = clearinghouse.quoteToken();
        address baseToken = clearinghouse.market(marketId).baseToken;
        (address first, address second) = (uniswapPool_.token0(), uniswapPool_.token1());
        _isBaseFirst = first == baseToken && second == quoteToken;
        bool isBaseSecond = first == quoteToken && second == baseToken;
        if (!_isBaseFirst && !isBaseSecond) revert SpotHedger_WrongPool(uniswapPool_);
        (uint8 baseDecimals, uint8 quoteDecimals) =
            (IERC20Metadata(baseToken).decimals(), clearinghouse.quoteDecimals());
        _decimals = int256(uint256(baseDecimals)) - int256(uint256(quoteDecimals));
        (_baseUnit, _quoteUnit) = (10 ** baseDecimals, 10 ** quoteDecimals);
        _feePips = uniswapPool_.fee();
        _setParameters(parameters_);
    }

    // ───────────────────────────── Hedge ─────────────────────────────

    /// @inheritdoc ISpotHedger
    function hedge() external nonReentrant {
        HedgePlan memory plan_ = plan();
        // Buying names what comes out, selling what goes in: both are base. Amounts of tokens in existence fit.
        int256 specified = plan_.buysBase ? -int256(plan_.amount) : int256(plan_.amount);
        bytes memory data = abi.encode(plan_, msg.sender);
        uniswapPool.swap(address(optionPool), plan_.buysBase != _isBaseFirst, specified, plan_.sqrtLimitX96, data);
    }

    /// @notice Uniswap has paid out what was bought and asks for what it is owed.
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        if (msg.sender != address(uniswapPool) || !_reentrancyGuardEntered()) {
            revert SpotHedger_NotUniswapPool(msg.sender);
        }
        (HedgePlan memory plan_, address keeper) = abi.decode(data, (HedgePlan, address));
        // One is positive, which is owed, one negative, which was paid out.
        uint256 baseAmount = FixedPointMathLib.abs(_isBaseFirst ? amount0 : amount1);
        uint256 quoteAmount = FixedPointMathLib.abs(_isBaseFirst ? amount1 : amount0);
        HedgerParameters memory parameters_ = _parameters;
        uint256 notional = _toQuote(baseAmount, plan_.spotWad);
        uint256 least = baseAmount == plan_.amount ? 0 : parameters_.minNotional; // the plan itself was large enough
        if (notional < least || baseAmount == 0) revert SpotHedger_TooLittleFilled(notional, least);
        // Each amount was rounded by a unit at most.
        uint256 limit = _toQuote(baseAmount, plan_.limitWad);
        bool exceeds = plan_.buysBase ? quoteAmount > limit + 2 : quoteAmount + 2 < limit;
        if (exceeds) revert SpotHedger_PriceExceeded(quoteAmount, limit);

        _use(parameters_, plan_, notional);
        uint256 bounty = _bounty(parameters_, plan_, baseAmount, notional);
        int256 deltaAfter = optionPool.settleHedge(
            HedgeTrade({
                buysBase: plan_.buysBase,
                received: plan_.buysBase ? baseAmount : quoteAmount,
                paid: plan_.buysBase ? quoteAmount : baseAmount,
                payee: msg.sender,
                keeper: toAccountId(keeper, 0),
                bounty: bounty
            })
        );
        int256 before = plan_.netShortDelta;
        bool isBetween = before > 0 ? deltaAfter >= 0 && deltaAfter <= before : deltaAfter <= 0 && deltaAfter >= before;
        if (!isBetween) revert SpotHedger_Overshot(before, deltaAfter);
        _announce(plan_, keeper, deltaAfter, baseAmount, quoteAmount, bounty);
    }

    function _announce(
        HedgePlan memory plan_,
        address keeper,
        int256 deltaAfter,
        uint256 baseAmount,
        uint256 quoteAmount,
        uint256 bounty
    ) private {
        // Amounts of tokens in existence fit.
        int256 bought = plan_.buysBase ? int256(baseAmount) : -int256(baseAmount);
        int256 received = plan_.buysBase ? -int256(quoteAmount) : int256(quoteAmount);
        uint256 priceWad = quoteAmount.fullMulDiv(_baseUnit * 1e18, baseAmount) / _quoteUnit;
        emit HedgeMade(
            keeper, plan_.netShortDelta, deltaAfter, plan_.band, bought, received, priceWad, plan_.spotWad, bounty
        );
    }

    // ───────────────────────────── Parameters and views ─────────────────────────────

    /// @notice Replaces all parameters together; they are checked against each other. Restricted.
    function setParameters(HedgerParameters calldata parameters_) external restricted {
        _setParameters(parameters_);
    }

    /// @inheritdoc ISpotHedger
    function parameters() external view returns (HedgerParameters memory) {
        return _parameters;
    }

    /// @inheritdoc ISpotHedger
    function plan() public view returns (HedgePlan memory plan_) {
        HedgerParameters memory parameters_ = _parameters;
        MarketState memory state = oracle.marketState(marketId);
        HedgeBook memory book = optionPool.hedgeBook();
        _requireFresh(parameters_, state, book);
        plan_.spotWad = state.spotWad;
        plan_.navE6 = book.navE6;
        (int256[4] memory netShort,) = optionPool.inventory();
        plan_.netShortDelta = netShort[3];
        plan_.buysBase = netShort[3] > 0;
        // No option, as far as marks and swaps know: neither gamma nor vega.
        bool isFlat = book.netShortGammaWad == 0 && netShort[0] == 0 && netShort[1] == 0 && netShort[2] == 0;
        if (!isFlat) plan_.band = _band(parameters_, state.spotWad, book);
        uint256 notional = _size(parameters_, plan_, isFlat);
        _requireDirection(plan_.buysBase);
        _price(parameters_, plan_);
        plan_.bounty = _bounty(parameters_, plan_, plan_.amount, notional);
    }

    /// @inheritdoc ISpotHedger
    function notionalLeft() external view returns (uint256) {
        return _left(_parameters, optionPool.hedgeBook().navE6);
    }

    // ───────────────────────────── Plan, step by step ─────────────────────────────

    /// @dev The delta is known, under a report that holds, and the spot is of now.
    function _requireFresh(HedgerParameters memory parameters_, MarketState memory state, HedgeBook memory book)
        private
        view
    {
        if (clearinghouse.isLocked()) revert SpotHedger_LedgerLocked();
        uint256 spotAge = block.timestamp - state.spotTime; // reports are never from the future
        if (spotAge > parameters_.maxSpotAge) revert SpotHedger_StaleSpot(spotAge, parameters_.maxSpotAge);
        uint256 surfaceAge = block.timestamp - state.surfaceTime;
        if (surfaceAge > parameters_.maxSurfaceAge) {
            revert SpotHedger_StaleSurface(surfaceAge, parameters_.maxSurfaceAge);
        }
        if (state.unconfirmed) revert SpotHedger_Unconfirmed(state.round);
        if (book.markedRound != state.round) revert SpotHedger_NotMarked(book.markedRound, state.round);
        uint256 lastExpiry = (block.timestamp - EXPIRY_TIME_OF_DAY) / 1 days * 1 days + EXPIRY_TIME_OF_DAY; // not in 1970
        if (state.surfaceTime < lastExpiry) revert SpotHedger_ExpiryPassed(lastExpiry);
    }

    /// @dev H within its bounds, 6 decimals.
    function _band(HedgerParameters memory parameters_, uint256 spotWad, HedgeBook memory book)
        private
        pure
        returns (uint256)
    {
        uint256 gammaWad = FixedPointMathLib.abs(book.netShortGammaWad);
        uint256 half = HedgeBand.halfWidth(parameters_.maxCost, spotWad, gammaWad, book.navE6, parameters_.aversion);
        return half.clamp(book.navE6 * parameters_.minBand / spotWad, book.navE6 * parameters_.maxBand / spotWad);
    }

    /// @dev Says how much base to trade, and the delta after it.
    /// @return notional Its worth at spot, quote units.
    function _size(HedgerParameters memory parameters_, HedgePlan memory plan_, bool isFlat)
        private
        view
        returns (uint256 notional)
    {
        uint256 delta = FixedPointMathLib.abs(plan_.netShortDelta);
        if (delta <= plan_.band) revert SpotHedger_WithinBand(plan_.netShortDelta, plan_.band);
        uint256 wayToZero = _worthE6(plan_.band, plan_.spotWad) * parameters_.maxCost / 1e18 * _quoteUnit / SIZE_UNIT;
        uint256 size = wayToZero <= parameters_.fixedCost ? delta : delta - plan_.band;
        plan_.amount = size * _baseUnit / SIZE_UNIT;
        bool isLast;
        if (!plan_.buysBase) {
            uint256 held = clearinghouse.base(_poolAccount, marketId);
            if (held * SIZE_UNIT < _baseUnit) revert SpotHedger_NoBase(plan_.netShortDelta);
            isLast = isFlat && size >= held * SIZE_UNIT / _baseUnit;
            if (isLast || plan_.amount > held) plan_.amount = held;
        }
        notional = _toQuote(plan_.amount, plan_.spotWad);
        if (notional < parameters_.minNotional && !isLast) {
            revert SpotHedger_WithinBand(plan_.netShortDelta, plan_.band);
        }
        uint256 left = _left(parameters_, plan_.navE6);
        if (left < notional) {
            if (left < parameters_.minNotional) revert SpotHedger_CapReached(notional, left);
            plan_.amount = plan_.amount.fullMulDiv(left, notional);
            notional = left;
        }
        plan_.target = delta - _sizeOf(plan_.amount);
    }

    function _requireDirection(bool buysBase) private view {
        if (_usage.blockNumber == block.number && _usage.bought != buysBase) revert SpotHedger_Reversed();
    }

    /// @dev The mean agrees with the oracle's spot; the worst price, and Uniswap's, which is not beyond it.
    function _price(HedgerParameters memory parameters_, HedgePlan memory plan_) private view {
        (uint256 spotWad, uint256 cost) = (plan_.spotWad, parameters_.maxCost);
        plan_.meanWad = _mean(parameters_.meanSeconds);
        uint256 distance = FixedPointMathLib.dist(plan_.meanWad, spotWad);
        if (distance > spotWad * parameters_.maxMeanDistance / 1e18) {
            revert SpotHedger_MeanTooFar(plan_.meanWad, spotWad, parameters_.maxMeanDistance);
        }
        plan_.limitWad = spotWad * (plan_.buysBase ? 1e18 + cost : 1e18 - cost) / 1e18;
        uint256 limitWad = plan_.buysBase
            ? plan_.limitWad * (FEE_UNIT - _feePips) / FEE_UNIT
            : plan_.limitWad * FEE_UNIT / (FEE_UNIT - _feePips);
        uint160 sqrtLimitX96 = UniswapPrice.toSqrtX96(limitWad, _isBaseFirst, _decimals);
        bool falls = plan_.buysBase != _isBaseFirst; // Uniswap's price, as token0 goes in
        if (falls) ++sqrtLimitX96; // it was rounded down
        plan_.sqrtLimitX96 = sqrtLimitX96;
        (uint160 sqrtPriceX96,,,,,,) = uniswapPool.slot0();
        if (falls ? sqrtPriceX96 <= sqrtLimitX96 : sqrtPriceX96 >= sqrtLimitX96) {
            revert SpotHedger_PriceTooFar(UniswapPrice.fromSqrtX96(sqrtPriceX96, _isBaseFirst, _decimals), limitWad);
        }
    }

    function _mean(uint32 period) private view returns (uint256) {
        uint32[] memory secondsAgos = new uint32[](2);
        secondsAgos[0] = period;
        try uniswapPool.observe(secondsAgos) returns (int56[] memory cumulatives, uint160[] memory) {
            return UniswapPrice.mean(int256(cumulatives[1]) - cumulatives[0], period, _isBaseFirst, _decimals);
        } catch {
            revert SpotHedger_NoMean(period);
        }
    }

    /// @dev A share of what the risk between the delta before and after, not inside the band, is worth.
    function _bounty(HedgerParameters memory parameters_, HedgePlan memory plan_, uint256 baseAmount, uint256 notional)
        private
        view
        returns (uint256)
    {
        uint256 delta = FixedPointMathLib.abs(plan_.netShortDelta);
        uint256 afterwards = delta.zeroFloorSub(_sizeOf(baseAmount)).max(plan_.band);
        uint256 riskWad = HedgeBand.riskOf(parameters_.aversion, parameters_.volatility, parameters_.horizon);
        (uint256 beforeE6, uint256 afterE6) = (_worthE6(delta, plan_.spotWad), _worthE6(afterwards, plan_.spotWad));
        uint256 saved = HedgeBand.savedE6(beforeE6, afterE6, plan_.navE6, riskWad) * _quoteUnit / SIZE_UNIT;
        uint256 bounty = (saved * parameters_.bountyShare / 1e18).min(notional * parameters_.bountyRate / 1e18);
        return bounty.min(parameters_.maxBounty);
    }

    // ───────────────────────────── Caps ─────────────────────────────

    /// @dev What block and hour leave, quote units.
    function _left(HedgerParameters memory parameters_, uint256 navE6) private view returns (uint256) {
        uint256 nav = navE6 * _quoteUnit / SIZE_UNIT;
        Usage memory usage = _usage;
        uint256 inBlock = usage.blockNumber == block.number ? usage.inBlock : 0;
        uint256 hourCap = nav * parameters_.hourShare / 1e18;
        return
            (nav * parameters_.blockShare / 1e18).zeroFloorSub(inBlock)
                .min(hourCap.zeroFloorSub(_inHour(usage, hourCap)));
    }

    /// @dev What still counts of the hour's use.
    function _inHour(Usage memory usage, uint256 hourCap) private view returns (uint256) {
        uint256 returned = hourCap * (block.timestamp - usage.time) / 1 hours;
        return uint256(usage.inHour).zeroFloorSub(returned);
    }

    function _use(HedgerParameters memory parameters_, HedgePlan memory plan_, uint256 notional) private {
        Usage memory usage = _usage;
        uint256 hourCap = plan_.navE6 * _quoteUnit / SIZE_UNIT * parameters_.hourShare / 1e18;
        uint256 inBlock = usage.blockNumber == block.number ? usage.inBlock : 0;
        // Sums stay within the caps, which are shares of NAV.
        _usage = Usage({
            inHour: uint128(_inHour(usage, hourCap) + notional),
            time: uint40(block.timestamp),
            bought: plan_.buysBase,
            blockNumber: uint64(block.number),
            inBlock: uint128(inBlock + notional)
        });
    }

    // ───────────────────────────── Units ─────────────────────────────

    /// @dev Base token units at a price, quote units, rounded down.
    function _toQuote(uint256 baseAmount, uint256 priceWad) private view returns (uint256) {
        return baseAmount.fullMulDiv(priceWad * _quoteUnit, _baseUnit * 1e18); // prices below 2^100, units below 2^60
    }

    /// @dev Base token units as a size of 6 decimals, rounded down.
    function _sizeOf(uint256 baseAmount) private view returns (uint256) {
        return baseAmount * SIZE_UNIT / _baseUnit;
    }

    /// @dev A size's worth, quote tokens with 6 decimals; below 2^104: sizes of the inventory are below 2^63.
    function _worthE6(uint256 size, uint256 spotWad) private pure returns (uint256) {
        return size * spotWad / 1e18;
    }

    // ───────────────────────────── Parameters, step by step ─────────────────────────────

    /// @dev Every rate has a bound of its own; the worst cost leaves room for Uniswap's fee, and the pool's quotes charge it.
    function _setParameters(HedgerParameters memory p) private {
        bool valid = p.aversion >= 0.01e18 && p.aversion <= 1e24 && p.volatility <= 10e18 && p.minBand <= p.maxBand
            && p.maxBand <= 1e18 && p.maxCost > _feePips * 1e12 && p.maxCost <= 0.03e18 && p.maxMeanDistance != 0
            && p.maxMeanDistance <= 0.5e18 && p.blockShare != 0 && p.blockShare <= p.hourShare && p.hourShare <= 10e18
            && p.bountyShare <= 0.5e18 && p.bountyRate <= 0.01e18 && p.minNotional >= _quoteUnit
            && p.minNotional <= type(uint96).max && p.horizon <= 30 days && p.meanSeconds != 0
            && p.meanSeconds <= 1 hours && p.maxSpotAge <= 1 hours && p.maxSurfaceAge <= 1 days;
        if (!valid) revert SpotHedger_InvalidParameters();
        uint256 deltaSpread = optionPool.parameters().deltaSpread;
        if (p.maxCost + p.bountyRate > deltaSpread) {
            revert SpotHedger_CostAboveSpread(p.maxCost + p.bountyRate, deltaSpread);
        }
        _parameters = p;
        emit ParametersChanged(p);
    }
}
