// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IPoolShares} from "../../../pool-contracts/interfaces/IPoolShares.sol";
import {toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {ITokenHook, QuoteToken} from "../shares/QuoteToken.sol";
import {SharesTest} from "../shares/SharesTest.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @dev Attempts on the shares of a pool and how they end.
contract PoolSharesAttacksTest is SharesTest {
    uint256 internal constant SHARE = 1e18;

    function setUp() public {
        deploy(6);
    }

    // ───── A1 to A4: donations, empty and wiped-out pools ─────

    /// @dev A1. The thief owns the first share and gives the pool 1 to 10^15 tokens before the victim is priced.
    function testFuzz_attack_A1_inflationCostsTheThiefAndNotTheVictim(uint256 gift, uint256 victims) public {
        gift = bound(gift, 1, 1e15 * one);
        victims = bound(victims, one, 1e9 * one);
        uint256 thiefs = depositNow(thief, one);
        requestDeposit(ann, victims);
        pay(gift);
        markLater();
        shares.claimFor(ann);
        uint256 annsMoney = token.balanceOf(ann); // a refund, where shares have become too dear
        if (shares.balanceOf(ann) != 0) annsMoney += redeemNow(ann, shares.balanceOf(ann));
        assertGe(annsMoney + victims / 1e6 + 2, victims, "the victim loses at most a millionth");
        assertLe(redeemNow(thief, thiefs), one + gift, "the thief gains nothing");
    }

    /// @dev A1 again, on a pool that nobody owns: the gift goes to the virtual shares for ever.
    function testFuzz_attack_A1_giftToAnEmptyPoolIsLost(uint256 gift, uint256 victims) public {
        gift = bound(gift, 1, 1e5 * one);
        victims = bound(victims, one, 1e9 * one);
        pay(gift);
        uint256 annsShares = depositNow(ann, victims);
        uint256 money = redeemNow(ann, annsShares);
        assertApproxEqAbs(money, victims, victims / 1e6 + 2);
        assertLe(money, victims);
    }

    /// @dev A2. All have left, then premium arrives; who comes next gets what he brought, not the premium.
    function test_attack_A2_emptyPoolsMoneyGoesToNobodyWhoComesLater() public {
        redeemNow(ann, depositNow(ann, 1000 * one));
        pay(500 * one);
        uint256 money = redeemNow(thief, depositNow(thief, 1000 * one));
        assertLe(money, 1000 * one);
        assertGe(money, 1000 * one - 1);
    }

    /// @dev A3. Down to dust of a supply; deposits then still cost what they bring.
    function testFuzz_attack_A3_dustOfASupplyMintsNothingForFree(uint256 left) public {
        left = bound(left, 1, 1e6);
        uint256 annsShares = depositNow(ann, 1000 * one);
        redeemNow(ann, annsShares - left);
        uint256 money = redeemNow(thief, depositNow(thief, 1000 * one));
        assertLe(money, 1000 * one);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1, 0));
        shares.mint(1, thief);
    }

    /// @dev A4. Crash, deposit, crash again: the supply stays bounded by the money that came in, and the pool stays open to
    /// those inside.
    function test_attack_A4_repeatedWipeOutsDoNotExplodeTheSupply() public {
        uint256 annsShares = depositNow(ann, 1000 * one);
        uint256 refused;
        for (uint256 i = 0; i < 12; ++i) {
            pool.lose(pool.cash() - (pool.cash() > 2 ? 2 : 0)); // two units are left
            markLater();
            if (depositNow(thief, one) == 0) {
                ++refused;
                pay(shares.totalSupply() / 1e18 + 1); // the book earns just enough for a millionth of par
                markLater();
            }
            depositNow(thief, 1_000_000 * one);
        }
        assertGt(refused, 0, "it was wiped out");
        assertLe(shares.totalSupply(), 1000 * SHARE + 12 * 1e6 * 1_000_000 * SHARE, "a million shares a token at most");
        requestRedeem(ann, annsShares);
        requestRedeem(thief, shares.balanceOf(thief));
        markLater();
        shares.claimFor(ann);
        shares.claimFor(thief);
        assertEq(shares.totalSupply(), 0, "everybody is out");
    }

    /// @dev A5, A6. Gifts of money to the contract, the escrow and the payouts count for nothing.
    function test_attack_A5_giftsToEscrowPayoutsAndContractAreIgnored() public {
        requestDeposit(ann, 1000 * one);
        token.mint(address(shares), 77 * one);
        token.mint(address(ledger), 77 * one);
        fundUp(address(this), 200 * one);
        ledger.depositCash(shares.escrowAccount(), 100 * one);
        ledger.depositCash(shares.payoutAccount(), 100 * one);
        markLater();
        assertEq(pool.cash(), 1000 * one);
        shares.claimFor(ann);
        assertEq(shares.balanceOf(ann), 1000 * SHARE);
        assertEq(redeemNow(ann, 1000 * SHARE), 1000 * one - 1);
    }

    /// @dev A6. Tokens that are not the quote token: the shares never look at what lies in any contract.
    function test_attack_A6_anotherTokensGiftIsIgnored() public {
        uint256 annsShares = depositNow(ann, 1000 * one);
        QuoteToken other = new QuoteToken(18);
        for (uint256 i = 0; i < 4; ++i) {
            other.mint([address(shares), address(pool), address(ledger), address(fund)][i], 1e30);
        }
        markLater();
        assertEq(shares.totalAssets(), 1000 * one);
        assertEq(fund.totalAssets(), 0);
        assertEq(redeemNow(ann, annsShares), 1000 * one - 1);
    }

    // ───── A7: rounding ─────

    /// @dev Guards the rounding of `PoolShares._claim`: in by assets or by shares, out by shares or by money, each in one claim or in
    /// two, eight ways in all, and nobody takes out more than he brought.
    function testFuzz_attack_A7_eightRoundTrips(uint256 assets, uint256 part, uint256 way, uint256 premium) public {
        depositNow(ann, 1000 * one);
        pay(bound(premium, 1, 10_000 * one));
        assets = bound(assets, one, 1e6 * one);
        requestDeposit(thief, assets);
        markLater();
        (bool byShares, bool byMoney, bool inTwo) = (way & 1 != 0, way & 2 != 0, way & 4 != 0);
        uint256 whole = byShares ? shares.maxMint(thief) : shares.maxDeposit(thief);
        uint256 first = inTwo ? bound(part, 1, whole - 1) : whole;
        _claimIn(byShares, first);
        if (inTwo) _claimIn(byShares, whole - first);
        requestRedeem(thief, shares.balanceOf(thief));
        markLater();
        whole = byMoney ? shares.maxWithdraw(thief) : shares.maxRedeem(thief);
        first = inTwo ? bound(part, 1, whole - 1) : whole;
        _claimOut(byMoney, first);
        // What is left may be less than the rest by a unit.
        uint256 left = byMoney ? shares.maxWithdraw(thief) : shares.maxRedeem(thief);
        if (left != 0) _claimOut(byMoney, left);
        assertLe(token.balanceOf(thief), assets);
        assertGe(token.balanceOf(thief) + assets / 1e6 + 3, assets);
    }

    function _claimIn(bool byShares, uint256 amount) private {
        vm.prank(thief);
        if (byShares) shares.mint(amount, thief);
        else shares.deposit(amount, thief);
    }

    function _claimOut(bool byMoney, uint256 amount) private {
        vm.prank(thief);
        if (byMoney) shares.withdraw(amount, thief, thief);
        else shares.redeem(amount, thief, thief);
    }

    // ───── A9, A16: other people's shares ─────

    /// @dev Every function that names an owner or a controller, called by a third party. Guards `authorized` of each of them.
    function test_attack_A9_thirdPartyActsForNobody() public {
        uint256 inId = requestDeposit(ann, 1000 * one);
        markLater();
        depositNow(ben, 1000 * one);
        uint256 outId = requestRedeem(ben, 500 * SHARE);
        bytes memory refusal = abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief);
        bytes memory bens = abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ben, thief);
        _refused(abi.encodeWithSignature("deposit(uint256,address,address)", one, thief, ann), refusal);
        _refused(abi.encodeWithSignature("mint(uint256,address,address)", SHARE, thief, ann), refusal);
        _refused(abi.encodeCall(shares.cancelDepositRequest, (inId, ann)), refusal);
        _refused(abi.encodeCall(shares.claimCancelDepositRequest, (inId, thief, ann)), refusal);
        _refused(abi.encodeCall(shares.cancelRedeemRequest, (outId, ben)), bens);
        _refused(abi.encodeCall(shares.claimCancelRedeemRequest, (outId, thief, ben)), bens);
        markLater();
        _refused(abi.encodeCall(shares.redeem, (SHARE, thief, ben)), bens);
        _refused(abi.encodeCall(shares.withdraw, (one, thief, ben)), bens);
        // In another's name nobody opens a request either: it would keep him from asking himself.
        fundUp(thief, 10 * one);
        _refused(
            abi.encodeWithSignature("requestDeposit(uint256,address,address,uint256)", one, ann, thief, 1e18), refusal
        );
        bytes memory noAllowance =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, thief, 0, SHARE);
        _refused(abi.encodeCall(shares.transferFrom, (ben, thief, SHARE)), noAllowance);
        _refused(
            abi.encodeWithSignature("requestRedeem(uint256,address,address,uint256)", SHARE, thief, ben, 1e18),
            noAllowance
        );
        assertEq(token.balanceOf(thief), 10 * one);
        assertEq(shares.balanceOf(thief), 0);
    }

    /// @dev And of the insurance fund's shares. Guards the allowance of `ERC4626._withdraw` behind `_requireWindow`.
    function test_attack_A9_thirdPartyRedeemsNobodysStake() public {
        fundUp(ann, 1000 * one);
        vm.startPrank(ann);
        uint256 stake = fund.deposit(1000 * one, ann);
        fund.startCooldown(stake);
        skip(COOLDOWN);
        vm.startPrank(thief);
        bytes memory noAllowance =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, thief, 0, stake);
        vm.expectRevert(noAllowance);
        fund.redeem(stake, thief, ann);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        fund.withdraw(1000 * one - 1, thief, ann);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        fund.transferFrom(ann, thief, 1);
        assertEq(fund.balanceOf(ann), stake);
    }

    function _refused(bytes memory data, bytes memory reason) private {
        vm.prank(thief);
        (bool success, bytes memory answer) = address(shares).call(data);
        assertFalse(success);
        assertEq(answer, reason);
    }

    function test_attack_A9_nobodyRequestsWithAnothersTokensOrShares() public {
        fundUp(ann, 1000 * one);
        depositNow(ann, 1000 * one);
        vm.startPrank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief));
        shares.requestDeposit(one, thief, ann);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, thief, 0, SHARE));
        shares.requestRedeem(SHARE, thief, ann);
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_NotAuthorized.selector, toAccountId(address(shares), 2), thief
            )
        );
        ledger.withdrawCash(toAccountId(address(shares), 2), 1, thief);
    }

    function test_attack_A16_requestedSharesCannotBeSoldASecondTime() public {
        depositNow(ann, 1000 * one);
        requestRedeem(ann, 1000 * SHARE);
        vm.prank(ann);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ann, 0, 1));
        shares.transfer(ben, 1);
    }

    /// @dev Shares that were requested travel nowhere, and shares that were bought meanwhile are not in the request.
    function test_attack_A16_sharesMovedBetweenAccountsBringNoSecondPayment() public {
        depositNow(ann, 1000 * one);
        requestRedeem(ann, 400 * SHARE);
        vm.prank(ann);
        shares.transfer(thief, 600 * SHARE);
        requestRedeem(thief, 600 * SHARE);
        markLater();
        shares.claimFor(ann);
        shares.claimFor(thief);
        assertLe(token.balanceOf(ann) + token.balanceOf(thief), 1000 * one);
        assertGe(token.balanceOf(ann) + token.balanceOf(thief), 1000 * one - 2);
        assertEq(shares.totalSupply(), 0);
    }

    // ───── A17: products that overflow ─────

    /// @dev Amounts near every width: refused by name, never a panic and never shares. Guards the comparison with what is claimable
    /// in `PoolShares._claim`, and the range of a batch.
    function testFuzz_attack_A17_hugeAmountsMintNothing(uint8 bits, uint256 below) public {
        uint256 huge = type(uint256).max >> bound(bits, 0, 127);
        huge -= bound(below, 0, 10_000);
        requestDeposit(thief, one);
        markLater();
        bytes memory refusal = abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, huge, 1e18);
        _refused(abi.encodeWithSignature("mint(uint256,address)", huge, thief), refusal);
        refusal = abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, huge, one);
        _refused(abi.encodeWithSignature("deposit(uint256,address)", huge, thief), refusal);
        refusal = abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, huge, 0);
        _refused(abi.encodeCall(shares.redeem, (huge, thief, thief)), refusal);
        _refused(abi.encodeCall(shares.withdraw, (huge, thief, thief)), refusal);
        refusal = abi.encodeWithSelector(IPoolShares.PoolShares_TooLarge.selector, huge, type(uint112).max);
        skip(60);
        shares.claimFor(thief);
        _refused(abi.encodeWithSignature("requestDeposit(uint256,address,address)", huge, thief, thief), refusal);
        _refused(abi.encodeWithSignature("requestRedeem(uint256,address,address)", huge, thief, thief), refusal);
        vm.startPrank(thief);
        vm.expectPartialRevert(ERC4626.ERC4626ExceededMaxMint.selector);
        fund.mint(huge, thief);
        vm.expectPartialRevert(ERC4626.ERC4626ExceededMaxDeposit.selector);
        fund.deposit(huge, thief);
        assertEq(shares.balanceOf(thief), 1e18);
        assertEq(fund.balanceOf(thief), 0);
    }

    // ───── A10: just in time ─────

    /// @dev Premium arrives after the request and before the mark that prices it: it is in the price.
    function testFuzz_attack_A10_depositBeforePremiumEarnsNothing(uint256 premium) public {
        premium = bound(premium, 1, 10_000 * one);
        depositNow(ann, 1000 * one);
        requestDeposit(thief, 1000 * one);
        pay(premium);
        markLater();
        (uint256 got,) = shares.claimFor(thief);
        assertLe(redeemNow(thief, got), 1000 * one);
    }

    // ───── A12: double claims ─────

    function test_attack_A12_everyClaimIsPaidOnce() public {
        requestDeposit(ann, 1000 * one);
        requestDeposit(ben, 1000 * one);
        markLater();
        shares.claimFor(ann);
        vm.startPrank(ann);
        (uint256 received, uint256 paid) = shares.claimFor(ann);
        assertEq(received + paid, 0);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1000 * one, 0));
        shares.deposit(1000 * one, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1, 0));
        shares.mint(1, ann);
        vm.stopPrank();

        shares.claimFor(ben);
        requestRedeem(ann, 1000 * SHARE);
        requestRedeem(ben, 1000 * SHARE);
        markLater();
        vm.startPrank(ann);
        shares.redeem(1000 * SHARE, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1000 * SHARE, 0));
        shares.redeem(1000 * SHARE, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1, 0));
        shares.withdraw(1, ann, ann);
        (received, paid) = shares.claimFor(ann);
        assertEq(received + paid, 0);
        assertGe(payouts(), shares.maxWithdraw(ben), "the other's money is untouched");
        assertGe(shares.maxWithdraw(ben), 1000 * one - 1);
    }

    /// @dev Hegic's attack: one contract claims hundreds of times in one transaction, through every door by turns.
    function test_attack_A12_hundredClaimsInOneTransaction() public {
        depositNow(ben, 1000 * one);
        uint256 got = depositNow(thief, 1000 * one);
        requestRedeem(ben, 500 * SHARE);
        requestRedeem(thief, got);
        markLater();
        uint256 due = shares.maxWithdraw(thief);
        for (uint256 i = 0; i < 100; ++i) {
            vm.startPrank(thief);
            try shares.withdraw(due / 3, thief, thief) {} catch {}
            try shares.redeem(got / 7, thief, thief) {} catch {}
            try shares.claimCancelRedeemRequest(idOf(thief, true), thief, thief) {} catch {}
            try shares.cancelRedeemRequest(idOf(thief, true), thief) {} catch {}
            vm.stopPrank();
            shares.claimFor(thief);
        }
        assertLe(token.balanceOf(thief), due);
        assertGe(token.balanceOf(thief) + 2, due);
        assertGe(payouts(), shares.maxWithdraw(ben), "the other's money is there");
    }

    // ───── A13: somebody who cannot receive ─────

    function test_attack_A13_blockedLpDelaysNobodyAndLosesNothing() public {
        depositNow(ann, 1000 * one);
        depositNow(ben, 1000 * one);
        requestRedeem(ann, 1000 * SHARE);
        requestRedeem(ben, 1000 * SHARE);
        token.setBlocked(ann, true);
        markLater();
        vm.expectRevert(abi.encodeWithSelector(QuoteToken.QuoteToken_Blocked.selector, ann));
        shares.claimFor(ann);
        (, uint256 bens) = shares.claimFor(ben);
        assertGe(bens, 1000 * one - 1);
        vm.prank(ann);
        assertGe(shares.redeem(1000 * SHARE, ben, ann), 1000 * one - 1, "payable elsewhere");
    }

    // ───── A14: dust ─────

    /// @dev A mark costs the same for one request and for forty.
    function test_attack_A14_gasOfAMarkDoesNotGrowWithRequests() public {
        requestDeposit(vm.addr(1), one);
        uint256 few = gasOfMark();
        for (uint256 i = 0; i < 40; ++i) {
            requestDeposit(vm.addr(i + 2), one);
        }
        assertLe(gasOfMark(), few, "the first paid for new slots");
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_BelowMinimum.selector, one - 1, one));
        shares.requestDeposit(one - 1, thief, thief);
    }

    function gasOfMark() private returns (uint256) {
        skip(60);
        pool.mark(uint40(vm.getBlockTimestamp()));
        return vm.lastCallGas().gasTotalUsed;
    }

    // ───── Reentrancy ─────

    /// @dev The token calls the requester while he pays and the claimer while he is paid.
    function test_attack_E6_tokensHookFindsEveryDoorOfTheSharesShut() public {
        depositNow(ben, 5000 * one);
        Reentrant robber = new Reentrant(shares, ledger, token, address(pool));
        token.mint(address(robber), 2000 * one);
        robber.arm();
        robber.request(1000 * one);
        markLater();
        robber.claim();
        assertEq(shares.balanceOf(address(robber)), 1000 * SHARE);
        robber.redeem(1000 * SHARE);
        markLater();
        robber.claim();
        assertEq(token.balanceOf(address(robber)), 2000 * one - 1, "what it brought, less the rounding");
        assertEq(robber.tries(), 12);
        assertEq(robber.successes(), 0);
        assertEq(shares.totalSupply(), 5000 * SHARE);
    }

    function test_attack_C23_viewsThatPriceRefuseInsideACall() public {
        PricePeeper peeper = new PricePeeper(shares, token);
        token.mint(address(peeper), 1000 * one);
        peeper.arm();
        peeper.request(1000 * one);
        assertEq(peeper.refusals(), 3);
        assertEq(shares.totalAssets(), 0, "answers again");
    }
}

