// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IOptionPool, PoolParameters} from "../../interfaces/IOptionPool.sol";
import {InventoryPotential} from "../pricing/InventoryPotential.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @title A pool's parameters, kept as code
/// @notice Every swap reads them and governance writes them. They lie in the code as they lie in memory, so reading is one copy,
/// without the checks of a decoder: only `write` puts them there, from a struct that the compiler has checked.
library ParameterCode {
    /// @dev Words of the struct behind the reference to κ_V, and of κ_V.
    uint256 private constant RATES = 32;
    uint256 private constant KAPPAS = 6;

    /// @notice Checks them against each other and keeps them: every rate has a bound of its own, κ_V is positive semidefinite, ranges
    /// are not empty. In code of its own (linked, called by delegatecall).
    /// @return code Where they are kept.
    function write(PoolParameters memory p, uint8 quoteDecimals) external returns (address code) {
        bool valid = InventoryPotential.isPositiveSemidefinite(p.vegaPotential) && p.deltaPotential <= 10e18
            && p.netVegaSpread <= 0.5e18 && p.grossVegaSpread <= 0.5e18 && p.notionalSpread <= 0.05e18
            && p.deltaSpread <= 0.05e18 && p.ageMultiplier <= 20e18 && p.volOfVol <= 20e18 && p.feeRate <= 0.01e18
            && p.feeCap <= 0.25e18 && p.maxDelta <= 1e18 && p.minDelta < p.maxDelta && p.utilisationLimit != 0
            && p.utilisationLimit <= 1e18 && p.redemptionShare != 0 && p.redemptionShare <= 1e18
            && p.minTenor >= 1 hours && p.minTenor < p.maxTenor && p.frontTenor < p.middleTenor
            && p.maxSpotAge <= 1 hours && p.maxSurfaceAge <= 1 days && p.worseOfSeconds <= 1 hours
            && p.navFloor >= 10 ** quoteDecimals && p.navFloor <= type(uint96).max && p.vegaLimit <= 100e18
            && p.deltaLimit <= 10e18 && p.expiryVegaLimit <= 100e18 && p.expiryGammaLimit <= 10_000e18
            && p.vegaFlowLimit <= 100e18 && p.deltaFlowLimit <= 10e18 && p.flowSeconds != 0 && p.flowSeconds <= 1 days
            && p.markBountyRate <= p.navFloor / 1000 && p.takeSpread <= 0.05e18 && p.takeLimit <= 10e18;
        if (!valid) revert IOptionPool.OptionPool_InvalidParameters();
        bytes memory data = new bytes((RATES + KAPPAS) * 32);
        assembly ("memory-safe") {
            let to := add(data, 0x20)
            mcopy(to, add(p, 0x20), mul(RATES, 0x20))
            mcopy(add(to, mul(RATES, 0x20)), mload(p), mul(KAPPAS, 0x20))
        }
        code = SSTORE2.write(data);
        emit IOptionPool.ParametersChanged(p);
    }

    /// @param code What `write` returned.
    function read(address code) internal view returns (PoolParameters memory parameters) {
        assembly ("memory-safe") {
            // The compiler has reserved room for the struct and for κ_V; the first byte of the code is STOP.
            extcodecopy(code, add(parameters, 0x20), 1, mul(RATES, 0x20))
            extcodecopy(code, mload(parameters), add(mul(RATES, 0x20), 1), mul(KAPPAS, 0x20))
        }
    }
}
