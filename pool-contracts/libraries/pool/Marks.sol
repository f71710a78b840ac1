// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IOptionPool, Mark, PoolParameters} from "../../interfaces/IOptionPool.sol";
import {IPoolShares} from "../../interfaces/IPoolShares.sol";
import {PRIMARY_SUB, toAccountId} from "../../types/AccountId.sol";
import {MarketState} from "../../types/Board.sol";
import {toExpiryRisk} from "../../types/ExpiryRisk.sol";
import {toInventory} from "../../types/Inventory.sol";
import {CashMath} from "../accounting/CashMath.sol";
import {ParameterCode} from "./ParameterCode.sol";
import {PoolBook} from "./PoolBook.sol";
import {PoolPlace, PoolReserves, PoolState} from "./PoolState.sol";

/// @title Marks of a pool
/// @notice Part of `OptionPool` that stands in code of its own (linked, called by delegatecall): it acts as the pool.
library Marks {
    using PoolReserves for PoolState;

    /// @notice See `IOptionPool.mark`.
    function mark(PoolState storage self, PoolPlace memory place) external returns (Mark memory) {
        if (place.clearinghouse.isLocked()) revert IOptionPool.OptionPool_LedgerLocked();
        MarketState memory state = place.oracle.marketState(place.marketId);
        if (state.round == 0) revert IOptionPool.OptionPool_NoSurface();
        if (self.atMark.round == state.round) return self.lastMark;

        PoolParameters memory parameters = ParameterCode.read(self.parametersCode);
        PoolBook.Totals memory book = PoolBook.value(place, parameters);
        int256 baseSize = place.baseSize();
        book.netShort[3] -= baseSize;
        int256 cashBefore = place.cash();
        int256 drift = self.driftOf(state.round);
        uint256 bounty = _bounty(self, parameters, state);
        int256 nav = _emitMarked(self, place, parameters, state, book, baseSize, cashBefore, drift);
        IPoolShares(place.shares).onMark(self.lastMark);
        // Short of cash or in debt, the pool pays nobody.
        if (bounty != 0) {
            try place.clearinghouse.moveCash(place.account, toAccountId(msg.sender, PRIMARY_SUB), bounty) {} catch {}
        }

        // What LPs brought and took at this mark, and its bounty, belong to the NAV that scales the potential from here on.
        int256 navAfter = nav + place.cash() - cashBefore;
        // A larger NAV lowers Φ, and R above Φ would pay back what a cycle never paid in.
        if (navAfter > nav) _capReserve(self, place, parameters, book.netShort, state.surfaceSpotWad, navAfter);
        self.atMark.nav = int128(navAfter); // cash is below 2^127
        (self.running.drift, self.running.driftRound) = (int96(drift), drift == 0 ? 0 : state.round); // as it was kept
        self.lastMark.nav = navAfter;
        return self.lastMark;
    }

    /// @dev Stores the mark and says what it is made of.
    function _emitMarked(
        PoolState storage self,
        PoolPlace memory place,
        PoolParameters memory parameters,
        MarketState memory state,
        PoolBook.Totals memory book,
        int256 baseSize,
        int256 cash,
        int256 drift
    ) private returns (int256 nav) {
        int256 settlements = place.clearinghouse.settlementBalance(place.account);
        int256 bookValue = CashMath.toCashDown(book.value + baseSize * int256(state.surfaceSpotWad), place.divisor);
        nav = cash + settlements + bookValue - drift;
        Mark memory mark_ = _store(self, place, parameters, state, book, nav);
        emit IOptionPool.Marked(
            state.round,
            state.surfaceTime,
            nav,
            mark_.reserve,
            mark_.unwind,
            mark_.provision,
            cash,
            settlements,
            bookValue,
            book.netShort
        );
    }

    /// @dev Paid for time, so that nobody earns by marking often.
    function _bounty(PoolState storage self, PoolParameters memory parameters, MarketState memory state)
        private
        view
        returns (uint256)
    {
        // Nobody has traded since the last mark, or there was none.
        if (self.running.driftRound < self.atMark.round || self.atMark.round == 0) return 0;
        uint256 elapsed = state.surfaceTime - self.lastMark.surfaceTime; // rounds come in the order of their times
        return parameters.markBountyRate * (elapsed < 1 hours ? elapsed : 1 hours) / 1 hours;
    }

    /// @dev R ← min(R, Φ); stores the inventory, the reserve and the mark.
    function _store(
        PoolState storage self,
        PoolPlace memory place,
        PoolParameters memory parameters,
        MarketState memory state,
        PoolBook.Totals memory book,
        int256 nav
    ) private returns (Mark memory mark_) {
        self.inventory = toInventory(book.netShort, self.inventory.flow());
        self.netShortGammaWad = -book.netGamma / 1e6;
        for (uint256 i = 0; i < book.expiries.length; ++i) {
            self.expiryRisks[book.expiries[i]] = toExpiryRisk(book.expiryVega[i], book.expiryGamma[i], state.round);
        }
        uint256 survivedWad = self.atMark.reserveWad;
        uint256 reserveWad = _capReserve(self, place, parameters, book.netShort, state.surfaceSpotWad, nav);
        if (survivedWad > reserveWad) survivedWad = reserveWad;
        uint256 wadPerUnit = 10 ** (18 - uint256(place.quoteDecimals));
        uint256 netVegaSpread = parameters.netVegaSpread + state.disagreementWad;
        uint256 netVega = uint256(book.netVega < 0 ? -book.netVega : book.netVega);
        uint256 unwindRaw = netVega * netVegaSpread / 1e18 + book.grossVegaCost + book.contracts
            * (state.surfaceSpotWad * parameters.notionalSpread / 1e18);
        mark_ = Mark({
            round: state.round,
            surfaceTime: state.surfaceTime,
            nav: nav,
            reserve: _divideUp(reserveWad, wadPerUnit),
            freshReserve: _divideUp(reserveWad - survivedWad, wadPerUnit),
            unwind: _divideUp(unwindRaw, uint256(place.divisor)), // the divisor is positive
            provision: place.clearinghouse.backstopProvision(place.account, place.marketId)
        });
        self.atMark.round = state.round;
        self.lastMark = mark_;
    }

    /// @dev This R is the one that has survived a mark.
    function _capReserve(
        PoolState storage self,
        PoolPlace memory place,
        PoolParameters memory parameters,
        int256[4] memory netShort,
        uint256 spotWad,
        int256 nav
    ) private returns (uint256 reserveWad) {
        uint256 navE6 = PoolReserves.navE6(nav, parameters.navFloor, place.quoteDecimals);
        reserveWad = self.capReserve(parameters, netShort, spotWad, navE6);
        self.atMark.reserveWad = uint96(reserveWad); // it was kept in as many bits
    }

    function _divideUp(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }
}
