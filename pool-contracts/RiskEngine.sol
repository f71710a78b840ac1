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
import {Board, MarketState, Moment} from "./types/Board.sol";
import {StrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @title Scenario margin
/// @notice An account is healthy if cash plus the worst value of what it holds is not negative. For a scenario (s, u):
///
///     F′ = F·(1 + s),   k′ = ln(K/F′),   v′ = √w(k′) · max(1 + u·√(30 d/τ), 0.1) ± d√τ,   value = Σ size·Black76(F′, K, v′) + base·S·(1 + s)
///     worst = min over the grid of ( present + weight·(value − present) ) − contingency·S·(short contracts)
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

    /// @dev Everything the loop over scenarios needs, in memory: locals would not fit the stack.
    struct Run {
        Scenario[] scenarios;
        int256[] spotShocks;
        int256[] lnSpotFactors;
        int256[] valuesRaw;
        uint256 spotWad;
        uint256 disagreementWad;
        uint256 shortContracts;
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
    mapping(uint16 marketId => MarketGrids) private _grids;

    constructor(IMarketOracle oracle_, uint8 quoteDecimals, address authority) AccessManaged(authority) {
        oracle = oracle_;
        _divisor = CashMath.divisor(quoteDecimals);
    }

    /// @notice Sets both grids of a market together.
    function setGrids(uint16 marketId, MarketGrids calldata grids_) external restricted {
        bool valid = ScenarioGrid.isValid(ScenarioGrid.unpack(grids_.initial))
            && ScenarioGrid.isValid(ScenarioGrid.unpack(grids_.maintenance))
            && grids_.shortContingencyWad <= MAX_CONTINGENCY;
        if (!valid) revert RiskEngine_InvalidGrid(marketId);
        _grids[marketId] = grids_;
        emit GridsChanged(marketId, grids_);
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
        MarketGrids storage grids_ = _grids[marketId];
        Run memory run;
        run.scenarios = ScenarioGrid.unpack(grid == Grid.Initial ? grids_.initial : grids_.maintenance);
        if (run.scenarios.length == 0) revert RiskEngine_UnknownMarket(marketId);
        _prepare(run);

        (uint32[] memory expiries, uint256[] memory boardOf) = _expiriesOf(words);
        (MarketState memory state, Board[] memory boards) = oracle.boards(marketId, expiries, Moment.Now);
        (run.spotWad, run.disagreementWad) = (state.spotWad, state.disagreementWad);
        (worst, mid) = _valuesOn(run, words, boards, boardOf, baseSize, grids_.shortContingencyWad);
        if (!state.unconfirmed) return (worst, mid);

        // A larger move waits for confirmation: the worse of both counts, each scenario on its own surface and spot.
        (, boards) = oracle.boards(marketId, expiries, Moment.Unconfirmed);
        uint256 waitingSpotWad = oracle.unconfirmed(marketId).spotWad;
        if (waitingSpotWad != 0) run.spotWad = waitingSpotWad;
        (int256 worstWaiting, int256 midWaiting) =
            _valuesOn(run, words, boards, boardOf, baseSize, grids_.shortContingencyWad);
        if (worstWaiting < worst) worst = worstWaiting;
        if (midWaiting < mid) mid = midWaiting;
    }

    /// @dev Worst and present value on one set of boards, at the spot that `run` says.
    function _valuesOn(
        Run memory run,
        StrikeWord[] calldata words,
        Board[] memory boards,
        uint256[] memory boardOf,
        uint256 baseSize,
        uint256 contingencyWad
    ) private view returns (int256 worst, int256 mid) {
        run.valuesRaw = new int256[](run.scenarios.length);
        run.shortContracts = 0;
        uint256[] memory tenorFactors = _tenorFactors(boards);
        uint256[] memory aparts = _aparts(boards, run.disagreementWad);
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 board = boardOf[i];
            _addStrike(run, words[i], boards[board], tenorFactors[board], aparts[board]);
        }
        return _summarise(run, baseSize, contingencyWad);
    }

    /// @dev Spot shocks and ln(1 + shock) of every scenario.
    function _prepare(Run memory run) private pure {
        uint256 count = run.scenarios.length;
        run.spotShocks = new int256[](count);
        run.lnSpotFactors = new int256[](count);
        for (uint256 j = 0; j < count; ++j) {
            int256 shock = run.scenarios[j].spotShockWad();
            run.spotShocks[j] = shock;
            // Grids are validated: shocks are above −1.
            run.lnSpotFactors[j] = j != 0 && shock == run.spotShocks[j - 1]
                ? run.lnSpotFactors[j - 1]
                : Logarithm.lnWad(uint256(1e18 + shock));
        }
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

    /// @dev Adds a strike's calls and puts to the value of every scenario.
    function _addStrike(Run memory run, StrikeWord word, Board memory board, uint256 tenorFactor, uint256 apartWad)
        private
        pure
    {
        uint256 strikeWad = word.key().strikeWad();
        int256 k = Logarithm.lnWad(strikeWad * 1e18 / board.forwardWad);
        uint256 stdDevWad;
        for (uint256 j = 0; j < run.scenarios.length; ++j) {
            int256 spotShock = board.settled ? int256(0) : run.spotShocks[j];
            int256 shocked = k - (board.settled ? int256(0) : run.lnSpotFactors[j]);
            if (j == 0 || run.spotShocks[j] != run.spotShocks[j - 1]) {
                stdDevWad = Essvi.stdDev(shocked, board.thetaWad, board.rhoWad, board.psiWad);
            }
            int256 shock = run.scenarios[j].volatilityShockWad();
            int256 factor = 1e18 + shock * int256(tenorFactor) / 1e18; // ≤ 3 × 2.047
            if (factor < MIN_STD_DEV_FACTOR) factor = MIN_STD_DEV_FACTOR;
            (uint256 callWad, uint256 putWad) = Black76.priceKnownLn(
                board.forwardWad * uint256(1e18 + spotShock) / 1e18,
                strikeWad,
                shocked,
                _apart(stdDevWad * uint256(factor) / 1e18, shock, apartWad)
            );
            // Prices are below 2^127 and sizes below 2^79: the products fit an int256.
            run.valuesRaw[j] += word.calls() * int256(callWad) + word.puts() * int256(putWad);
        }
        if (word.calls() < 0) run.shortContracts += uint256(-word.calls());
        if (word.puts() < 0) run.shortContracts += uint256(-word.puts());
    }

    /// @dev A standard deviation further in the direction of its shock, by what the reporters differ.
    function _apart(uint256 stdDevWad, int256 shock, uint256 apartWad) private pure returns (uint256) {
        if (shock > 0) return stdDevWad + apartWad;
        if (shock == 0) return stdDevWad;
        return stdDevWad > apartWad ? stdDevWad - apartWad : 0;
    }

    /// @dev Weighs the tails, takes the worst, subtracts the contingency, rounds down.
    function _summarise(Run memory run, uint256 baseSize, uint256 contingencyWad)
        private
        view
        returns (int256 worst, int256 mid)
    {
        int256 baseRaw = int256(baseSize * run.spotWad); // base in existence and spot below 2^96 fit
        int256 present = run.valuesRaw[0] + baseRaw;
        int256 lowest = present;
        for (uint256 j = 1; j < run.scenarios.length; ++j) {
            int256 spotMove = _divideDown(int256(run.spotWad) * run.spotShocks[j], 1e18); // spot < 2^96, shock ≤ 1
            int256 change = run.valuesRaw[j] - run.valuesRaw[0] + int256(baseSize) * spotMove;
            // A millionth of a quote token is lost before the weight, against the account; with it the product would not fit.
            int256 weighted = present + _divideDown(change, 1e18) * int256(run.scenarios[j].weightWad());
            if (weighted < lowest) lowest = weighted;
        }
        int256 contingency = int256(run.shortContracts * (run.spotWad * contingencyWad / 1e18));
        worst = CashMath.toCashDown(lowest - contingency, _divisor);
        mid = CashMath.toCashDown(present, _divisor);
    }

    /// @dev a/b towards minus infinity; b is positive.
    function _divideDown(int256 a, int256 b) private pure returns (int256 quotient) {
        quotient = a / b;
        if (a < 0 && quotient * b != a) --quotient;
    }
}
