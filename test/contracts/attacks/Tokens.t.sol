// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../../pool-contracts/Clearinghouse.sol";
import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {PoolParameters} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {IPermit2} from "../../../pool-contracts/interfaces/IPermit2.sol";
import {Grid} from "../../../pool-contracts/interfaces/IRiskEngine.sol";
import {LocalToken} from "../../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../../pool-contracts/types/Leg.sol";
import {OptionId, toOptionId, toStrikeKey} from "../../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "../fixture/LedgerFixture.sol";
import {
    AnsweringToken,
    BlockingToken,
    FeeOnTransferToken,
    HookedToken,
    PhantomPermitToken
} from "../fixture/OddTokens.sol";
import {ScriptedMaker} from "../fixture/ScriptedMaker.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice Somebody tries to come back into the ledger while it works, from a maker, a payer or a token.
contract ReentrancyTest is LedgerFixture {
    ScriptedMaker internal maker;
    HookedToken internal hooked;
    bytes internal constant REENTERED = abi.encodeWithSelector(IClearinghouse.Clearinghouse_Reentered.selector);

    function newQuoteToken(uint8) internal override returns (LocalToken) {
        hooked = new HookedToken();
        return hooked;
    }

    function setUp() public override {
        super.setUp();
        maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);
        trade(wallet(alice), call(WEEK, 3000), ONE);
    }

    /// @dev Every function that changes the ledger under its lock.
    function _entryPoints() internal view returns (bytes[] memory calls) {
        AccountId account = maker.account();
        OptionId option = call(MONTH, 3000);
        calls = new bytes[](20);
        calls[0] = abi.encodeCall(ledger.trade, (swapOf(account, address(pool), one(option, ONE))));
        calls[1] = abi.encodeCall(ledger.stress, (poolAccount));
        calls[2] = abi.encodeCall(ledger.depositCash, (account, 1));
        calls[3] = abi.encodeCall(ledger.depositCashWithCallback, (account, 1, ""));
        calls[4] = abi.encodeCall(ledger.withdrawCash, (account, 1, address(maker)));
        calls[5] = abi.encodeCall(ledger.moveCash, (account, margin(bob), 1));
        calls[6] = abi.encodeCall(ledger.depositBase, (account, MARKET, 1));
        calls[7] = abi.encodeCall(ledger.withdrawBase, (account, MARKET, 1, address(maker)));
        calls[8] = abi.encodeCall(ledger.depositOptions, (account, option, 1));
        calls[9] = abi.encodeCall(ledger.withdrawOptions, (account, option, 1, address(maker)));
        calls[10] = abi.encodeCall(ledger.startSettlement, (MARKET, WEEK));
        calls[11] = abi.encodeCall(ledger.settleAccounts, (MARKET, WEEK, ids(account)));
        calls[12] = abi.encodeCall(ledger.finalizeSettlement, (MARKET, WEEK));
        calls[13] = abi.encodeCall(ledger.claimCredit, (account, MARKET, WEEK));
        calls[14] = abi.encodeCall(ledger.redeemOptions, (address(maker), options(option)));
        IClearinghouse.PermitPayment memory payment = IClearinghouse.PermitPayment(0, 0, "");
        calls[15] =
            abi.encodeCall(ledger.tradeWithPermit, (swapOf(margin(alice), address(pool), one(option, ONE)), payment));
        calls[16] = abi.encodeCall(ledger.moveOptions, (account, account, option, 1));
        calls[17] = abi.encodeCall(ledger.liquidate, (IClearinghouse.Seizure(margin(bob), account, 1e18, 0, 0)));
        calls[18] = abi.encodeCall(ledger.setBackstop, (MARKET, 1));
        calls[19] = abi.encodeCall(ledger.batch, (account, new bytes[](0)));
    }

    function test_attack_E6_makerCannotComeBackInsideASwap() public {
        bytes[] memory calls = _entryPoints();
        maker.answer(100e6, 0);
        for (uint256 i = 0; i < calls.length; ++i) {
            maker.callBack(address(ledger), calls[i]);
            IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
            vm.prank(alice);
            ledger.trade(swap);
            assertFalse(maker.reentered());
            assertEq(maker.revertData(), REENTERED);
        }
    }

    function test_attack_E6_payerCannotComeBackInsideADeposit() public {
        bytes[] memory calls = _entryPoints();
        giveQuote(address(maker), 1000);
        for (uint256 i = 0; i < calls.length; ++i) {
            maker.callBack(address(ledger), calls[i]);
            maker.execute(address(ledger), abi.encodeCall(ledger.depositCashWithCallback, (maker.account(), 10, "")));
            assertFalse(maker.reentered());
            assertEq(maker.revertData(), REENTERED);
        }
    }

    function test_attack_E6_hookedTokenCannotComeBackWhileItMoves() public {
        bytes[] memory calls = _entryPoints();
        for (uint256 i = 0; i < calls.length; ++i) {
            hooked.hook(address(ledger), calls[i]);
            vm.prank(alice);
            ledger.withdrawCash(margin(alice), 1, alice);
            assertFalse(hooked.succeeded());
            assertEq(hooked.answer(), REENTERED);
        }
        hooked.hook(address(ledger), calls[4]);
        trade(wallet(alice), call(MONTH, 3000), ONE); // the wallet pays at the very end
        assertEq(hooked.answer(), REENTERED);
    }

    /// @dev The token functions of options are not under the lock; inside a swap they move only what the maker has.
    function test_attack_B7_makerThatSellsItsWalletsOptionsInsideTheSwapGainsNothing() public {
        OptionId option = call(MONTH, 3000);
        trade(wallet(alice), option, ONE);
        vm.prank(alice);
        ledger.transfer(address(maker), OptionId.unwrap(option), uint128(ONE));
        maker.answer(100e6, 0);
        maker.callBack(address(ledger), abi.encodeCall(ledger.transfer, (bob, OptionId.unwrap(option), uint128(ONE))));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(option, ONE));
        vm.prank(alice);
        ledger.trade(swap);
        assertTrue(maker.reentered());
        int256 sum = ledger.position(wallet(bob), option) + ledger.position(wallet(address(maker)), option)
            + ledger.position(margin(alice), option) + ledger.position(maker.account(), option)
            + ledger.position(poolAccount, option) + ledger.position(wallet(alice), option);
        assertEq(sum, 0);
    }

    function test_attack_G7_afterACallTheLedgerIsOpenAgain() public {
        trade(wallet(alice), call(MONTH, 3000), ONE);
        assertFalse(ledger.isLocked());
        vm.expectRevert();
        ledger.withdrawCash(margin(alice), 1, alice);
        assertFalse(ledger.isLocked());
    }
}

