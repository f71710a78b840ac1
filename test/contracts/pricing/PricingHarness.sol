// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Black76, Greeks} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {BlackScholes} from "../../../pool-contracts/libraries/pricing/BlackScholes.sol";
import {Essvi} from "../../../pool-contracts/libraries/pricing/Essvi.sol";
import {Exponential} from "../../../pool-contracts/libraries/pricing/Exponential.sol";
import {Logarithm} from "../../../pool-contracts/libraries/pricing/Logarithm.sol";
import {NormalDistribution} from "../../../pool-contracts/libraries/pricing/NormalDistribution.sol";
import {SquareRoot} from "../../../pool-contracts/libraries/pricing/SquareRoot.sol";

/// @notice The pricing libraries behind external functions, and a batch door: many inputs in one call.
contract PricingHarness {
    /// @notice Calls `selector` once for each `inWords` words of `inputs`.
    /// @return outputs For each call `outWords` + 1 words: 1 and the answer, or 0 and the selector of the error.
    function batch(bytes4 selector, uint256 inWords, uint256 outWords, uint256[] calldata inputs)
        external
        view
        returns (uint256[] memory outputs)
    {
        uint256 calls = inputs.length / inWords;
        outputs = new uint256[](calls * (outWords + 1));
        for (uint256 i = 0; i < calls; ++i) {
            (bool success, bytes memory answer) =
                address(this).staticcall(abi.encodePacked(selector, inputs[i * inWords:(i + 1) * inWords]));
            uint256 position = i * (outWords + 1);
            outputs[position] = success ? 1 : 0;
            if (success) require(answer.length == outWords * 32, "outWords");
            for (uint256 word = 0; word < outWords && word * 32 < answer.length; ++word) {
                uint256 value;
                assembly ("memory-safe") {
                    value := mload(add(add(answer, 32), mul(word, 32)))
                }
                outputs[position + 1 + word] = success ? value : value >> 224;
                if (!success) break;
            }
        }
    }

    function black76Price(uint256 f, uint256 k, uint256 v) external pure returns (uint256, uint256) {
        return Black76.price(f, k, v);
    }

    function black76PriceKnownLn(uint256 f, uint256 k, int256 ln, uint256 v) external pure returns (uint256, uint256) {
        return Black76.priceKnownLn(f, k, ln, v);
    }

    function black76PriceDeltaVegaKnownLn(uint256 f, uint256 k, int256 ln, uint256 v)
        external
        pure
        returns (uint256, uint256, int256, uint256)
    {
        return Black76.priceDeltaVegaKnownLn(f, k, ln, v);
    }

    function black76PriceAndGreeks(uint256 f, uint256 k, uint256 v, uint256 secondsToExpiry)
        external
        pure
        returns (Greeks memory greeks)
    {
        Black76.priceAndGreeks(f, k, v, secondsToExpiry, greeks);
    }

    function black76ImpliedStdDev(uint256 price, uint256 f, uint256 k, bool isCall) external pure returns (uint256) {
        return Black76.impliedStdDev(price, f, k, isCall);
    }

    function blackScholesPrice(uint256 s, uint256 k, uint256 secondsToExpiry, uint256 volatility, int256 rate)
        external
        pure
        returns (uint256, uint256)
    {
        return BlackScholes.price(s, k, secondsToExpiry, volatility, rate);
    }

    function essviTotalVariance(int256 k, uint256 theta, int256 rho, uint256 psi) external pure returns (uint256) {
        return Essvi.totalVariance(k, theta, rho, psi);
    }

    function essviStdDev(int256 k, uint256 theta, int256 rho, uint256 psi) external pure returns (uint256) {
        return Essvi.stdDev(k, theta, rho, psi);
    }

    function lnWad(uint256 x) external pure returns (int256) {
        return Logarithm.lnWad(x);
    }

    function expWad(int256 x) external pure returns (uint256) {
        return Exponential.expWad(x);
    }

    function sqrtWad(uint256 x) external pure returns (uint256) {
        return SquareRoot.sqrtWad(x);
    }

    function sqrt(uint256 x) external pure returns (uint256) {
        return SquareRoot.sqrt(x);
    }

    function cdf(int256 x) external pure returns (uint256) {
        return NormalDistribution.cdf(x);
    }

    function pdf(int256 x) external pure returns (uint256) {
        return NormalDistribution.pdf(x);
    }

    function millsRatioWad(uint256 x) external pure returns (uint256) {
        return NormalDistribution.millsRatioWad(x);
    }
}
