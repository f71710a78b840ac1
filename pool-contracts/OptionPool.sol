// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAccountTaker} from "./interfaces/IAccountTaker.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {HedgeBook, HedgeTrade, IOptionPool, Mark, PoolParameters, Quote} from "./interfaces/IOptionPool.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {OracleBoards} from "./libraries/oracle/OracleBoards.sol";
import {HedgeExchange} from "./libraries/pool/HedgeExchange.sol";
import {Marks} from "./libraries/pool/Marks.sol";
import {ParameterCode} from "./libraries/pool/ParameterCode.sol";
import {AtMark, PoolPlace, PoolReserves, PoolState, Running, Taken} from "./libraries/pool/PoolState.sol";
import {PoolQuote} from "./libraries/pricing/PoolQuote.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "./types/AccountId.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {ExpiryRisk, toExpiryRisk} from "./types/ExpiryRisk.sol";
import {FLOW_FULL, Flow, flowAfter, toFlow} from "./types/Flow.sol";
import {Inventory, toInventory} from "./types/Inventory.sol";
import {Leg} from "./types/Leg.sol";
import {StrikeKey} from "./types/OptionId.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title A pool that makes prices for options
///
/// PRICE. Mid of the surface plus the change of the inventory potential plus spread plus fee, for the package as one; see
/// `PoolQuote`. For some seconds after a report the worse of the previous and the present mid.
///
/// RESERVE. Impact collected goes into R; a swap that lowers the potential is paid R·(1 − Φ′/Φ), at most its spread: never more than
/// was collected, never better than mid. A mark caps R at Φ, before LPs come and go and after, and the rest is earned. R ≤ Φ is
/// what no cycle beats.
///
/// MARK. Once per surface report the whole book is valued at the report's own time and spot. Until then no risk is added and
/// no impact is paid back. What swaps gain or lose against the report's prices counts from the next mark on, so that who
/// enters or leaves at a mark has no part in it.
///
/// LIMITS. Risk is added only on fresh data, inside ranges of tenor and delta, limits of vega, gamma and delta, of each expiry and
/// of all, and no faster than `Flow` allows. A swap that brings each of the pool's positions nearer to zero is priced and never
/// refused by a limit.
///
/// HEDGE. A hedger named by governance exchanges cash for base and back on the pool's account. What it gives up is bounded here
/// for each exchange, and stays out of NAV until the next mark, as what swaps gain does.
contract OptionPool is IOptionPool, AccessManaged {
    using HedgeExchange for PoolState;
    using Marks for PoolState;
    using PoolReserves for PoolState;

    /// @dev A quote and what it makes of the pool.
    struct Outcome {
        Quote quote;
        MarketState state;
        int256[4] netShort;
        Flow flow;
        uint32[] expiries;
        ExpiryRisk[] risks;
        uint256 reserveWad;
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

    PoolState private _state;
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
        _state.parametersCode = ParameterCode.write(parameters_, _quoteDecimals);
    }

    // ───────────────────────────── Swaps ─────────────────────────────

    /// @inheritdoc IMaker
    function onTrade(AccountId taker, Leg[] calldata legs, bool reduces, bytes calldata)
        external
        returns (AccountId, int256, uint256)
    {
        if (msg.sender != address(clearinghouse)) revert OptionPool_NotLedger(msg.sender);
        return _swap(taker, legs, reduces, ParameterCode.read(_state.parametersCode));
    }

    /// @inheritdoc IAccountTaker
    /// @dev The quote with a wider spread on notional, within a limit per block; the limits of swaps hold.
    function onTake(AccountId taker, Leg[] calldata legs) external returns (AccountId, int256, uint256) {
        if (msg.sender != _liquidationAuction) revert OptionPool_NotAuction(msg.sender);
        PoolParameters memory parameters_ = parameters();
        parameters_.notionalSpread += parameters_.takeSpread; // bounded: `ParameterCode`
        _countTaken(legs, parameters_);
        return _swap(taker, legs, _reduces(legs), parameters_);
    }

    /// @inheritdoc IOptionPool
    function quote(Leg[] calldata legs, bool reduces) external view returns (Quote memory quote_) {
        return _quote(legs, reduces, parameters()).quote;
    }

    function _swap(AccountId taker, Leg[] calldata legs, bool reduces, PoolParameters memory parameters_)
        private
        returns (AccountId, int256, uint256)
    {
        Outcome memory outcome = _quote(legs, reduces, parameters_);
        Quote memory quote_ = outcome.quote;
        uint32 round = outcome.state.round;
        _state.inventory = toInventory(outcome.netShort, outcome.flow);
        for (uint256 i = 0; i < outcome.expiries.length; ++i) {
            _state.expiryRisks[outcome.expiries[i]] = outcome.risks[i];
        }
        // R stays within [0, impact collected]; 2^96 WAD is 79 billion quote tokens.
        uint256 reserveWad = uint256(int256(outcome.reserveWad) + quote_.impactWad);
        if (reserveWad > type(uint96).max) reserveWad = type(uint96).max;
        _state.running = Running({
            reserveWad: uint96(reserveWad), // cut to 96 bits
            drift: SafeCast.toInt96(_state.driftOf(round) + _gainedBy(quote_)),
            driftRound: round,
            flowTime: uint32(block.timestamp) // until 2106
        });
        emit Swapped(taker, round, legs, quote_, reserveWad);
        return (account, quote_.cash, quote_.fee);
    }

    // ───────────────────────────── Mark ─────────────────────────────

    /// @inheritdoc IOptionPool
    function mark() external returns (Mark memory) {
        return _state.mark(_place());
    }

    /// @inheritdoc IOptionPool
    function payableToRedeemers() external returns (uint256) {
        int256 requirement = clearinghouse.stress(account); // also for a flat book: the ledger's number is from before
        uint256 cash = clearinghouse.cash(account);
        if (clearinghouse.strikes(account).length == 0) return cash;
        if (requirement < 0) requirement = 0;
        int256 free = int256(cash) - requirement; // cash is below 2^128
        PoolParameters memory parameters_ = parameters();
        int256 byUtilisation = _state.lastMark.nav - requirement * 1e18 / int256(parameters_.utilisationLimit);
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
        return _state.settle(_place(), trade);
    }

    /// @inheritdoc IOptionPool
    function hedgeBook() external view returns (HedgeBook memory) {
        return HedgeBook(_state.atMark.round, _state.netShortGammaWad, _navE6(_state.atMark.nav, parameters().navFloor));
    }

    /// @notice Names who may exchange cash for base; zero for nobody. Restricted.
    function setHedger(address hedger_) external restricted {
        hedger = hedger_;
        emit HedgerChanged(hedger_);
    }

    // ───────────────────────────── Parameters and views ─────────────────────────────

    /// @notice Replaces all parameters together; they are checked against each other.
    function setParameters(PoolParameters calldata parameters_) external restricted {
        _state.parametersCode = ParameterCode.write(parameters_, _quoteDecimals);
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
        return _state.lastMark;
    }

    /// @inheritdoc IOptionPool
    function inventory() external view returns (int256[4] memory netShort, uint256 reserveWad) {
        return (_state.inventory.unpack(), _state.running.reserveWad);
    }

    /// @inheritdoc IOptionPool
    function flow() external view returns (int256 vegaWad, int256 deltaWad) {
        Flow now_ = _state.inventory.flow().drained(block.timestamp - _state.running.flowTime, parameters().flowSeconds);
        return (now_.vegaFlow() * 1e18 / FLOW_FULL, now_.deltaFlow() * 1e18 / FLOW_FULL);
    }

    /// @inheritdoc IOptionPool
    function expiryRisk(uint32 expiry) external view returns (int256 netShortVega, int256 netShortGamma) {
        return _state.expiryRisks[expiry].since(_state.atMark.round);
    }

    /// @inheritdoc IOptionPool
    function parameters() public view returns (PoolParameters memory) {
        return ParameterCode.read(_state.parametersCode);
    }

    // ───────────────────────────── Quote, step by step ─────────────────────────────

    /// @dev Whether every leg brings the pool's position nearer to zero, as the ledger finds it for swaps.
    function _reduces(Leg[] calldata legs) private view returns (bool) {
        for (uint256 i = 0; i < legs.length; ++i) {
            if (!legs[i].reduces(clearinghouse.position(account, legs[i].option))) return false;
        }
        return true;
    }

    /// @dev A burst of liquidations reaches the pool in parts, each at the impact of those before.
    function _countTaken(Leg[] calldata legs, PoolParameters memory parameters_) private {
        uint256 contracts;
        for (uint256 i = 0; i < legs.length; ++i) {
            contracts += _abs(legs[i].size);
        }
        uint256 notionalE6 = contracts * oracle.marketState(marketId).spotWad / 1e18; // sizes < 2^80, prices < 2^97
        if (_state.taken.blockNumber == block.number) notionalE6 += _state.taken.notionalE6;
        uint256 limit = _navE6(_state.atMark.nav, parameters_.navFloor) * parameters_.takeLimit / 1e18;
        if (notionalE6 > limit) revert OptionPool_TakeLimit(notionalE6, limit);
        _state.taken = Taken(uint64(block.number), uint192(notionalE6)); // below 2^184, as said
    }

    function _quote(Leg[] calldata legs, bool reduces, PoolParameters memory parameters_)
        private
        view
        returns (Outcome memory outcome)
    {
        Inventory before = _state.inventory;
        PoolQuote.Facts memory facts;
        (outcome.expiries, facts.options) = _optionsOf(legs);
        _readBoards(facts, outcome.expiries, parameters_.worseOfSeconds);
        AtMark memory atMark = _state.atMark;
        outcome.state = facts.state;
        outcome.reserveWad = _state.running.reserveWad;
        facts.inventory = before.unpack();
        facts.reserveWad = outcome.reserveWad;
        facts.paysBack = atMark.round == facts.state.round;
        facts.navE6 = _navE6(atMark.nav, parameters_.navFloor);
        facts.timestamp = block.timestamp;
        facts.quoteDecimals = _quoteDecimals;
        if (!reduces) _requireFresh(facts, parameters_, atMark.round);

        PoolQuote.Totals memory totals;
        (outcome.quote, totals) = PoolQuote.price(parameters_, facts);
        outcome.netShort = totals.netShort;
        if (!reduces) {
            if (atMark.nav <= 0) revert OptionPool_Insolvent(atMark.nav);
            _requireWithinLimits(facts, parameters_, totals);
        }
        _addExpiryRisks(outcome, facts, parameters_, totals, reduces, atMark.round);
        outcome.flow = _flowAfter(before, facts, parameters_, totals.change, reduces);
    }

    /// @dev Boards at the moments that matter.
    function _readBoards(PoolQuote.Facts memory facts, uint32[] memory expiries, uint256 worseOfSeconds) private view {
        (MarketState memory state, Board[] memory boards) =
            OracleBoards.read(oracle, abi.encodeCall(oracle.boardsAt, (marketId, expiries, Moment.Report, Moment.Now)));
        facts.state = state;
        facts.atReport = OracleBoards.part(boards, 0, expiries.length);
        facts.current = OracleBoards.part(boards, expiries.length, expiries.length);
        // While a larger move waits for confirmation, its price is the other one.
        Moment other = state.unconfirmed ? Moment.Unconfirmed : Moment.Previous;
        uint256 acceptedAt = _max(state.surfaceAcceptedAt, state.spotAcceptedAt);
        if (other == Moment.Previous && block.timestamp > acceptedAt + worseOfSeconds) return;
        // Before the second report, and for an expiry that is new in this one, there is no previous price to be worse than.
        try oracle.boards(marketId, expiries, other) returns (MarketState memory, Board[] memory previous) {
            facts.previous = previous;
        } catch {}
    }

    /// @dev Every expiry's vega and gamma after the swap.
    function _addExpiryRisks(
        Outcome memory outcome,
        PoolQuote.Facts memory facts,
        PoolParameters memory parameters_,
        PoolQuote.Totals memory totals,
        bool reduces,
        uint32 markedRound
    ) private view {
        uint256 count = outcome.expiries.length;
        outcome.risks = new ExpiryRisk[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint32 expiry = outcome.expiries[i];
            (int256 vegaBefore, int256 gammaBefore) = _state.expiryRisks[expiry].since(markedRound);
            int256 vega = vegaBefore + totals.expiryVega[i];
            int256 gamma = gammaBefore + totals.expiryGamma[i];
            if (!reduces) {
                uint256 limit = facts.navE6 * parameters_.expiryVegaLimit / 1e18;
                if (_isAdded(vegaBefore, vega, limit)) {
                    revert OptionPool_ExpiryVegaLimit(expiry, _abs(vega), limit);
                }
                limit = facts.navE6 * parameters_.expiryGammaLimit / 1e18;
                if (_isAdded(gammaBefore, gamma, limit)) {
                    revert OptionPool_ExpiryGammaLimit(expiry, _abs(gamma), limit);
                }
            }
            outcome.risks[i] = toExpiryRisk(vega, gamma, markedRound);
        }
    }

    /// @dev What was taken lately, this swap included.
    function _flowAfter(
        Inventory before,
        PoolQuote.Facts memory facts,
        PoolParameters memory parameters_,
        int256[4] memory change,
        bool reduces
    ) private view returns (Flow) {
        Flow lately = before.flow().drained(block.timestamp - _state.running.flowTime, parameters_.flowSeconds);
        int256 vegaChange = change[0] + change[1] + change[2];
        uint256 vegaLimit = facts.navE6 * parameters_.vegaFlowLimit / 1e18;
        (int256 vega, bool tooMuchVega) = flowAfter(lately.vegaFlow(), vegaChange, vegaLimit);
        uint256 deltaLimit = facts.navE6 * parameters_.deltaFlowLimit / facts.state.spotWad;
        (int256 delta, bool tooMuchDelta) = flowAfter(lately.deltaFlow(), change[3], deltaLimit);
        if (!reduces) {
            if (tooMuchVega) revert OptionPool_VegaFlowLimit(lately.vegaFlow(), vegaChange, vegaLimit);
            if (tooMuchDelta) revert OptionPool_DeltaFlowLimit(lately.deltaFlow(), change[3], deltaLimit);
        }
        return toFlow(vega, delta);
    }

    /// @dev Whether a risk becomes larger, and larger than its limit.
    function _isAdded(int256 before, int256 later, uint256 limit) private pure returns (bool) {
        uint256 magnitude = _abs(later);
        return magnitude > limit && magnitude > _abs(before);
    }

    /// @dev NAV with the floor that the potential uses, 6 decimals.
    function _navE6(int256 nav, uint256 floor_) private view returns (uint256) {
        return PoolReserves.navE6(nav, floor_, _quoteDecimals);
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
            PoolQuote.Option memory option = options[i];
            (option.size, option.isPut) = (legs[i].size, legs[i].option.isPut());
            (option.strikeWad, option.board) = (key.strikeWad(), j);
        }
        assembly ("memory-safe") {
            mstore(expiries, count) // shortens the array in place
        }
    }

    /// @dev Risk is added on fresh data and on a book that is wholly marked under it.
    function _requireFresh(PoolQuote.Facts memory facts, PoolParameters memory parameters_, uint32 markedRound)
        private
        view
    {
        if (parameters_.reduceOnly) revert OptionPool_ReduceOnly();
        MarketState memory state = facts.state;
        uint256 surfaceAge = block.timestamp - state.surfaceTime; // reports are never from the future
        uint256 spotAge = block.timestamp - state.spotTime;
        if (surfaceAge > parameters_.maxSurfaceAge) {
            revert OptionPool_StaleSurface(surfaceAge, parameters_.maxSurfaceAge);
        }
        if (spotAge > parameters_.maxSpotAge) revert OptionPool_StaleSpot(spotAge, parameters_.maxSpotAge);
        if (state.unconfirmed) revert OptionPool_Unconfirmed(state.round);
        if (!facts.paysBack) revert OptionPool_NotMarked(markedRound, state.round);
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
    ) private pure {
        int256[4] memory netShort = totals.netShort;
        if (totals.maxAbsDeltaWad > parameters_.maxDelta) {
            revert OptionPool_DeltaOutOfRange(totals.maxAbsDeltaWad, parameters_.minDelta, parameters_.maxDelta);
        }
        if (totals.minAbsDeltaWad < parameters_.minDelta) {
            revert OptionPool_DeltaOutOfRange(totals.minAbsDeltaWad, parameters_.minDelta, parameters_.maxDelta);
        }
        uint256 limit = facts.navE6 * parameters_.vegaLimit / 1e18;
        for (uint256 i = 0; i < 3; ++i) {
            if (_isAdded(facts.inventory[i], netShort[i], limit)) {
                revert OptionPool_VegaLimit(i, _abs(netShort[i]), limit);
            }
        }
        limit = facts.navE6 * parameters_.deltaLimit / facts.state.spotWad;
        if (_isAdded(facts.inventory[3], netShort[3], limit)) {
            revert OptionPool_DeltaLimit(_abs(netShort[3]), limit);
        }
    }

    /// @dev What this swap gained against the report's prices: the pool's cash less the value it gave, both in quote units.
    function _gainedBy(Quote memory quote_) private view returns (int256) {
        uint256 fee = quote_.fee;
        int256 kept = quote_.cash - int256(fee * _insuranceFeeShareBps / BASIS_POINTS)
            - int256(fee * _protocolFeeShareBps / BASIS_POINTS);
        return kept - CashMath.toCashUp(quote_.reportValueWad, int256(10 ** (18 - uint256(_quoteDecimals))));
    }

    function _place() private view returns (PoolPlace memory) {
        return PoolPlace({
            clearinghouse: clearinghouse,
            oracle: oracle,
            shares: shares,
            marketId: marketId,
            account: account,
            quoteDecimals: _quoteDecimals,
            baseUnit: _baseUnit,
            divisor: _divisor
        });
    }

    function _abs(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x); // inventory and sums over legs stay far from the smallest int256
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
