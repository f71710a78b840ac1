// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SharesTest} from "./shares/SharesTest.sol";

/// @dev Quote tokens of 6 to 18 decimals, pools from one token to 10^9, books from a tenth to ten times the cash.
contract PoolSharesFuzzTest is SharesTest {
    uint256 internal constant VIRTUAL_SHARES = 1e12;

    struct Book {
        uint8 decimals;
        uint256 first; // ann's deposit, in hundredths of a token
        uint256 gainPercent; // book value: −90 to +900 % of the cash
        uint256 reservePermille;
        uint256 freshPermille; // of the reserve
        uint256 unwindPermille;
    }

    modifier given(Book memory book) {
        deploy(uint8(bound(book.decimals, 6, 18)));
        uint256 cash = bound(book.first, 100, 1e11) * one / 100;
        depositNow(ann, cash);
        int256 value = int256(cash) * (int256(bound(book.gainPercent, 10, 1000)) - 100) / 100;
        uint256 nav = uint256(int256(cash) + value);
        uint256 reserve = nav * bound(book.reservePermille, 0, 200) / 1000;
        uint256 fresh = reserve * bound(book.freshPermille, 0, 1000) / 1000;
        pool.setBook(value, reserve, fresh, nav * bound(book.unwindPermille, 0, 200) / 1000);
        _;
    }

    /// @dev What leaving pays for a share, WAD of quote units, as (value, shares) to be compared without division.
    function bid() internal view returns (uint256 value, uint256 counted) {
        return (uint256(pool.nav()) - pool.reserve() - pool.unwind(), shares.totalSupply() + VIRTUAL_SHARES);
    }

    // ───── Value of those who stay ─────

    function test_Fuzz_ADepositLowersNobodysValue(Book memory book, uint256 assets) public given(book) {
        (uint256 bidBefore, uint256 countedBefore) = bid();
        uint256 midBefore = uint256(pool.nav()) - pool.freshReserve() + one / 1e6;
        assets = bound(assets, one, 1e9 * one);
        requestDeposit(ben, assets);
        markLater();
        (uint256 bidAfter, uint256 countedAfter) = bid();
        uint256 midAfter = uint256(pool.nav()) - pool.freshReserve() + one / 1e6;
        assertGe(bidAfter * countedBefore, bidBefore * countedAfter, "bid per share");
        assertGe(midAfter * countedBefore, midBefore * countedAfter, "mid less fresh reserve per share");
    }

    function test_Fuzz_ARedemptionNeverLowersTheBidOfThoseWhoStay(Book memory book, uint256 part, uint256 payable_)
        public
        given(book)
    {
        part = bound(part, 1e15, shares.balanceOf(ann));
        (uint256 before, uint256 countedBefore) = bid();
        requestRedeem(ann, part);
        pool.setPayable(bound(payable_, 0, uint256(pool.nav())));
        markLater();
        (uint256 after_, uint256 countedAfter) = bid();
        assertGe(after_ * countedBefore, before * countedAfter);
    }

    function test_Fuzz_BothAtOneMarkLowerNobodysValue(Book memory book, uint256 part, uint256 assets)
        public
        given(book)
    {
        part = bound(part, 1e15, shares.balanceOf(ann));
        assets = bound(assets, one, 1e9 * one);
        (uint256 before, uint256 countedBefore) = bid();
        requestRedeem(ann, part);
        requestDeposit(ben, assets);
        markLater();
        (uint256 after_, uint256 countedAfter) = bid();
        assertGe(after_ * countedBefore, before * countedAfter);
    }

    // ───── Round trips ─────

    function testFuzz_attack_A7_roundTripNeverGains(Book memory book, uint256 assets) public given(book) {
        assets = bound(assets, one, 1e9 * one);
        uint256 received = depositNow(ben, assets);
        pool.setPayable(type(uint256).max);
        fundPool(assets);
        uint256 money = redeemNow(ben, received);
        assertLe(money, assets);
    }

    /// @dev Without reserve and spread a round trip costs rounding and the virtual share's part only.
    function test_Fuzz_RoundTripWithoutChargeLosesAtMostAMillionth(uint8 decimals, uint256 first, uint256 assets)
        public
    {
        deploy(uint8(bound(decimals, 6, 18)));
        depositNow(ann, bound(first, one, 1e9 * one));
        assets = bound(assets, one, 1e9 * one);
        uint256 money = redeemNow(ben, depositNow(ben, assets));
        assertLe(money, assets);
        assertGe(money + assets / 1e6 + 2, assets);
    }

    // ───── Splitting ─────

    /// @dev n requests of one epoch are one request.
    function test_Fuzz_SplitRequestsAreOne(Book memory book, uint256 assets, uint256 part) public given(book) {
        assets = bound(assets, 2 * one, 1e9 * one);
        part = bound(part, one, assets - one);
        requestDeposit(ben, part);
        requestDeposit(ben, assets - part);
        requestDeposit(thief, assets);
        markLater();
        assertEq(shares.maxMint(ben), shares.maxMint(thief));
    }

    /// @dev Claims in parts get at most what one claim gets, and lose at most a unit a part.
    function testFuzz_attack_A7_splitClaimsGetNoMore(Book memory book, uint256 assets, uint256 part)
        public
        given(book)
    {
        assets = bound(assets, 2 * one, 1e9 * one);
        part = bound(part, one / 1e3, assets - one / 1e3);
        requestDeposit(ben, assets);
        markLater();
        uint256 whole = shares.maxMint(ben);
        vm.startPrank(ben);
        uint256 split = shares.deposit(part, ben) + shares.deposit(assets - part, ben);
        assertLe(split, whole);
        assertGe(split + 1, whole);

        shares.requestRedeem(split, ben, ben);
        vm.stopPrank();
        pool.setBook(0, 0, 0, 0);
        markLater();
        uint256 money = shares.maxWithdraw(ben);
        uint256 sharesPart = split / 3;
        vm.startPrank(ben);
        uint256 got = shares.redeem(sharesPart, ben, ben);
        got += shares.redeem(shares.maxRedeem(ben), ben, ben);
        assertEq(got, money, "the last part takes what rounding left");
    }

    // ───── Partial payments ─────

    /// @dev Three LPs, five payments at changing prices; ann claims after each, ben sometimes, the third at the end.
    function test_Fuzz_PartialPaymentsAreProRataInAnyOrderOfClaims(
        uint256[3] memory sizes,
        uint256[5] memory payables,
        uint256[5] memory books,
        uint8 pattern
    ) public {
        deploy(6);
        address[3] memory people = [ann, ben, thief];
        uint256 sum;
        for (uint256 i = 0; i < 3; ++i) {
            sizes[i] = bound(sizes[i], 1, 1e6) * one;
            sum += sizes[i];
            requestDeposit(people[i], sizes[i]);
        }
        markLater();
        uint256 id;
        for (uint256 i = 0; i < 3; ++i) {
            shares.claimFor(people[i]);
            sizes[i] = shares.balanceOf(people[i]);
            id = requestRedeem(people[i], sizes[i]);
        }

        uint256[3] memory received;
        for (uint256 i = 0; i < 5; ++i) {
            pool.setBook(int256(pool.cash()) * (int256(bound(books[i], 0, 100)) - 50) / 100, 0, 0, 0);
            pool.setPayable(i == 4 ? type(uint256).max : bound(payables[i], 0, sum / 4));
            if (i == 4) pool.setBook(0, 0, 0, 0);
            markLater();
            received[0] += claimIfAny(ann);
            if (pattern >> i & 1 == 1) received[1] += claimIfAny(ben);
        }
        received[1] += claimIfAny(ben);
        received[2] = claimIfAny(thief);

        uint256 paidAssets = payouts() + received[0] + received[1] + received[2];
        uint256 requested = sizes[0] + sizes[1] + sizes[2];
        assertEq(shares.totalSupply(), 0, "all paid");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(shares.pendingRedeemRequest(id, people[i]), 0);
            uint256 due = sizes[i] * paidAssets / requested;
            assertEq(received[i], due, "exactly the floor of the pro-rata part, however claimed");
        }
        assertLe(payouts(), 2, "rounding leaves less than a unit a person");
    }

    function claimIfAny(address who) private returns (uint256 assets) {
        if (shares.maxRedeem(who) != 0) (, assets) = shares.claimFor(who);
    }

    /// @dev Cash in place of book, so that the pool can pay what its book is worth.
    function fundPool(uint256 least) private {
        if (pool.bookValue() <= 0) return;
        uint256 value = uint256(pool.bookValue());
        pool.setBook(0, pool.reserve(), pool.freshReserve(), pool.unwind());
        pay(value);
        assertGe(pool.cash(), least);
    }
}
