// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {PoolParameters, Quote} from "../../interfaces/IOptionPool.sol";
import {Board, MarketState} from "../../types/Board.sol";
import {requireInventory} from "../../types/Inventory.sol";
import {CashMath} from "../accounting/CashMath.sol";
import {InventoryPotential} from "./InventoryPotential.sol";
import {Smile, Smiles, StrikeValue} from "./Smile.sol";
import {SquareRoot} from "./SquareRoot.sol";

/// @title The price of a package of options
/// @notice
///
///     cash = Σ qᵢ·BSᵢ + impact + spread + fee
///     impact = Φ(x′) − Φ(x) where that is ≥ 0, else −min(R, Φ(x))·(1 − Φ(x′)/Φ(x)), but at least −spread
///     spread = rounding + (s₀ + d)·|net vega| + Σ s₁·|vegaᵢ| + g·S·Σ|qᵢ| + s_Δ·S·|net delta| + |Σ Δᵢ·mᵢ| + ½|Σ Γᵢ·mᵢ²| + n·|Σ σᵢ·V̂ᵢ|
///     mᵢ = c·σᵢ·S·√age of spot,   n = c·ξ·√age of surface,   V̂ = vega·√(30 d/τ)
///     fee = Σ min(feeRate·S, feeCap·BSᵢ)·|qᵢ|
///
/// d is how far the reporters' volatilities differ: the level of the surface is not known better than that.
/// Every part of the spread is an absolute value of a sum or a sum of absolute values: a package costs at most what its legs
/// cost one by one.
///
/// Nobody trades better than mid: what is paid back is at most the spread. Mid is free of arbitrage and every quote of one
/// instant is on its own side of it, so no set of quotes is an arbitrage, whatever the inventory; nor does a package cost less than
/// the least it can pay.
///
/// Pure: everything comes in as arguments, and `pricing/fixed/poolQuote.ts` repeats it bit for bit. "Raw" is size (6
/// decimals) times WAD, 1e24 to one; the parts become WAD once each and cash is rounded up once.
///
/// Bounds, on which unchecked arithmetic rests: at most 8 legs of sizes below 2^79, spot below 2^96, forwards below 2^97, strikes below
/// 2^88 (all WAD), rates of `ParameterCode`, inventory of `Inventory`. So prices are below 2^97, vegas below 2^96, standard
/// deviations below 2^66 and volatilities below 2^79 (a second before the expiry), and every sum over the legs below 2^240.
library PoolQuote {
    /// @param size Signed, 6 decimals, the taker's.
    /// @param isPut Kind.
    /// @param strikeWad Strike.
    /// @param board Index of its expiry in the arrays of boards.
    struct Option {
        int256 size;
        bool isPut;
        uint256 strikeWad;
        uint256 board;
    }

    /// @param options The legs.
    /// @param state Clocks and spot.
    /// @param atReport Boards of the last surface report at its own time.
    /// @param current Boards now.
    /// @param previous Boards of the report before, rolled down to now; empty where the present price alone counts.
    /// @param inventory Net short vega by bucket and net short delta before the swap, 6 decimals.
    /// @param reserveWad R.
    /// @param navE6 NAV at the last mark, floored, 6 decimals.
    /// @param paysBack Whether the whole book is marked under the last report, so that impact may be paid back.
    /// @param timestamp Now, seconds.
    /// @param quoteDecimals Decimals of the quote token.
    struct Facts {
        Option[] options;
        MarketState state;
        Board[] atReport;
        Board[] current;
        Board[] previous;
        int256[4] inventory;
        uint256 reserveWad;
        uint256 navE6;
        bool paysBack;
        uint256 timestamp;
        uint8 quoteDecimals;
    }

    /// @dev Sums over the legs; raw unless named otherwise.
    /// @param change Of the pool's net short vega by bucket and net short delta, 6 decimals.
    /// @param netShort Both after the swap.
    /// @param expiryVega By board: change of net short vega, 6 decimals.
    /// @param expiryGamma By board: change of net short Γ·F², 6 decimals.
    struct Totals {
        int256 mid;
        int256 previousMid;
        int256 reportValue;
        int256 netVega;
        int256 netDelta;
        int256 ageDelta;
        int256 ageGamma;
        int256 ageVega;
        uint256 grossVegaCost;
        uint256 contracts;
        uint256 fee;
        uint256 minAbsDeltaWad;
        uint256 maxAbsDeltaWad;
        int256[4] change;
        int256[4] netShort;
        int256[] expiryVega;
        int256[] expiryGamma;
    }

    /// @dev √(30/365): vega per standard deviation times this is vega·√(30 d/τ).
    uint256 internal constant ROOT_REFERENCE_YEARS_WAD = 286691089540497941;
    uint256 internal constant RAW_PER_WAD = 1e6;

    /// @return quote The breakdown.
    /// @return totals Sums that limits are checked on.
    function price(PoolParameters memory parameters, Facts memory facts)
        internal
        pure
        returns (Quote memory quote, Totals memory totals)
    {
        _addNow(totals, parameters, facts);
        if (facts.previous.length != 0) _addPrevious(totals, facts);
        _addReport(totals, parameters, facts);

        int256 mid = totals.mid;
        if (facts.previous.length != 0 && totals.previousMid > mid) mid = totals.previousMid;
        quote.midWad = CashMath.toCashUp(mid, int256(RAW_PER_WAD));
        quote.reportValueWad = CashMath.toCashUp(totals.reportValue, int256(RAW_PER_WAD));
        quote.spreadWad = _spreadRaw(parameters, facts, totals) / RAW_PER_WAD + 1 // up
            + _roundingWad(parameters, facts.state.surfaceSpotWad);
        quote.impactWad = _impact(parameters, facts, totals.netShort, quote.spreadWad);
        quote.feeWad = totals.fee / RAW_PER_WAD + 1; // up
        quote.vegaChange = [totals.change[0], totals.change[1], totals.change[2]];
        quote.deltaChange = totals.change[3];

        // All parts are below 2^240: no overflow.
        int256 totalWad = quote.midWad + quote.impactWad + int256(quote.spreadWad + quote.feeWad);
        int256 wadPerUnit = int256(10 ** (18 - uint256(facts.quoteDecimals)));
        quote.cash = CashMath.toCashUp(totalWad, wadPerUnit);
        quote.fee = quote.feeWad / uint256(wadPerUnit);
    }

    /// @dev Value, fee, and what the spread is charged on: at present.
    function _addNow(Totals memory totals, PoolParameters memory parameters, Facts memory facts) private pure {
        Smile[] memory smiles = Smiles.all(facts.current, facts.timestamp);
        uint256 feeByNotionalWad = facts.state.spotWad * parameters.feeRate / 1e18;
        totals.minAbsDeltaWad = type(uint256).max;
        unchecked {
            for (uint256 i = 0; i < facts.options.length; ++i) {
                Option memory option = facts.options[i];
                Smile memory smile = smiles[option.board];
                StrikeValue memory value = Smiles.value(smile, option.strikeWad);
                (uint256 priceWad, int256 deltaWad) = _ofOption(smile, value, option.isPut);
                uint256 magnitude = _abs(option.size);
                totals.contracts += magnitude;
                totals.mid += option.size * int256(priceWad);
                totals.fee += magnitude * _min(feeByNotionalWad, priceWad * parameters.feeCap / 1e18);
                uint256 absDeltaWad = _abs(deltaWad);
                if (absDeltaWad < totals.minAbsDeltaWad) totals.minAbsDeltaWad = absDeltaWad;
                if (absDeltaWad > totals.maxAbsDeltaWad) totals.maxAbsDeltaWad = absDeltaWad;
                uint256 grossVegaSpread = _max(parameters.grossVegaSpread, facts.current[option.board].residualWad);
                _addGreeks(totals, grossVegaSpread, smile, value, option.size, deltaWad);
            }
        }
    }

    /// @dev vega and what data may have missed since: Δ·σ, Γ·σ² and vega·σ.
    function _addGreeks(
        Totals memory totals,
        uint256 grossVegaSpread,
        Smile memory smile,
        StrikeValue memory value,
        int256 size,
        int256 deltaWad
    ) private pure {
        unchecked {
            uint256 rootYearsWad = smile.rootYearsWad;
            (uint256 vegaWad, uint256 stdDevWad) = (value.vegaWad, value.stdDevWad);
            uint256 volatilityWad = rootYearsWad == 0 ? 0 : stdDevWad * 1e18 / rootYearsWad;
            uint256 vegaPerVolatilityWad = vegaWad * rootYearsWad / 1e18;
            totals.netVega += size * int256(vegaPerVolatilityWad);
            totals.netDelta += size * deltaWad;
            totals.grossVegaCost += _abs(size) * (vegaPerVolatilityWad * grossVegaSpread / 1e18);
            totals.ageDelta += size * (deltaWad * int256(volatilityWad) / 1e18);
            totals.ageVega += size * int256(vegaWad * ROOT_REFERENCE_YEARS_WAD / 1e18 * volatilityWad / 1e18);
            uint256 gammaWad = Smiles.gamma(smile, value);
            totals.ageGamma += size * int256(gammaWad * volatilityWad / 1e18 * volatilityWad / 1e18);
        }
    }

    function _addPrevious(Totals memory totals, Facts memory facts) private pure {
        Smile[] memory smiles = Smiles.all(facts.previous, facts.timestamp);
        for (uint256 i = 0; i < facts.options.length; ++i) {
            Option memory option = facts.options[i];
            Smile memory smile = smiles[option.board];
            (uint256 priceWad,) = _ofOption(smile, Smiles.value(smile, option.strikeWad), option.isPut);
            totals.previousMid += option.size * int256(priceWad); // 2^79 · 2^97
        }
    }

    /// @dev Value and inventory change as marks see them: at the report's own time and spot.
    function _addReport(Totals memory totals, PoolParameters memory parameters, Facts memory facts) private pure {
        uint256 surfaceTime = facts.state.surfaceTime;
        Smile[] memory smiles = Smiles.all(facts.atReport, surfaceTime);
        int256[4] memory raw; // 1e24 to one
        totals.expiryVega = new int256[](smiles.length);
        totals.expiryGamma = new int256[](smiles.length);
        for (uint256 i = 0; i < facts.options.length; ++i) {
            Option memory option = facts.options[i];
            Smile memory smile = smiles[option.board];
            StrikeValue memory value = Smiles.value(smile, option.strikeWad);
            (uint256 priceWad, int256 deltaWad) = _ofOption(smile, value, option.isPut);
            uint256 bucket = bucketOf(parameters, facts.atReport[option.board].expiry - surfaceTime);
            unchecked {
                totals.reportValue += option.size * int256(priceWad);
                int256 vegaRaw = option.size * int256(value.vegaWad * ROOT_REFERENCE_YEARS_WAD / 1e18);
                raw[bucket] += vegaRaw;
                raw[3] += option.size * deltaWad;
                totals.expiryVega[option.board] += vegaRaw / 1e18;
                totals.expiryGamma[option.board] += option.size * int256(Smiles.gammaWorth(value)) / 1e18;
            }
        }
        unchecked {
            for (uint256 i = 0; i < 4; ++i) {
                totals.change[i] = raw[i] / 1e18;
                totals.netShort[i] = facts.inventory[i] + totals.change[i];
            }
        }
        requireInventory(totals.netShort);
    }

    function _ofOption(Smile memory smile, StrikeValue memory value, bool isPut)
        private
        pure
        returns (uint256 priceWad, int256 deltaWad)
    {
        unchecked {
            if (!isPut) return (value.callWad, value.callDeltaWad);
            return (value.putWad, value.callDeltaWad - int256(smile.deltaShareWad)); // both at most 1
        }
    }

    /// @notice Tenor bucket of an expiry that is `tenor` seconds away from the report.
    function bucketOf(PoolParameters memory parameters, uint256 tenor) internal pure returns (uint256) {
        if (tenor <= parameters.frontTenor) return 0;
        return tenor <= parameters.middleTenor ? 1 : 2;
    }

    /// @dev The change of the potential, or what R pays back, at most the spread. What R holds above the potential is earned.
    function _impact(PoolParameters memory parameters, Facts memory facts, int256[4] memory netShort, uint256 spreadWad)
        private
        pure
        returns (int256)
    {
        uint256 before = _potential(parameters, facts, facts.inventory);
        uint256 later = _potential(parameters, facts, netShort);
        unchecked {
            if (later >= before) return int256(later - before); // potentials are below 2^250
            if (!facts.paysBack) return 0;
        }
        uint256 reserveWad = _min(facts.reserveWad, before); // below 2^96
        return -int256(_min(reserveWad * (before - later) / before, spreadWad)); // at most R
    }

    function _potential(PoolParameters memory parameters, Facts memory facts, int256[4] memory x)
        private
        pure
        returns (uint256)
    {
        return InventoryPotential.potential(
            x, parameters.vegaPotential, parameters.deltaPotential, facts.state.surfaceSpotWad, facts.navE6
        );
    }

    /// @dev The half-spread, raw.
    function _spreadRaw(PoolParameters memory parameters, Facts memory facts, Totals memory totals)
        private
        pure
        returns (uint256 spread)
    {
        uint256 spotWad = facts.state.spotWad;
        // m per volatility: how far spot may have moved since its report, below 2^109; n: how far volatility may have, below 2^77.
        uint256 m;
        uint256 n;
        unchecked {
            uint256 netVegaSpread = parameters.netVegaSpread + facts.state.disagreementWad;
            spread = _abs(totals.netVega) * netVegaSpread / 1e18 + totals.grossVegaCost + totals.contracts
                * (spotWad * parameters.notionalSpread / 1e18);
            spread += _abs(totals.netDelta) * (spotWad * parameters.deltaSpread / 1e18) / 1e18; // 2^142 · 2^92
            m = parameters.ageMultiplier * spotWad / 1e18 * _rootAge(facts.timestamp, facts.state.spotTime) / 1e18;
            n = parameters.ageMultiplier * parameters.volOfVol / 1e18
                * _rootAge(facts.timestamp, facts.state.surfaceTime) / 1e18;
        }
        // Gamma times m² leaves the word only where volatility is absurd, and then nothing is quoted.
        spread += _abs(totals.ageDelta) * m / 1e18 + _abs(totals.ageGamma) * m / 1e18 * m / 2e18 + _abs(totals.ageVega)
        * n / 1e18;
    }

    /// @dev What the last place of the inventory is worth where it is at its limits, twice: less was charged for what the swap's rounding
    /// left out, and what comes after it starts from there. So an order costs no less in parts.
    function _roundingWad(PoolParameters memory parameters, uint256 spotWad) private pure returns (uint256) {
        unchecked {
            uint256[6] memory kappa = parameters.vegaPotential;
            uint256 ofVega = 3 * (kappa[0] + kappa[3] + kappa[5]) * parameters.vegaLimit / 1e18; // each price is below the trace
            uint256 ofDelta = parameters.deltaPotential * parameters.deltaLimit / 1e18 * spotWad / 1e18;
            return 2 * (ofVega + ofDelta) / 1e6 + 1;
        }
    }

    /// @dev √(age in years), WAD.
    function _rootAge(uint256 timestamp, uint256 time) private pure returns (uint256) {
        unchecked {
            return timestamp <= time ? 0 : SquareRoot.sqrtWad((timestamp - time) * 1e18 / Smiles.SECONDS_PER_YEAR);
        }
    }

    function _abs(int256 x) private pure returns (uint256) {
        unchecked {
            return uint256(x < 0 ? -x : x); // sums of legs stay far from the smallest int256
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
