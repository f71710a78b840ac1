// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAccountTaker} from "./interfaces/IAccountTaker.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {HedgeBook, HedgeTrade, IOptionPool, Mark, PoolParameters, Quote} from "./interfaces/IOptionPool.sol";
import {IPoolShares} from "./interfaces/IPoolShares.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {HedgeExchange} from "./libraries/hedging/HedgeExchange.sol";
import {Black76} from "./libraries/pricing/Black76.sol";
import {Essvi} from "./libraries/pricing/Essvi.sol";
import {InventoryPotential} from "./libraries/pricing/InventoryPotential.sol";
import {Logarithm} from "./libraries/pricing/Logarithm.sol";
import {PoolQuote} from "./libraries/pricing/PoolQuote.sol";
import {SquareRoot} from "./libraries/pricing/SquareRoot.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {Inventory, toInventory} from "./types/Inventory.sol";
import {Leg} from "./types/Leg.sol";
import {StrikeKey} from "./types/OptionId.sol";
import {StrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @title A pool that makes prices for options
///
/// PRICE. Mid of the surface plus the change of the inventory potential plus spread plus fee, for the package as one; see
/// `PoolQuote`. For some seconds after a report the worse of the previous and the present mid.
///
/// RESERVE. Impact collected goes into R; a swap that lowers the potential is paid R·(1 − Φ′/Φ), never more than was
/// collected; a mark caps R at Φ, before LPs come and go and after, and the rest is earned. R ≤ Φ is what no cycle beats.
///
/// MARK. Once per surface report the whole book is valued at the report's own time and spot. Until then no risk is added and
/// no impact is paid back. What swaps gain or lose against the report's prices counts from the next mark on, so that who
/// enters or leaves at a mark has no part in it.
///
/// LIMITS. Risk is added only on fresh data, inside ranges of tenor and delta and limits of vega and delta. A swap that
/// brings each of the pool's positions nearer to zero is priced and never refused by a limit.
///
/// HEDGE. A hedger named by governance exchanges cash for base and back on the pool's account. What it gives up is bounded here
/// for each exchange, and stays out of NAV until the next mark, as what swaps gain does.
contract OptionPool is IOptionPool, AccessManaged {
    /// @dev Written by every swap.
    struct Reserve {
        uint96 reserveWad;
        uint96 reserveAtMarkWad; // R when the book was last marked
        uint32 markedRound;
        uint32 driftRound; // the report that `drift` belongs to
    }

    /// @dev Written by every swap. Quote units.
    struct NetValue {
        int128 nav; // at the last mark, after what LPs brought and took there
        int128 drift; // gained by swaps since the report, against its prices
    }

    /// @dev Written by every account that is closed out. Options' worth of spot, 6 decimals of the quote token.
    struct Taken {
        uint64 blockNumber;
        uint192 notionalE6;
    }

    /// @dev Sums over the book while marking; raw (1e24) unless named otherwise.
    struct BookTotals {
        int256 value;
        int256 netVega;
        uint256 grossVegaCost;
        uint256 contracts;
        int256 netGamma; // size times WAD per quote token: 1e24 to one
        int256[4] netShort;
    }

    uint256 internal constant BASIS_POINTS = 10_000;

    IClearinghouse public immutable clearinghouse;
    IMarketOracle public immutable oracle;
    address public immutable shares;
    uint16 public immutable marketId;
    AccountId public immutable account;
    uint8 internal immutable _quoteDecimals;
    int256 internal immutable _divisor;
    uint256 internal immutable _baseUnit;
    uint256 internal immutable _insuranceFeeShareBps;
    uint256 internal immutable _protocolFeeShareBps;
    address internal immutable _liquidationAuction;

    Inventory private _inventory;
    Reserve private _reserve;
    NetValue private _netValue;
    address private _parametersCode; // kept as code: every swap reads them, governance writes them
    Mark private _lastMark;
    Taken private _taken;
    int256 private _netShortGammaWad; // at the last mark
    /// @inheritdoc IOptionPool
    address public hedger;

    /// @param shares_ The `PoolShares` of this pool, which may be deployed afterwards at a known address.
    constructor(
        IClearinghouse clearinghouse_,
        IMarketOracle oracle_,
        address shares_,
        uint16 marketId_,
        PoolParameters memory parameters_,
        address authority
    ) AccessManaged(authority) {
        IClearinghouse.Market memory market = clearinghouse_.market(marketId_);
        if (market.baseToken == address(0)) revert OptionPool_WrongMarket(marketId_, 0);
        clearinghouse = clearinghouse_;
        oracle = oracle_;
        shares = shares_;
        marketId = marketId_;
        account = toAccountId(address(this), PRIMARY_SUB);
        _quoteDecimals = clearinghouse_.quoteDecimals();
        _divisor = CashMath.divisor(_quoteDecimals);
        _baseUnit = 10 ** IERC20Metadata(market.baseToken).decimals();
        _insuranceFeeShareBps = market.insuranceFeeShareBps;
        _protocolFeeShareBps = market.protocolFeeShareBps;
        _liquidationAuction = clearinghouse_.liquidationAuction();
        _setParameters(parameters_);
    }

    // ───────────────────────────── Swaps ─────────────────────────────

    /// @inheritdoc IMaker
    function onTrade(AccountId taker, Leg[] calldata legs, bool reduces, bytes calldata)
        external
        returns (AccountId, int256, uint256)
    {
        if (msg.sender != address(clearinghouse)) revert OptionPool_NotLedger(msg.sender);
        return _swap(taker, legs, reduces, parameters());
    }

    /// @inheritdoc IAccountTaker
    /// @dev The quote with a wider spread on notional, within a limit per block; the limits of swaps hold.
    function onTake(AccountId taker, Leg[] calldata legs) external returns (AccountId, int256, uint256) {
        if (msg.sender != _liquidationAuction) revert OptionPool_NotAuction(msg.sender);
        PoolParameters memory parameters_ = parameters();
        parameters_.notionalSpread += parameters_.takeSpread; // bounded: `_setParameters`
        _countTaken(legs, parameters_);
        return _swap(taker, legs, _reduces(legs), parameters_);
    }

    /// @inheritdoc IOptionPool
    function quote(Leg[] calldata legs, bool reduces) external view returns (Quote memory quote_) {
        (quote_,) = _quote(legs, reduces, parameters());
    }

    function _swap(AccountId taker, Leg[] calldata legs, bool reduces, PoolParameters memory parameters_)
        private
        returns (AccountId, int256, uint256)
    {
        (Quote memory quote_, MarketState memory state) = _quote(legs, reduces, parameters_);

        int256[4] memory netShort = _inventory.unpack();
        for (uint256 i = 0; i < 3; ++i) {
            netShort[i] += quote_.vegaChange[i];
        }
        netShort[3] += quote_.deltaChange;
        _inventory = toInventory(netShort);

        // R stays within [0, impact collected]; 2^96 WAD is 79 billion quote tokens.
        uint256 reserveWad = uint256(int256(uint256(_reserve.reserveWad)) + quote_.impactWad);
        if (reserveWad > type(uint96).max) reserveWad = type(uint96).max;
        _reserve.reserveWad = uint96(reserveWad);
        _addDrift(_gainedBy(quote_), state.round);

        emit Swapped(taker, state.round, legs, quote_, reserveWad);
        return (account, quote_.cash, quote_.fee);
    }

    // ───────────────────────────── Mark ─────────────────────────────

    /// @inheritdoc IOptionPool
    function mark() external returns (Mark memory) {
        if (clearinghouse.isLocked()) revert OptionPool_LedgerLocked();
        MarketState memory state = _marketState();
        if (state.round == 0) revert OptionPool_NoSurface();
        if (_reserve.markedRound == state.round) return _lastMark;

        PoolParameters memory parameters_ = parameters();
        (BookTotals memory book, uint256 baseSize) = _valueBook(parameters_);
        int256 cashBefore = int256(_cash()); // cash is below 2^128
        int256 settlements = clearinghouse.settlementBalance(account);
        int256 drift = _reserve.driftRound == state.round ? int256(_netValue.drift) : int256(0);
        int256 bookValue = CashMath.toCashDown(book.value + int256(baseSize * state.surfaceSpotWad), _divisor);
        int256 nav = cashBefore + settlements + bookValue - drift;

        Mark memory mark_ = _storeMark(parameters_, state, book, nav);
        int256[4] memory netShort = book.netShort;
        emit Marked(
            state.round,
            state.surfaceTime,
            nav,
            mark_.reserve,
            mark_.unwind,
            mark_.provision,
            cashBefore,
            settlements,
            bookValue,
            netShort
        );
        IPoolShares(shares).onMark(mark_);

        // What LPs brought and took at this mark belongs to the NAV that scales the potential from here on.
        int256 navAfter = nav + int256(_cash()) - cashBefore;
        // A larger NAV lowers Φ, and R above Φ would pay back what a cycle never paid in.
        if (navAfter > nav) _capReserve(parameters_, netShort, state.surfaceSpotWad, navAfter);
        _netValue = NetValue({nav: int128(navAfter), drift: int128(drift)}); // cash is below 2^127
        _lastMark.nav = navAfter;
        return _lastMark;
    }

    /// @inheritdoc IOptionPool
    function payableToRedeemers() external returns (uint256) {
        int256 requirement = clearinghouse.stress(account); // also for a flat book: the ledger's number is from before
        uint256 cash = _cash();
        if (clearinghouse.strikes(account).length == 0) return cash;
        if (requirement < 0) requirement = 0;
        int256 free = int256(cash) - requirement; // cash is below 2^128
        PoolParameters memory parameters_ = parameters();
        int256 byUtilisation = _lastMark.nav - requirement * 1e18 / int256(parameters_.utilisationLimit);
        int256 limit = free < byUtilisation ? free : byUtilisation;
        return limit <= 0 ? 0 : uint256(limit) * parameters_.redemptionShare / 1e18; // positive: checked
    }

    /// @inheritdoc IOptionPool
    function payRedeemers(uint256 amount) external {
        if (msg.sender != shares) revert OptionPool_NotShares(msg.sender);
        clearinghouse.moveCash(account, toAccountId(shares, 2), amount);
        emit RedemptionsPaid(amount);
    }

    // ───────────────────────────── Hedge ─────────────────────────────

    /// @inheritdoc IOptionPool
    function settleHedge(HedgeTrade calldata trade) external returns (int256 netShortDelta) {
        if (msg.sender != hedger) revert OptionPool_NotHedger(msg.sender);
        MarketState memory state = _marketState();
        HedgeExchange.Place memory place = HedgeExchange.Place(clearinghouse, account, marketId, _baseUnit, _divisor);
        (int256 cash, int256 base, int256 baseAmount) = HedgeExchange.settle(place, trade, state.spotWad);
        _addDrift(cash + CashMath.toCashDown(base * int256(state.surfaceSpotWad), _divisor), state.round);

        int256[4] memory netShort = _inventory.unpack();
        netShortDelta = netShort[3] - base;
        netShort[3] = netShortDelta;
        _inventory = toInventory(netShort);
        // Less delta is less potential, and R above Φ would pay back what a cycle never paid in.
        uint256 reserveWad = _reserveWithin(parameters(), netShort, state.surfaceSpotWad, _netValue.nav);
        _reserve.reserveWad = uint96(reserveWad); // not above what it was
        emit Hedged(state.round, cash, baseAmount, netShortDelta, reserveWad);
    }

    /// @inheritdoc IOptionPool
    function hedgeBook() external view returns (HedgeBook memory) {
        return HedgeBook(_reserve.markedRound, _netShortGammaWad, _navE6(_netValue.nav, parameters().navFloor));
    }

    /// @notice Names who may exchange cash for base; zero for nobody. Restricted.
    function setHedger(address hedger_) external restricted {
        hedger = hedger_;
        emit HedgerChanged(hedger_);
    }

    // ───────────────────────────── Parameters and views ─────────────────────────────

    /// @notice Replaces all parameters together; they are checked against each other.
    function setParameters(PoolParameters calldata parameters_) external restricted {
        _setParameters(parameters_);
    }

    /// @notice Lets the auction close out small accounts with this pool, see `onTake`, or no longer.
    function setTakes(bool approved) external restricted {
        clearinghouse.setAccountOperator(account, _liquidationAuction, approved);
    }

    /// @notice Stands behind the insurance fund with up to `cap` quote units, see `IClearinghouse.setBackstop`.
    function setBackstop(uint128 cap) external restricted {
        clearinghouse.setBackstop(marketId, cap);
    }

    /// @inheritdoc IOptionPool
    function lastMark() external view returns (Mark memory) {
        return _lastMark;
    }

    /// @inheritdoc IOptionPool
    function inventory() external view returns (int256[4] memory netShort, uint256 reserveWad) {
        return (_inventory.unpack(), _reserve.reserveWad);
    }

    /// @inheritdoc IOptionPool
    function parameters() public view returns (PoolParameters memory) {
        return abi.decode(SSTORE2.read(_parametersCode), (PoolParameters));
    }

    // ───────────────────────────── Quote, step by step ─────────────────────────────

    /// @dev Whether every leg brings the pool's position nearer to zero, as the ledger finds it for swaps.
    function _reduces(Leg[] calldata legs) private view returns (bool) {
        for (uint256 i = 0; i < legs.length; ++i) {
            int256 held = clearinghouse.position(account, legs[i].option);
            int256 size = legs[i].size; // the pool's change is −size
            bool nearer = size > 0 ? held >= size : held <= size;
            if (!nearer) return false;
        }
        return true;
    }

    /// @dev A burst of liquidations reaches the pool in parts, each at the impact of those before.
    function _countTaken(Leg[] calldata legs, PoolParameters memory parameters_) private {
        uint256 contracts;
        for (uint256 i = 0; i < legs.length; ++i) {
            contracts += _abs(legs[i].size);
        }
        uint256 notionalE6 = contracts * _marketState().spotWad / 1e18; // sizes < 2^80, prices < 2^97
        if (_taken.blockNumber == block.number) notionalE6 += _taken.notionalE6;
        uint256 limit = _navE6(_netValue.nav, parameters_.navFloor) * parameters_.takeLimit / 1e18;
        if (notionalE6 > limit) revert OptionPool_TakeLimit(notionalE6, limit);
        _taken = Taken(uint64(block.number), uint192(notionalE6)); // below 2^184, as said
    }

    function _quote(Leg[] calldata legs, bool reduces, PoolParameters memory parameters_)
        private
        view
        returns (Quote memory quote_, MarketState memory state)
    {
        PoolQuote.Facts memory facts = _gather(legs, parameters_);
        state = facts.state;
        if (!reduces) _requireFresh(facts, parameters_);
        PoolQuote.Totals memory totals;
        (quote_, totals) = PoolQuote.price(parameters_, facts);
        if (!reduces) _requireWithinLimits(facts, parameters_, totals);
    }

    /// @dev Boards at the moments that matter, and the pool's own state.
    function _gather(Leg[] calldata legs, PoolParameters memory parameters_)
        private
        view
        returns (PoolQuote.Facts memory facts)
    {
        uint32[] memory expiries;
        (expiries, facts.options) = _optionsOf(legs);
        _readBoards(facts, expiries, parameters_.worseOfSeconds);
        facts.inventory = _inventory.unpack();
        facts.reserveWad = _reserve.reserveWad;
        facts.paysBack = _reserve.markedRound == facts.state.round;
        facts.navE6 = _navE6(_netValue.nav, parameters_.navFloor);
        facts.timestamp = block.timestamp;
        facts.quoteDecimals = _quoteDecimals;
    }

    function _readBoards(PoolQuote.Facts memory facts, uint32[] memory expiries, uint256 worseOfSeconds) private view {
        (facts.state, facts.current) = oracle.boards(marketId, expiries, Moment.Now);
        if (facts.state.round == 0) revert OptionPool_NoSurface();
        (, facts.atReport) = oracle.boards(marketId, expiries, Moment.Report);
        // While a larger move waits for confirmation, its price is the other one.
        Moment other = facts.state.unconfirmed ? Moment.Unconfirmed : Moment.Previous;
        uint256 acceptedAt = _max(facts.state.surfaceAcceptedAt, facts.state.spotAcceptedAt);
        if (other == Moment.Previous && block.timestamp > acceptedAt + worseOfSeconds) return;
        // Before the second report, and for an expiry that is new in this one, there is no previous price to be worse than.
        try oracle.boards(marketId, expiries, other) returns (MarketState memory, Board[] memory previous) {
            facts.previous = previous;
        } catch {}
    }

    /// @dev NAV with the floor that the potential uses, 6 decimals.
    function _navE6(int256 nav, uint256 floor_) private view returns (uint256) {
        uint256 floored = nav > int256(floor_) ? uint256(nav) : floor_; // positive: compared
        return floored * 1e6 / 10 ** _quoteDecimals;
    }

    function _optionsOf(Leg[] calldata legs)
        private
        view
        returns (uint32[] memory expiries, PoolQuote.Option[] memory options)
    {
        expiries = new uint32[](legs.length);
        options = new PoolQuote.Option[](legs.length);
        uint256 count;
        for (uint256 i = 0; i < legs.length; ++i) {
            StrikeKey key = legs[i].option.key();
            if (key.marketId() != marketId) revert OptionPool_WrongMarket(key.marketId(), marketId);
            uint256 j = 0;
            while (j < count && expiries[j] != key.expiry()) ++j;
            if (j == count) expiries[count++] = key.expiry();
            options[i] = PoolQuote.Option(legs[i].size, legs[i].option.isPut(), key.strikeWad(), j);
        }
        assembly ("memory-safe") {
            mstore(expiries, count) // shortens the array in place
        }
    }

    /// @dev Risk is added on fresh data and on a book that is wholly marked under it.
    function _requireFresh(PoolQuote.Facts memory facts, PoolParameters memory parameters_) private view {
        MarketState memory state = facts.state;
        uint256 surfaceAge = block.timestamp - state.surfaceTime; // reports are never from the future
        uint256 spotAge = block.timestamp - state.spotTime;
        if (surfaceAge > parameters_.maxSurfaceAge) {
            revert OptionPool_StaleSurface(surfaceAge, parameters_.maxSurfaceAge);
        }
        if (spotAge > parameters_.maxSpotAge) revert OptionPool_StaleSpot(spotAge, parameters_.maxSpotAge);
        if (state.unconfirmed) revert OptionPool_Unconfirmed(state.round);
        if (!facts.paysBack) revert OptionPool_NotMarked(_reserve.markedRound, state.round);
        for (uint256 i = 0; i < facts.current.length; ++i) {
            Board memory board = facts.current[i];
            if (!board.fresh) revert OptionPool_SliceRefused(board.expiry);
            uint256 tenor = board.expiry - block.timestamp; // the ledger refuses what has expired
            if (tenor < parameters_.minTenor || tenor > parameters_.maxTenor) {
                revert OptionPool_TenorOutOfRange(board.expiry, tenor);
            }
        }
    }

    function _requireWithinLimits(
        PoolQuote.Facts memory facts,
        PoolParameters memory parameters_,
        PoolQuote.Totals memory totals
    ) private view {
        if (_netValue.nav <= 0) revert OptionPool_Insolvent(_netValue.nav);
        if (totals.maxAbsDeltaWad > parameters_.maxDelta) {
            revert OptionPool_DeltaOutOfRange(totals.maxAbsDeltaWad, parameters_.minDelta, parameters_.maxDelta);
        }
        if (totals.minAbsDeltaWad < parameters_.minDelta) {
            revert OptionPool_DeltaOutOfRange(totals.minAbsDeltaWad, parameters_.minDelta, parameters_.maxDelta);
        }
        uint256 vegaLimit = facts.navE6 * parameters_.vegaLimit / 1e18;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 before = _abs(facts.inventory[i]);
            uint256 later = _abs(facts.inventory[i] + totals.change[i]);
            if (later > before && later > vegaLimit) revert OptionPool_VegaLimit(i, later, vegaLimit);
        }
        uint256 deltaLimit = facts.navE6 * parameters_.deltaLimit / facts.state.spotWad;
        uint256 deltaBefore = _abs(facts.inventory[3]);
        uint256 deltaLater = _abs(facts.inventory[3] + totals.change[3]);
        if (deltaLater > deltaBefore && deltaLater > deltaLimit) revert OptionPool_DeltaLimit(deltaLater, deltaLimit);
    }

    /// @dev What this swap gained against the report's prices: the pool's cash less the value it gave, both in quote units.
    function _gainedBy(Quote memory quote_) private view returns (int256) {
        uint256 fee = quote_.fee;
        int256 kept = quote_.cash - int256(fee * _insuranceFeeShareBps / BASIS_POINTS)
            - int256(fee * _protocolFeeShareBps / BASIS_POINTS);
        return kept - CashMath.toCashUp(quote_.reportValueWad, int256(10 ** (18 - uint256(_quoteDecimals))));
    }

    function _addDrift(int256 gained, uint32 round) private {
        int256 before = _reserve.driftRound == round ? int256(_netValue.drift) : int256(0);
        _netValue.drift = int128(before + gained); // cash is below 2^127
        _reserve.driftRound = round;
    }

    // ───────────────────────────── Mark, step by step ─────────────────────────────

    /// @dev Values every strike of the book at the last report's own time and spot.
    function _valueBook(PoolParameters memory parameters_)
        private
        view
        returns (BookTotals memory book, uint256 baseSize)
    {
        StrikeWord[] memory words = clearinghouse.strikes(account);
        (uint32[] memory expiries, uint256[] memory boardOf) = _expiriesOf(words);
        (MarketState memory state, Board[] memory boards) = oracle.boards(marketId, expiries, Moment.Report);
        for (uint256 i = 0; i < words.length; ++i) {
            _addStrike(book, parameters_, words[i], boards[boardOf[i]], state.surfaceTime);
        }
        baseSize = _baseSize();
        book.netShort[3] -= int256(baseSize); // base in existence fits
    }

    /// @dev Cash of the pool's account, quote units.
    function _cash() private view returns (uint256) {
        return clearinghouse.cash(account);
    }

    function _marketState() private view returns (MarketState memory) {
        return oracle.marketState(marketId);
    }

    /// @dev Base collateral as a size of 6 decimals, rounded down.
    function _baseSize() private view returns (uint256) {
        return clearinghouse.base(account, marketId) * 1e6 / _baseUnit;
    }

    function _addStrike(
        BookTotals memory book,
        PoolParameters memory parameters_,
        StrikeWord word,
        Board memory board,
        uint256 surfaceTime
    ) private pure {
        (int256 calls, int256 puts) = (word.calls(), word.puts());
        uint256 strikeWad = word.key().strikeWad();
        if (board.settled) {
            uint256 price = board.forwardWad;
            if (price > strikeWad) book.value += calls * int256(price - strikeWad);
            else book.value += puts * int256(strikeWad - price);
            return;
        }
        int256 k = Logarithm.lnWad(strikeWad * 1e18 / board.forwardWad);
        uint256 stdDevWad = Essvi.stdDev(k, board.thetaWad, board.rhoWad, board.psiWad);
        (uint256 callWad, uint256 putWad, int256 callDeltaWad, uint256 vegaWad) =
            Black76.priceDeltaVegaKnownLn(board.forwardWad, strikeWad, k, stdDevWad);
        book.value += calls * int256(callWad) + puts * int256(putWad); // sizes < 2^79, prices < 2^127
        uint256 bucket = PoolQuote.bucketOf(parameters_, board.expiry - surfaceTime);
        book.netShort[bucket] -= (calls + puts) * int256(vegaWad * PoolQuote.ROOT_REFERENCE_YEARS_WAD / 1e18) / 1e18;
        book.netShort[3] -= (calls * callDeltaWad + puts * (callDeltaWad - 1e18)) / 1e18;

        uint256 rootYearsWad = SquareRoot.sqrtWad(board.effectiveSeconds * 1e18 / PoolQuote.SECONDS_PER_YEAR);
        uint256 vegaPerVolatilityWad = vegaWad * rootYearsWad / 1e18;
        uint256 contracts = _abs(calls) + _abs(puts);
        book.netVega += (calls + puts) * int256(vegaPerVolatilityWad);
        book.grossVegaCost += contracts
            * (vegaPerVolatilityWad * _max(parameters_.grossVegaSpread, board.residualWad) / 1e18);
        book.contracts += contracts;
        // Γ = φ(d1)/(F·v) = vega/(F²·v)
        if (stdDevWad != 0) {
            uint256 gammaWad = vegaWad * 1e18 / board.forwardWad * 1e18 / board.forwardWad * 1e18 / stdDevWad;
            book.netGamma += (calls + puts) * int256(gammaWad);
        }
    }

    /// @dev R ← min(R, Φ); stores the inventory, the reserve and the mark.
    function _storeMark(PoolParameters memory parameters_, MarketState memory state, BookTotals memory book, int256 nav)
        private
        returns (Mark memory mark_)
    {
        _inventory = toInventory(book.netShort);
        _netShortGammaWad = -book.netGamma / 1e6;
        uint256 survivedWad = _reserve.reserveAtMarkWad;
        uint256 reserveWad = _capReserve(parameters_, book.netShort, state.surfaceSpotWad, nav);
        survivedWad = _min(reserveWad, survivedWad);
        uint256 wadPerUnit = 10 ** (18 - uint256(_quoteDecimals));
        uint256 netVegaSpread = parameters_.netVegaSpread + state.disagreementWad;
        uint256 unwindRaw = _abs(book.netVega) * netVegaSpread / 1e18 + book.grossVegaCost + book.contracts
            * (state.surfaceSpotWad * parameters_.notionalSpread / 1e18);
        mark_ = Mark({
            round: state.round,
            surfaceTime: state.surfaceTime,
            nav: nav,
            reserve: _divideUp(reserveWad, wadPerUnit),
            freshReserve: _divideUp(reserveWad - survivedWad, wadPerUnit),
            unwind: _divideUp(unwindRaw, uint256(_divisor)), // the divisor is positive
            provision: clearinghouse.backstopProvision(account, marketId)
        });
        _reserve.markedRound = state.round;
        _lastMark = mark_;
    }

    /// @dev R ← min(R, Φ) at a NAV; this R is the one that has survived a mark.
    function _capReserve(PoolParameters memory parameters_, int256[4] memory netShort, uint256 spotWad, int256 nav)
        private
        returns (uint256 reserveWad)
    {
        reserveWad = _reserveWithin(parameters_, netShort, spotWad, nav);
        _reserve.reserveWad = uint96(reserveWad); // not above what it was
        _reserve.reserveAtMarkWad = uint96(reserveWad);
    }

    /// @dev min(R, Φ).
    function _reserveWithin(PoolParameters memory parameters_, int256[4] memory netShort, uint256 spotWad, int256 nav)
        private
        view
        returns (uint256)
    {
        uint256 potentialWad = InventoryPotential.potential(
            netShort, parameters_.vegaPotential, parameters_.deltaPotential, spotWad, _navE6(nav, parameters_.navFloor)
        );
        return _min(_reserve.reserveWad, potentialWad);
    }

    function _expiriesOf(StrikeWord[] memory words)
        private
        pure
        returns (uint32[] memory expiries, uint256[] memory boardOf)
    {
        expiries = new uint32[](words.length);
        boardOf = new uint256[](words.length);
        uint256 count;
        for (uint256 i = 0; i < words.length; ++i) {
            uint32 expiry = words[i].key().expiry();
            uint256 j = 0;
            while (j < count && expiries[j] != expiry) ++j;
            if (j == count) expiries[count++] = expiry;
            boardOf[i] = j;
        }
        assembly ("memory-safe") {
            mstore(expiries, count) // shortens the array in place
        }
    }

    // ───────────────────────────── Parameters, step by step ─────────────────────────────

    /// @dev Every rate has a bound of its own; κ_V is positive semidefinite; ranges are not empty.
    function _setParameters(PoolParameters memory p) private {
        bool valid = InventoryPotential.isPositiveSemidefinite(p.vegaPotential) && p.deltaPotential <= 10e18
            && p.netVegaSpread <= 0.5e18 && p.grossVegaSpread <= 0.5e18 && p.notionalSpread <= 0.05e18
            && p.deltaSpread <= 0.05e18 && p.ageMultiplier <= 20e18 && p.volOfVol <= 20e18 && p.feeRate <= 0.01e18
            && p.feeCap <= 0.25e18 && p.maxDelta <= 1e18 && p.minDelta < p.maxDelta && p.utilisationLimit != 0
            && p.utilisationLimit <= 1e18 && p.redemptionShare != 0 && p.redemptionShare <= 1e18
            && p.minTenor >= 1 hours && p.minTenor < p.maxTenor && p.frontTenor < p.middleTenor
            && p.maxSpotAge <= 1 hours && p.maxSurfaceAge <= 1 days && p.worseOfSeconds <= 1 hours
            && p.navFloor >= 10 ** _quoteDecimals && p.navFloor <= type(uint96).max && p.vegaLimit <= 100e18
            && p.deltaLimit <= 10e18 && p.takeSpread <= 0.05e18 && p.takeLimit <= 10e18;
        if (!valid) revert OptionPool_InvalidParameters();
        _parametersCode = SSTORE2.write(abi.encode(p));
        emit ParametersChanged(p);
    }

    function _abs(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x); // inventory fits int64 and sums of the book stay far from the smallest int256
    }

    function _divideUp(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
