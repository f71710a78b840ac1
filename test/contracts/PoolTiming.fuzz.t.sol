// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {IOptionPool, Mark, PoolParameters} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {RequestStatus} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {PoolDeployment} from "./fixture/PoolDeployment.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice An LP who knows the next report before he asks, in a pool among real trades, reports as far as anybody may move them and
/// a settlement: his request is priced by that report, so that neither he nor who trades for him takes anything from who stays.
contract PoolTimingFuzzTest is LedgerFixture, PoolDeployment {
    uint256 internal constant VIRTUAL_SHARES = 1e12;
    uint256 internal constant STEPS = 24;
    uint256 internal constant DUST = 3; // quote units

    PoolShares internal poolShares;
    uint256 internal state;
    uint256 internal spotWad = SPOT;
    uint256 internal volatilityWad = VOLATILITY;
    bool internal weekIsSettled;
    uint256 internal trades;
    uint256 internal priced;

    function setUp() public override {
        super.setUp();
        (pool, poolShares) = deployPoolWithShares(ledger, oracle, MARKET, address(authority));
        PoolParameters memory parameters = pool.parameters();
        parameters.markBountyRate = 0; // who marks is paid by all: no part of this
        pool.setParameters(parameters);
        poolAccount = pool.account();
        ledger.registerMaker(address(pool));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank([alice, bob][i]);
            quoteToken.approve(address(poolShares), type(uint256).max);
        }
        vm.prank(alice);
        poolShares.requestDeposit(1_000_000 * USD, alice, alice);
        report(2 minutes, SPOT);
        pool.mark();
        poolShares.claimFor(alice);
        fundAccount(margin(carol), 2_000_000 * USD);
    }

    function testFuzz_attack_A10_whoKnowsTheNextReportTakesNothing(uint256 seed) public {
        state = seed;
        for (uint256 i = 0; i < STEPS; ++i) {
            (uint256 nextSpotWad, uint256 nextVolatilityWad) = (_moved(spotWad), _moved(volatilityWad));
            uint256 wait = _below(6) == 0 ? 18 hours : 61;
            if (_below(2) == 0) _tradeAtRandom();
            _ask(wait, nextSpotWad, nextVolatilityWad);
            if (_below(2) == 0) _tradeAtRandom();
            (spotWad, volatilityWad) = (nextSpotWad, nextVolatilityWad);
            _reportNext(wait);
            _settleWeek();
            _requireNothingTaken();
        }
    }

    /// @dev The test above is one of trades and requests, not of refusals.
    function test_MostTradesAndRequestsAreDone() public {
        for (uint256 i = 0; i < 8; ++i) {
            uint256 snapshot = vm.snapshotState();
            (uint256 tradesBefore, uint256 pricedBefore) = (trades, priced);
            testFuzz_attack_A10_whoKnowsTheNextReportTakesNothing(uint256(keccak256(abi.encode(i))));
            (uint256 done, uint256 counted) = (trades - tradesBefore, priced - pricedBefore);
            vm.revertToState(snapshot);
            (trades, priced) = (tradesBefore + done, pricedBefore + counted);
        }
        assertGt(trades, 8 * 5);
        assertGt(priced, 8 * 5);
    }

    // ───── What the attacker does ─────

    /// @dev In where a share is worth more under the next report, out where it is worth less.
    function _ask(uint256 wait, uint256 nextSpotWad, uint256 nextVolatilityWad) private {
        (RequestStatus memory deposit, RequestStatus memory redemption) = poolShares.requestsOf(bob);
        int256 gain = _gainKnown(wait, nextSpotWad, nextVolatilityWad);
        uint256 amount = (1 + _below(100)) * 20_000 * USD;
        uint256 held = poolShares.balanceOf(bob);
        vm.startPrank(bob);
        if (gain > 0) {
            if (redemption.pending != 0) try poolShares.cancelRedeemRequest(redemption.requestId, bob) {} catch {}
            if (deposit.amount == 0 && amount <= quoteToken.balanceOf(bob)) {
                poolShares.requestDeposit(amount, bob, bob);
            }
        } else {
            if (deposit.pending != 0) try poolShares.cancelDepositRequest(deposit.requestId, bob) {} catch {}
            if (redemption.amount == 0 && held != 0) poolShares.requestRedeem(held, bob, bob);
        }
        vm.stopPrank();
    }

    /// @dev By how much a share's value will have changed, WAD of a quote unit.
    function _gainKnown(uint256 wait, uint256 nextSpotWad, uint256 nextVolatilityWad) private returns (int256 gain) {
        uint256 snapshot = vm.snapshotState();
        int256 before = pool.lastMark().nav * 1e18 / int256(poolShares.totalSupply());
        (spotWad, volatilityWad) = (nextSpotWad, nextVolatilityWad);
        _reportNext(wait);
        _settleWeek();
        vm.recordLogs();
        pool.mark();
        gain = _markedNav() * 1e18 / int256(poolShares.totalSupply()) - before;
        vm.revertToState(snapshot);
    }

    // ───── What others do ─────

    function _tradeAtRandom() private {
        uint32 expiry = weekIsSettled || vm.getBlockTimestamp() + 2 days > WEEK || _below(2) == 0 ? MONTH : WEEK;
        uint256 strike = (spotWad / 1e18 * (85 + _below(30)) / 100) / 25 * 25;
        OptionId option = _below(2) == 0 ? call(expiry, strike) : put(expiry, strike);
        int128 size = int128(int256(1 + _below(40))) * ONE;
        bool sells = _below(3) == 0;
        oracle.setSpot(spotWad); // fresh
        vm.prank(carol);
        try ledger.trade(
            swapOf(sells ? margin(carol) : wallet(carol), address(pool), one(option, sells ? -size : size))
        ) {
            ++trades;
        } catch {}
    }

    function _reportNext(uint256 wait) private {
        vm.warp(vm.getBlockTimestamp() + wait);
        oracle.report(spotWad, volatilityWad, listed);
    }

    function _settleWeek() private {
        if (weekIsSettled || vm.getBlockTimestamp() < WEEK) return;
        weekIsSettled = true;
        settle(WEEK, spotWad, ids(poolAccount, margin(carol)));
        ledger.finalizeSettlement(MARKET, WEEK);
        if (ledger.credit(poolAccount, MARKET, WEEK) != 0) ledger.claimCredit(poolAccount, MARKET, WEEK);
    }

    /// @dev By at most a tenth either way.
    function _moved(uint256 value) private returns (uint256) {
        return value * (900 + _below(201)) / 1000;
    }

    function _below(uint256 limit) private returns (uint256) {
        state = uint256(keccak256(abi.encode(state)));
        return state % limit;
    }

    // ───── What must hold ─────

    /// @dev At the prices of this very mark, before what it prices and after.
    function _requireNothingTaken() private {
        uint256 supplyBefore = poolShares.totalSupply() + VIRTUAL_SHARES;
        (uint256 assetsBefore, uint256 sharesBefore) = _belongings(bob);
        vm.recordLogs();
        Mark memory mark = pool.mark();
        int256 fresh = int256(mark.freshReserve);
        uint256 valueBefore = uint256(_markedNav() - fresh);
        uint256 valueAfter = uint256(mark.nav - fresh);
        try poolShares.claimFor(bob) {} catch {}
        (uint256 assetsAfter, uint256 sharesAfter) = _belongings(bob);
        if (assetsAfter != assetsBefore) ++priced;
        uint256 supplyAfter = poolShares.totalSupply() + VIRTUAL_SHARES;
        uint256 worthBefore = assetsBefore + sharesBefore * valueBefore / supplyBefore;
        assertLe(assetsAfter + sharesAfter * valueBefore / supplyBefore, worthBefore + DUST, "taken");
        assertGe(valueAfter * supplyBefore + DUST * supplyBefore, valueBefore * supplyAfter, "who stays has lost");
    }

    /// @dev Money and shares of an LP, in the queue and out of it.
    function _belongings(address lp) private view returns (uint256 assets, uint256 held) {
        (RequestStatus memory deposit, RequestStatus memory redemption) = poolShares.requestsOf(lp);
        assets = quoteToken.balanceOf(lp) + deposit.pending + deposit.back + redemption.claimableAssets;
        held = poolShares.balanceOf(lp) + deposit.claimableShares + redemption.pending + redemption.back;
    }

    /// @dev NAV as the last mark found it, before LPs came and went.
    function _markedNav() private returns (int256 nav) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IOptionPool.Marked.selector) continue;
            (, nav,,,,,,,) = abi.decode(
                logs[i].data, (uint40, int256, uint256, uint256, uint256, int256, int256, int256, int256[4])
            );
        }
    }
}
