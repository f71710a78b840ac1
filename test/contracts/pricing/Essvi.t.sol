// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Essvi} from "../../../pool-contracts/libraries/pricing/Essvi.sol";
import {PricingHarness} from "./PricingHarness.sol";
import {Test} from "forge-std/Test.sol";

contract EssviTest is Test {
    PricingHarness private pricing = new PricingHarness();

    function test_atTheMoney_theVarianceIsTheta() public view {
        assertEq(pricing.essviTotalVariance(0, 0.09e18, -0.4e18, 0.6e18), 0.09e18);
        assertEq(pricing.essviStdDev(0, 0.09e18, -0.4e18, 0.6e18), 0.3e18);
    }

    function test_givenNoSlope_theSmileIsFlat() public view {
        assertEq(pricing.essviTotalVariance(2e18, 0.09e18, -0.4e18, 0), 0.09e18);
    }

    function test_givenFullCorrelation_theVarianceFallsToZeroAndNoFurther() public view {
        // ρ = −1: w = ½·(θ − ψk + |ψk − θ|) = max(θ − ψk, 0)
        assertEq(pricing.essviTotalVariance(0.1e18, 0.09e18, -1e18, 0.6e18), 0.03e18);
        assertEq(pricing.essviTotalVariance(0.15e18, 0.09e18, -1e18, 0.6e18), 0);
        assertEq(pricing.essviTotalVariance(3e18, 0.09e18, -1e18, 0.6e18), 0);
        assertEq(pricing.essviStdDev(3e18, 0.09e18, -1e18, 0.6e18), 0);
    }

    function test_givenParametersBeyondTheDomain_itSaysSo() public {
        _expectOutOfDomain(int256(1 << 64), 0.09e18, 0, 0.6e18);
        _expectOutOfDomain(type(int256).min, 0.09e18, 0, 0.6e18);
        _expectOutOfDomain(0, 1 << 64, 0, 0.6e18);
        _expectOutOfDomain(0, 0.09e18, 0, 1 << 62);
        _expectOutOfDomain(0, 0.09e18, 1e18 + 1, 0.6e18);
        _expectOutOfDomain(0, 0.09e18, -1e18 - 1, 0.6e18);
    }

    function testFuzz_theVarianceIsConvexAndBoundedByItsWings(uint256 x, uint256 theta, int256 rho, uint256 psi)
        public
        view
    {
        int256 k = int256(bound(x, 0, 10e18)) - 5e18;
        theta = bound(theta, 1, (1 << 64) - 1);
        rho = bound(rho, -1e18, 1e18);
        psi = bound(psi, 0, (1 << 62) - 1);
        uint256 left = pricing.essviTotalVariance(k - 0.1e18, theta, rho, psi);
        uint256 middle = pricing.essviTotalVariance(k, theta, rho, psi);
        uint256 right = pricing.essviTotalVariance(k + 0.1e18, theta, rho, psi);
        assertGe(left + right + 2, 2 * middle);
        uint256 slope = (right > left ? right - left : left - right) * 5; // over a fifth
        assertLe(slope, psi + 10);
    }

    function _expectOutOfDomain(int256 k, uint256 theta, int256 rho, uint256 psi) private {
        vm.expectRevert(abi.encodeWithSelector(Essvi.Essvi_OutOfDomain.selector, k, theta, rho, psi));
        pricing.essviStdDev(k, theta, rho, psi);
    }
}
