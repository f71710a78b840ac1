// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../../pool-contracts/Authority.sol";
import {MarketOracle} from "../../../pool-contracts/MarketOracle.sol";
import {IMarketOracle} from "../../../pool-contracts/interfaces/IMarketOracle.sol";
import {Board, MarketState, Moment} from "../../../pool-contracts/types/Board.sol";
import {OracleReports, TestReport} from "../OracleReports.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";

/// @notice A signer that is a contract: it accepts digests that its owner approved, and does what a test tells it.
contract ContractSigner {
    enum Mood {
        Honest,
        Reverts,
        SaysNothing,
        SaysSomethingElse,
        BurnsGas
    }

    mapping(bytes32 digest => bool) public approved;
    Mood public mood;

    function approve(bytes32 digest) external {
        approved[digest] = true;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.SaysNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (mood == Mood.SaysSomethingElse) return 0xffffffff;
        while (mood == Mood.BurnsGas) {}
        return approved[digest] && signature.length == 65 ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// Attacks on the oracle's contract, by the numbers of the list that SECURITY.md names. Four nodes, three make a quorum.
contract OracleAttacksTest is OracleReports {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public {
        _deploy(4);
    }

    // ───────────────────────────── Replay and time ─────────────────────────────

    function test_attack_C1_replayOfAnAcceptedReport() public {
        bytes memory report = _signed(_surface(1, START, 3), 3);
        oracle.submitReport(report);
        _refused(report, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, 1, 1));
        vm.recordLogs();
        oracle.submitIfNewer(report);
        assertEq(vm.getRecordedLogs().length, 0, "ignored");
    }

    /// A report that waits for confirmation does not confirm itself when it is sent again.
    function test_attack_C1_replayOfAReportThatWaits() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        bytes memory jump = _signed(_scaled(_surface(2, START + 60, 3), 3), 3);
        oracle.submitReport(jump);
        _refused(jump, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, 2, 2));
        bytes memory spot = _signed(_spotOnly(START + 62, 6_000e18), 3);
        vm.warp(START + 62);
        oracle.submitReport(spot);
        _refused(
            spot, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, START + 62, START + 63)
        );
        assertEq(oracle.marketState(MARKET).round, 1);
        assertEq(oracle.marketState(MARKET).spotWad, SPOT);
    }

    function test_attack_C2_crossChainAndCrossContract() public {
        uint256 home = 31_337;
        vm.chainId(home);
        bytes memory report = _signed(_surface(1, START, 1), 3);
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 0);
        vm.chainId(home + 1);
        _refused(report, expected);
        vm.chainId(home);
        (, address[] memory signers,) = oracle.signers();
        MarketOracle other = new MarketOracle(signers, oracle.authority());
        other.addMarket(MARKET);
        vm.expectRevert(expected);
        other.submitReport(report);
    }

    function test_attack_C3_futureTimestamp() public {
        uint40[3] memory times = [START + 1, START + 1 days, type(uint40).max];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory expected =
                abi.encodeWithSelector(IMarketOracle.MarketOracle_FutureTimestamp.selector, times[i], START);
            _refused(_signed(_surface(1, times[i], 1), 3), expected);
            _refused(_signed(_spotOnly(times[i], SPOT), 3), expected);
        }
    }

    function test_attack_C4_hoardedReport() public {
        bytes memory surface = _signed(_surface(1, START, 1), 3);
        bytes memory spot = _signed(_spotOnly(START, SPOT), 3);
        vm.warp(START + 31);
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_TooStale.selector, 31, 30);
        _refused(surface, expected);
        _refused(spot, expected);
        vm.warp(START + 30);
        oracle.submitReport(spot);
        oracle.submitReport(surface);
    }

    // ───────────────────────────── Signers ─────────────────────────────

    function test_attack_C6_duplicateSigner() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        bytes[2] memory s = [_signature(digest, 0), _signature(digest, 1)];
        bytes4 unsorted = IMarketOracle.MarketOracle_SignersNotSorted.selector;
        _refused(bytes.concat(_body(report, 3), s[0], s[0], s[1]), abi.encodeWithSelector(unsorted, 0, 0));
        _refused(bytes.concat(_body(report, 3), s[0], s[1], s[0]), abi.encodeWithSelector(unsorted, 0, 1));
        _refused(bytes.concat(_body(report, 3), s[1], s[0], s[0]), abi.encodeWithSelector(unsorted, 0, 1));
        // The same key with its other s, and under another index.
        (uint8 v, bytes32 r, bytes32 low) = vm.sign(keys[1], digest);
        bytes memory other = abi.encodePacked(uint8(2), r, bytes32(ORDER - uint256(low)), 55 - v);
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2);
        _refused(bytes.concat(_body(report, 3), s[0], s[1], other), expected);
        _refused(bytes.concat(_body(report, 3), s[0], s[1], _signatureBy(digest, 2, keys[1])), expected);
    }

    function test_attack_C7_revokedSignerAndOldSet() public {
        bytes memory old = _signed(_surface(1, START, 1), 3);
        (, address[] memory signers,) = oracle.signers();
        (signers[0], keys[0]) = (vm.addr(4321), 4321);
        oracle.setSigners(signers, 3);
        _refused(old, abi.encodeWithSelector(IMarketOracle.MarketOracle_WrongSignerSet.selector, 1, 2));
        TestReport memory report = _surface(1, START, 1);
        report.signerSet = 2;
        bytes32 digest = _digest(report);
        bytes memory revoked = _signatureBy(digest, 0, uint256(keccak256(abi.encode("node", 0))));
        _refused(
            bytes.concat(_body(report, 3), revoked, _signature(digest, 1), _signature(digest, 2)),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 0)
        );
        _submit(report);
    }

    function test_attack_C8_recoveryToTheZeroAddress() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        bytes memory start = bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 1));
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2);
        for (uint8 v = 27; v <= 28; ++v) {
            _refused(bytes.concat(start, abi.encodePacked(uint8(2), bytes32(0), bytes32(0), v)), expected);
        }
        // What fails to recover leaves the signer before it in memory: that is another one.
        _refused(
            bytes.concat(start, abi.encodePacked(uint8(2), bytes32(type(uint256).max), bytes32(uint256(1)), uint8(27))),
            expected
        );
        // Beyond the set there is no zero address to be.
        _refused(
            bytes.concat(start, abi.encodePacked(uint8(4), bytes32(0), bytes32(0), uint8(27))),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_SignerNotActive.selector, 4)
        );
        _refused(
            bytes.concat(start, abi.encodePacked(uint8(255), bytes32(0), bytes32(0), uint8(27))),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_SignerNotActive.selector, 255)
        );
    }

    function test_attack_C9_malleabilityAndTrailingBytes() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        bytes memory start = bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 1));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], digest);
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2);
        _refused(bytes.concat(start, abi.encodePacked(uint8(2), r, bytes32(ORDER - uint256(s)), 55 - v)), expected);
        for (uint256 wrong = 0; wrong < 256; ++wrong) {
            if (wrong == v) continue;
            _refused(bytes.concat(start, abi.encodePacked(uint8(2), r, s, uint8(wrong))), expected);
        }
        bytes memory good = bytes.concat(start, abi.encodePacked(uint8(2), r, s, v));
        _refused(
            bytes.concat(good, hex"00"),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, good.length + 1, good.length)
        );
        _refused(
            bytes.concat(start, abi.encodePacked(uint8(2), r, s)), // 64 bytes
            abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, good.length - 1, good.length)
        );
        oracle.submitReport(good);
    }

    /// Every bit of surface and spot reports, with averages and signatures; I-26.
    function test_attack_C10_everyBitIsSigned() public {
        vm.warp(_expiry(0) - 900);
        uint40 time = _expiry(0) - 900;
        uint256 flips = _flipEveryBit(_signed(_withAverage(_surface(1, time, 3), _expiry(0), SPOT, 900), 3));
        flips += _flipEveryBit(_signed(_withAverage(_spotOnly(time, SPOT), _expiry(0), SPOT, 900), 3));
        assertGt(flips, 4_000);
        assertEq(oracle.marketState(MARKET).spotTime, 0);
    }

    function _flipEveryBit(bytes memory report) private returns (uint256 flips) {
        for (; flips < report.length * 8; ++flips) {
            report[flips / 8] ^= bytes1(uint8(1 << (flips & 7)));
            (bool accepted, bytes memory reason) = address(oracle).call(abi.encodeCall(oracle.submitReport, (report)));
            assertFalse(accepted, string.concat("bit ", vm.toString(flips)));
            assertNotEq(bytes4(reason), bytes4(keccak256("Panic(uint256)")));
            report[flips / 8] ^= bytes1(uint8(1 << (flips & 7)));
        }
    }

    function test_attack_C13_arbitrageableAndDegenerateSurfaces() public {
        TestReport memory report = _surface(1, START, 3);
        report.slices[0].theta = 0;
        report.slices[1].rho = type(int16).min;
        report.slices[2].psi = 2 ** 36 - 1;
        _submit(report);
        assertEq(oracle.expiries(MARKET).length, 0, "nothing to price with");
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = _expiry(0);
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownExpiry.selector, MARKET, _expiry(0)));
        oracle.boards(MARKET, expiries, Moment.Now);
    }

    function test_attack_C15_zeroPrice() public {
        _refused(
            _signed(_spotOnly(START, 0), 3), abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidPrice.selector, 0)
        );
        _submit(_surface(1, START, 1));
        vm.warp(START + 10);
        _refused(
            _signed(_spotOnly(START + 10, 0), 4),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidPrice.selector, 0)
        );
    }

    /// The largest price there is: too far from what is confirmed to be believed by a quorum alone.
    function test_attack_C16_priceAtTheBoundOfItsField() public {
        _submit(_surface(1, START, 1));
        vm.warp(START + 10);
        _submit(_spotOnly(START + 10, type(uint96).max));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.spotWad, SPOT);
        assertTrue(state.unconfirmed);
    }

    // ───────────────────────────── Moves, I-28 ─────────────────────────────

    function test_attack_C17_surfaceThatJumpsWaits() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        TestReport memory jump = _scaled(_surface(2, START + 60, 3), 2); // σ by 41 %, one report may 9.6 %
        vm.recordLogs();
        _submit(jump);
        assertEq(vm.getRecordedLogs()[0].topics[0], IMarketOracle.SurfaceUnconfirmed.selector);
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.round, 1);
        assertEq(state.spotTime, START + 60, "its spot did not move far and counts");
        assertTrue(state.unconfirmed);
        IMarketOracle.Unconfirmed memory waiting = oracle.unconfirmed(MARKET);
        assertEq(waiting.round, 2);
        assertEq(waiting.surfaceTime, START + 60);
        assertEq(waiting.spotTime, 0);
        assertEq(_theta(Moment.Unconfirmed), jump.slices[2].theta * 1e7, "risk sees it at once");
        assertLt(_theta(Moment.Now), jump.slices[2].theta * 1e7 * 6 / 10);
    }

    function test_attack_C17_nextRoundConfirms() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        _submit(_scaled(_surface(2, START + 60, 3), 2));
        vm.warp(START + 120);
        _submit(_scaled(_surface(3, START + 120, 3), 2));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.round, 3);
        assertFalse(state.unconfirmed);
        assertEq(oracle.unconfirmed(MARKET).round, 0);
        assertLt(_theta(Moment.Previous), _theta(Moment.Now) * 6 / 10, "the last confirmed one");
    }

    function test_attack_C17_nextRoundSupersedes() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        _submit(_scaled(_surface(2, START + 60, 3), 2));
        vm.warp(START + 120);
        _submit(_surface(3, START + 120, 3));
        assertEq(oracle.marketState(MARKET).round, 3);
        assertFalse(oracle.marketState(MARKET).unconfirmed);
        assertEq(_theta(Moment.Unconfirmed), _theta(Moment.Now));
    }

    function test_attack_C17_anotherJumpWaitsInItsPlace() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        _submit(_scaled(_surface(2, START + 60, 3), 2));
        vm.warp(START + 120);
        _submit(_scaled(_surface(3, START + 120, 3), 4));
        assertEq(oracle.marketState(MARKET).round, 1);
        assertEq(oracle.unconfirmed(MARKET).round, 3);
    }

    function test_attack_C17_allSignersNeedNoConfirmation() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        oracle.submitReport(_signed(_scaled(_surface(2, START + 60, 3), 2), 4));
        assertEq(oracle.marketState(MARKET).round, 2);
        vm.warp(START + 70);
        oracle.submitReport(_signed(_spotOnly(START + 70, 6_000e18), 4));
        assertEq(oracle.marketState(MARKET).spotWad, 6_000e18);
        assertFalse(oracle.marketState(MARKET).unconfirmed);
    }

    /// The bound is ln σ ≤ 0.5·√((60 s + 60 s)/1 h), ln θ ≤ 0.182574, and grows with √time; one slice beyond it is enough.
    function test_attack_C17_theBoundIsExact() public {
        uint256 within = 1_200_250; // e^0.182530
        uint256 beyond = 1_200_350; // e^0.182613
        assertTrue(_waitsAfter(60, beyond));
        assertFalse(_waitsAfter(60, within));
        assertTrue(_waitsAfter(60, 1e12 / beyond));
        assertFalse(_waitsAfter(60, 1e12 / within));
        // An hour: 0.5·√(61/60) = 0.504, θ by e^1.0083 = 2.741.
        assertTrue(_waitsAfter(1 hours, 2_742_000));
        assertFalse(_waitsAfter(1 hours, 2_740_000));
    }

    /// @dev Whether a report waits that moves one slice of three by `millionths` of its θ, at the same volatility else.
    function _waitsAfter(uint256 time, uint256 millionths) private returns (bool waits) {
        uint256 snapshot = vm.snapshotState();
        TestReport memory report = _flat(1, START);
        _submit(report);
        vm.warp(START + time);
        report = _flat(2, uint40(START + time));
        report.slices[2].theta = report.slices[2].theta * millionths / 1_000_000;
        report.slices[2].psi = millionths < 1_000_000 ? report.slices[1].psi : report.slices[2].psi;
        _submit(report);
        (, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(freshMask, 7);
        waits = oracle.marketState(MARKET).unconfirmed;
        vm.revertToState(snapshot);
    }

    /// @dev Three slices of one volatility in effective time, so that rolling down moves nothing; ψ alike.
    function _flat(uint32 round, uint40 time) private pure returns (TestReport memory report) {
        report = _surface(round, time, 3);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 scale = i == 2 ? 4 : 1; // far enough that θ may also fall
            report.slices[i].theta = 0.36e11 * scale * uint256(_expiry(i) - time - 1_200) / 365 days;
            report.slices[i].psi = 1e8;
        }
    }

    function test_attack_C17_spotThatJumpsWaits() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 15);
        // 15 % · √((15 s + 60 s)/1 h) = 2.165 %
        _submit(_spotOnly(START + 15, 3_065e18)); // 2.14 %
        assertFalse(oracle.marketState(MARKET).unconfirmed);
        vm.warp(START + 30);
        vm.expectEmit();
        emit IMarketOracle.SpotUnconfirmed(MARKET, START + 30, 3_133e18); // 2.19 %
        _submit(_spotOnly(START + 30, 3_133e18));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.spotWad, 3_065e18);
        assertEq(state.spotTime, START + 15);
        assertTrue(state.unconfirmed);
        assertEq(oracle.unconfirmed(MARKET).spotWad, 3_133e18);
        assertEq(_board(Moment.Unconfirmed).forwardWad, uint256(3_133e18) * 10_012_345 / 1e7);
        assertEq(_board(Moment.Now).forwardWad, uint256(3_065e18) * 10_012_345 / 1e7);
        vm.warp(START + 31);
        _refused(
            _signed(_spotOnly(START + 31, 3_133e18), 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, START + 31, START + 31)
        );
        vm.warp(START + 32);
        _submit(_spotOnly(START + 32, 3_140e18));
        assertEq(oracle.marketState(MARKET).spotWad, 3_140e18);
        assertFalse(oracle.marketState(MARKET).unconfirmed);
    }

    /// A surface whose spot jumps waits with it; the spot that follows confirms the spot, the next surface the surface.
    function test_attack_C17_surfaceWithASpotThatJumps() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        TestReport memory jump = _surface(2, START + 60, 3);
        jump.spot = 4_000e18;
        _submit(jump);
        assertEq(oracle.unconfirmed(MARKET).round, 2);
        assertEq(oracle.unconfirmed(MARKET).spotWad, 4_000e18);
        vm.warp(START + 70);
        _submit(_spotOnly(START + 70, 4_010e18));
        assertEq(oracle.marketState(MARKET).spotWad, 4_010e18);
        assertTrue(oracle.marketState(MARKET).unconfirmed, "the surface still waits");
        vm.warp(START + 120);
        TestReport memory next = _surface(3, START + 120, 3);
        next.spot = 4_020e18;
        _submit(next);
        assertEq(oracle.marketState(MARKET).round, 3);
        assertFalse(oracle.marketState(MARKET).unconfirmed);
    }

    /// I-25: rounds and times only grow, whatever is submitted; what waits counts too.
    function testFuzz_attack_C17_clocksOnlyGrow(uint256 seed) public {
        uint40 time = START;
        MarketState memory before;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 h = uint256(keccak256(abi.encode(seed, i)));
            time += uint40(h & 31);
            vm.warp(time);
            uint40 modelTime = time - uint40(h >> 8 & 31);
            TestReport memory report = h >> 16 & 1 == 0
                ? _spotOnly(modelTime, uint96(SPOT * (90 + (h >> 24) % 20) / 100))
                : _scaled(_surface(uint32((h >> 32) % 8), modelTime, 3), 1 + (h >> 40) % 2);
            try oracle.submitReport(_signed(report, 3)) {} catch {}
            MarketState memory state = oracle.marketState(MARKET);
            assertTrue(state.round >= before.round && state.surfaceTime >= before.surfaceTime);
            assertTrue(state.spotTime >= before.spotTime && state.spotTime <= time);
            assertTrue(state.round > before.round || state.surfaceTime == before.surfaceTime);
            IMarketOracle.Unconfirmed memory waiting = oracle.unconfirmed(MARKET);
            assertTrue(waiting.round == 0 || waiting.round > state.round);
            assertTrue(waiting.spotTime == 0 || waiting.spotTime > state.spotTime);
            assertEq(state.unconfirmed, waiting.round != 0 || waiting.spotTime != 0);
            before = state;
        }
    }

    function test_attack_C20_updateThatRevertsStopsNobody() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        // Whatever a quorum signs of the market's price is taken, be it as what waits: nothing about it reverts.
        _submit(_scaled(_surface(2, START + 60, 3), 5));
        _board(Moment.Now);
        _board(Moment.Unconfirmed);
    }

    // ───────────────────────────── Averages ─────────────────────────────

    function test_attack_C16_averageFarFromSpotIsLeftAside() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry);
        TestReport memory report = _withAverage(_spotOnly(expiry, SPOT), expiry, SPOT * 10, 1_800);
        vm.expectEmit();
        emit IMarketOracle.AverageRefused(MARKET, expiry, SPOT * 10, 1_800);
        _submit(report);
        assertEq(oracle.settlementPrice(MARKET, expiry), 0);
        vm.warp(expiry + 5);
        _submit(_withAverage(_spotOnly(expiry + 5, SPOT), expiry, SPOT - 1e18, 1_800));
        assertEq(oracle.settlementPrice(MARKET, expiry), SPOT - 1e18);
    }

    /// A crash inside the window: the average lags spot, and lies between the one before it and spot.
    function test_attack_C16_averageOfACrashCounts() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 60);
        _submit(_withAverage(_spotOnly(expiry - 60, SPOT), expiry, SPOT, 1_740));
        vm.warp(expiry);
        oracle.submitReport(_signed(_spotOnly(expiry, 2_000e18), 4));
        vm.warp(expiry + 10);
        _submit(_withAverage(_spotOnly(expiry + 10, 2_000e18), expiry, 2_970e18, 1_800));
        assertEq(oracle.settlementPrice(MARKET, expiry), 2_970e18);
    }

    /// Averages of a report whose spot waits are not kept: the next report brings them again.
    function test_attack_C16_averageOfASpotThatWaits() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 60);
        _submit(_spotOnly(expiry - 60, SPOT));
        vm.warp(expiry);
        _submit(_withAverage(_spotOnly(expiry, 9_000e18), expiry, 9_000e18, 1_800));
        assertEq(oracle.settlementPrice(MARKET, expiry), 0);
    }

    // ───────────────────────────── Contracts that sign, F7 and F9 ─────────────────────────────

    function test_attack_F9_contractSignerIsAskedAndMayRefuse() public {
        ContractSigner signer = new ContractSigner();
        (, address[] memory signers,) = oracle.signers();
        signers[1] = address(signer);
        oracle.setSigners(signers, 3);
        TestReport memory report = _surface(1, START, 2);
        report.signerSet = 2;
        bytes32 digest = _digest(report);
        bytes memory asked = abi.encodePacked(uint8(1), keccak256("r"), keccak256("s"), uint8(0));
        bytes memory packed = bytes.concat(_body(report, 3), _signature(digest, 0), asked, _signature(digest, 2));
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 1);
        _refused(packed, expected); // not approved
        signer.approve(digest);
        for (uint256 mood = 1; mood <= uint256(ContractSigner.Mood.BurnsGas); ++mood) {
            signer.setMood(ContractSigner.Mood(mood));
            uint256 gasBefore = gasleft();
            _refused(packed, expected);
            assertLt(gasBefore - gasleft(), 400_000, "it burns no more than its share");
        }
        signer.setMood(ContractSigner.Mood.Honest);
        // A key's signature in a contract's place, and a contract's in a key's.
        bytes memory fake = abi.encodePacked(uint8(0), keccak256("r"), keccak256("s"), uint8(1));
        _refused(
            bytes.concat(_body(report, 3), fake, asked, _signature(digest, 2)),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 0)
        );
        // Contracts are asked once every key has signed.
        vm.expectCall(address(signer), abi.encodeWithSelector(ContractSigner.isValidSignature.selector), 0);
        _refused(
            bytes.concat(_body(report, 3), _signature(digest, 0), asked, _signatureBy(digest, 2, 99)),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2)
        );
    }

    function test_attack_F9_contractSignersDigestCountsOnce() public {
        ContractSigner signer = new ContractSigner();
        (, address[] memory signers,) = oracle.signers();
        signers[3] = address(signer);
        oracle.setSigners(signers, 3);
        TestReport memory report = _surface(1, START, 2);
        report.signerSet = 2;
        bytes32 digest = _digest(report);
        signer.approve(digest);
        bytes memory asked = abi.encodePacked(uint8(3), bytes32(0), bytes32(0), uint8(1));
        bytes memory packed = bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 1), asked);
        oracle.submitReport(packed);
        _refused(packed, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, 1, 1));
    }

    // ───────────────────────────── Governance ─────────────────────────────

    /// Signers and limits change after the delay, not before; G13 and G4.
    function test_attack_G4_signersAndLimitsChangeAfterTheDelay() public {
        Authority authority = Authority(oracle.authority());
        authority.grantRole(authority.ADMIN_ROLE(), address(this), 7 days);
        (, address[] memory signers,) = oracle.signers();
        signers[0] = makeAddr("newcomer");
        bytes memory change = abi.encodeCall(oracle.setSigners, (signers, 3));
        vm.expectRevert();
        oracle.setSigners(signers, 3);
        (bytes32 id,) = authority.schedule(address(oracle), change, 0);
        vm.warp(START + 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerNotReady.selector, id));
        oracle.setSigners(signers, 3);
        vm.warp(START + 7 days);
        oracle.setSigners(signers, 3);
        (uint32 set, address[] memory now_,) = oracle.signers();
        assertEq(set, 2);
        assertEq(now_[0], signers[0]);

        IMarketOracle.Limits memory limits = IMarketOracle.Limits(20, 60, 5);
        vm.expectRevert();
        oracle.setMovementLimits(MARKET, limits);
        authority.schedule(address(oracle), abi.encodeCall(oracle.setMovementLimits, (MARKET, limits)), 0);
        vm.warp(START + 14 days);
        oracle.setMovementLimits(MARKET, limits);
        assertEq(oracle.limits(MARKET).spotMovePercent, 20);
        assertEq(oracle.limits(MARKET).volatilityMovePercent, 60);
        assertEq(oracle.limits(MARKET).minGapSeconds, 5);
    }

    function test_attack_G4_limitsHaveBounds() public {
        uint8[3][6] memory wrong = [[4, 50, 2], [101, 50, 2], [15, 9, 2], [15, 201, 2], [15, 50, 0], [15, 50, 61]];
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(IMarketOracle.MarketOracle_InvalidLimits.selector);
            oracle.setMovementLimits(MARKET, IMarketOracle.Limits(wrong[i][0], wrong[i][1], wrong[i][2]));
        }
        oracle.setMovementLimits(MARKET, IMarketOracle.Limits(5, 10, 1));
        oracle.setMovementLimits(MARKET, IMarketOracle.Limits(100, 200, 60));
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownMarket.selector, 9));
        oracle.setMovementLimits(9, IMarketOracle.Limits(15, 50, 2));
        assertEq(oracle.limits(9).minGapSeconds, 0);
    }

    // ───────────────────────────── Steps ─────────────────────────────

    /// @dev θ of every slice times `factor`; ψ stays, which keeps every inequality.
    function _scaled(TestReport memory report, uint256 factor) private pure returns (TestReport memory) {
        for (uint256 i = 0; i < report.slices.length; ++i) {
            report.slices[i].theta *= factor;
        }
        return report;
    }

    function _board(Moment moment) private view returns (Board memory) {
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = _expiry(2);
        (, Board[] memory boards) = oracle.boards(MARKET, expiries, moment);
        return boards[0];
    }

    function _theta(Moment moment) private view returns (uint256) {
        return _board(moment).thetaWad;
    }

    function _refused(bytes memory report, bytes memory expected) private {
        vm.expectRevert(expected);
        oracle.submitReport(report);
    }
}