/// @notice A quote token that takes a fee on the way.
contract FeeOnTransferTest is LedgerFixture {
    function newQuoteToken(uint8) internal override returns (LocalToken) {
        return new FeeOnTransferToken();
    }

    function setUp() public override {
        vm.warp(START);
        deployLedger(6);
        deployPool(defaultParameters());
        listed = [WEEK, MONTH, QUARTER];
        oracle.report(SPOT, VOLATILITY, listed);
        pool.mark();
    }

    function testFuzz_attack_E1_whatArrivesIsMeasured(uint256 percent) public {
        percent = bound(percent, 1, 99);
        FeeOnTransferToken(address(quoteToken)).take(percent);
        giveQuote(alice, 1000 * USD);
        bytes memory refusal = abi.encodeWithSelector(
            IClearinghouse.Clearinghouse_UnsupportedToken.selector,
            address(quoteToken),
            100 * USD,
            (100 - percent) * USD
        );
        vm.startPrank(alice);
        quoteToken.approve(address(ledger), type(uint256).max);
        vm.expectRevert(refusal);
        ledger.depositCash(margin(alice), 100 * USD);
        assertEq(ledger.cash(margin(alice)), 0);
    }

    function test_attack_E1_walletCannotPayForOptionsWithIt() public {
        giveQuote(alice, 1_000_000 * USD);
        FeeOnTransferToken(address(quoteToken)).take(0);
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        maker.answer(100e6, 0);
        FeeOnTransferToken(address(quoteToken)).take(1);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(maker), one(call(MONTH, 3000), ONE));
        vm.prank(alice);
        quoteToken.approve(address(ledger), type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(quoteToken), 100e6, 99e6
            )
        );
        vm.prank(alice);
        ledger.trade(swap);
    }

    function test_attack_E1_baseThatTakesAFeeIsRefusedToo() public {
        FeeOnTransferToken taker = new FeeOnTransferToken();
        IClearinghouse.Market memory market = defaultMarket();
        market.baseToken = address(taker);
        ledger.createMarket(2, market);
        taker.mint(address(this), 100);
        taker.approve(address(ledger), 100);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(taker), 100, 99)
        );
        ledger.depositBase(margin(alice), 2, 100);
    }
}

