// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {HedgeBand} from "../../../pool-contracts/libraries/hedging/HedgeBand.sol";
import {UniswapPrice} from "../../../pool-contracts/libraries/uniswap/UniswapPrice.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The band and the risk against their definitions, Uniswap's numbers against known ones.
contract HedgingTest is Test {
    /// 3/2·0.001·3000·0.16²·1e6/30 = 3840: its cube root is 15.66.
    function test_aBandAsOnPaper() public pure {
        uint256 half = HedgeBand.halfWidth(0.001e18, 3000e18, 0.16e18, 1e12, 30e18);
        assertEq(half, 15_659_470);
    }

    /// @dev H is the largest size whose cube times 2γ is not above 3·λ·S·Γ²·NAV, but for a hundred-thousandth and 2e-12 cubed units that
    /// intermediate results lose. λ and S with 6 decimals here, so that the product fits a word.
    function testFuzz_halfWidthIsACubeRoot(uint256 costE6, uint256 spotE6, uint256 gamma, uint256 nav, uint256 aversion)
        public
        pure
    {
        costE6 = 100 + costE6 % 30_000;
        spotE6 = 1000 + spotE6 % 1e13;
        gamma = 1e12 + gamma % 9e18;
        nav = 1e9 + nav % 1e15;
        aversion = 1e16 + aversion % 1e22;
        uint256 h = HedgeBand.halfWidth(costE6 * 1e12, spotE6 * 1e12, gamma, nav, aversion);
        uint256 right = 3 * costE6 * spotE6 * gamma * gamma * nav; // 54 decimals, and as many stand left
        uint256 left = 2 * aversion * 1e18;
        assertLe(h ** 3 * left, right);
        assertGt((h + 1) ** 3 * left + right / 1e5 + 2e6 * left, right);
    }

    function testFuzz_halfWidthNeverReverts(uint256 spot, uint256 gamma, uint256 nav) public pure {
        HedgeBand.halfWidth(1e18, spot % (1 << 96), gamma, nav % (1 << 100), 0.01e18);
    }

    function test_savedRiskAsOnPaper() public pure {
        uint256 risk = HedgeBand.riskOf(30e18, 0.6e18, 1 hours); // 30·0.36/2/8760
        assertEq(risk, 616438356164383);
        // (300,000² − 46,000²)/1e6·risk = 54.18
        assertEq(HedgeBand.savedE6(300_000e6, 46_000e6, 1e12, risk), 54_175_068);
        assertEq(HedgeBand.savedE6(46_000e6, 46_000e6, 1e12, risk), 0);
        assertEq(HedgeBand.savedE6(1, 2, 1e12, risk), 0);
    }

    /// @dev Saved risk of two steps is that of both together: parts earn no more than the whole.
    function testFuzz_savedRiskAddsUp(uint96 a, uint96 b, uint96 c, uint64 nav) public pure {
        vm.assume(a >= b && b >= c && nav != 0);
        uint256 risk = 1e15;
        uint256 parts = HedgeBand.savedE6(a, b, nav, risk) + HedgeBand.savedE6(b, c, nav, risk);
        uint256 whole = HedgeBand.savedE6(a, c, nav, risk);
        assertLe(parts, whole);
        assertGe(parts + 2, whole);
    }

    /// One token0 of 18 decimals for 3,000 token1 of 6: Uniswap's own tick there is −196256.
    function test_sqrtPricesAreUniswaps() public pure {
        uint256 sqrtX96 = UniswapPrice.toSqrtX96(3000e18, true, 12);
        assertEq(sqrtX96, 4339505179874779489431521); // √3000·1e−6·2^96
        assertEq(UniswapPrice.toSqrtX96(1e18, true, 0), 1 << 96);
        assertEq(UniswapPrice.toSqrtX96(1e18, false, 0), 1 << 96);
        assertEq(UniswapPrice.toSqrtX96(4e18, false, 0), 1 << 95);
        assertApproxEqRel(UniswapPrice.mean(-196_256 * 60, 60, true, 12), 3000e18, 1e14);
        assertApproxEqRel(UniswapPrice.mean(196_256 * 60, 60, false, 12), 3000e18, 1e14);
    }

    function testFuzz_sqrtPricesInvert(uint256 price, bool isBaseFirst, uint256 decimals) public pure {
        price = 1e12 + price % 1e25;
        int256 difference = int256(decimals % 21) - 8;
        uint256 back =
            UniswapPrice.fromSqrtX96(UniswapPrice.toSqrtX96(price, isBaseFirst, difference), isBaseFirst, difference);
        assertApproxEqRel(back, price, 1e9);
    }
}
