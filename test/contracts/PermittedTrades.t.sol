// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {IPermit2} from "../../pool-contracts/interfaces/IPermit2.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {FeeOnTransferToken, HookedToken} from "./fixture/OddTokens.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";
import {SigningContract} from "./fixture/SigningContract.sol";
import {TradePermits} from "./fixture/TradePermits.sol";

/// @notice Dora has approved Permit2 and signs; a relayer brings what she signed. She sends no transaction after that one.
abstract contract PermittedTradesFixture is LedgerFixture, TradePermits {
    address internal dora;
    uint256 internal key;
    address internal relayer = makeAddr("relayer");

    function setUp() public virtual override {
        super.setUp();
        (dora, key) = makeAddrAndKey("dora");
        giveQuote(dora, 1_000_000 * USD);
        vm.prank(dora);
        quoteToken.approve(PERMIT2, type(uint256).max);
    }

    /// @dev Calls of a month for at most 300 each.
    function _swap(AccountId account, int128 size) internal view returns (IClearinghouse.Swap memory swap) {
        swap = swapOf(account, address(pool), one(call(MONTH, 3000), size));
        swap.limitCash = size > 0 ? int256(300 * USD) * size / ONE : int256(0);
        swap.deadline = uint40(vm.getBlockTimestamp() + 60);
    }

    function _signed(IClearinghouse.Swap memory swap, uint256 amount, uint256 nonce, uint256 by)
        internal
        view
        returns (IClearinghouse.PermitPayment memory)
    {
        bytes32 digest = permitDigest(address(quoteToken), address(ledger), swap, amount, nonce);
        return IClearinghouse.PermitPayment(amount, nonce, signatureOf(by, digest));
    }

    function _bring(IClearinghouse.Swap memory swap, IClearinghouse.PermitPayment memory payment)
        internal
        returns (int256)
    {
        vm.prank(relayer);
        return ledger.tradeWithPermit(swap, payment);
    }

    function _refuses(IClearinghouse.Swap memory swap, IClearinghouse.PermitPayment memory payment, bytes memory reason)
        internal
    {
        uint256 held = quoteToken.balanceOf(dora);
        vm.expectRevert(reason);
        _bring(swap, payment);
        assertEq(quoteToken.balanceOf(dora), held, "nothing was taken");
    }

    /// @dev Whether Dora's nonce is used up.
    function _isUsed(uint256 nonce) internal view returns (bool) {
        (bool success, bytes memory word) =
            PERMIT2.staticcall(abi.encodeWithSignature("nonceBitmap(address,uint256)", dora, nonce >> 8));
        require(success);
        return abi.decode(word, (uint256)) >> uint8(nonce) & 1 == 1;
    }
}

