// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {CashMath} from "../../../pool-contracts/libraries/accounting/CashMath.sol";
import {Positions} from "../../../pool-contracts/libraries/accounting/Positions.sol";
import {Scenario, ScenarioGrid} from "../../../pool-contracts/libraries/risk/ScenarioGrid.sol";
import {AccountId, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {
    AccountWord,
    AccountWord_CashOverflow,
    AccountWord_RequirementOverflow
} from "../../../pool-contracts/types/AccountWord.sol";
import {ExpiryState, ExpiryWord, ExpiryWord_AmountOverflow} from "../../../pool-contracts/types/ExpiryWord.sol";
import {FLOW_FULL, Flow, flowAfter, toFlow} from "../../../pool-contracts/types/Flow.sol";
import {Inventory, Inventory_Overflow, toInventory} from "../../../pool-contracts/types/Inventory.sol";
import {OptionId, StrikeKey, toOptionId, toStrikeKey} from "../../../pool-contracts/types/OptionId.sol";
import {Slice, toSlice} from "../../../pool-contracts/types/Slice.sol";
import {StrikeWord, StrikeWord_SizeOverflow, toStrikeWord} from "../../../pool-contracts/types/StrikeWord.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Every packed word keeps every field at its limits, whatever stands in the others. Fuzzed fields are pushed to a
/// limit half of the time.
contract TypesTest is Test {
    using Positions for Positions.Book;

    Positions.Book private _scanned;
    Positions.Book private _indexed;

    // ── OptionId and StrikeKey

    function testFuzz_optionId(uint16 market, uint32 expiry, uint48 strike, bool isPut, uint8 edges) public pure {
        if (edges & 1 != 0) market = edges & 2 != 0 ? type(uint16).max : 0;
        if (edges & 4 != 0) expiry = edges & 8 != 0 ? type(uint32).max : 0;
        if (edges & 16 != 0) strike = edges & 32 != 0 ? type(uint48).max : 0;
        OptionId id = toOptionId(toStrikeKey(market, expiry, strike), isPut);
        assertEq(id.key().marketId(), market);
        assertEq(id.key().expiry(), expiry);
        assertEq(id.key().strikeE6(), strike);
        assertEq(id.key().strikeWad(), uint256(strike) * 1e12);
        assertEq(id.isPut(), isPut);
        assertTrue(id.isCanonical());
    }

    function testFuzz_onlyOneNameOfAnOptionIsCanonical(uint256 raw) public pure {
        OptionId id = OptionId.wrap(raw);
        OptionId name = toOptionId(id.key(), id.isPut());
        assertEq(id.isCanonical(), OptionId.unwrap(name) == raw);
    }

    function testFuzz_keysOfOneExpiry(uint16 market, uint32 expiry, uint48 a, uint48 b) public pure {
        StrikeKey first = toStrikeKey(market, expiry, a);
        assertTrue(first.sameExpiryAs(toStrikeKey(market, expiry, b)));
        assertEq(first == toStrikeKey(market, expiry, b), a == b);
        assertFalse(first.sameExpiryAs(toStrikeKey(market, expiry ^ 1, a)));
        assertFalse(first.sameExpiryAs(toStrikeKey(market ^ 1, expiry, a)));
    }

    // ── AccountId

    function testFuzz_accountId(address owner, uint8 sub) public pure {
        AccountId id = toAccountId(owner, sub);
        assertEq(id.owner(), owner);
        assertEq(id.sub(), sub);
        assertEq(id.isWallet(), sub == 0);
        assertTrue(id.isCanonical());
        assertTrue(id == toAccountId(owner, sub));
    }

    function testFuzz_aNameWithBitsAboveTheOwnerIsNotCanonical(uint256 raw) public pure {
        assertEq(AccountId.wrap(raw).isCanonical(), raw < 1 << 168);
        assertFalse(AccountId.wrap(raw | 1 << 255).isCanonical());
    }

    // ── StrikeWord

    function testFuzz_strikeWord(uint96 key, int80 calls, int80 puts, uint8 edges) public pure {
        if (edges & 1 != 0) calls = edges & 2 != 0 ? type(int80).max : type(int80).min;
        if (edges & 4 != 0) puts = edges & 8 != 0 ? type(int80).max : type(int80).min;
        StrikeWord word = toStrikeWord(StrikeKey.wrap(key), calls, puts);
        assertEq(StrikeKey.unwrap(word.key()), key);
        assertEq(word.calls(), calls);
        assertEq(word.puts(), puts);
        assertEq(word.position(false), calls);
        assertEq(word.position(true), puts);
        assertEq(word.isFlat(), calls == 0 && puts == 0);
        assertEq(word.isShort(), calls < 0 || puts < 0);
    }

    function testFuzz_aPositionThatLeavesItsRangeIsRefused(int256 size, bool isPut) public {
        StrikeWord word = toStrikeWord(StrikeKey.wrap(7), 0, 0);
        bool fits = size >= type(int80).min && size <= type(int80).max;
        if (!fits) vm.expectRevert(abi.encodeWithSelector(StrikeWord_SizeOverflow.selector, size));
        StrikeWord later = this.addTo(word, isPut, size);
        if (fits) assertEq(later.position(isPut), size);
        vm.expectRevert(abi.encodeWithSelector(StrikeWord_SizeOverflow.selector, int256(type(int80).max) + 1));
        this.addTo(toStrikeWord(StrikeKey.wrap(7), type(int80).max, type(int80).max), isPut, 1);
    }

    function addTo(StrikeWord word, bool isPut, int256 size) external pure returns (StrikeWord) {
        return word.add(isPut, size);
    }

    // ── AccountWord

    function testFuzz_accountWord(uint128 cash, int96 requirement, uint16 count, bool maker, uint8 edges) public pure {
        if (edges & 1 != 0) cash = edges & 2 != 0 ? type(uint128).max : 0;
        if (edges & 4 != 0) requirement = edges & 8 != 0 ? type(int96).max : type(int96).min;
        if (edges & 16 != 0) count = type(uint16).max;
        AccountWord word = AccountWord.wrap(0);
        if (maker) word = word.withMaker();
        word = word.withStrikeCount(count).withRequirement(requirement).withCash(cash);
        _assertAccount(word, cash, requirement, count, maker);
        // Each field is replaced without a trace in the others.
        _assertAccount(word.withCash(0), 0, requirement, count, maker);
        _assertAccount(word.withRequirement(-1), cash, -1, count, maker);
        _assertAccount(word.withStrikeCount(1), cash, requirement, 1, maker);
        _assertAccount(word.withMaker(), cash, requirement, count, true);
    }

    function _assertAccount(AccountWord word, uint256 cash, int256 requirement, uint256 count, bool maker)
        private
        pure
    {
        assertEq(word.cash(), cash);
        assertEq(word.requirement(), requirement);
        assertEq(word.strikeCount(), count);
        assertEq(word.isMaker(), maker);
    }

    function test_attack_H3_givenMoreCashOrRequirementThanFits_itIsRefused() public {
        uint256 cash = uint256(type(uint128).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(AccountWord_CashOverflow.selector, cash));
        this.withCash(cash);
        for (uint256 i = 0; i < 2; ++i) {
            int256 requirement = i == 0 ? int256(type(int96).max) + 1 : int256(type(int96).min) - 1;
            vm.expectRevert(abi.encodeWithSelector(AccountWord_RequirementOverflow.selector, requirement));
            this.withRequirement(requirement);
        }
    }

    function withCash(uint256 cash) external pure returns (AccountWord) {
        return AccountWord.wrap(0).withCash(cash);
    }

    function withRequirement(int256 requirement) external pure returns (AccountWord) {
        return AccountWord.wrap(0).withRequirement(requirement);
    }

    // ── ExpiryWord

    function testFuzz_expiryWord(uint32 open, uint96 owed, uint96 collected, uint256 after_, uint8 edges) public pure {
        if (edges & 1 != 0) open = type(uint32).max;
        if (edges & 2 != 0) owed = type(uint96).max;
        if (edges & 4 != 0) collected = type(uint96).max;
        after_ = edges & 8 != 0 ? type(uint24).max : after_ % 1e9;
        uint256 kept = after_ < type(uint24).max ? after_ : type(uint24).max;
        ExpiryState state = ExpiryState(edges % 3);
        ExpiryWord word =
            ExpiryWord.wrap(0).withState(state, after_).withDebt(owed, collected).withOpenShortAccounts(open);
        _assertExpiry(word, open, owed, collected, kept, state);
        _assertExpiry(word.withOpenShortAccounts(1), 1, owed, collected, kept, state);
        _assertExpiry(word.withDebt(2, 3), open, 2, 3, kept, state);
        _assertExpiry(word.withState(ExpiryState.Final, 4), open, owed, collected, 4, ExpiryState.Final);
    }

    function _assertExpiry(
        ExpiryWord word,
        uint256 open,
        uint256 owed,
        uint256 collected,
        uint256 after_,
        ExpiryState state
    ) private pure {
        assertEq(word.openShortAccounts(), open);
        assertEq(word.owed(), owed);
        assertEq(word.collected(), collected);
        assertEq(word.settledAfter(), after_);
        assertTrue(word.state() == state);
    }

    function test_givenAnAmountBeyond96Bits_anExpiryRefusesIt() public {
        uint256 amount = uint256(type(uint96).max) + 1;
        vm.expectRevert(abi.encodeWithSelector(ExpiryWord_AmountOverflow.selector, amount));
        this.withDebt(amount, 0);
        vm.expectRevert(abi.encodeWithSelector(ExpiryWord_AmountOverflow.selector, amount));
        this.withDebt(0, amount);
    }

    function withDebt(uint256 owed, uint256 collected) external pure returns (ExpiryWord) {
        return ExpiryWord.wrap(0).withDebt(owed, collected);
    }

    // ── Inventory

    function testFuzz_inventory(int56[4] memory values, int16 vega, int16 delta, uint8 edges) public pure {
        int256[4] memory wide;
        for (uint256 i = 0; i < 4; ++i) {
            if (edges >> (2 * i) & 1 != 0) {
                values[i] = edges >> (2 * i + 1) & 1 != 0 ? type(int56).max : type(int56).min;
            }
            wide[i] = values[i];
        }
        Inventory inventory = toInventory(wide, toFlow(vega, delta));
        int256[4] memory unpacked = inventory.unpack();
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(unpacked[i], wide[i]);
        }
        assertEq(inventory.flow().vegaFlow(), vega);
        assertEq(inventory.flow().deltaFlow(), delta);
    }

    function testFuzz_attack_H3_riskBeyond55BitsIsRefused(uint8 lane, bool negative) public {
        int256[4] memory wide;
        int256 beyond = negative ? int256(type(int56).min) - 1 : int256(type(int56).max) + 1;
        wide[lane % 4] = beyond;
        vm.expectRevert(abi.encodeWithSelector(Inventory_Overflow.selector, beyond));
        this.pack(wide);
    }

    function pack(int256[4] memory values) external pure returns (Inventory) {
        return toInventory(values, Flow.wrap(0));
    }

    // ── Flow

    function testFuzz_flowLeaksAtAConstantRate(int16 vega, int16 delta, uint32 elapsed, uint32 seconds_) public pure {
        seconds_ = uint32(bound(seconds_, 1, 1 days));
        elapsed = uint32(bound(elapsed, 0, 2 * uint256(seconds_)));
        (vega, delta) = (vega == type(int16).min ? int16(0) : vega, delta == type(int16).min ? int16(0) : delta);
        Flow later = toFlow(vega, delta).drained(elapsed, seconds_);
        int256 leak = int256(uint256(elapsed) * uint256(FLOW_FULL) / seconds_);
        assertEq(_magnitude(later.vegaFlow()), _magnitude(vega) > leak ? _magnitude(vega) - leak : int256(0));
        assertEq(_magnitude(later.deltaFlow()), _magnitude(delta) > leak ? _magnitude(delta) - leak : int256(0));
        assertGe(int256(vega) * later.vegaFlow(), 0, "never to the other side");
    }

    /// @dev From full to beyond full on the other side.
    function test_flowIsExceededFromTheOtherSide() public pure {
        (int256 full,) = flowAfter(0, 4, 4);
        assertEq(full, FLOW_FULL);
        (int256 other, bool exceeded) = flowAfter(full, -8, 4);
        assertEq(other, -FLOW_FULL);
        assertFalse(exceeded, "two limits");
        (other, exceeded) = flowAfter(full, -9, 4);
        assertEq(other, -FLOW_FULL);
        assertTrue(exceeded, "and a unit");
        (, exceeded) = flowAfter(-FLOW_FULL, 1, 0);
        assertTrue(exceeded, "nothing fits into a limit of nothing");
    }

    function testFuzz_flowIsFullAtTheLimit(uint64 limit, int64[3] memory changes) public pure {
        int256 exact; // what was taken, in units
        int256 flow;
        for (uint256 i = 0; i < 3; ++i) {
            int256 change = limit == 0 ? int256(changes[i]) : int256(changes[i]) % (3 * int256(uint256(limit)));
            (int256 next, bool exceeded) = flowAfter(flow, change, limit);
            exact += change;
            assertLe(_magnitude(next), FLOW_FULL);
            // Rounded away from zero: what is beyond the limit is never let through.
            if (_magnitude(exact) > int256(uint256(limit))) assertTrue(exceeded);
            if (exceeded) return;
            flow = next;
        }
    }

    function _magnitude(int256 x) private pure returns (int256) {
        return x < 0 ? -x : x;
    }

    // ── Slice

    function testFuzz_slice(uint40 theta, uint256 psi, int16 rho, int24 basis, uint256 residual, uint16 edges)
        public
        pure
    {
        psi = edges & 1 != 0 ? 2 ** 36 - 1 : psi % 2 ** 36;
        residual = edges & 2 != 0 ? 2 ** 12 - 1 : residual % 2 ** 12;
        if (edges & 4 != 0) theta = type(uint40).max;
        if (edges & 8 != 0) rho = edges & 16 != 0 ? type(int16).max : type(int16).min;
        if (edges & 32 != 0) basis = edges & 64 != 0 ? type(int24).max : type(int24).min;
        Slice slice = toSlice(theta, psi, rho, basis, residual);
        assertEq(slice.theta(), theta);
        assertEq(slice.psi(), psi);
        assertEq(slice.rho(), rho);
        assertEq(slice.basis(), basis);
        assertEq(slice.residual(), residual);
    }

    // ── Scenario

    function testFuzz_scenario(uint256 spot, uint256 volatility, uint8 weight) public pure {
        int256 spotPermille = int256(spot % 4096) - 2048;
        int256 volatilityPermille = int256(volatility % 4096) - 2048;
        uint32 lane = uint32(
            (uint256(spotPermille) & 0xfff) << 20 | (uint256(volatilityPermille) & 0xfff) << 8 | uint256(weight)
        );
        assertEq(Scenario.wrap(lane).spotShockWad(), spotPermille * 1e15);
        assertEq(Scenario.wrap(lane).volatilityShockWad(), volatilityPermille * 1e15);
        assertEq(Scenario.wrap(lane).weightPercent(), weight % 128);
        assertEq(Scenario.wrap(lane).isInverted(), weight >= 128);
    }

    function testFuzz_aGridKeepsItsScenariosInOrderUpToTheFirstWithoutWeight(uint256[3] memory words) public pure {
        Scenario[] memory scenarios = ScenarioGrid.unpack(words);
        for (uint256 i = 0; i < scenarios.length; ++i) {
            assertEq(Scenario.unwrap(scenarios[i]), uint32(words[i / 8] >> (i % 8 * 32)));
            assertGt(scenarios[i].weightPercent(), 0);
        }
        if (scenarios.length < 24) assertEq(words[scenarios.length / 8] >> (scenarios.length % 8 * 32) & 0x7f, 0);
    }

    // ── CashMath

    function testFuzz_attack_H6_cashIsRoundedInTheDirectionOfTheName(int256 raw, uint8 decimals) public pure {
        raw = bound(raw, type(int128).min, type(int128).max);
        int256 divisor = CashMath.divisor(uint8(bound(decimals, 6, 18)));
        int256 down = CashMath.toCashDown(raw, divisor);
        int256 up = CashMath.toCashUp(raw, divisor);
        assertLe(down * divisor, raw);
        assertGt((down + 1) * divisor, raw);
        assertGe(up * divisor, raw);
        assertLt((up - 1) * divisor, raw);
        assertEq(CashMath.toCashUp(-raw, divisor), -down);
    }

    // ── Positions: both ways to find a strike tell the same story, and sums are kept

    function testFuzz_aBookIsTheSumOfWhatWasAdded(uint8[40] memory keys, int32[40] memory sizes) public {
        int256[8][2] memory expected;
        uint256 countScanned;
        uint256 countIndexed;
        for (uint256 i = 0; i < 40; ++i) {
            uint256 strike = keys[i] % 8;
            bool isPut = keys[i] & 8 != 0;
            int256 size = keys[i] & 16 != 0 ? -expected[isPut ? 1 : 0][strike] : int256(sizes[i]); // often closes
            expected[isPut ? 1 : 0][strike] += size;
            StrikeKey key = toStrikeKey(1, 2, uint48(strike));
            (,, countScanned) = _scanned.add(countScanned, false, key, isPut, size);
            (,, countIndexed) = _indexed.add(countIndexed, true, key, isPut, size);
        }
        uint256 live;
        for (uint256 strike = 0; strike < 8; ++strike) {
            StrikeKey key = toStrikeKey(1, 2, uint48(strike));
            StrikeWord word = _scanned.read(countScanned, false, key);
            assertEq(StrikeWord.unwrap(word), StrikeWord.unwrap(_indexed.read(countIndexed, true, key)));
            assertEq(word.calls(), expected[0][strike]);
            assertEq(word.puts(), expected[1][strike]);
            if (!word.isFlat()) ++live;
        }
        assertEq(countScanned, live);
        assertEq(countIndexed, live);
        assertEq(_scanned.all(live).length, live);
    }
}
