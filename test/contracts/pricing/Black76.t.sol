// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Black76, Greeks} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {PricingHarness} from "./PricingHarness.sol";
import {Test} from "forge-std/Test.sol";

contract Black76Test is Test {
    uint256 private constant LARGEST = (1 << 127) - 1;
    PricingHarness private pricing = new PricingHarness();

    /// @dev Hull, Options, Futures, and Other Derivatives, the put on a futures: F = K = 60, σ = 25 %, r = 9 %, T = 4/12.
    function test_givenTheTextbooksFuture_itAgreesToThePrintedDigits() public view {
        uint256 stdDev = 144337567297406441; // 0.25·√(1/3)
        (uint256 call, uint256 put) = pricing.black76Price(60e18, 60e18, stdDev);
        assertEq(call, put);
        assertApproxEqAbs(call * 970445533548508177 / 1e18, 3.35e18, 0.005e18); // e^(−0.09·4/12)
    }

    function test_givenNoDeviation_thePriceIsIntrinsic() public view {
        _assertPrice(120e18, 100e18, 0, 20e18, 0);
        _assertPrice(100e18, 120e18, 0, 0, 20e18);
        _assertPrice(100e18, 100e18, 0, 0, 0);
    }

    function test_givenTheSmallestDeviation_thePriceAtTheMoneyIsVegaTimesIt() public view {
        _assertPrice(100e18, 100e18, 1, 39, 39); // 100e18 · φ(0) · 1e-18 = 39.9 wei
        _assertPrice(100e18, 100e18 + 100, 1, 8, 108); // one deviation out: 100 · (φ(1) − Φ(−1)) = 8.3 wei
    }

    function test_givenADeviationBeyondMeasure_theCallIsTheForwardAndThePutTheStrike() public view {
        _assertPrice(120e18, 100e18, type(uint256).max, 120e18, 100e18);
        _assertPrice(120e18, 100e18, 1 << 107, 120e18, 100e18);
        _assertPrice(120e18, 100e18, 1e27, 120e18, 100e18);
        _assertPrice(1, LARGEST, 60e18, 1, LARGEST);
    }

    function test_givenNothingToBuyOrToPay_thePriceIsIntrinsic() public view {
        _assertPrice(0, 100e18, 0.5e18, 0, 100e18);
        _assertPrice(100e18, 0, 0.5e18, 100e18, 0);
        _assertPrice(0, 0, 0.5e18, 0, 0);
        _assertPrice(0, 100e18, type(uint256).max, 0, 100e18);
    }

    function test_attack_H1_givenPricesBeyondTheDomain_itSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(Black76.Black76_PriceTooLarge.selector, LARGEST + 1, 1));
        pricing.black76Price(LARGEST + 1, 1, 1e18);
        vm.expectRevert(abi.encodeWithSelector(Black76.Black76_PriceTooLarge.selector, 1, type(uint256).max));
        pricing.black76Price(1, type(uint256).max, 1e18);
    }

    function test_attack_H1_givenTheLimits_theGreeksAreTheirs() public view {
        Greeks memory greeks = pricing.black76PriceAndGreeks(100e18, 100e18, 0, 1 days);
        assertEq(greeks.callDeltaWad, 0.5e18);
        assertEq(greeks.vegaWad, 0);
        assertEq(pricing.black76PriceAndGreeks(120e18, 100e18, 0, 1 days).callDeltaWad, 1e18);
        assertEq(pricing.black76PriceAndGreeks(100e18, 120e18, 0, 1 days).callDeltaWad, 0);
        assertEq(pricing.black76PriceAndGreeks(100e18, 120e18, type(uint256).max, 1 days).callDeltaWad, 1e18);
        assertEq(pricing.black76PriceAndGreeks(100e18, 120e18, 0.5e18, 0).thetaPerSecondWad, 0);
    }

    function test_givenATimeBeyondTheDomain_theGreeksSaySo() public {
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Black76.Black76_TimeTooLong.selector, 1 << 127));
            pricing.black76PriceAndGreeks(100e18, 100e18, i * 0.5e18, 1 << 127);
        }
        assertLt(pricing.black76PriceAndGreeks(100e18, 100e18, 0.5e18, (1 << 127) - 1).callRhoWad, 0);
    }

    function test_impliedStdDev_givenAPriceOutsideTheBounds_itSaysWhich() public {
        assertEq(pricing.black76ImpliedStdDev(20e18, 120e18, 100e18, true), 0);
        vm.expectRevert(abi.encodeWithSelector(Black76.Black76_PriceBelowIntrinsic.selector, 20e18 - 1, 20e18));
        pricing.black76ImpliedStdDev(20e18 - 1, 120e18, 100e18, true);
        vm.expectRevert(abi.encodeWithSelector(Black76.Black76_PriceNotBelowMaximum.selector, 120e18, 120e18));
        pricing.black76ImpliedStdDev(120e18, 120e18, 100e18, true);
        assertGt(pricing.black76ImpliedStdDev(120e18 - 1, 120e18, 100e18, true), 10e18);
    }

    function testFuzz_callMinusPutIsForwardMinusStrikeAndNoBoundIsBroken(uint256 f, uint256 k, uint256 v) public view {
        f = bound(f, 0, LARGEST);
        k = bound(k, 0, LARGEST);
        (uint256 call, uint256 put) = pricing.black76Price(f, k, v);
        assertEq(int256(call) - int256(put), int256(f) - int256(k));
        assertLe(call, f);
        assertLe(put, k);
        assertGe(call + k, f);
        assertGe(put + f, k);
    }

    function testFuzz_nearTheMoneyNoBoundIsBroken(uint256 f, int256 distance, uint256 v) public view {
        f = bound(f, 1e18, LARGEST / 2);
        uint256 k = uint256(int256(f) + bound(distance, -1e12, 1e12));
        v = bound(v, 0, 0.001e18);
        (uint256 call, uint256 put) = pricing.black76Price(f, k, v);
        assertEq(int256(call) - int256(put), int256(f) - int256(k));
        assertGe(call + k, f);
        assertLe(call, f);
    }

    function testFuzz_theCallFallsAndIsConvexInTheStrike(uint256 f, uint256 k, uint256 step, uint256 v) public view {
        f = bound(f, 1e18, 1e24);
        k = bound(k, f / 5, f * 5);
        step = bound(step, k / 1e6, k / 2);
        v = bound(v, 1e14, 5e18);
        (uint256 low,) = pricing.black76Price(f, k - step, v);
        (uint256 middle,) = pricing.black76Price(f, k, v);
        (uint256 high,) = pricing.black76Price(f, k + step, v);
        uint256 tolerance = 2 + 4 * f / 1e20; // twice the stated error of each price, K ≤ 7.5·F
        assertGe(low + tolerance, middle);
        assertGe(middle + tolerance, high);
        assertGe(low + high + 2 * tolerance, 2 * middle);
    }

    function testFuzz_aKnownLogarithmGivesTheSamePrice(uint256 f, uint256 moneyness, uint256 v) public view {
        f = bound(f, 1e18, 1e24);
        uint256 k = f * bound(moneyness, 0.01e18, 100e18) / 1e18;
        v = bound(v, 1e14, 5e18);
        (uint256 call,) = pricing.black76Price(f, k, v);
        (uint256 known,) = pricing.black76PriceKnownLn(f, k, pricing.lnWad(k * 1e18 / f), v);
        assertApproxEqAbs(call, known, 2 + 101 * f / 1e18);
    }

    function testFuzz_theShortRouteAgreesWithAllGreeks(uint256 f, uint256 moneyness, uint256 v) public view {
        f = bound(f, 1e18, 1e24);
        uint256 k = f * bound(moneyness, 0.1e18, 10e18) / 1e18;
        v = bound(v, 1e15, 5e18);
        Greeks memory greeks = pricing.black76PriceAndGreeks(f, k, v, 30 days);
        (,, int256 delta, uint256 vega) = pricing.black76PriceDeltaVegaKnownLn(f, k, pricing.lnWad(k * 1e18 / f), v);
        assertApproxEqAbs(delta, greeks.callDeltaWad, 10_000); // the logarithm's last wei, over a deviation of 1e-3
        assertApproxEqAbs(vega, greeks.vegaWad, 2 + f * 10_000 / 1e18);
    }

    function testFuzz_theImpliedDeviationGivesThePriceBack(uint256 f, uint256 moneyness, uint256 v) public view {
        f = bound(f, 1e18, 1e24);
        uint256 k = f * bound(moneyness, 0.2e18, 5e18) / 1e18;
        v = bound(v, 0.01e18, 5e18);
        (uint256 call,) = pricing.black76Price(f, k, v);
        uint256 vega = pricing.black76PriceAndGreeks(f, k, v, 0).vegaWad;
        vm.assume(vega > 1e9); // else a wei of price is more than 1e-9 of deviation
        assertApproxEqAbs(pricing.black76ImpliedStdDev(call, f, k, true), v, 1e6 + 2e18 / vega);
    }

    function _assertPrice(uint256 f, uint256 k, uint256 v, uint256 call, uint256 put) private view {
        (uint256 callWad, uint256 putWad) = pricing.black76Price(f, k, v);
        assertEq(callWad, call, "call");
        assertEq(putWad, put, "put");
    }
}
