// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {Grid, IRiskEngine} from "../../interfaces/IRiskEngine.sol";
import {AccountId} from "../../types/AccountId.sol";
import {AccountWord} from "../../types/AccountWord.sol";
import {Leg} from "../../types/Leg.sol";
import {OptionId} from "../../types/OptionId.sol";
import {StrikeWord, toStrikeWord} from "../../types/StrikeWord.sol";
import {CashMath} from "../accounting/CashMath.sol";
import {Accounts} from "./Accounts.sol";
import {LedgerState} from "./LedgerState.sol";

/// @title Trades of accounts below initial margin
/// @notice Part of the ledger that stands in code of its own (linked, called by delegatecall). A trade that lowers the shortfall always
/// passes, provided that it does not strip the account: its equity falls by no more than what a fair close costs.
library Deleveraging {
    using Accounts for LedgerState;

    /// @dev Most equity an unhealthy account may give away in a trade that lowers its shortfall: 0.5 % of notional.
    uint256 internal constant MAX_CLOSE_COST = 0.005e18;

    /// @notice Reverts unless the worst value has not fallen and the equity by no more than a close costs.
    /// @param sign 1 for the taker of the legs, −1 for their maker.
    /// @param cash What the taker paid, quote units.
    /// @param worst Worst value over the initial grid after the trade, and `equity` the present one, both with cash.
    function requireNearer(
        LedgerState storage self,
        IRiskEngine riskEngine,
        IMarketOracle oracle,
        int256 divisor,
        AccountId account,
        Leg[] calldata legs,
        int256 sign,
        int256 cash,
        int256 worst,
        int256 equity
    ) external view {
        (int256 worstBefore, int256 equityBefore) = _valuesBefore(self, riskEngine, account, legs, sign);
        int256 cashBefore = int256(self.accounts[account].cash()) + sign * cash;
        equityBefore += cashBefore - _closeCost(oracle, divisor, legs);
        if (worst < worstBefore + cashBefore || equity < equityBefore) {
            revert IClearinghouse.Clearinghouse_Unhealthy(account, uint256(-worst)); // called where the worst is negative
        }
    }

    /// @dev Values of the portfolio without the legs.
    function _valuesBefore(
        LedgerState storage self,
        IRiskEngine riskEngine,
        AccountId account,
        Leg[] calldata legs,
        int256 sign
    ) private view returns (int256 worst, int256 mid) {
        uint16 marketId = legs[0].option.key().marketId();
        StrikeWord[] memory before = _strikesBefore(self, account, legs, sign);
        uint256 base = self.baseSize(account, marketId);
        (worst, mid,) = riskEngine.values(marketId, before, base, Grid.Initial);
    }

    /// @dev The legs are taken out strike by strike, so that no short counts that was not there.
    function _strikesBefore(LedgerState storage self, AccountId account, Leg[] calldata legs, int256 sign)
        private
        view
        returns (StrikeWord[] memory before)
    {
        StrikeWord[] memory words = self.strikes(account);
        before = new StrikeWord[](words.length + legs.length);
        uint256 count = words.length;
        for (uint256 i = 0; i < count; ++i) {
            before[i] = words[i];
        }
        for (uint256 i = 0; i < legs.length; ++i) {
            OptionId option = legs[i].option;
            uint256 j = 0;
            while (j < count && !(before[j].key() == option.key())) ++j;
            if (j == count) before[count++] = toStrikeWord(option.key(), 0, 0); // the legs closed it
            before[j] = before[j].add(option.isPut(), -sign * legs[i].size);
        }
        assembly ("memory-safe") {
            mstore(before, count) // shortens the array in place
        }
    }

    function _closeCost(IMarketOracle oracle, int256 divisor, Leg[] calldata legs) private view returns (int256) {
        uint16 marketId = legs[0].option.key().marketId();
        uint256 contracts;
        for (uint256 i = 0; i < legs.length; ++i) {
            int256 size = legs[i].size;
            contracts += uint256(size < 0 ? -size : size);
        }
        uint256 raw = contracts * (oracle.marketState(marketId).spotWad * MAX_CLOSE_COST / 1e18);
        return CashMath.toCashDown(int256(raw), divisor); // sizes fit int128 and prices uint96: below 2^255
    }
}