/// @dev Tries every door of the shares while the ledger is in the middle of a call.
contract Reentrant is ITokenHook {
    IPoolShares internal immutable shares;
    IClearinghouse internal immutable ledger;
    QuoteToken internal immutable token;
    address internal immutable pool;
    uint256 public tries;
    uint256 public successes;

    constructor(IPoolShares shares_, IClearinghouse ledger_, QuoteToken token_, address pool_) {
        (shares, ledger, token, pool) = (shares_, ledger_, token_, pool_);
        token_.approve(address(shares_), type(uint256).max);
    }

    function arm() external {
        token.setHooked(true);
    }

    function request(uint256 assets) external {
        shares.requestDeposit(assets, address(this), address(this));
    }

    function redeem(uint256 amount) external {
        shares.requestRedeem(amount, address(this), address(this));
    }

    function claim() external {
        shares.claimFor(address(this));
    }

    function onTokens(address, address, uint256 amount) external {
        attempt(
            address(shares),
            abi.encodeWithSignature("requestDeposit(uint256,address,address)", amount, address(this), address(this))
        );
        attempt(address(shares), abi.encodeCall(shares.claimFor, (address(this))));
        attempt(address(shares), abi.encodeCall(shares.redeem, (1e18, address(this), address(this))));
        attempt(address(shares), abi.encodeCall(shares.withdraw, (1, address(this), address(this))));
        attempt(address(ledger), abi.encodeCall(ledger.depositCashWithCallback, (toAccountId(pool, 1), amount, "")));
        attempt(
            address(shares), abi.encodeWithSignature("onPayment(address,uint256,bytes)", address(token), amount, "")
        );
    }

    function attempt(address target, bytes memory data) private {
        ++tries;
        (bool success, bytes memory result) = target.call(data);
        bool nothing = keccak256(result) == keccak256(abi.encode(0, 0)); // `claimFor` where nothing is due
        if (success && !nothing) ++successes;
    }
}

contract PricePeeper is ITokenHook {
    IPoolShares internal immutable shares;
    QuoteToken internal immutable token;
    uint256 public refusals;

    constructor(IPoolShares shares_, QuoteToken token_) {
        (shares, token) = (shares_, token_);
        token_.approve(address(shares_), type(uint256).max);
    }

    function arm() external {
        token.setHooked(true);
    }

    function request(uint256 assets) external {
        shares.requestDeposit(assets, address(this), address(this));
    }

    function onTokens(address, address, uint256) external {
        shares.maxDeposit(address(this)); // what is settled may be asked at any time
        refuses(abi.encodeCall(shares.totalAssets, ()));
        refuses(abi.encodeCall(shares.convertToAssets, (1e18)));
        refuses(abi.encodeCall(shares.convertToShares, (1e6)));
    }

    function refuses(bytes memory question) private {
        (bool success, bytes memory reason) = address(shares).call(question);
        if (!success && bytes4(reason) == IPoolShares.PoolShares_LedgerLocked.selector) ++refusals;
    }
}
