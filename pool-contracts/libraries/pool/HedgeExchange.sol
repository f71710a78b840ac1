// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {HedgeTrade, IOptionPool, PoolParameters} from "../../interfaces/IOptionPool.sol";
import {MarketState} from "../../types/Board.sol";
import {Inventory, toInventory} from "../../types/Inventory.sol";
import {CashMath} from "../accounting/CashMath.sol";
import {ParameterCode} from "./ParameterCode.sol";
import {PoolPlace, PoolReserves, PoolState} from "./PoolState.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Cash against base in a pool's account
/// @notice Part of `OptionPool` that stands in code of its own (linked, called by delegatecall): it acts on the ledger as the pool.
library HedgeExchange {
    using SafeERC20 for IERC20;
    using PoolReserves for PoolState;

    /// @dev The most that an exchange gives up, bounty included: a twentieth of its worth at spot.
    uint256 private constant COST_DIVISOR = 20;

    /// @notice See `IOptionPool.settleHedge`.
    function settle(PoolState storage self, PoolPlace memory place, HedgeTrade calldata trade)
        external
        returns (int256 netShortDelta)
    {
        MarketState memory state = place.oracle.marketState(place.marketId);
        (int256 cash, int256 size, int256 baseAmount) = _exchange(place, trade, state.spotWad);
        self.addDrift(state.round, cash + CashMath.toCashDown(size * int256(state.surfaceSpotWad), place.divisor));

        Inventory before = self.inventory;
        int256[4] memory netShort = before.unpack();
        netShortDelta = netShort[3] - size;
        netShort[3] = netShortDelta;
        self.inventory = toInventory(netShort, before.flow());
        // Less delta is less potential, and R above Φ would pay back what a cycle never paid in.
        PoolParameters memory parameters = ParameterCode.read(self.parametersCode);
        uint256 navE6 = PoolReserves.navE6(self.atMark.nav, parameters.navFloor, place.quoteDecimals);
        uint256 reserveWad = self.capReserve(parameters, netShort, state.surfaceSpotWad, navE6);
        emit IOptionPool.Hedged(state.round, cash, baseAmount, netShortDelta, reserveWad);
    }

    /// @param spotWad The oracle's present spot.
    /// @return cash What the account's cash changed by, quote units, the bounty inside.
    /// @return size What its base changed by, 6 decimals.
    /// @return baseAmount The same in the base token's units.
    function _exchange(PoolPlace memory place, HedgeTrade calldata trade, uint256 spotWad)
        private
        returns (int256 cash, int256 size, int256 baseAmount)
    {
        (cash, size) = (place.cash(), place.baseSize());
        baseAmount = trade.buysBase ? _buyBase(place, trade) : _sellBase(place, trade);
        if (trade.bounty != 0) place.clearinghouse.moveCash(place.account, trade.keeper, trade.bounty);
        (cash, size) = (place.cash() - cash, place.baseSize() - size);

        int256 gainedRaw = cash * place.divisor + size * int256(spotWad);
        // A millionth of a base token may be lost to rounding of the size.
        int256 worth = (size < 0 ? -size : size) * int256(spotWad);
        int256 boundRaw = worth / int256(COST_DIVISOR) + int256(spotWad);
        if (gainedRaw < -boundRaw) revert IOptionPool.OptionPool_HedgeTooDear(gainedRaw, boundRaw);
    }

    /// @dev Every token's transfer happens inside the ledger's lock, so that nobody sees one side of the exchange alone.
    function _buyBase(PoolPlace memory place, HedgeTrade calldata trade) private returns (int256) {
        IClearinghouse clearinghouse = place.clearinghouse;
        IERC20(clearinghouse.market(place.marketId).baseToken).forceApprove(address(clearinghouse), trade.received);
        clearinghouse.depositBase(place.account, place.marketId, trade.received);
        // What came may lower what the ledger wants beside the book; finding out costs much gas.
        int256 left = int256(clearinghouse.cash(place.account)) - int256(trade.paid); // both below 2^128, or the ledger refuses
        if (left < clearinghouse.requirement(place.account)) clearinghouse.stress(place.account);
        clearinghouse.withdrawCash(place.account, trade.paid, trade.payee);
        return int256(trade.received); // tokens in existence fit
    }

    function _sellBase(PoolPlace memory place, HedgeTrade calldata trade) private returns (int256) {
        IClearinghouse clearinghouse = place.clearinghouse;
        IERC20(clearinghouse.quoteToken()).forceApprove(address(clearinghouse), trade.received);
        clearinghouse.depositCash(place.account, trade.received);
        clearinghouse.withdrawBase(place.account, place.marketId, trade.paid, trade.payee);
        return -int256(trade.paid); // what the account held: the ledger has checked it
    }
}
