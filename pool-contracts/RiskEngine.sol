// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {Grid, IRiskEngine} from "./interfaces/IRiskEngine.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {Black76} from "./libraries/pricing/Black76.sol";
import {Essvi} from "./libraries/pricing/Essvi.sol";
import {Logarithm} from "./libraries/pricing/Logarithm.sol";
import {SquareRoot} from "./libraries/pricing/SquareRoot.sol";
import {Scenario, ScenarioGrid} from "./libraries/risk/ScenarioGrid.sol";
import {Shock, ShockTable} from "./libraries/risk/ShockTable.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {StrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @title Scenario margin
/// @notice An account is healthy if cash plus the worst value of what it holds is not negative. For a scenario (s, u):
///
///     F′ = F·(1 + s),   k′ = ln(K/F′),   v′ = √w(k′) · max(1 + u·√(30 d/τ), 0.1) ± d√τ,   value = Σ size·Black76(F′, K, v′) + base·S·(1 + s)
///     worst = min over the grid of ( present + weight·(value − present) ) − contingency·S·(open short contracts)
///
/// d, how far the reporters' volatilities differ, widens every volatility shock in its own direction. While a report that moves
/// the market further than one may waits for confirmation, the worse of what is confirmed and what waits counts.
///
/// The smile moves with spot (it is read at k′), √(30 d/τ) is capped at 3, and the price of a call and of a put at one
/// strike are computed together, once per scenario. Settled expiries count by their payoff.
contract RiskEngine is IRiskEngine, AccessManaged {
    /// @param initial Grid for opening and withdrawing, see `ScenarioGrid`.
    /// @param maintenance Grid for liquidation, narrower.
    /// @param shortContingencyWad Share of spot held for each short contract, whatever hedges it.
    struct MarketGrids {
        uint256[3] initial;
        uint256[3] maintenance;
        uint256 shortContingencyWad;
    }

    /// @dev A grid as it is read, in one slot.
    struct StoredGrid {
        address table;
        uint8 count;
        uint80 shortContingencyWad;
    }

    event GridsChanged(uint16 indexed marketId, MarketGrids grids);

    uint256 internal constant SECONDS_PER_YEAR = 365 days;
    /// @dev Tenor at which a volatility shock holds as it is written.
    uint256 internal constant REFERENCE_TENOR = 30 days;
    /// @dev Largest factor by which a shorter tenor scales a volatility shock.
    uint256 internal constant MAX_TENOR_FACTOR = 3e18;
    /// @dev Smallest factor a shock leaves of the standard deviation.
    int256 internal constant MIN_STD_DEV_FACTOR = 0.1e18;
    /// @dev Largest contingency: a tenth of spot a contract.
    uint256 internal constant MAX_CONTINGENCY = 0.1e18;

    IMarketOracle public immutable oracle;
    int256 internal immutable _divisor;
    mapping(uint16 marketId => mapping(Grid => StoredGrid)) private _stored;
    mapping(uint16 marketId => MarketGrids) private _grids; // as they were set, for readers

    constructor(IMarketOracle oracle_, uint8 quoteDecimals, address authority) AccessManaged(authority) {
        oracle = oracle_;
        _divisor = CashMath.divisor(quoteDecimals);
    }

    /// @notice Sets both grids of a market together.
    function setGrids(uint16 marketId, MarketGrids calldata grids_) external restricted {
        if (grids_.shortContingencyWad > MAX_CONTINGENCY) revert RiskEngine_InvalidGrid(marketId);
        _store(marketId, Grid.Initial, grids_.initial, grids_.shortContingencyWad);
        _store(marketId, Grid.Maintenance, grids_.maintenance, grids_.shortContingencyWad);
        _grids[marketId] = grids_;
        emit GridsChanged(marketId, grids_);
    }

    function _store(uint16 marketId, Grid grid, uint256[3] calldata words, uint256 contingencyWad) private {
        Scenario[] memory scenarios = ScenarioGrid.unpack(words);
        if (!ScenarioGrid.isValid(scenarios)) revert RiskEngine_InvalidGrid(marketId);
        // At most 24 scenarios, and a contingency below 2^57.
        _stored[marketId][grid] =
            StoredGrid(ShockTable.write(scenarios), uint8(scenarios.length), uint80(contingencyWad));
    }

    function grids(uint16 marketId) external view returns (MarketGrids memory) {
        return _grids[marketId];
    }

    /// @inheritdoc IRiskEngine
    function values(uint16 marketId, StrikeWord[] calldata words, uint256 baseSize, Grid grid)
        external
        view
        returns (int256 worst, int256 mid)
    {
        if (words.length == 0 && baseSize == 0) return (0, 0);
        StoredGrid memory stored = _stored[marketId][grid];
        if (stored.count == 0) revert RiskEngine_UnknownMarket(marketId);

        (uint32[] memory expiries, uint256[] memory boardOf) = _expiriesOf(words);
        (MarketState memory state, Board[] memory boards) = oracle.boards(marketId, expiries, Moment.Now);
        (worst, mid) = _valuesOn(stored, words, boards, boardOf, baseSize, state.spotWad, state.disagreementWad);
        if (!state.unconfirmed) return (worst, mid);

        // A larger move waits for confirmation: the worse of both counts, each scenario on its own surface and spot.
        (, boards) = oracle.boards(marketId, expiries, Moment.Unconfirmed);
        uint256 spotWad = oracle.unconfirmed(marketId).spotWad;
        (int256 worstWaiting, int256 midWaiting) = _valuesOn(
            stored, words, boards, boardOf, baseSize, spotWad == 0 ? state.spotWad : spotWad, state.disagreementWad
        );
        if (worstWaiting < worst) worst = worstWaiting;
        if (midWaiting < mid) mid = midWaiting;
    }

    /// @dev Worst and present value on one set of boards, at one spot.
    function _valuesOn(
        StoredGrid memory stored,
        StrikeWord[] calldata words,
        Board[] memory boards,
        uint256[] memory boardOf,
        uint256 baseSize,
        uint256 spotWad,
        uint256 disagreementWad
    ) private view returns (int256 worst, int256 mid) {
        Shock[] memory shocks = ShockTable.load(stored.table, stored.count);
        uint256[] memory tenorFactors = _tenorFactors(boards);
        uint256[] memory aparts = _aparts(boards, disagreementWad);
        uint256 shortContracts;
        int256 settledRaw;
        for (uint256 i = 0; i < words.length; ++i) {
            StrikeWord word = words[i];
            uint256 place = boardOf[i];
            if (boards[place].settled) {
                settledRaw += _payoffRaw(word, boards[place].forwardWad);
                continue;
            }
            _addStrike(shocks, word, boards[place], tenorFactors[place], aparts[place]);
            shortContracts += _shortContracts(word);
        }
        return _summarise(shocks, settledRaw, baseSize, spotWad, shortContracts * stored.shortContingencyWad);
    }

    /// @dev The distinct expiries of the words and, for each word, which of them is its own.
    function _expiriesOf(StrikeWord[] calldata words)
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

    /// @dev min(√(30 d/τ), 3) per expiry, WAD.
    function _tenorFactors(Board[] memory boards) private pure returns (uint256[] memory factors) {
        factors = new uint256[](boards.length);
        for (uint256 i = 0; i < boards.length; ++i) {
            uint256 tenor = boards[i].effectiveSeconds;
            uint256 factor = tenor == 0 ? MAX_TENOR_FACTOR : SquareRoot.sqrtWad(REFERENCE_TENOR * 1e18 / tenor);
            factors[i] = factor < MAX_TENOR_FACTOR ? factor : MAX_TENOR_FACTOR;
        }
    }

    /// @dev d√τ per expiry, WAD.
    function _aparts(Board[] memory boards, uint256 disagreementWad) private pure returns (uint256[] memory aparts) {
        aparts = new uint256[](boards.length);
        if (disagreementWad == 0) return aparts;
        for (uint256 i = 0; i < boards.length; ++i) {
            uint256 rootYearsWad = SquareRoot.sqrtWad(boards[i].effectiveSeconds * 1e18 / SECONDS_PER_YEAR);
            aparts[i] = disagreementWad * rootYearsWad / 1e18;
        }
    }

    /// @dev Adds a strike's calls and puts to the value of every scenario; the smile is read once per spot shock.
    function _addStrike(
        Shock[] memory shocks,
        StrikeWord word,
        Board memory board,
        uint256 tenorFactor,
        uint256 apartWad
    ) private pure {
        unchecked {
            // Strikes are below 2^88 and forwards below 2^128, factors at most 2e18, deviations below 2^64; prices are below
            // 2^127 and sizes below 2^79, so that 128 strikes add up to less than 2^214.
            uint256 strikeWad = word.key().strikeWad();
            int256 k = Logarithm.lnWad(strikeWad * 1e18 / board.forwardWad);
            int256 lnSpotFactorWad = type(int256).max; // none yet
            uint256 stdDevWad;
            (int256 calls, int256 puts) = (word.calls(), word.puts());
            uint256 count = shocks.length;
            for (uint256 j = 0; j < count; ++j) {
                Shock memory shock = shocks[j];
                if (shock.lnSpotFactorWad != lnSpotFactorWad) {
                    lnSpotFactorWad = shock.lnSpotFactorWad;
                    stdDevWad = Essvi.stdDev(k - lnSpotFactorWad, board.thetaWad, board.rhoWad, board.psiWad);
                }
                (uint256 callWad, uint256 putWad) = Black76.priceKnownLn(
                    board.forwardWad * shock.spotFactorWad / 1e18,
                    strikeWad,
                    k - lnSpotFactorWad,
                    _shocked(stdDevWad, shock.volatilityShockWad, tenorFactor, apartWad)
                );
                shock.valueRaw += calls * int256(callWad) + puts * int256(putWad);
            }
        }
    }

    function _payoffRaw(StrikeWord word, uint256 settlementWad) private pure returns (int256) {
        uint256 strikeWad = word.key().strikeWad();
        // Prices are below 2^97 and sizes below 2^79.
        if (settlementWad > strikeWad) return word.calls() * int256(settlementWad - strikeWad);
        return word.puts() * int256(strikeWad - settlementWad);
    }

    function _shortContracts(StrikeWord word) private pure returns (uint256 contracts) {
        (int256 calls, int256 puts) = (word.calls(), word.puts());
        if (calls < 0) contracts = uint256(-calls);
        if (puts < 0) contracts += uint256(-puts);
    }

    /// @dev A standard deviation under a volatility shock, and further in its direction by what the reporters differ.
    function _shocked(uint256 stdDevWad, int256 shock, uint256 tenorFactor, uint256 apartWad)
        private
        pure
        returns (uint256)
    {
        unchecked {
            if (shock == 0) return stdDevWad;
            int256 factor = 1e18 + shock * int256(tenorFactor) / 1e18; // ≤ 1 + 3 × 2.047
            if (factor < MIN_STD_DEV_FACTOR) factor = MIN_STD_DEV_FACTOR;
            uint256 scaled = stdDevWad * uint256(factor) / 1e18; // deviations are below 2^64
            if (shock > 0) return scaled + apartWad;
            return scaled > apartWad ? scaled - apartWad : 0;
        }
    }

    /// @dev Weighs the tails, takes the worst, subtracts the contingency, rounds down.
    /// @param contingency Short contracts times their contingency as a share of spot: 1e24 to one contract's whole spot.
    function _summarise(
        Shock[] memory shocks,
        int256 settledRaw,
        uint256 baseSize,
        uint256 spotWad,
        uint256 contingency
    ) private view returns (int256 worst, int256 mid) {
        int256 presentRaw = shocks[0].valueRaw;
        int256 present = presentRaw + settledRaw + int256(baseSize * spotWad); // base in existence and spot below 2^96 fit
        int256 lowest = present;
        for (uint256 j = 1; j < shocks.length; ++j) {
            Shock memory shock = shocks[j];
            // Spot is below 2^96 and a factor at most 2e18.
            int256 spotMove = _divideDown(int256(spotWad) * (int256(shock.spotFactorWad) - 1e18), 1e18);
            int256 change = shock.valueRaw - presentRaw + int256(baseSize) * spotMove;
            // A millionth of a quote token is lost before the weight, against the account; with it the product would not fit.
            int256 weighted = present + _divideDown(change, 1e18) * shock.weightWad;
            if (weighted < lowest) lowest = weighted;
        }
        // Rounded up; contracts below 2^87, the share below 2^57 and spot below 2^96 fit.
        if (contingency != 0) lowest -= int256(contingency * spotWad / 1e18 + 1);
        worst = CashMath.toCashDown(lowest, _divisor);
        mid = CashMath.toCashDown(present, _divisor);
    }

    /// @dev a/b towards minus infinity; b is positive.
    function _divideDown(int256 a, int256 b) private pure returns (int256 quotient) {
        quotient = a / b;
        if (a < 0 && quotient * b != a) --quotient;
    }
}
