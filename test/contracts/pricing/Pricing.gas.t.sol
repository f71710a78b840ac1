// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Logarithm} from "../../../pool-contracts/libraries/pricing/Logarithm.sol";
import {SquareRoot} from "../../../pool-contracts/libraries/pricing/SquareRoot.sol";
import {
    GasMeter,
    GasOfBlack76ImpliedStdDev,
    GasOfBlack76Price,
    GasOfBlack76PriceAndGreeks,
    GasOfBlack76PriceDeltaVegaKnownLn,
    GasOfBlack76PriceKnownLn,
    GasOfBlackScholesPrice,
    GasOfCdf,
    GasOfEssviStdDev,
    GasOfExponential,
    GasOfLogarithm,
    GasOfNothing,
    GasOfSquareRoot
} from "./PricingGas.sol";
import {PricingHarness} from "./PricingHarness.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Medians over 63 inputs: moneyness 0.2…5, one hour to two years, volatility 5…300 %. The frame is taken off.
contract PricingGasTest is Test {
    uint256 private constant INPUTS = 63;
    PricingHarness private pricing = new PricingHarness();

    function test_gasOfEveryPricingFunction() public {
        uint256[5][] memory options = new uint256[5][](INPUTS);
        uint256[5][] memory prices = new uint256[5][](INPUTS);
        uint256[5][] memory spots = new uint256[5][](INPUTS);
        uint256[5][] memory slices = new uint256[5][](INPUTS);
        uint256[5][] memory numbers = new uint256[5][](INPUTS);
        uint256[5][] memory scores = new uint256[5][](INPUTS);
        for (uint256 i = 0; i < INPUTS; ++i) {
            uint256 forward = 2500e18 + i * 1e16;
            uint256 strike = forward * (20 + (i * 37) % INPUTS * 480 / INPUTS) / 100;
            uint256 expiry = 1 hours + (i * 23) % INPUTS * (730 days) / INPUTS;
            uint256 volatility = 0.05e18 + (i * 11) % INPUTS * 2.95e18 / INPUTS;
            uint256 stdDev = volatility * SquareRoot.sqrtWad(expiry * 1e18 / 365 days) / 1e18;
            uint256 ln = uint256(Logarithm.lnWad(strike * 1e18 / forward));
            (uint256 callPrice, uint256 putPrice) = pricing.black76Price(forward, strike, stdDev);
            bool isCall = forward < strike;
            options[i] = [forward, strike, stdDev, ln, expiry];
            prices[i] = [forward, strike, isCall ? callPrice : putPrice, isCall ? 1 : 0, 0];
            if (prices[i][2] == 0) prices[i][2] = 1;
            spots[i] = [forward, strike, volatility, i % 2 == 0 ? 0 : 0.05e18, expiry];
            slices[i] = [ln, stdDev * stdDev / 1e18 + 1, uint256(-int256(0.3e18)), 0.2e18 + i * 1e15, 0];
            numbers[i][0] = strike;
            scores[i][0] = uint256(int256(i * 0.2e18) - 6e18);
        }
        uint256 frame = _median(new GasOfNothing(), options);
        _record("Black76.price, call and put", new GasOfBlack76Price(), options, frame);
        _record("Black76.priceKnownLn, call and put", new GasOfBlack76PriceKnownLn(), options, frame);
        _record("Black76.priceDeltaVegaKnownLn", new GasOfBlack76PriceDeltaVegaKnownLn(), options, frame);
        _record("Black76.priceAndGreeks", new GasOfBlack76PriceAndGreeks(), options, frame);
        _record("Black76.impliedStdDev", new GasOfBlack76ImpliedStdDev(), prices, frame);
        _record("BlackScholes.price, call and put", new GasOfBlackScholesPrice(), spots, frame);
        _record("Essvi.stdDev", new GasOfEssviStdDev(), slices, frame);
        _record("Logarithm.lnWad", new GasOfLogarithm(), numbers, frame);
        _record("Exponential.expWad", new GasOfExponential(), scores, frame);
        _record("NormalDistribution.cdf", new GasOfCdf(), scores, frame);
        _record("SquareRoot.sqrtWad", new GasOfSquareRoot(), numbers, frame);
    }

    function _record(string memory name, GasMeter meter, uint256[5][] memory inputs, uint256 frame) private {
        vm.snapshotValue("pricing", name, _median(meter, inputs) - frame);
    }

    function _median(GasMeter meter, uint256[5][] memory inputs) private returns (uint256) {
        (uint256[] memory used,) = meter.measure(inputs);
        return vm.sort(used)[used.length / 2];
    }
}
