// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IPoolShares} from "../../../pool-contracts/interfaces/IPoolShares.sol";
import {toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {ITokenHook, QuoteToken} from "../shares/QuoteToken.sol";
import {SharesTest} from "../shares/SharesTest.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

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

    // ───── A9, A16: other people's shares ─────

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