/// @notice Quote tokens that answer as tokens have answered: nothing, false, or a lie.
contract AnsweringTokenTest is LedgerFixture {
    AnsweringToken internal answering;

    function newQuoteToken(uint8) internal override returns (LocalToken) {
        answering = new AnsweringToken();
        return answering;
    }

    function test_attack_E3_tokenThatAnswersNothingWorks() public {
        vm.startPrank(alice);
        ledger.depositCash(margin(alice), 100 * USD);
        ledger.withdrawCash(margin(alice), 40 * USD, bob);
        vm.stopPrank();
        assertEq(ledger.cash(margin(alice)), 60 * USD);
        assertEq(quoteToken.balanceOf(bob), 10_000_040 * USD);
    }

    /// Guards `SafeERC20` at both doors.
    function test_attack_E3_tokenThatAnswersFalseIsRefused() public {
        vm.prank(alice);
        ledger.depositCash(margin(alice), 100 * USD);
        answering.say(AnsweringToken.Answer.False);
        bytes memory refusal = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, quoteToken);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.depositCash(margin(alice), USD);
        vm.expectRevert(refusal);
        ledger.withdrawCash(margin(alice), USD, alice);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), ONE));
        vm.expectRevert(refusal);
        ledger.trade(swap);
        vm.stopPrank();
        assertEq(ledger.cash(margin(alice)), 100 * USD);
        assertEq(ledger.position(wallet(alice), call(MONTH, 3000)), 0);
    }

    /// Guards `Clearinghouse._requireReceived`, which measures what came.
    function test_attack_E3_tokenThatLiesIsMeasured() public {
        answering.say(AnsweringToken.Answer.Lie);
        vm.startPrank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_UnsupportedToken.selector, quoteToken, USD, 0)
        );
        ledger.depositCash(margin(alice), USD);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), ONE));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_UnsupportedToken.selector);
        ledger.trade(swap);
        vm.stopPrank();
        ScriptedMaker payer = new ScriptedMaker();
        bytes memory deposit = abi.encodeCall(ledger.depositCashWithCallback, (payer.account(), USD, ""));
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_UnsupportedToken.selector, quoteToken, USD, 0)
        );
        payer.execute(address(ledger), deposit);
    }
}

/// @notice A quote token that blocks people and contracts. Nobody is pushed money, so a blocked one stops nobody.
contract BlockedRecipientTest is LedgerFixture {
    BlockingToken internal blocking;

    function newQuoteToken(uint8 decimals) internal override returns (LocalToken) {
        blocking = new BlockingToken(decimals);
        return blocking;
    }

    function test_attack_E4_blockedOnesStopNobodyAndLoseNothing() public {
        address keeper = makeAddr("keeper");
        trade(wallet(alice), call(WEEK, 3000), ONE);
        fundAccount(margin(alice), 50_000 * USD);
        fundAccount(margin(bob), 50_000 * USD);
        trade(margin(alice), call(WEEK, 3100), -ONE);
        address[7] memory all =
            [alice, keeper, treasury, address(fund), address(pool), address(shares), address(auction)];
        for (uint256 i = 0; i < all.length; ++i) {
            blocking.block_(all[i]);
        }
        trade(margin(bob), call(WEEK, 3100), ONE); // fees to fund and treasury
        trade(margin(alice), call(WEEK, 3100), ONE);
        trade(margin(alice), call(WEEK, 3100), -ONE);
        report(1 hours, SPOT);
        vm.prank(keeper);
        pool.mark();
        assertEq(ledger.cash(margin(keeper)), 0.5e6, "his bounty waits in the ledger");
        settle(WEEK, 3300e18, ids(margin(alice), poolAccount, margin(bob)));
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.claimCredit(margin(bob), MARKET, WEEK), 200 * USD);
        vm.startPrank(bob);
        ledger.withdrawCash(margin(bob), ledger.cash(margin(bob)), bob);
        vm.stopPrank();
        // Alice is paid inside the ledger, and takes it where she is not blocked.
        uint256 hers = ledger.redeemOptions(alice, options(call(WEEK, 3000)));
        assertEq(hers, 300 * USD);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(BlockingToken.BlockingToken_Blocked.selector, alice));
        ledger.withdrawCash(wallet(alice), hers, alice);
        ledger.withdrawCash(wallet(alice), hers, carol);
        ledger.withdrawCash(margin(alice), ledger.cash(margin(alice)), carol);
        vm.stopPrank();
        assertEq(ledger.cash(margin(alice)) + ledger.cash(wallet(alice)), 0);
    }
}