/// @dev Names are the branches.
contract PermittedTradesTest is PermittedTradesFixture {
    bytes internal constant INVALID_SIGNER = abi.encodeWithSelector(IPermit2.InvalidSigner.selector);
    bytes internal constant INVALID_NONCE = abi.encodeWithSelector(IPermit2.InvalidNonce.selector);

    // ───── A wallet ─────

    function test_aWalletPaysWhatTheSwapCosts_andNoMore() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        (uint256 held, uint256 ledgers) = (quoteToken.balanceOf(dora), quoteToken.balanceOf(address(ledger)));
        int256 cash = _bring(swap, payment);
        assertGt(cash, 0);
        assertLt(cash, int256(3000 * USD));
        assertEq(quoteToken.balanceOf(dora), held - uint256(cash));
        assertEq(quoteToken.balanceOf(address(ledger)), ledgers + uint256(cash));
        assertEq(ledger.position(wallet(dora), call(MONTH, 3000)), 10 * ONE);
        assertEq(quoteToken.allowance(dora, address(ledger)), 0);
        assertTrue(_isUsed(7));
    }

    function test_itCostsWhatTheTradeItselfCosts() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        uint256 snapshot = vm.snapshotState();
        vm.startPrank(dora);
        quoteToken.approve(address(ledger), type(uint256).max);
        int256 direct = ledger.trade(swap);
        vm.stopPrank();
        vm.revertToState(snapshot);
        assertEq(_bring(swap, _signed(swap, 3000 * USD, 7, key)), direct);
    }

    function test_aWalletThatReceives_permitsNothing() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        _bring(swap, _signed(swap, 3000 * USD, 7, key));
        uint256 held = quoteToken.balanceOf(dora);
        swap = _swap(wallet(dora), -10 * ONE);
        int256 cash = _bring(swap, _signed(swap, 0, 8, key));
        assertLt(cash, 0);
        assertEq(quoteToken.balanceOf(dora), held + uint256(-cash));
        assertEq(ledger.position(wallet(dora), call(MONTH, 3000)), 0);
        assertTrue(_isUsed(8), "once, where nothing is paid too");
        _refuses(swap, _signed(swap, 0, 9, key), _insufficient(swap));
    }

    function test_aWalletThatReceives_isAskedForItsSignatureAllTheSame() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        _bring(swap, _signed(swap, 3000 * USD, 7, key));
        swap = _swap(wallet(dora), -10 * ONE);
        (, uint256 other) = makeAddrAndKey("thief");
        _refuses(swap, _signed(swap, 0, 8, other), INVALID_SIGNER);
        assertEq(ledger.position(wallet(dora), call(MONTH, 3000)), 10 * ONE);
    }

    function _insufficient(IClearinghouse.Swap memory swap) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            IClearinghouse.Clearinghouse_InsufficientOptions.selector, swap.account, call(MONTH, 3000), 10 * ONE, 0
        );
    }

    function test_aPriceAboveWhatIsPermitted_isNotPaid() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 100 * USD, 7, key);
        _refuses(swap, payment, abi.encodeWithSelector(IPermit2.InvalidAmount.selector, 100 * USD));
        assertFalse(_isUsed(7));
    }

    function test_aPriceAboveTheLimit_isNotPaid() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        swap.limitCash = int256(100 * USD);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_LimitExceeded.selector);
        _bring(swap, payment);
        assertFalse(_isUsed(7));
    }

    function testFuzz_aWalletPaysAndReceivesExactlyWhatTheMakerNamed(int64 cash, uint64 permitted) public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1e20);
        giveQuote(dora, 1e20);
        maker.answer(cash, 0);
        IClearinghouse.Swap memory swap = _swap(wallet(dora), ONE);
        (swap.maker, swap.limitCash) = (address(maker), type(int64).max);
        IClearinghouse.PermitPayment memory payment = _signed(swap, permitted, 7, key);
        (uint256 held, uint256 ledgers) = (quoteToken.balanceOf(dora), quoteToken.balanceOf(address(ledger)));
        if (cash > 0 && uint64(cash) > permitted) {
            return _refuses(swap, payment, abi.encodeWithSelector(IPermit2.InvalidAmount.selector, permitted));
        }
        assertEq(_bring(swap, payment), cash);
        assertEq(int256(quoteToken.balanceOf(dora)), int256(held) - cash);
        assertEq(int256(quoteToken.balanceOf(address(ledger))), int256(ledgers) + cash);
    }

    // ───── A margin account ─────

    function test_intoAMarginAccountAllThatIsPermittedIsPaid_beforeTheSwap() public {
        AccountId account = margin(dora);
        IClearinghouse.Swap memory swap = _swap(account, -10 * ONE); // a short needs margin, and the account has nothing
        IClearinghouse.PermitPayment memory payment = _signed(swap, 40_000 * USD, 7, key);
        uint256 held = quoteToken.balanceOf(dora);
        vm.expectEmit(address(ledger));
        emit IClearinghouse.CashDeposited(account, dora, 40_000 * USD);
        int256 cash = _bring(swap, payment);
        assertEq(quoteToken.balanceOf(dora), held - 40_000 * USD);
        assertEq(ledger.cash(account), uint256(int256(40_000 * USD) - cash));
        assertEq(ledger.position(account, call(MONTH, 3000)), -10 * ONE);
    }

    function test_aMarginAccountWithCashOfItsOwn_permitsNothing() public {
        AccountId account = toAccountId(dora, 200);
        fundAccount(account, 40_000 * USD);
        IClearinghouse.Swap memory swap = _swap(account, -10 * ONE);
        uint256 held = quoteToken.balanceOf(dora);
        int256 cash = _bring(swap, _signed(swap, 0, 7, key));
        assertEq(quoteToken.balanceOf(dora), held);
        assertEq(ledger.cash(account), uint256(int256(40_000 * USD) - cash));
        assertTrue(_isUsed(7));
    }

    function test_withTooLittleForItsMargin_nothingHappens() public {
        IClearinghouse.Swap memory swap = _swap(margin(dora), -10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 10 * USD, 7, key);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        _bring(swap, payment);
        assertEq(ledger.cash(margin(dora)), 0);
        assertFalse(_isUsed(7));
    }

    function test_aDebtBlocksIt() public {
        AccountId account = margin(dora);
        fundAccount(account, 9000 * USD);
        fundAccount(margin(bob), 100_000 * USD);
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 100_000 * USD);
        maker.answer(0, 0);
        IClearinghouse.Swap memory swap = _swap(account, -10 * ONE);
        (swap.maker, swap.legs) = (address(maker), one(call(WEEK, 3000), -10 * ONE));
        _bring(swap, _signed(swap, 0, 7, key));
        settle(WEEK, 5000e18, ids(account, maker.account()));
        uint256 debt = ledger.debt(account);
        assertGt(debt, 0);
        oracle.report(SPOT, VOLATILITY, listed);
        swap = _swap(account, -ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 500_000 * USD, 8, key);
        _refuses(swap, payment, abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, account, debt));
    }

    function testFuzz_aMarginAccountIsPaidExactlyWhatIsPermitted(int64 cash, uint64 permitted) public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1e20);
        giveQuote(dora, 1e20);
        maker.answer(cash, 0);
        AccountId account = margin(dora);
        IClearinghouse.Swap memory swap = _swap(account, ONE);
        (swap.maker, swap.limitCash) = (address(maker), type(int64).max);
        IClearinghouse.PermitPayment memory payment = _signed(swap, permitted, 7, key);
        uint256 held = quoteToken.balanceOf(dora);
        if (cash > 0 && uint64(cash) > permitted) {
            bytes4 reason = IClearinghouse.Clearinghouse_InsufficientCash.selector;
            return _refuses(swap, payment, abi.encodeWithSelector(reason, account, uint64(cash), permitted));
        }
        _bring(swap, payment);
        assertEq(quoteToken.balanceOf(dora), held - permitted);
        assertEq(int256(ledger.cash(account)), int256(uint256(permitted)) - cash);
    }

    // ───── What was signed, by whom, once ─────

    /// @dev One thing is changed after it was signed; the relayer would change anything, were it of use to him.
    function testFuzz_attack_F11_whateverElseWasSignedIsRefused(uint256 what, bool inMargin, uint128 salt) public {
        vm.assume(salt != 0);
        IClearinghouse.Swap memory swap = _swap(inMargin ? margin(dora) : wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        what = bound(what, 0, 8);
        if (what == 0) swap.legs[0].size = 9 * ONE;
        if (what == 1) swap.legs[0].option = call(MONTH, 3025);
        if (what == 2) swap.legs = two(call(MONTH, 3000), 10 * ONE, call(MONTH, 3100), ONE);
        if (what == 3) swap.limitCash += int256(uint256(salt));
        if (what == 4) swap.deadline += uint40(bound(salt, 1, 1e9));
        if (what == 5) swap.account = toAccountId(dora, inMargin ? 2 : 1);
        if (what == 6) swap.maker = address(new ScriptedMaker());
        if (what == 7) swap.makerData = abi.encode(salt);
        if (what == 8) payment.nonce ^= salt;
        if (what == 6) {
            ScriptedMaker(swap.maker).answer(-1, 0);
            fundAccount(ScriptedMaker(swap.maker).account(), 1_000_000 * USD);
        }
        _refuses(swap, payment, INVALID_SIGNER);
    }

    function test_moreThanWasPermitted_isRefused() public {
        IClearinghouse.Swap memory swap = _swap(margin(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        payment.amount = 30_000 * USD;
        _refuses(swap, payment, INVALID_SIGNER);
    }

    function test_attack_F3_somebodyElsesPermitIsRefused() public {
        (address thief, uint256 other) = makeAddrAndKey("thief");
        // An operator may trade for her, but does not sign for her money.
        vm.prank(dora);
        ledger.setAccountOperator(margin(dora), thief, true);
        for (uint8 sub = 0; sub < 2; ++sub) {
            IClearinghouse.Swap memory swap = _swap(toAccountId(dora, sub), 10 * ONE);
            _refuses(swap, _signed(swap, 3000 * USD, 7, other), INVALID_SIGNER);
        }
    }

    function test_anAccountThatHasASecondName_isRefused() public {
        for (uint8 sub = 0; sub < 2; ++sub) {
            AccountId alias_ = AccountId.wrap(AccountId.unwrap(toAccountId(dora, sub)) | 1 << 168);
            IClearinghouse.Swap memory swap = _swap(alias_, 10 * ONE);
            IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
            _refuses(
                swap, payment, abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, alias_)
            );
        }
    }

    function test_attack_F1_permittedTradeIsUsedUpOnceBrought() public {
        for (uint8 sub = 0; sub < 2; ++sub) {
            IClearinghouse.Swap memory swap = _swap(toAccountId(dora, sub), 10 * ONE);
            IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, sub, key);
            _bring(swap, payment);
            _refuses(swap, payment, INVALID_NONCE);
        }
    }

    function test_attack_F6_permittedTradeThatSheCancelledIsUsedUp() public {
        vm.prank(dora);
        (bool success,) = PERMIT2.call(abi.encodeWithSignature("invalidateUnorderedNonces(uint256,uint256)", 0, 1 << 7));
        assertTrue(success);
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        _refuses(swap, _signed(swap, 3000 * USD, 7, key), INVALID_NONCE);
    }

    function test_afterItsDeadline_itIsWorthless() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        IClearinghouse.Swap memory other = _swap(margin(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory others = _signed(other, 3000 * USD, 8, key);
        skip(61);
        _refuses(
            swap,
            payment,
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_DeadlinePassed.selector, swap.deadline, swap.deadline + 1
            )
        );
        _refuses(other, others, abi.encodeWithSelector(IPermit2.SignatureExpired.selector, swap.deadline));
    }

    function test_theReportIsWhoBringsItsChoice() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        swap.report = hex"1234";
        _bring(swap, payment);
        assertEq(oracle.lastReport(), hex"1234");
    }

    function test_aContract_signsByErc1271() public {
        SigningContract owner = new SigningContract();
        giveQuote(address(owner), 10_000 * USD);
        owner.approveToken(quoteToken, PERMIT2);
        for (uint8 sub = 0; sub < 2; ++sub) {
            IClearinghouse.Swap memory swap = _swap(toAccountId(address(owner), sub), 10 * ONE);
            IClearinghouse.PermitPayment memory payment = IClearinghouse.PermitPayment(3000 * USD, sub, "anything");
            _refuses(swap, payment, abi.encodeWithSelector(IPermit2.InvalidContractSignature.selector));
            owner.sign(permitDigest(address(quoteToken), address(ledger), swap, 3000 * USD, sub));
            _bring(swap, payment);
            assertEq(ledger.position(swap.account, call(MONTH, 3000)), 10 * ONE);
        }
    }

    // ───── What else the signature might be used for ─────

    function test_nobodyButTheLedgerCanUseIt() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, 7, key);
        bytes32 witness = keccak256("whatever the thief likes");
        vm.prank(relayer);
        vm.expectRevert(IPermit2.InvalidSigner.selector);
        permit2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(address(quoteToken), 3000 * USD), 7, swap.deadline),
            IPermit2.SignatureTransferDetails(relayer, 3000 * USD),
            dora,
            witness,
            "Trade witness)Leg(uint256 option,int128 size)TokenPermissions(address token,uint256 amount)Trade(uint256 account,address maker,Leg[] legs,int256 limitCash,uint40 deadline,bytes makerData)",
            payment.signature
        );
        _bring(swap, payment); // and it still counts
    }

    function test_aPermitThatNamesAnotherSpender_isRefused() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        bytes32 digest = permitDigest(address(quoteToken), relayer, swap, 3000 * USD, 7);
        _refuses(swap, IClearinghouse.PermitPayment(3000 * USD, 7, signatureOf(key, digest)), INVALID_SIGNER);
    }

    function test_aPermitForAnotherToken_isRefused() public {
        IClearinghouse.Swap memory swap = _swap(wallet(dora), 10 * ONE);
        bytes32 digest = permitDigest(address(baseToken), address(ledger), swap, 3000 * USD, 7);
        _refuses(swap, IClearinghouse.PermitPayment(3000 * USD, 7, signatureOf(key, digest)), INVALID_SIGNER);
    }

    function test_aPermitWithoutATrade_isNone() public {
        IClearinghouse.Swap memory swap = _swap(margin(dora), 10 * ONE);
        bytes32 digest = plainPermitDigest(address(quoteToken), address(ledger), 3000 * USD, 7, swap.deadline);
        _refuses(swap, IClearinghouse.PermitPayment(3000 * USD, 7, signatureOf(key, digest)), INVALID_SIGNER);
    }

    // ───── Batches ─────

    function test_attack_D20_inABatch_everyOtherAccountIsCheckedAtOnce() public {
        fundAccount(margin(bob), 1000 * USD);
        IClearinghouse.Swap memory swap = _swap(margin(dora), -10 * ONE);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(ledger.tradeWithPermit, (swap, _signed(swap, 10 * USD, 7, key)));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(bob);
        ledger.batch(margin(bob), calls);
        calls[0] = abi.encodeCall(ledger.tradeWithPermit, (swap, _signed(swap, 40_000 * USD, 7, key)));
        vm.prank(bob);
        ledger.batch(margin(bob), calls);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), -10 * ONE);
        assertEq(ledger.cash(margin(bob)), 1000 * USD);
    }

    function test_inABatchOfItsOwn_theAccountIsCheckedAtTheEnd() public {
        IClearinghouse.Swap memory swap = _swap(margin(dora), -10 * ONE);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.tradeWithPermit, (swap, _signed(swap, 10 * USD, 7, key)));
        calls[1] = abi.encodeCall(ledger.depositCash, (margin(dora), 40_000 * USD));
        vm.startPrank(dora);
        quoteToken.approve(address(ledger), 40_000 * USD);
        ledger.batch(margin(dora), calls);
        (int256 worst,) = ledger.health(margin(dora), Grid.Initial);
        assertGt(worst, 0);
    }
}

