// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../pool-contracts/Clearinghouse.sol";
import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {Mark} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares} from "../../pool-contracts/interfaces/IPoolShares.sol";
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

    uint256 public assetsRequested;
    uint256 public sharesRequested;
    uint256 public assetsIn; // moved into the pool
    uint256 public minted;
    uint256 public paidShares;
    uint256 public paidAssets;
    uint256 public sharesClaimed; // out of priced deposits
    uint256 public moneyClaimed; // out of paid redemptions
    uint256 public refundsClaimed;
    uint256 public claims;
    uint40 public reported; // model time of the last mark
    mapping(bytes32 action => uint256) public done;

    constructor(PoolShares shares_, Clearinghouse ledger_, SettablePool pool_, QuoteToken token_) {
        (shares, ledger, pool, token) = (shares_, ledger_, pool_, token_);
        for (uint256 i = 0; i < 5; ++i) {
            people[i] = vm.addr(i + 1);
            vm.prank(people[i]);
            token_.approve(address(shares_), type(uint256).max);
        }
        reported = uint40(block.timestamp);
    }

    function requestDeposit(uint256 who, uint256 assets) external {
        address person = people[who % 5];
        (uint256[] memory ids,) = shares.openRequests(person);
        if (ids.length == 8) return;
        assets = bound(assets, 1e6, 1e12);
        token.mint(person, assets);
        vm.prank(person);
        shares.requestDeposit(assets, person, person);
        assetsRequested += assets;
        ++done["requestDeposit"];
    }

    function requestRedeem(uint256 who, uint256 amount) external {
        address person = people[who % 5];
        (, uint256[] memory ids) = shares.openRequests(person);
        uint256 held = shares.balanceOf(person);
        if (ids.length == 8 || held == 0) return;
        amount = held <= 1e15 ? held : bound(amount, 1e15, held);
        vm.prank(person);
        shares.requestRedeem(amount, person, person);
        sharesRequested += amount;
        ++done["requestRedeem"];
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
        (uint256 got, uint256 received) = shares.claimFor(person);
        assertEq(token.balanceOf(person) - tokens, received, "paid is what it says");
        uint256 refunded = escrowBefore - ledger.cash(shares.escrowAccount());
        sharesClaimed += got;
        refundsClaimed += refunded;
        moneyClaimed += received - refunded;
        assertEq(shares.maxMint(person) + shares.maxRedeem(person), 0, "everything");
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

    /// @dev A report up to two minutes old. What the mark pays and takes lowers nobody's bid.
    function mark(uint256 wait, uint256 age) public {
        skip(bound(wait, 0, 180));
        uint40 time = uint40(vm.getBlockTimestamp() - bound(age, 0, 120));
        if (time <= reported) return; // the oracle's model times rise
        reported = time;
        uint256 counted = shares.totalSupply() + 1e12;
        int256 bid = pool.nav() - int256(pool.reserve() + pool.unwind());
        markAndCount(time);
        int256 after_ = pool.nav() - int256(pool.reserve() + pool.unwind());
        if (bid > 0) {
            assertGe(uint256(after_) * counted, uint256(bid) * (shares.totalSupply() + 1e12), "bid per share");
        }
        ++done["mark"];
    }

    /// @dev Adds up what the events of a mark say.
    function markAndCount(uint40 time) private {
        vm.recordLogs();
        pool.mark(time);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IPoolShares.EpochPriced.selector) {
                (,, uint256 assets, uint256 shares_,, bool refunded) =
                    abi.decode(logs[i].data, (Mark, uint256, uint256, uint256, uint256, bool));
                if (!refunded) assetsIn += assets;
                minted += shares_;
            } else if (logs[i].topics[0] == IPoolShares.RedemptionPaid.selector) {
                (uint256 shares_, uint256 assets,) = abi.decode(logs[i].data, (uint256, uint256, uint256));
                paidShares += shares_;
                paidAssets += assets;
            }
        }
    }

    /// @dev Everybody out of a book that has run off.
    function unwindEverything() external {
        for (uint256 round = 0; round < 3; ++round) {
            pool.setBook(0, 0, 0, 0);
            pool.setPayable(type(uint256).max);
            for (uint256 i = 0; i < 8; ++i) {
                skip(60);
                markAndCount(uint40(vm.getBlockTimestamp()));
            }
            for (uint256 i = 0; i < 5; ++i) {
                claimFor(i);
                uint256 held = shares.balanceOf(people[i]);
                if (held == 0) continue;
                vm.prank(people[i]);
                shares.requestRedeem(held, people[i], people[i]);
                sharesRequested += held;
            }
        }
    }
}

/// @dev 1. Escrow holds exactly the deposits that wait or are refunded, unit by unit.
///      2. Payouts hold exactly what was paid less what was claimed, and never less than what can be claimed.
///      3. The supply is what was minted less what was paid for; this contract holds exactly what waits or is unclaimed.
///      4. No mark lowers the bid per share (in the handler).
///      5. The ledger's tokens are the sum of its accounts.
///      6. In the end everybody gets out.
contract PoolSharesInvariantTest is SharesTest {
    SharesHandler internal handler;

    function setUp() public {
        deploy(6);
        handler = new SharesHandler(shares, ledger, pool, token);
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](8);
        selectors[0] = SharesHandler.requestDeposit.selector;
        selectors[1] = SharesHandler.requestRedeem.selector;
        selectors[2] = SharesHandler.claimShares.selector;
        selectors[3] = SharesHandler.claimMoney.selector;
        selectors[4] = SharesHandler.claimFor.selector;
        selectors[5] = SharesHandler.give.selector;
        selectors[6] = SharesHandler.moveBook.selector;
        selectors[7] = SharesHandler.mark.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_EveryUnitAndEveryShareIsAccountedFor() public view {
        assertEq(escrow(), handler.assetsRequested() - handler.assetsIn() - handler.refundsClaimed(), "1: escrow");
        assertEq(payouts(), handler.paidAssets() - handler.moneyClaimed(), "2: payouts");
        assertEq(shares.totalSupply(), handler.minted() - handler.paidShares(), "3: supply");
        uint256 unclaimed = handler.minted() - handler.sharesClaimed();
        uint256 waiting = handler.sharesRequested() - handler.paidShares();
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

    /// @dev 6. Rounding leaves less than a unit of money per claim and per epoch.
    function afterInvariant() public {
        handler.unwindEverything();
        uint256 epochs = shares.openEpoch();
        for (uint256 i = 0; i < 5; ++i) {
            address person = handler.people(i);
            assertEq(shares.balanceOf(person) + shares.maxRedeem(person) + shares.maxMint(person), 0, "6: is out");
        }
        assertEq(escrow(), 0, "6: escrow is empty");
        assertLe(payouts(), 5 * epochs + handler.claims(), "6: rounding alone is left");
        invariant_EveryUnitAndEveryShareIsAccountedFor();
    }
}