/// @notice A quote token whose `permit` does nothing and reverts nothing, as that of wrapped ether.
contract PhantomPermitTest is LedgerFixture {
    function newQuoteToken(uint8) internal override returns (LocalToken) {
        return new PhantomPermitToken();
    }

    /// Anyswap's attack: a permit that was never signed passes. It gives nothing: the ledger takes tokens from who calls, by his own
    /// allowance, and trades for a wallet by its own word.
    function test_attack_E9_phantomPermitGivesNothing() public {
        address thief = makeAddr("penniless");
        uint256 hers = quoteToken.balanceOf(alice);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.permitQuote, (1000 * USD, block.timestamp, 27, 0, 0));
        calls[1] = abi.encodeCall(ledger.depositCash, (margin(thief), 1000 * USD));
        vm.startPrank(thief);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        ledger.batch(margin(thief), calls);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), ONE));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_NotAuthorized.selector);
        ledger.trade(swap);
        vm.expectPartialRevert(IPermit2.InvalidSignatureLength.selector);
        ledger.tradeWithPermit(swap, IClearinghouse.PermitPayment(1000 * USD, 0, "never signed"));
        assertEq(quoteToken.balanceOf(alice), hers);
        vm.stopPrank();
        vm.startPrank(alice);
        calls[1] = abi.encodeCall(ledger.depositCash, (margin(alice), 1000 * USD));
        ledger.batch(margin(alice), calls); // who has approved goes on
        assertEq(ledger.cash(margin(alice)), 1000 * USD);
    }
}

/// @notice The decimals that tokens have.
contract DecimalsTest is LedgerFixture {
    /// The same market with 6, 8, 12 and 18 decimals of the quote token: the same prices, to a millionth of a token.
    function test_attack_E5_pricesAreTheSameInEveryQuoteToken() public {
        int256[3] memory expected;
        uint8[4] memory decimals = [6, 8, 12, 18];
        for (uint256 i = 0; i < 4; ++i) {
            int256[3] memory cash = _swapsWith(decimals[i]);
            if (i == 0) expected = cash;
            for (uint256 j = 0; j < 3; ++j) {
                assertApproxEqAbs(cash[j] / int256(10 ** (decimals[i] - 6)), expected[j], 1);
            }
        }
        assertGt(expected[0], 0);
        assertLt(expected[1], 0);
    }

    function _swapsWith(uint8 decimals) private returns (int256[3] memory cash) {
        vm.warp(START);
        deployLedger(decimals);
        PoolParameters memory parameters = defaultParameters();
        uint256 scale = 10 ** (decimals - 6);
        (parameters.navFloor, parameters.markBountyRate) =
        (parameters.navFloor * scale, parameters.markBountyRate * scale);
        deployPool(parameters);
        oracle.report(SPOT, VOLATILITY, listed);
        fundAccount(poolAccount, 2_000_000 * USD * scale);
        pool.mark();
        fundAccount(margin(alice), 1_000_000 * USD * scale);
        cash[0] = trade(margin(alice), call(MONTH, 3000), 7 * ONE);
        cash[1] = trade(margin(alice), put(WEEK, 2900), -3 * ONE);
        report(1 hours, 3100e18);
        pool.mark();
        (, int256 equity) = ledger.health(margin(alice), Grid.Initial);
        cash[2] = equity;
    }

    /// Base tokens of no decimals and of many: an account's ten are worth ten times spot, and a unit too little for 6 decimals is worth
    /// nothing. Guards `Accounts.baseSize`.
    function test_attack_E5_baseCountsByItsOwnDecimals() public {
        uint8[6] memory decimals = [0, 2, 6, 8, 24, 36];
        for (uint256 i = 0; i < 6; ++i) {
            uint16 marketId = uint16(i + 2);
            LocalToken token = new LocalToken("Other", "OTHER", decimals[i]);
            IClearinghouse.Market memory market = defaultMarket();
            market.baseToken = address(token);
            ledger.createMarket(marketId, market);
            risk.setGrids(marketId, defaultGrids());
            uint256 amount = 10 * 10 ** decimals[i];
            AccountId account = toAccountId(alice, uint8(i + 2));
            token.mint(alice, amount);
            fundAccount(account, 20_000 * USD);
            vm.startPrank(alice);
            token.approve(address(ledger), amount);
            ledger.depositBase(account, marketId, amount);
            vm.stopPrank();
            // It counts where the account trades.
            ScriptedMaker maker = new ScriptedMaker();
            fundAccount(maker.account(), 1_000_000 * USD);
            OptionId option = toOptionId(toStrikeKey(marketId, MONTH, 3000e6), false);
            IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(option, -ONE));
            vm.prank(alice);
            ledger.trade(swap);
            (, int256 equity) = ledger.health(account, Grid.Initial);
            vm.prank(alice);
            ledger.withdrawBase(account, marketId, amount - amount / 2, alice);
            (, int256 later) = ledger.health(account, Grid.Initial);
            assertEq(equity - later, 15_000 * int256(USD));
            assertEq(token.balanceOf(alice), amount - amount / 2);
        }
    }
}

