// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {OptionPool} from "../../../pool-contracts/OptionPool.sol";
import {PoolShares} from "../../../pool-contracts/PoolShares.sol";
import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {PoolParameters} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares} from "../../../pool-contracts/interfaces/IPoolShares.sol";
import {Markets} from "../../../pool-contracts/libraries/ledger/Markets.sol";
import {ParameterCode} from "../../../pool-contracts/libraries/pool/ParameterCode.sol";
import {AccountId, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "../fixture/LedgerFixture.sol";
import {PoolDeployment} from "../fixture/PoolDeployment.sol";
import {ScriptedMaker} from "../fixture/ScriptedMaker.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";
import {Vm} from "forge-std/Vm.sol";

/// @notice Bob the thief calls what he can reach; Alice has a margin account, a wallet with options, shares, a stake, and has approved
/// every contract for all she has. The pool and its shares are real. What everybody may call, contract by contract (G2, G3, G9, G11, G12), is
/// asked by test/src/chain/access/accessMatrix.chain.test.ts.
contract CallsAttackTest is LedgerFixture, PoolDeployment {
    PoolShares internal poolShares;
    OptionId internal option;

    function setUp() public override {
        super.setUp();
        (pool, poolShares) = deployPoolWithShares(ledger, oracle, MARKET, address(authority));
        poolAccount = pool.account();
        ledger.registerMaker(address(pool));
        option = call(MONTH, 3000);
        vm.startPrank(alice);
        quoteToken.approve(address(poolShares), type(uint256).max);
        quoteToken.approve(address(fund), type(uint256).max);
        quoteToken.approve(address(permit2), type(uint256).max);
        poolShares.requestDeposit(1_000_000 * USD, alice, alice);
        fund.deposit(10_000 * USD, alice);
        ledger.depositCash(margin(alice), 100_000 * USD);
        ledger.depositBase(margin(alice), MARKET, 10e18);
        vm.stopPrank();
        report(2 minutes, SPOT);
        pool.mark();
        poolShares.claimFor(alice);
        trade(wallet(alice), option, 10 * ONE);
        trade(margin(alice), option, 10 * ONE);
    }

    // ───────────────────────────── Standing approvals ─────────────────────────────

    /// Approvals to ledger, shares and fund move her tokens for nobody else, by no function that takes tokens in. Guards
    /// `Clearinghouse._requireAuthorized`, `PoolShares.authorized` and that `_receive` takes from who calls.
    function test_attack_F16_standingAllowancesServeTheirOwnerAlone() public {
        uint256 hers = quoteToken.balanceOf(alice);
        uint256 base = baseToken.balanceOf(alice);
        address thief = makeAddr("penniless");
        vm.startPrank(thief);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(option, ONE));
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, wallet(alice), thief)
        );
        ledger.trade(swap);
        vm.expectRevert(); // Permit2 says that the signature is nobody's
        ledger.tradeWithPermit(swap, IClearinghouse.PermitPayment(1000 * USD, 0, new bytes(65)));
        bytes memory ownNothing =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(ledger), 0, 1);
        vm.expectRevert(ownNothing);
        ledger.depositCash(margin(thief), 1);
        vm.expectRevert(ownNothing);
        ledger.depositBase(margin(thief), MARKET, 1);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, alice, thief));
        poolShares.requestDeposit(1000 * USD, thief, alice);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        fund.deposit(1000 * USD, thief);
        vm.stopPrank();
        // From inside a callback that the ledger makes, too.
        ScriptedMaker payer = new ScriptedMaker();
        payer.callBack(address(poolShares), abi.encodeCall(poolShares.onPayment, (address(quoteToken), 1000 * USD, "")));
        bytes memory deposit = abi.encodeCall(ledger.depositCashWithCallback, (payer.account(), USD, ""));
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
        payer.execute(address(ledger), deposit);
        assertEq(quoteToken.balanceOf(alice), hers);
        assertEq(baseToken.balanceOf(alice), base);
    }

    /// A maker may be anything: the ledger asks it `onTrade` and nothing else, and no contract of the protocol or token understands
    /// that but makers.
    function test_attack_E12_ledgerCallsNothingButMakers() public {
        fundAccount(margin(bob), 100_000 * USD);
        address[9] memory targets = [
            address(quoteToken),
            address(baseToken),
            address(poolShares),
            address(fund),
            address(permit2),
            address(risk),
            address(authority),
            address(ledger),
            bob
        ];
        for (uint256 i = 0; i < targets.length; ++i) {
            IClearinghouse.Swap memory swap = swapOf(margin(bob), targets[i], one(option, ONE));
            swap.makerData = abi.encodeCall(quoteToken.transferFrom, (alice, bob, 1));
            vm.prank(bob);
            (bool success,) = address(ledger).call(abi.encodeCall(ledger.trade, (swap)));
            assertFalse(success);
        }
        assertEq(ledger.cash(margin(bob)), 100_000 * USD);
        assertEq(ledger.position(margin(bob), option), 0);
    }

    /// A batch calls the ledger itself, as its caller: other people's accounts stay shut. Guards `functionDelegateCall` to itself and the
    /// checks behind it.
    function test_attack_E12_batchOpensNothing() public {
        fundAccount(margin(bob), 1000 * USD);
        bytes[] memory calls = new bytes[](1);
        uint256 id = OptionId.unwrap(option);
        calls[0] = abi.encodeCall(ledger.transferFrom, (alice, bob, id, 1));
        _batchRefused(calls, abi.encodeWithSelector(ERC6909.ERC6909InsufficientAllowance.selector, bob, 0, 1, id));
        calls[0] = abi.encodeCall(ledger.withdrawCash, (margin(alice), 1, bob));
        _batchRefused(
            calls, abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), bob)
        );
        calls[0] = abi.encodeCall(ledger.trade, (swapOf(margin(alice), address(pool), one(option, -ONE))));
        _batchRefused(
            calls, abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), bob)
        );
        calls[0] = abi.encodeCall(ledger.batch, (margin(bob), new bytes[](0)));
        _batchRefused(calls, abi.encodeWithSelector(IClearinghouse.Clearinghouse_Reentered.selector));
        calls[0] = abi.encodeCall(ledger.registerMaker, (bob));
        _batchRefused(calls, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, bob));
    }

    function _batchRefused(bytes[] memory calls, bytes memory reason) private {
        vm.prank(bob);
        vm.expectRevert(reason);
        ledger.batch(margin(bob), calls);
    }

    // ───────────────────────────── Ether ─────────────────────────────

    /// Opyn's attack of 2020: one payment counted for each call of a batch. Each deposit takes its own tokens.
    function test_attack_E10_batchPaysForEachCall() public {
        bytes[] memory calls = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            calls[i] = abi.encodeCall(ledger.depositCash, (margin(bob), 10 * USD));
        }
        uint256 his = quoteToken.balanceOf(bob);
        vm.prank(bob);
        ledger.batch(margin(bob), calls);
        assertEq(ledger.cash(margin(bob)), 30 * USD);
        assertEq(quoteToken.balanceOf(bob), his - 30 * USD);
        vm.deal(bob, 1 ether);
        vm.prank(bob);
        (bool success,) = address(ledger).call{value: 1}(abi.encodeCall(ledger.batch, (margin(bob), new bytes[](0))));
        assertFalse(success, "not payable");
    }

    function test_attack_E11_noContractTakesEther() public {
        address[9] memory contracts = [
            address(ledger),
            address(pool),
            address(poolShares),
            address(fund),
            address(auction),
            address(settlementPrices),
            address(risk),
            address(authority),
            address(quoteToken)
        ];
        vm.deal(bob, 1 ether);
        for (uint256 i = 0; i < contracts.length; ++i) {
            vm.prank(bob);
            (bool success,) = contracts[i].call{value: 1}("");
            assertFalse(success);
            vm.prank(bob);
            (success,) = contracts[i].call{value: 1}(abi.encodeCall(pool.mark, ()));
            assertFalse(success);
            assertEq(contracts[i].balance, 0);
        }
    }

    // ───────────────────────────── Operators and forwarders ─────────────────────────────

    /// What she lets an operator do: trade. Guards `_requireOwner` of every function that takes something out of an account or gives
    /// rights in it.
    function test_attack_F10_operatorTradesAndTakesNothingOut() public {
        vm.prank(alice);
        ledger.setAccountOperator(margin(alice), bob, true);
        AccountId account = margin(alice);
        bytes[8] memory calls = [
            abi.encodeCall(ledger.withdrawCash, (account, 1, bob)),
            abi.encodeCall(ledger.moveCash, (account, margin(bob), 1)),
            abi.encodeCall(ledger.withdrawBase, (account, MARKET, 1, bob)),
            abi.encodeCall(ledger.withdrawOptions, (account, option, 1e6, bob)),
            abi.encodeCall(ledger.moveOptions, (account, toAccountId(alice, 2), option, 1e6)),
            abi.encodeCall(ledger.depositOptions, (account, option, 1)),
            abi.encodeCall(ledger.setAccountOperator, (account, carol, true)),
            abi.encodeCall(ledger.setAccountOperator, (account, bob, true))
        ];
        bytes memory refusal = abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, account, bob);
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(bob);
            (bool success, bytes memory answer) = address(ledger).call(calls[i]);
            assertFalse(success);
            assertEq(answer, refusal);
            // Nor in a batch, which he may send.
            bytes[] memory batch = new bytes[](1);
            batch[0] = calls[i];
            vm.prank(bob);
            vm.expectRevert(refusal);
            ledger.batch(account, batch);
        }
        IClearinghouse.Swap memory swap = swapOf(account, address(pool), one(option, -ONE));
        vm.prank(bob);
        ledger.trade(swap);
        // Her wallet and her other accounts are not meant, and the right ends with a call of hers.
        swap.account = toAccountId(alice, 2);
        vm.prank(bob);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_NotAuthorized.selector);
        ledger.trade(swap);
        vm.prank(alice);
        ledger.setAccountOperator(account, bob, false);
        swap.account = account;
        vm.prank(bob);
        vm.expectRevert(refusal);
        ledger.trade(swap);
    }

    /// Crosswise's attack: her address behind the arguments, as forwarders append it. Nobody reads it.
    function test_attack_F13_appendedSenderIsIgnored() public {
        vm.startPrank(bob);
        (bool success, bytes memory answer) =
            address(ledger).call(abi.encodePacked(abi.encodeCall(ledger.withdrawCash, (margin(alice), 1, bob)), alice));
        assertFalse(success);
        assertEq(
            answer, abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), bob)
        );
        (success, answer) = address(poolShares)
            .call(abi.encodePacked(abi.encodeCall(poolShares.cancelDepositRequest, (2, alice)), alice));
        assertFalse(success);
        assertEq(answer, abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, alice, bob));
        (success, answer) = address(pool).call(abi.encodePacked(abi.encodeCall(pool.setTakes, (true)), address(this)));
        assertFalse(success);
        assertEq(answer, abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, bob));
    }

    // ───────────────────────────── Marks ─────────────────────────────

    /// Whoever trades with himself to be paid for a mark has at most the pay for the hours that passed, however often and much he trades.
    /// Guards `Marks._bounty`.
    function test_attack_F12_washTradesRaiseNoBounty() public {
        fundAccount(margin(bob), 100_000 * USD);
        uint256 bounties;
        uint256 washed;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 before = ledger.cash(margin(bob));
            trade(margin(bob), option, ONE);
            trade(margin(bob), option, -ONE);
            washed += before - ledger.cash(margin(bob));
            report(5 minutes, SPOT);
            before = ledger.cash(margin(bob));
            vm.prank(bob);
            pool.mark();
            bounties += ledger.cash(margin(bob)) - before;
            vm.prank(bob);
            pool.mark(); // once a report
        }
        assertEq(bounties, pool.parameters().markBountyRate / 12 * 12, "an hour");
        assertGt(washed, bounties);
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// A20. Everything that may be asked of shares and fund answers in every state, and what is said to be claimable is.
    function test_attack_A20_viewsAnswerInEveryState() public {
        _askEverything();
        PoolParameters memory parameters = pool.parameters();
        parameters.reduceOnly = true;
        pool.setParameters(parameters);
        oracle.setUnconfirmedSpot(6000e18);
        _askEverything();
        vm.warp(vm.getBlockTimestamp() + 30 days); // no report, and the month is over
        _askEverything();
        oracle.setUnconfirmedSpot(0);
        oracle.setSettlementPrice(WEEK, 9000e18);
        oracle.setSettlementPrice(MONTH, 9000e18);
        listed = [QUARTER];
        report(0, 9000e18);
        pool.mark(); // deep in the pool's losses
        _askEverything();
        poolShares.windDown();
        _askEverything();
    }

    function _askEverything() private view {
        address[3] memory whom = [alice, bob, address(0)];
        for (uint256 i = 0; i < 3; ++i) {
            poolShares.maxDeposit(whom[i]);
            poolShares.maxMint(whom[i]);
            poolShares.maxRedeem(whom[i]);
            poolShares.maxWithdraw(whom[i]);
            poolShares.requestsOf(whom[i]);
            poolShares.pendingDepositRequest(2, whom[i]);
            poolShares.pendingRedeemRequest(3, whom[i]);
            poolShares.claimableDepositRequest(2, whom[i]);
            poolShares.claimableRedeemRequest(3, whom[i]);
            poolShares.pendingCancelDepositRequest(2, whom[i]);
            poolShares.claimableCancelRedeemRequest(3, whom[i]);
            fund.maxDeposit(whom[i]);
            fund.maxMint(whom[i]);
            fund.maxRedeem(whom[i]);
            fund.maxWithdraw(whom[i]);
            fund.cooldownOf(whom[i]);
        }
        poolShares.totalAssets();
        poolShares.convertToAssets(1e18);
        poolShares.convertToShares(1e6);
        fund.totalAssets();
        fund.liabilities();
        fund.previewDeposit(1e6);
        fund.previewMint(1e18);
        fund.previewRedeem(1e18);
        fund.previewWithdraw(1e6);
        fund.convertToAssets(1e18);
        fund.convertToShares(1e6);
        pool.lastMark();
        pool.inventory();
        pool.flow();
        pool.hedgeBook();
        ledger.settlementBalance(poolAccount);
        ledger.backstopProvision(poolAccount, MARKET);
        ledger.insuranceTarget();
    }

    /// A20. What the fund says may leave, leaves; a unit more does not, and of a fund that is worth nothing nothing is said to leave.
    /// Guards `InsuranceFund.maxRedeem`.
    function test_attack_A20_whatMayLeaveTheFundLeaves() public {
        uint256 stake = fund.balanceOf(alice);
        vm.startPrank(alice);
        fund.startCooldown(stake / 2);
        vm.warp(vm.getBlockTimestamp() + COOLDOWN);
        uint256 state = vm.snapshotState();
        assertEq(fund.maxRedeem(alice), stake / 2);
        uint256 most = fund.maxWithdraw(alice);
        vm.expectRevert();
        fund.withdraw(most + 1, alice, alice);
        fund.withdraw(most, alice, alice);
        vm.revertToState(state);
        fund.redeem(stake / 2, alice, alice);
        vm.revertToState(state);
        vm.stopPrank();
        AccountId funds = fund.account();
        uint256 held = ledger.cash(funds);
        vm.prank(address(fund));
        ledger.moveCash(funds, margin(carol), held); // all of it is lost
        assertEq(fund.maxWithdraw(alice), 0);
        assertEq(fund.maxRedeem(alice), 0);
    }

    // ───────────────────────────── Donations ─────────────────────────────

    /// DOP-H03: a unit of every token to every contract and every account, before each step of a market's life.
    function test_attack_A5_giftsBeforeEveryStepStopNothing() public {
        _giveToAll();
        trade(margin(alice), call(WEEK, 3100), -ONE);
        _giveToAll();
        vm.startPrank(alice);
        poolShares.requestDeposit(1000 * USD, alice, alice);
        poolShares.requestRedeem(1000e18, alice, alice);
        fund.startCooldown(1e18);
        vm.stopPrank();
        _giveToAll();
        report(2 minutes, SPOT);
        _giveToAll();
        pool.mark();
        _giveToAll();
        ledger.stress(poolAccount);
        poolShares.claimFor(alice);
        _giveToAll();
        vm.prank(alice);
        ledger.withdrawCash(margin(alice), 1000 * USD, alice);
        _giveToAll();
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3200e18);
        ledger.startSettlement(MARKET, WEEK);
        _giveToAll();
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), poolAccount));
        _giveToAll();
        ledger.finalizeSettlement(MARKET, WEEK);
        _giveToAll();
        ledger.claimCredit(poolAccount, MARKET, WEEK);
        report(2 minutes, SPOT);
        _giveToAll();
        pool.mark();
        (, uint256 readyAt,) = fund.cooldownOf(alice);
        vm.warp(readyAt);
        _giveToAll();
        vm.prank(alice);
        fund.redeem(1e18, alice, alice);
        assertEq(ledger.strikes(margin(alice)).length, 1, "the month's call");
        uint256 state = uint256(ledger.expiryWord(MARKET, WEEK).openShortAccounts());
        assertEq(state, 0);
    }

    function _giveToAll() private {
        address[5] memory contracts =
            [address(ledger), address(pool), address(poolShares), address(fund), address(auction)];
        quoteToken.mint(address(this), 10);
        baseToken.mint(address(this), 10);
        baseToken.approve(address(ledger), type(uint256).max);
        for (uint256 i = 0; i < 5; ++i) {
            quoteToken.mint(contracts[i], 1);
            baseToken.mint(contracts[i], 1);
            ledger.depositCash(toAccountId(contracts[i], 1), 1);
            ledger.depositBase(toAccountId(contracts[i], 1), MARKET, 1);
        }
        ledger.depositCash(margin(alice), 1);
        ledger.depositCash(wallet(alice), 1);
        ledger.depositBase(margin(alice), MARKET, 1);
    }

    /// Options that are sent to contracts of the protocol are lost to their owner and to nobody else: everybody's payout is as it was.
    function test_attack_X_optionsSentToTheProtocolTakeNothingFromOthers() public {
        trade(wallet(carol), option, 10 * ONE);
        address[4] memory places = [address(ledger), address(pool), address(poolShares), address(fund)];
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(alice);
            ledger.transfer(places[i], OptionId.unwrap(option), 1e6);
        }
        settle(MONTH, 3500e18, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, MONTH);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(ledger.redeemOptions(places[i], options(option)), 500 * USD);
        }
        assertEq(ledger.redeemOptions(carol, options(option)), 5000 * USD);
        assertEq(ledger.redeemOptions(alice, options(option)), 3000 * USD);
        ledger.settleAccounts(MARKET, MONTH, ids(margin(alice)));
        ledger.claimCredit(margin(alice), MARKET, MONTH);
        assertEq(ledger.pot(MARKET, MONTH), 0);
    }

    // ───────────────────────────── Second names ─────────────────────────────

    /// One option named twice in a list, an option and an account by names with bits that mean nothing: nothing is paid or settled twice.
    function test_attack_X_secondNamesPayNothing() public {
        settle(MONTH, 3500e18, ids(poolAccount));
        AccountId alias_ = AccountId.wrap(AccountId.unwrap(margin(alice)) | 1 << 168);
        ledger.settleAccounts(MARKET, MONTH, ids(margin(alice), alias_, margin(alice)));
        ledger.finalizeSettlement(MARKET, MONTH);
        OptionId[] memory list = new OptionId[](3);
        (list[0], list[1]) = (option, option);
        list[2] = OptionId.wrap(OptionId.unwrap(option) | 1 << 255);
        assertEq(ledger.redeemOptions(alice, list), 5000 * USD);
        assertEq(ledger.claimCredit(margin(alice), MARKET, MONTH), 5000 * USD);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_NothingToSettle.selector);
        ledger.claimCredit(alias_, MARKET, MONTH);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_NothingToSettle.selector);
        ledger.claimCredit(margin(alice), MARKET, MONTH);
        assertEq(ledger.pot(MARKET, MONTH), 0);
    }

    // ───────────────────────────── Libraries and transactions ─────────────────────────────

    /// The linked libraries stand at addresses of their own. Called there, their code would work on their own empty storage: what writes
    /// refuses, and the ledger knows nothing of it.
    function test_attack_X_linkedLibrariesCalledDirectly() public {
        address markets = deployCode("Markets.sol:Markets");
        vm.startPrank(bob);
        (bool success,) = markets.call(abi.encodeWithSelector(Markets.registerMaker.selector, 0, bob));
        assertFalse(success);
        (success,) = markets.call(abi.encodeWithSelector(Markets.create.selector, 0, 7, defaultMarket()));
        assertFalse(success);
        address code = deployCode("ParameterCode.sol:ParameterCode");
        (success,) = code.call(abi.encodeWithSelector(ParameterCode.write.selector, defaultParameters(), 6));
        assertFalse(success);
        assertFalse(ledger.isMaker(margin(bob)));
    }

    /// G7. Everything of this test is one transaction: what is kept for a call (the lock, who pays, whose batch runs) is gone after it,
    /// also where it failed, and the next call finds nothing of it.
    function test_attack_G7_secondEntryInOneTransaction() public {
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(ledger.withdrawCash, (margin(alice), 1_000_000 * USD, alice));
        vm.startPrank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_InsufficientCash.selector);
        ledger.batch(margin(alice), calls);
        calls[0] = abi.encodeCall(ledger.withdrawCash, (margin(alice), 1, alice));
        ledger.batch(margin(alice), calls);
        assertFalse(ledger.isLocked());
        vm.stopPrank();
        // The batch is over: its account is checked again.
        trade(margin(alice), call(MONTH, 3200), -30 * ONE);
        vm.startPrank(alice);
        ledger.withdrawCash(margin(alice), ledger.cash(margin(alice)), alice); // her base is worth enough
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        ledger.withdrawBase(margin(alice), MARKET, 10e18, alice);
        vm.stopPrank();
        // Who paid last pays no longer.
        vm.startPrank(alice);
        poolShares.requestDeposit(1000 * USD, alice, alice);
        fund.deposit(1000 * USD, alice);
        vm.stopPrank();
        bytes memory nobody = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientAllowance.selector, address(poolShares), 0, 1000 * USD
        );
        vm.prank(address(ledger));
        vm.expectRevert(nobody);
        poolShares.onPayment(address(quoteToken), 1000 * USD, "");
        vm.prank(address(ledger));
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        fund.onPayment(address(quoteToken), 1000 * USD, "");
    }

    // ───────────────────────────── Setting up ─────────────────────────────

    /// G1. There is no initialiser: what a contract is comes with its constructor. Markets are made once, makers before they hold anything.
    function test_attack_G1_nothingIsSetUpTwice() public {
        IClearinghouse.Market memory market = defaultMarket();
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMarket.selector, MARKET));
        ledger.createMarket(MARKET, market);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(pool), poolAccount)
        );
        ledger.registerMaker(address(pool));
        // A pool that a thief deploys beside, of the same shares, is no maker of the ledger and not the pool of the shares.
        vm.startPrank(bob);
        OptionPool other =
            new OptionPool(ledger, oracle, address(poolShares), MARKET, defaultParameters(), address(authority));
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, bob));
        ledger.registerMaker(address(other));
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotPool.selector, address(other)));
        other.mark();
        vm.stopPrank();
        assertFalse(ledger.isMaker(other.account()));
    }

    // ───────────────────────────── Parameters ─────────────────────────────

    /// G4. Any parameter of a pool anywhere: what the setter accepts leaves no cycle within one state that pays, and a quote that answers
    /// or refuses by name.
    function testFuzz_attack_G4_acceptedParametersPayNoCycle(uint256 field, uint256 scale, bool buysFirst) public {
        PoolParameters memory parameters = pool.parameters();
        field %= 25;
        // 2^-16 … 2^16 of what it is.
        uint256 shift = scale % 33;
        assembly ("memory-safe") {
            // The first field is a pointer to an array in memory; every other one is a word.
            let place := add(parameters, mul(field, 32))
            if iszero(field) { place := mload(parameters) }
            mstore(place, shr(16, shl(shift, mload(place))))
        }
        try pool.setParameters(parameters) {}
        catch {
            return;
        }
        fundAccount(margin(bob), 1_000_000 * USD);
        uint256 before = ledger.cash(margin(bob));
        int128 size = buysFirst ? 2 * ONE : -2 * ONE;
        for (uint256 i = 0; i < 2; ++i) {
            IClearinghouse.Swap memory swap = swapOf(margin(bob), address(pool), one(option, i == 0 ? size : -size));
            vm.prank(bob);
            try ledger.trade(swap) {}
            catch (bytes memory reason) {
                assertNotEq(bytes4(reason), bytes4(keccak256("Panic(uint256)")));
                if (i == 0) return;
            }
        }
        bool closed = ledger.position(margin(bob), option) == 0;
        assertTrue(closed || !buysFirst, "what brings the pool nearer to zero is refused for no parameter");
        if (closed) assertLe(ledger.cash(margin(bob)), before);
    }

    // ───────────────────────────── Events ─────────────────────────────

    /// G14. Her cash is what the events of the ledger say, over deposits, swaps, moves, withdrawals, a settlement and its credit.
    function test_attack_G14_eventsSayWhatHappened() public {
        AccountId account = margin(alice);
        uint256 before = ledger.cash(account);
        vm.recordLogs();
        trade(account, two(option, -3 * ONE, call(WEEK, 3100), 5 * ONE));
        vm.startPrank(alice);
        ledger.depositCash(account, 123 * USD);
        ledger.withdrawCash(account, 77 * USD, alice);
        ledger.moveCash(account, margin(bob), 11 * USD);
        vm.stopPrank();
        settle(WEEK, 3300e18, ids(account, poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        ledger.claimCredit(account, MARKET, WEEK);
        assertEq(int256(before) + _saidOf(account, vm.getRecordedLogs()), int256(ledger.cash(account)));
    }

    function _saidOf(AccountId account, Vm.Log[] memory logs) private view returns (int256 sum) {
        uint256 known;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(ledger) || logs[i].topics[1] != bytes32(AccountId.unwrap(account))) {
                continue;
            }
            bytes32 event_ = logs[i].topics[0];
            ++known;
            if (event_ == IClearinghouse.CashDeposited.selector) sum += abi.decode(logs[i].data, (int256));
            else if (event_ == IClearinghouse.CreditPaid.selector) sum += abi.decode(logs[i].data, (int256));
            else if (event_ == IClearinghouse.CashWithdrawn.selector) sum -= abi.decode(logs[i].data, (int256));
            else if (event_ == IClearinghouse.CashMoved.selector) sum -= abi.decode(logs[i].data, (int256));
            else if (event_ == IClearinghouse.Traded.selector) sum -= _cashOf(logs[i].data);
            else --known;
        }
        assertEq(known, 5, "each of them once");
    }

    function _cashOf(bytes memory data) private pure returns (int256 cash) {
        (, cash,,) = abi.decode(data, (Leg[], int256, uint256, uint256));
    }
}
