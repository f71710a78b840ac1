// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../pool-contracts/Clearinghouse.sol";
import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {Mark} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares, RequestStatus} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {QuoteToken} from "./shares/QuoteToken.sol";
import {SettablePool} from "./shares/SettablePool.sol";
import {SharesTest} from "./shares/SharesTest.sol";
import {Test} from "forge-std/Test.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev Five LPs do what they like in any order, while the book moves and marks come early and late.
contract SharesHandler is Test {
    PoolShares internal immutable shares;
    Clearinghouse internal immutable ledger;
    SettablePool internal immutable pool;
    QuoteToken internal immutable token;
    address[5] public people;
    address internal immutable governor;

    uint256 public assetsRequested;
    uint256 public sharesRequested;
    uint256 public assetsIn; // moved into the pool
    uint256 public minted;
    uint256 public paidShares;
    uint256 public paidAssets;
    uint256 public sharesClaimed; // out of priced deposits
    uint256 public moneyClaimed; // out of paid redemptions
    uint256 public assetsBack; // deposits taken back
    uint256 public sharesBack; // redemptions taken back
    uint256 public claims;
    uint256 public advancedNow; // since the last mark
    uint256[] internal advancedEpochs;
    mapping(uint256 epoch => uint256) internal advancedTo; // since the last mark
    uint40 public reported; // model time of the last mark
    mapping(bytes32 action => uint256) public done;

    constructor(PoolShares shares_, Clearinghouse ledger_, SettablePool pool_, QuoteToken token_) {
        (shares, ledger, pool, token, governor) = (shares_, ledger_, pool_, token_, msg.sender);
        for (uint256 i = 0; i < 5; ++i) {
            people[i] = vm.addr(i + 1);
            vm.prank(people[i]);
            token_.approve(address(shares_), type(uint256).max);
        }
        reported = uint40(block.timestamp);
    }

    function statusOf(address person, bool redemption) public view returns (RequestStatus memory) {
        (RequestStatus memory in_, RequestStatus memory out) = shares.requestsOf(person);
        return redemption ? out : in_;
    }

    function requestDeposit(uint256 who, uint256 assets, uint256 charge) external {
        address person = people[who % 5];
        if (statusOf(person, false).requestId != 0 || shares.isWindingDown()) return;
        assets = bound(assets, 1e6, 1e12);
        token.mint(person, assets);
        vm.prank(person);
        shares.requestDeposit(assets, person, person, chargeOf(charge));
        assetsRequested += assets;
        ++done["requestDeposit"];
    }

    function requestRedeem(uint256 who, uint256 amount, uint256 charge) external {
        address person = people[who % 5];
        uint256 held = shares.balanceOf(person);
        if (statusOf(person, true).requestId != 0 || held == 0) return;
        amount = held <= 1e15 ? held : bound(amount, 1e15, held);
        vm.prank(person);
        shares.requestRedeem(amount, person, person, chargeOf(charge));
        sharesRequested += amount;
        ++done["requestRedeem"];
    }

    /// @dev Half of them unbounded.
    function chargeOf(uint256 charge) private pure returns (uint256) {
        return charge % 2 == 0 ? type(uint256).max : 0.001e18 + charge % 0.3e18;
    }

    function cancel(uint256 who, bool redemption) external {
        address person = people[who % 5];
        RequestStatus memory status = statusOf(person, redemption);
        if (status.pending == 0 || status.canceling) return;
        vm.prank(person);
        if (redemption) {
            try shares.cancelRedeemRequest(status.requestId, person) {}
            catch (bytes memory reason) {
                assertEq(bytes4(reason), IPoolShares.PoolShares_CancelationsWait.selector);
            }
        } else {
            try shares.cancelDepositRequest(status.requestId, person) {}
            catch (bytes memory reason) {
                assertEq(bytes4(reason), IPoolShares.PoolShares_CancelationsWait.selector);
            }
        }
        ++done["cancel"];
    }

    function takeBack(uint256 who, bool redemption) external {
        address person = people[who % 5];
        RequestStatus memory status = statusOf(person, redemption);
        if (status.back == 0) return;
        vm.startPrank(person);
        if (redemption) sharesBack += shares.claimCancelRedeemRequest(status.requestId, person, person);
        else assetsBack += shares.claimCancelDepositRequest(status.requestId, person, person);
        vm.stopPrank();
        ++done["takeBack"];
    }

    function claimShares(uint256 who, uint256 assets, bool exact) external {
        address person = people[who % 5];
        uint256 most = exact ? shares.maxMint(person) : shares.maxDeposit(person);
        if (most == 0) return;
        assets = bound(assets, 1, most);
        vm.startPrank(person);
        if (exact) {
            shares.mint(assets, person);
            sharesClaimed += assets;
        } else {
            sharesClaimed += shares.deposit(assets, person);
        }
        vm.stopPrank();
        ++claims;
        ++done["claimShares"];
    }

    function claimMoney(uint256 who, uint256 amount, bool exact) external {
        address person = people[who % 5];
        uint256 most = exact ? shares.maxWithdraw(person) : shares.maxRedeem(person);
        if (most == 0) return;
        amount = bound(amount, 1, most);
        vm.startPrank(person);
        if (exact) {
            shares.withdraw(amount, person, person);
            moneyClaimed += amount;
        } else {
            moneyClaimed += shares.redeem(amount, person, person);
        }
        vm.stopPrank();
        ++claims;
        ++done["claimMoney"];
    }

    function claimFor(uint256 who) public {
        address person = people[who % 5];
        uint256 tokens = token.balanceOf(person);
        uint256 escrowBefore = ledger.cash(shares.escrowAccount());
        uint256 back = statusOf(person, true).back;
        (uint256 got, uint256 received) = shares.claimFor(person);
        assertEq(token.balanceOf(person) - tokens, received, "paid is what it says");
        uint256 refunded = escrowBefore - ledger.cash(shares.escrowAccount());
        sharesClaimed += got - back;
        sharesBack += back;
        assetsBack += refunded;
        moneyClaimed += received - refunded;
        assertEq(shares.maxMint(person) + shares.maxRedeem(person), 0, "everything");
        assertEq(statusOf(person, false).back + statusOf(person, true).back, 0, "everything");
        ++done["claimFor"];
        ++claims;
    }

    function give(uint256 from, uint256 to, uint256 amount) external {
        amount = bound(amount, 0, shares.balanceOf(people[from % 5]));
        vm.prank(people[from % 5]);
        shares.transfer(people[to % 5], amount);
    }

    /// @dev The book gains or loses up to its worth; once in eight times everything.
    function moveBook(uint256 change, uint256 reserve, uint256 fresh, uint256 unwind, uint256 payable_) external {
        int256 cash = int256(pool.cash());
        int256 value = change % 8 == 0 ? -cash : cash * (int256(bound(change, 0, 150)) - 75) / 100;
        uint256 nav = uint256(cash + value);
        reserve = bound(reserve, 0, nav / 5);
        pool.setBook(value, reserve, bound(fresh, 0, reserve), bound(unwind, 0, nav / 10));
        pool.setPayable(payable_ % 3 == 0 ? type(uint256).max : bound(payable_, 0, uint256(cash)));
    }

    /// @dev A report up to half a minute old. What the mark pays and takes lowers nobody's bid, and prices exactly the deposits
    /// whose cut-off it has passed.
    function mark(uint256 wait, uint256 age) public {
        skip(bound(wait, 0, 180));
        uint40 time = uint40(vm.getBlockTimestamp() - bound(age, 0, 30));
        if (time <= reported) return; // the oracle's model times rise
        (uint256 value, uint256 counted) = bid();
        uint256[5] memory cutOffs;
        for (uint256 i = 0; i < 5; ++i) {
            RequestStatus memory status = statusOf(people[i], false);
            if (status.pending != 0) cutOffs[i] = status.cutOff;
        }
        uint256 priced = markAndCount(time);
        int256 after_ = pool.nav() - int256(pool.reserve() + pool.unwind());
        if (value != 0) assertGe(uint256(after_) * counted, value * countedSupply(), "bid per share");
        if (priced < 8) {
            for (uint256 i = 0; i < 5; ++i) {
                if (cutOffs[i] == 0) continue;
                assertEq(statusOf(people[i], false).pending == 0, cutOffs[i] <= time, "the report's time decides");
            }
        }
        ++done["mark"];
    }

    /// @dev Six hours and more without a report, now and then; then an advance at the worst of what may come.
    function fallSilent(uint256 wait, uint256 worstPermille, uint256 again) external {
        if (wait % 4 != 0) return;
        skip(6 hours + wait % 1 hours);
        for (uint256 i = 0; i <= again % 3; ++i) {
            int256 nav = pool.nav();
            if (nav <= 0) return;
            int256 worst = nav * int256(bound(worstPermille, 0, 1000)) / 1000;
            bytes memory asked = abi.encodeWithSelector(IClearinghouse.health.selector);
            vm.mockCall(address(ledger), asked, abi.encode(worst, nav));
            vm.recordLogs();
            try shares.advance() returns (uint256 assets) {
                paidAssets += assets;
                countAdvances();
                ++done["advance"];
            } catch (bytes memory reason) {
                assertEq(bytes4(reason), IPoolShares.PoolShares_NothingToAdvance.selector);
            }
            pool.setPayable(type(uint256).max);
        }
    }

    /// @dev Once in a while the pool ends.
    function windDown(uint256 dice) external {
        if (dice % 32 != 0) return;
        vm.prank(governor);
        shares.windDown();
        ++done["windDown"];
    }

    /// @dev What leaving paid for a share, what is advanced in it; 0 where an epoch was advanced more than its part.
    function bid() private view returns (uint256 value, uint256 counted) {
        counted = countedSupply();
        int256 own = pool.nav() - int256(pool.reserve() + pool.unwind());
        if (own <= 0) return (0, counted);
        value = uint256(own) + advancedNow;
        for (uint256 i = 0; i < advancedEpochs.length; ++i) {
            uint256 waiting;
            for (uint256 j = 0; j < 5; ++j) {
                RequestStatus memory status = statusOf(people[j], true);
                if (status.requestId >> 1 == advancedEpochs[i]) waiting += status.pending;
            }
            // Then the others' bid falls.
            if (value * waiting / counted < advancedTo[advancedEpochs[i]]) return (0, counted);
        }
    }

    function countAdvances() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IPoolShares.RedemptionAdvanced.selector) continue;
            (uint256 epoch, uint256 assets) = (uint256(logs[i].topics[1]), abi.decode(logs[i].data, (uint256)));
            if (advancedTo[epoch] == 0) advancedEpochs.push(epoch);
            advancedTo[epoch] += assets;
            advancedNow += assets;
        }
    }

    function countedSupply() private view returns (uint256) {
        uint256 supply = shares.totalSupply();
        return shares.isWindingDown() && supply != 0 ? supply : supply + 1e12;
    }

    /// @dev Adds up what the events of a mark say.
    function markAndCount(uint40 time) private returns (uint256 priced) {
        reported = time;
        while (advancedEpochs.length != 0) {
            delete advancedTo[advancedEpochs[advancedEpochs.length - 1]];
            advancedEpochs.pop();
        }
        advancedNow = 0;
        vm.recordLogs();
        pool.mark(time);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IPoolShares.EpochPriced.selector) {
                (,, uint256 assets, uint256 shares_,, bool refunded) =
                    abi.decode(logs[i].data, (Mark, uint256, uint256, uint256, uint256, bool));
                ++priced;
                if (!refunded) assetsIn += assets;
                minted += shares_;
            } else if (logs[i].topics[0] == IPoolShares.RedemptionPaid.selector) {
                (uint256 shares_, uint256 assets,) = abi.decode(logs[i].data, (uint256, uint256, uint256));
                paidShares += shares_;
                paidAssets += assets;
            } else if (logs[i].topics[0] == IPoolShares.AdvanceSettled.selector) {
                (uint256 shares_,) = abi.decode(logs[i].data, (uint256, uint256));
                paidShares += shares_;
            }
        }
    }

    /// @dev Everybody out of a book that has run off.
    function unwindEverything() external {
        for (uint256 round = 0; round < 3; ++round) {
            markOften();
            for (uint256 i = 0; i < 5; ++i) {
                claimFor(i);
                uint256 held = shares.balanceOf(people[i]);
                if (held == 0 || statusOf(people[i], true).requestId != 0) continue;
                vm.prank(people[i]);
                shares.requestRedeem(held, people[i], people[i]);
                sharesRequested += held;
            }
        }
    }

    /// @dev Every redemption that waits is taken back.
    function takeEverythingBack() external {
        for (uint256 i = 0; i < 5; ++i) {
            RequestStatus memory status = statusOf(people[i], true);
            if (status.pending == 0 || status.canceling) continue;
            vm.prank(people[i]);
            shares.cancelRedeemRequest(status.requestId, people[i]);
        }
        markOften();
        for (uint256 i = 0; i < 5; ++i) {
            claimFor(i);
        }
    }

    /// @dev Whether all shares together are worth less than a millionth of par at the book as it stands: then none is paid.
    function isWipedOut() external view returns (bool) {
        int256 exitValue = pool.nav() - int256(pool.reserve() + pool.unwind());
        uint256 par = countedSupply() * 10 ** token.decimals() / 1e18;
        return exitValue <= 0 || uint256(exitValue) * 1e6 < par;
    }

    /// @dev Eight minutes, each with its mark, of a book that has run off.
    function markOften() private {
        pool.setBook(0, 0, 0, 0);
        pool.setPayable(type(uint256).max);
        for (uint256 i = 0; i < 8; ++i) {
            skip(60 - vm.getBlockTimestamp() % 60);
            markAndCount(uint40(vm.getBlockTimestamp()));
        }
    }
}