/// @notice A token for single things, whose functions have the selectors of ERC-20's.
contract SingleThings {
    mapping(address => uint256) public balanceOf;

    constructor() {
        balanceOf[msg.sender] = 10;
    }

    function transferFrom(address from, address to, uint256) external {
        --balanceOf[from];
        ++balanceOf[to];
    }
}

/// @notice Tokens of the wrong standard, and tokens that change under way.
contract WrongTokenTest is LedgerFixture {
    function test_attack_E14_singleThingsAreNoTokens() public {
        SingleThings things = new SingleThings();
        vm.expectRevert(); // it has no decimals
        this.ledgerOf(address(things));
        IClearinghouse.Market memory market = defaultMarket();
        market.baseToken = address(things);
        ledger.createMarket(2, market);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(things), 7, 1)
        );
        ledger.depositBase(margin(alice), 2, 7);
    }

    function ledgerOf(address token) external {
        new Clearinghouse(
            token, oracle, risk, settlementPrices, fund, permit2, address(auction), treasury, address(authority)
        );
    }

    /// The base token of one market changes its code and reverts at everything. Its own accounts keep their cash, and no other market
    /// notices: prices, marks, margin and settlement of the first go on.
    function test_attack_E15_tokenThatTurnsStopsItsOwnMarketAlone() public {
        LocalToken token = new LocalToken("Turning", "TURN", 18);
        IClearinghouse.Market memory market = defaultMarket();
        market.baseToken = address(token);
        ledger.createMarket(2, market);
        risk.setGrids(2, defaultGrids());
        token.mint(alice, 1e18);
        AccountId second = toAccountId(alice, 2);
        fundAccount(second, 1000 * USD);
        fundAccount(margin(alice), 100_000 * USD);
        vm.startPrank(alice);
        token.approve(address(ledger), 1e18);
        ledger.depositBase(second, 2, 1e18);
        vm.stopPrank();
        vm.etch(address(token), hex"fe");
        vm.startPrank(alice);
        vm.expectRevert();
        ledger.withdrawBase(second, 2, 1e18, alice);
        ledger.withdrawCash(second, 1000 * USD, alice);
        vm.stopPrank();
        trade(margin(alice), call(WEEK, 3100), -5 * ONE);
        report(60, SPOT);
        pool.mark();
        ledger.stress(poolAccount);
        settle(WEEK, 3200e18, ids(margin(alice), poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.claimCredit(poolAccount, MARKET, WEEK), 500 * USD);
    }
}