/// @notice A quote token that calls back.
contract PermittedTradesHookedTokenTest is PermittedTradesFixture {
    HookedToken internal hooked;

    function newQuoteToken(uint8) internal override returns (LocalToken) {
        hooked = new HookedToken();
        return hooked;
    }

    function test_aTokenThatCallsBackWhilePermit2MovesIt_findsTheLedgerLocked() public {
        for (uint8 sub = 0; sub < 2; ++sub) {
            IClearinghouse.Swap memory swap = _swap(toAccountId(dora, sub), 10 * ONE);
            IClearinghouse.PermitPayment memory payment = _signed(swap, 3000 * USD, sub, key);
            hooked.hook(address(ledger), abi.encodeCall(ledger.tradeWithPermit, (swap, payment)));
            _bring(swap, payment);
            assertFalse(hooked.succeeded());
            assertEq(hooked.answer(), abi.encodeWithSelector(IClearinghouse.Clearinghouse_Reentered.selector));
        }
    }
}

/// @notice A quote token that takes a fee on the way.
contract PermittedTradesFeeOnTransferTest is PermittedTradesFixture {
    function newQuoteToken(uint8) internal override returns (LocalToken) {
        return new FeeOnTransferToken();
    }

    function setUp() public override {
        vm.warp(START);
        deployLedger(6);
        (dora, key) = makeAddrAndKey("dora");
        giveQuote(dora, 1_000_000 * USD);
        vm.prank(dora);
        quoteToken.approve(PERMIT2, type(uint256).max);
        oracle.report(SPOT, VOLATILITY, listed);
    }

    function test_whatArrivesIsMeasured_andLessThanPermittedIsRefused() public {
        IClearinghouse.Swap memory swap = _swap(margin(dora), ONE);
        bytes4 reason = IClearinghouse.Clearinghouse_UnsupportedToken.selector;
        IClearinghouse.PermitPayment memory payment = _signed(swap, 100 * USD, 7, key);
        _refuses(swap, payment, abi.encodeWithSelector(reason, address(quoteToken), 100 * USD, 99 * USD));
    }
}