/// @dev 1. Escrow holds exactly the deposits that wait or are refunded, unit by unit.
///      2. Payouts hold exactly what was paid less what was claimed, and never less than what can be claimed.
///      3. The supply is what was minted less what was paid for; this contract holds exactly what waits or is unclaimed.
///      4. No mark lowers the bid per share (in the handler).
///      5. The ledger's tokens are the sum of its accounts.
///      6. In the end everybody gets out, and a pool that ended is empty.
///      7. A mark prices the deposits whose cut-off its report has passed, and no others (in the handler).
contract PoolSharesInvariantTest is SharesTest {
    SharesHandler internal handler;

    function setUp() public {
        deploy(6);
        handler = new SharesHandler(shares, ledger, pool, token);
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](12);
        selectors[0] = SharesHandler.requestDeposit.selector;
        selectors[1] = SharesHandler.requestRedeem.selector;
        selectors[2] = SharesHandler.claimShares.selector;
        selectors[3] = SharesHandler.claimMoney.selector;
        selectors[4] = SharesHandler.claimFor.selector;
        selectors[5] = SharesHandler.give.selector;
        selectors[6] = SharesHandler.moveBook.selector;
        selectors[7] = SharesHandler.mark.selector;
        selectors[8] = SharesHandler.cancel.selector;
        selectors[9] = SharesHandler.takeBack.selector;
        selectors[10] = SharesHandler.fallSilent.selector;
        selectors[11] = SharesHandler.windDown.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_EveryUnitAndEveryShareIsAccountedFor() public view {
        assertEq(escrow(), handler.assetsRequested() - handler.assetsIn() - handler.assetsBack(), "1: escrow");
        assertEq(payouts(), handler.paidAssets() - handler.moneyClaimed(), "2: payouts");
        assertEq(shares.totalSupply(), handler.minted() - handler.paidShares(), "3: supply");
        uint256 unclaimed = handler.minted() - handler.sharesClaimed();
        uint256 waiting = handler.sharesRequested() - handler.paidShares() - handler.sharesBack();
        assertEq(shares.balanceOf(address(shares)), unclaimed + waiting, "3: held here");

        uint256 claimable;
        uint256 mintable;
        uint256 held = shares.balanceOf(address(shares));
        for (uint256 i = 0; i < 5; ++i) {
            address person = handler.people(i);
            claimable += shares.maxWithdraw(person);
            mintable += shares.maxMint(person);
            held += shares.balanceOf(person);
        }
        assertLe(claimable, payouts(), "2: everybody can claim at once");
        assertLe(mintable, shares.balanceOf(address(shares)), "3: everybody can take his shares at once");
        assertEq(held, shares.totalSupply(), "3: no other holders");
        assertEq(token.balanceOf(address(ledger)), escrow() + payouts() + pool.cash(), "5: tokens");
    }

    /// @dev So that the invariants are about something.
    function test_TheCampaignReachesEveryDoor() public {
        handler.requestDeposit(0, 1e9, 0);
        handler.mark(60, 0);
        handler.claimShares(0, 4e8, false);
        handler.claimFor(0);
        handler.requestDeposit(1, 1e9, 1);
        handler.cancel(1, false);
        handler.takeBack(1, false);
        handler.requestRedeem(0, 5e20, 0);
        handler.fallSilent(80, 500, 0);
        handler.mark(60, 0);
        handler.claimMoney(0, 1e6, true);
        handler.windDown(32);
        string[9] memory doors = [
            "requestDeposit",
            "requestRedeem",
            "cancel",
            "takeBack",
            "claimShares",
            "claimMoney",
            "mark",
            "advance",
            "windDown"
        ];
        for (uint256 i = 0; i < doors.length; ++i) {
            assertGt(handler.done(bytes32(bytes(doors[i]))), 0, doors[i]);
        }
        invariant_EveryUnitAndEveryShareIsAccountedFor();
    }

    /// @dev A campaign found it: all the cash is advanced on a book that runs off to nothing.
    function test_NobodyIsHeldInAPoolThatIsWipedOut() public {
        handler.requestDeposit(0, 1e12, 0);
        handler.mark(60, 0);
        handler.claimFor(0);
        handler.moveBook(150, 0, 0, 0, 0);
        handler.requestRedeem(0, 6e23, 0);
        handler.fallSilent(80, 1000, 0);
        handler.mark(60, 0);
        afterInvariant();
        assertTrue(handler.isWipedOut(), "the case meant");
        assertGt(shares.balanceOf(handler.people(0)), 0, "what was not advanced");
    }

    /// @dev 6. Rounding leaves less than a unit of money per claim and per epoch.
    function afterInvariant() public {
        handler.unwindEverything();
        uint256 epochs = handler.done("requestRedeem") + 15;
        bool isWipedOut = handler.isWipedOut();
        if (isWipedOut) handler.takeEverythingBack();
        for (uint256 i = 0; i < 5; ++i) {
            address person = handler.people(i);
            uint256 claimable = shares.maxRedeem(person) + shares.maxMint(person);
            uint256 open = handler.statusOf(person, false).requestId + handler.statusOf(person, true).requestId;
            assertEq(open + claimable, 0, "6: has nothing open");
            // Of a pool that is wiped out nobody is paid: he has his shares again.
            if (!isWipedOut) assertEq(shares.balanceOf(person), 0, "6: is out");
        }
        assertEq(escrow(), 0, "6: escrow is empty");
        assertLe(payouts(), 5 * epochs + handler.claims(), "6: rounding alone is left");
        if (shares.isWindingDown() && handler.minted() != 0 && !isWipedOut) {
            assertLe(pool.cash(), 1, "6: the pool is empty");
        }
        invariant_EveryUnitAndEveryShareIsAccountedFor();
    }
}
