// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Black76} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {BlackScholes} from "../../../pool-contracts/libraries/pricing/BlackScholes.sol";
import {PricingHarness} from "./PricingHarness.sol";
import {Test} from "forge-std/Test.sol";

contract BlackScholesTest is Test {
    PricingHarness private pricing = new PricingHarness();

    /// @dev Haug, The Complete Guide to Option Pricing Formulas, 1.1.1: S = 60, X = 65, T = 0.25, r = 8 %, σ = 30 %: 2.1334.
    function test_givenHaugsExample_itAgreesToThePrintedDigits() public view {
        (uint256 call,) = pricing.blackScholesPrice(60e18, 65e18, 365 days / 4, 0.3e18, 0.08e18);
        assertApproxEqAbs(call, 2.1334e18, 0.00005e18);
    }

    function test_givenNoTimeOrNoVolatility_thePriceIsIntrinsic() public view {
        _assertPrice(120e18, 100e18, 0, 0.5e18, 0.05e18, 20e18, 0);
        _assertPrice(100e18, 120e18, 0, 0.5e18, -0.05e18, 0, 20e18);
        _assertPrice(120e18, 100e18, 30 days, 0, 0, 20e18, 0);
    }

    function test_givenANegativeRate_theStrikeGrows() public view {
        (uint256 call, uint256 put) = pricing.blackScholesPrice(100e18, 100e18, 365 days, 0, -0.5e18);
        assertEq(call, 0);
        assertEq(put, 64872127070012814684); // 100·(√e − 1)
    }

    function test_givenARateThatLeavesNothingOfTheStrike_theCallIsTheSpot() public view {
        _assertPrice(100e18, 100e18, 100 * 365 days, 0.5e18, 10e18, 100e18, 0);
    }

    function test_givenTermsBeyondTheDomain_itSaysSo() public {
        _expectOutOfDomain(100e18, 1 << 64, 0.5e18, 0);
        _expectOutOfDomain(100e18, 1, 1 << 96, 0);
        _expectOutOfDomain(100e18, 1, 0.5e18, int256(1 << 96));
        _expectOutOfDomain(100e18, 1, 0.5e18, type(int256).min);
        _expectOutOfDomain(100e18, 365 days, 0.5e18, -78e18);
        _expectOutOfDomain(1 << 127, 1, 0.5e18, 0);
        vm.expectRevert(abi.encodeWithSelector(Black76.Black76_PriceTooLarge.selector, 1 << 127, 100e18));
        pricing.blackScholesPrice(1 << 127, 100e18, 1, 0.5e18, 0);
    }

    function testFuzz_callMinusPutIsSpotMinusTheDiscountedStrike(
        uint256 spot,
        uint256 strike,
        uint256 time,
        uint256 volatility,
        int256 rate
    ) public view {
        spot = bound(spot, 0, (1 << 127) - 1);
        strike = bound(strike, 0, 1 << 124);
        time = bound(time, 0, 4 * 365 days);
        rate = bound(rate, -0.5e18, 0.5e18);
        (uint256 call, uint256 put) = pricing.blackScholesPrice(spot, strike, time, bound(volatility, 0, 1e20), rate);
        (uint256 intrinsicCall, uint256 intrinsicPut) = pricing.blackScholesPrice(spot, strike, time, 0, rate);
        assertEq(int256(call) - int256(put), int256(intrinsicCall) - int256(intrinsicPut));
        assertGe(call, intrinsicCall);
        assertLe(call, spot);
    }

    function _expectOutOfDomain(uint256 strike, uint256 time, uint256 volatility, int256 rate) private {
        vm.expectRevert(abi.encodeWithSelector(BlackScholes.BlackScholes_OutOfDomain.selector, time, volatility, rate));
        pricing.blackScholesPrice(100e18, strike, time, volatility, rate);
    }

    function _assertPrice(
        uint256 spot,
        uint256 strike,
        uint256 time,
        uint256 volatility,
        int256 rate,
        uint256 call,
        uint256 put
    ) private view {
        (uint256 callWad, uint256 putWad) = pricing.blackScholesPrice(spot, strike, time, volatility, rate);
        assertEq(callWad, call, "call");
        assertEq(putWad, put, "put");
    }
}
