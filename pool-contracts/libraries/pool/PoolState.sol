// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {Mark, PoolParameters} from "../../interfaces/IOptionPool.sol";
import {AccountId} from "../../types/AccountId.sol";
import {ExpiryRisk} from "../../types/ExpiryRisk.sol";
import {Inventory} from "../../types/Inventory.sol";
import {InventoryPotential} from "../pricing/InventoryPotential.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Written by every swap.
/// @param reserveWad R.
/// @param drift What was gained since a report against its prices, quote units.
/// @param driftRound The report that `drift` belongs to.
/// @param flowTime When the inventory's flow was up to date, seconds.
struct Running {
    uint96 reserveWad;
    int96 drift;
    uint32 driftRound;
    uint32 flowTime;
}

/// @notice Written by marks.
/// @param nav After what LPs brought and took, quote units.
/// @param reserveWad R when the book was last marked.
/// @param round The report under which it was.
struct AtMark {
    int128 nav;
    uint96 reserveWad;
    uint32 round;
}

/// @notice Written by every account that is closed out. Options' worth of spot, 6 decimals of the quote token.
struct Taken {
    uint64 blockNumber;
    uint192 notionalE6;
}

/// @notice Everything a pool stores.
/// @param inventory Net short risk, and what of it was taken lately.
/// @param parametersCode See `ParameterCode`.
/// @param netShortGammaWad At the last mark.
/// @param expiryRisks Written by marks and by every swap.
struct PoolState {
    Inventory inventory;
    Running running;
    AtMark atMark;
    address parametersCode;
    Taken taken;
    int256 netShortGammaWad;
    Mark lastMark;
    mapping(uint32 expiry => ExpiryRisk) expiryRisks;
}

/// @notice Whose pool it is and in which units it counts: what never changes.
/// @param baseUnit Of the base token, in its own units.
/// @param divisor Raw units (1e24 to one quote token) in a quote unit.
struct PoolPlace {
    IClearinghouse clearinghouse;
    IMarketOracle oracle;
    address shares;
    uint16 marketId;
    AccountId account;
    uint8 quoteDecimals;
    uint256 baseUnit;
    int256 divisor;
}

using {cash, baseSize} for PoolPlace global;

/// @notice Cash of the pool's account, quote units; below 2^128.
function cash(PoolPlace memory self) view returns (int256) {
    return int256(self.clearinghouse.cash(self.account));
}

/// @notice Base of the pool's account as a size of 6 decimals, rounded down; base in existence fits.
function baseSize(PoolPlace memory self) view returns (int256) {
    return int256(self.clearinghouse.base(self.account, self.marketId) * 1e6 / self.baseUnit);
}

/// @title What every part of a pool does to its reserve
library PoolReserves {
    /// @notice What was gained since the report of `round` against its prices, quote units.
    function driftOf(PoolState storage self, uint32 round) internal view returns (int256) {
        return self.running.driftRound == round ? int256(self.running.drift) : int256(0);
    }

    /// @notice Adds to it.
    function addDrift(PoolState storage self, uint32 round, int256 gained) internal {
        self.running.drift = SafeCast.toInt96(driftOf(self, round) + gained);
        self.running.driftRound = round;
    }

    /// @notice R ← min(R, Φ) at a NAV.
    function capReserve(
        PoolState storage self,
        PoolParameters memory parameters,
        int256[4] memory netShort,
        uint256 spotWad,
        uint256 navE6_
    ) internal returns (uint256 reserveWad) {
        reserveWad = self.running.reserveWad;
        uint256 potentialWad = InventoryPotential.potential(
            netShort, parameters.vegaPotential, parameters.deltaPotential, spotWad, navE6_
        );
        if (potentialWad >= reserveWad) return reserveWad;
        self.running.reserveWad = uint96(potentialWad); // less than what was there
        return potentialWad;
    }

    /// @notice NAV with the floor that the potential uses, 6 decimals.
    function navE6(int256 nav, uint256 floor_, uint8 quoteDecimals) internal pure returns (uint256) {
        uint256 floored = nav > int256(floor_) ? uint256(nav) : floor_; // positive: compared
        return floored * 1e6 / 10 ** quoteDecimals;
    }
}
