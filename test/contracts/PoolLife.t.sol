// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {IOptionPool, PoolParameters} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {PoolDeployment} from "./fixture/PoolDeployment.sol";

/// @notice A pool with its real shares from the first deposit to the last redemption, among traders.
contract PoolLifeTest is LedgerFixture, PoolDeployment {
    PoolShares internal poolShares;

    function setUp() public override {
        super.setUp();
        (pool, poolShares) = deployPoolWithShares(ledger, oracle, MARKET, address(authority));
        poolAccount = pool.account();
        ledger.registerMaker(address(pool));
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank([alice, bob, carol][i]);
            quoteToken.approve(address(poolShares), type(uint256).max);
        }
    }

    function _deposit(address lp, uint256 assets) private {
        vm.prank(lp);
        poolShares.requestDeposit(assets, lp, lp);
    }

    function _redeemAll(address lp) private {
        uint256 held = poolShares.balanceOf(lp);
        vm.prank(lp);
        poolShares.requestRedeem(held, lp, lp);
    }

    function _mark() private {
        report(2 minutes, SPOT);
        pool.mark();
    }

    /// A market ends: no risk is added, no deposit taken, positions run off, LPs leave in order, the last one with everything.
    function test_aPoolWindsDownToItsLastUnit() public {
        _deposit(alice, 500_000 * USD);
        _deposit(bob, 250_000 * USD);
        _mark();
        poolShares.claimFor(alice);
        poolShares.claimFor(bob);
        trade(wallet(carol), two(call(WEEK, 3000), 10 * ONE, call(MONTH, 3100), 10 * ONE));
        _deposit(carol, 100_000 * USD);

        PoolParameters memory parameters = pool.parameters();
        parameters.reduceOnly = true;
        pool.setParameters(parameters);
        poolShares.windDown();
        vm.expectRevert(IPoolShares.PoolShares_WindingDown.selector);
        vm.prank(alice);
        poolShares.requestDeposit(1000 * USD, alice, alice);
        vm.expectRevert(IOptionPool.OptionPool_ReduceOnly.selector);
        pool.quote(one(call(MONTH, 3000), ONE), false);
        uint256 before = quoteToken.balanceOf(carol);
        _mark();
        poolShares.claimFor(carol);
        assertEq(quoteToken.balanceOf(carol), before + 100_000 * USD, "what waited went back");

        trade(wallet(carol), call(MONTH, 3100), -10 * ONE);
        _redeemAll(alice);
        _redeemAll(bob);
        _mark();
        poolShares.claimFor(alice);
        assertGt(poolShares.totalSupply(), 0, "the week's calls need the rest");
        settle(WEEK, 3100e18, ids(poolAccount, wallet(carol)));
        ledger.finalizeSettlement(MARKET, WEEK);
        for (uint256 i = 0; i < 3; ++i) {
            _mark();
        }
        poolShares.claimFor(alice);
        poolShares.claimFor(bob);
        assertEq(poolShares.totalSupply(), 0);
        assertEq(ledger.cash(poolAccount), 0, "to the last unit");
        assertEq(ledger.strikes(poolAccount).length, 0);
    }
}