/// @notice Somebody tries to leave with more than is his.
contract MarginAttackTest is LedgerFixture {
    function tradeAs(AccountId account, OptionId option, int128 size) external returns (int256) {
        return trade(account, option, size);
    }

    /// @dev D2: no door that lowers equity leaves an account below margin; fuzzed over doors and amounts.
    function testFuzz_attack_D2_noDoorLeavesAnAccountBelowMargin(uint256 seed, uint64 amount) public {
        AccountId account = margin(alice);
        fundAccount(account, 30_000 * USD);
        vm.prank(alice);
        ledger.depositBase(account, MARKET, 3e18);
        trade(account, two(call(MONTH, 3000), -10 * ONE, call(MONTH, 3300), 4 * ONE));
        report(1 hours, 2600e18 + seed % 1000e18);
        (int256 before,) = ledger.health(account, Grid.Initial);
        vm.startPrank(alice);
        bytes memory data = [
            abi.encodeCall(ledger.withdrawCash, (account, uint256(amount) % 30_000e6 + 1, alice)),
            abi.encodeCall(ledger.moveCash, (account, wallet(alice), uint256(amount) % 30_000e6 + 1)),
            abi.encodeCall(ledger.withdrawBase, (account, MARKET, uint256(amount) % 3e18 + 1, alice)),
            abi.encodeCall(ledger.withdrawOptions, (account, call(MONTH, 3300), uint256(amount) % 4e6 + 1, alice))
        ][(seed >> 128) % 4];
        (bool left,) = address(ledger).call(data);
        (int256 later,) = ledger.health(account, Grid.Initial);
        if (left) assertGe(later, 0);
        else assertEq(later, before);
    }

    /// @dev Two accounts of one owner and a maker of his own: moving a loss from one to the other leaves nothing behind.
    function testFuzz_attack_D2_confederateMakerCannotEmptyAnUnhealthyAccount(uint256 seed, int64 price) public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        AccountId account = margin(alice);
        fundAccount(account, 4000 * USD);
        trade(account, call(MONTH, 3200), -4 * ONE);
        report(1 hours, 3700e18);
        pool.mark();
        (int256 worst, int256 equity) = ledger.health(account, Grid.Initial);
        assertLt(worst, 0);
        for (uint256 i = 0; i < 4; ++i) {
            int128 size = int128(int256(seed >> (i * 8) & 0xff)) * 20_000 - 2_500_000;
            OptionId option = seed >> (64 + i) & 1 == 0 ? call(MONTH, 3200) : put(MONTH, 3500);
            maker.answer(int256(price) % 5_000_000_000, 0);
            IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(option, size == 0 ? ONE : size));
            vm.prank(alice);
            try ledger.trade(swap) {
                (int256 later, int256 equityLater) = ledger.health(account, Grid.Initial);
                if (later < 0) {
                    assertGe(later, worst, "a trade below margin never raises the shortfall");
                    // 0.5 % of the notional at 3,700, and rounding
                    int256 allowance = int256(size < 0 ? -size : size == 0 ? ONE : size) * 18.5e6 / 1e6 + 2;
                    assertGe(equityLater, equity - allowance);
                }
                (worst, equity) = (later, equityLater);
                if (later >= 0) return;
            } catch {}
        }
    }

    /// @dev Nobody puts positions into somebody else's account, however he is named in the swap.
    function test_attack_F3_nobodyElsesAccountTakesTheOtherSide() public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(margin(bob), 1_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);
        AccountId[4] memory victims =
            [margin(bob), poolAccount, ledger.insuranceAccount(), toAccountId(address(maker), 0)];
        for (uint256 i = 0; i < 4; ++i) {
            maker.answerFor(victims[i]);
            maker.answer(-1000e6, 0);
            IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
            vm.expectRevert(
                abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(maker), victims[i])
            );
            vm.prank(alice);
            ledger.trade(swap);
        }
    }

    /// @dev A maker's operator right comes from the owner alone; the maker cannot give it to itself.
    function test_attack_F3_makerCannotMakeItselfOperator() public {
        ScriptedMaker maker = new ScriptedMaker();
        bytes memory attempt = abi.encodeCall(ledger.setAccountOperator, (margin(bob), address(maker), true));
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(bob), address(maker))
        );
        maker.execute(address(ledger), attempt);
    }

    function test_attack_A5_tokensSentWithoutADepositAreNobodys() public {
        giveQuote(address(ledger), 1000 * USD);
        uint256 before = ledger.cash(poolAccount);
        report(60, SPOT);
        pool.mark();
        assertEq(ledger.cash(poolAccount), before);
        assertEq(pool.lastMark().nav, int256(before));
        vm.prank(alice);
        ledger.depositCash(margin(alice), 10 * USD); // what was sent does not pay for it
        assertEq(ledger.cash(margin(alice)), 10 * USD);
    }

    /// @dev Dust: minimum sizes hold at every door that trades, so marking cost cannot be raised for nothing.
    function testFuzz_attack_B18_noTradeOpensLessThanTheMinimum(int64 size) public {
        fundAccount(margin(alice), 1_000_000 * USD);
        int128 dust = int128(size) % 10_000;
        if (dust == 0) dust = 1;
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_BelowMinimum.selector);
        this.tradeAs(margin(alice), call(MONTH, 3000), dust);
    }
}
