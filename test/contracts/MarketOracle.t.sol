// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../pool-contracts/Authority.sol";
import {MarketOracle} from "../../pool-contracts/MarketOracle.sol";
import {IMarketOracle} from "../../pool-contracts/interfaces/IMarketOracle.sol";
import {Board, MarketState, Moment} from "../../pool-contracts/types/Board.sol";
import {ReportHeader} from "../../pool-contracts/types/ReportHeader.sol";
import {Slice} from "../../pool-contracts/types/Slice.sol";
import {SurfaceHeader, toSurfaceHeader} from "../../pool-contracts/types/SurfaceHeader.sol";
import {OracleReports, TestAverage, TestReport, TestSlice} from "./OracleReports.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// Given four nodes, of which three make a quorum
///   when a report is well formed, fresh and signed by three      it is stored and served
///   when anything about it is wrong                              it is refused by name, and nothing changes
contract MarketOracleTest is OracleReports {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public {
        _deploy(4);
    }

    // ───────────────────────────── A report is accepted ─────────────────────────────

    function test_submit_surface_isServedAtTheReportsOwnTimeAndSpot() public {
        vm.warp(START + 10);
        _submit(_surface(1, START, 7));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.round, 1);
        assertEq(state.surfaceTime, START);
        assertEq(state.surfaceAcceptedAt, START + 10);
        assertEq(state.spotTime, START);
        assertEq(state.spotAcceptedAt, START + 10);
        assertEq(state.spotWad, SPOT);
        assertEq(state.surfaceSpotWad, SPOT);
        assertEq(state.disagreementWad, 0.0025e18);

        TestSlice memory slice = _slice(_expiry(3), START);
        Board memory board = _board(_expiry(3), Moment.Report);
        assertEq(board.expiry, _expiry(3));
        assertEq(board.effectiveSeconds, _expiry(3) - START - 1200);
        assertEq(board.forwardWad, uint256(SPOT) * 10_012_345 / 1e7);
        assertEq(board.thetaWad, slice.theta * 1e7);
        assertEq(board.psiWad, slice.psi * 1e8);
        assertEq(board.rhoWad, -int256(8_000e18) / 32_768);
        assertEq(board.residualWad, 0.0037e18);
        assertTrue(board.fresh);
        assertFalse(board.settled);
    }

    function test_submit_surface_emitsWhatItStores() public {
        TestReport memory report = _surface(1, START, 2);
        uint256[] memory words = new uint256[](2);
        words[0] = uint256(_expiry(0)) << 224 | uint256(_expiry(1)) << 192;
        words[1] = uint256(_packedSlice(report.slices[0])) << 128 | _packedSlice(report.slices[1]);
        vm.expectEmit();
        SurfaceHeader header = toSurfaceHeader(SurfaceHeader.wrap(0), 1, START, 0, SPOT, 25, 3, 1);
        emit IMarketOracle.SurfaceAccepted(MARKET, header, words);
        _submit(report);
        assertEq(oracle.expiries(MARKET).length, 2);
        (Slice[] memory stored, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(Slice.unwrap(stored[1]), _packedSlice(report.slices[1]));
        assertEq(freshMask, 3);
    }

    function test_submit_acceptsAnyQuorumInOrderOfIndex() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        oracle.submitReport(
            bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 2), _signature(digest, 3))
        );
        vm.warp(START + 2);
        oracle.submitReport(_signed(_surface(9, START + 2, 1), 4)); // a full house; rounds may skip numbers
        assertEq(oracle.marketState(MARKET).round, 9);
    }

    function test_submit_acceptsTheGreatestAge() public {
        vm.warp(START + 30);
        _submit(_surface(1, START, 1));
        assertEq(oracle.marketState(MARKET).surfaceAcceptedAt, START + 30);
    }

    function test_submit_acceptsSixteenExpiries() public {
        _submit(_surface(1, START, 16));
        uint32[] memory expiries = oracle.expiries(MARKET);
        assertEq(expiries.length, 16);
        for (uint256 i = 0; i < 16; ++i) {
            assertEq(expiries[i], _expiry(i));
            assertEq(_board(_expiry(i), Moment.Report).thetaWad, _slice(_expiry(i), START).theta * 1e7);
        }
    }

    function test_submit_spot_movesSpotAndKeepsTheSurface() public {
        _submit(_surface(1, START, 2));
        vm.warp(START + 5);
        vm.expectEmit();
        emit IMarketOracle.SpotAccepted(_headerOf(_spotOnly(START + 4, 3_030e18)));
        _submit(_spotOnly(START + 4, 3_030e18));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.round, 1);
        assertEq(state.surfaceTime, START);
        assertEq(state.spotTime, START + 4);
        assertEq(state.spotAcceptedAt, START + 5);
        assertEq(state.spotWad, 3_030e18);
        assertEq(state.surfaceSpotWad, SPOT);
        assertEq(_board(_expiry(0), Moment.Report).forwardWad, uint256(SPOT) * 10_012_345 / 1e7);
        assertEq(_board(_expiry(0), Moment.Now).forwardWad, uint256(3_030e18) * 10_012_345 / 1e7);
        assertEq(_board(_expiry(0), Moment.Previous).forwardWad, uint256(SPOT) * 10_012_345 / 1e7);
    }

    function test_submit_surface_doesNotPutAnOlderSpotInPlaceOfAFresherOne() public {
        vm.warp(START + 20);
        _submit(_spotOnly(START + 15, 3_100e18));
        TestReport memory report = _surface(1, START + 10, 1);
        report.spot = 3_050e18;
        _submit(report);
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.spotWad, 3_100e18);
        assertEq(state.spotTime, START + 15);
        assertEq(state.surfaceSpotWad, 3_050e18);
        assertEq(state.surfaceTime, START + 10);
    }

    function test_submitIfNewer_ignoresWhatIsNotNewer() public {
        bytes memory report = _signed(_surface(1, START, 1), 3);
        oracle.submitIfNewer(report);
        vm.recordLogs();
        oracle.submitIfNewer(report);
        oracle.submitIfNewer(_signed(_spotOnly(START, 1e18), 3));
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(oracle.marketState(MARKET).spotWad, SPOT);
    }

    function test_submitIfNewer_stillRefusesWhatIsWrong() public {
        TestReport memory report = _surface(1, START, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_TooFewSigners.selector, 2, 3));
        oracle.submitIfNewer(_signed(report, 2));
    }

    // ───────────────────────────── Its form is wrong ─────────────────────────────

    function test_submit_refusesLengthsThatAreNotAnnounced() public {
        bytes memory report = _signed(_surface(1, START, 2), 3);
        _expectRefusal(
            bytes.concat(report, hex"00"),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, report.length + 1, report.length)
        );
        bytes memory cut = new bytes(report.length - 1);
        for (uint256 i = 0; i < cut.length; ++i) {
            cut[i] = report[i];
        }
        _expectRefusal(
            cut, abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, cut.length, report.length)
        );
        _expectRefusal("", abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, 0, 33));
        _expectRefusal(new bytes(32), abi.encodeWithSelector(IMarketOracle.MarketOracle_BadLength.selector, 32, 33));
    }

    function test_submit_refusesUnknownKinds() public {
        for (uint256 kind = 0; kind < 256; kind += 3) {
            if (kind == 1 || kind == 2) continue;
            TestReport memory report = _surface(1, START, 1);
            report.kind = kind;
            _expectRefusal(
                _signed(report, 3), abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownKind.selector, kind)
            );
        }
    }

    function test_submit_refusesASpotReportWithFieldsThatNobodySigned() public {
        TestReport memory report = _spotOnly(START, SPOT);
        report.round = 1;
        _expectRefusal(
            _signed(report, 3), abi.encodePacked(IMarketOracle.MarketOracle_SpotReportCarriesSurface.selector)
        );
        (report.round, report.disagreement) = (0, 1);
        _expectRefusal(
            _signed(report, 3), abi.encodePacked(IMarketOracle.MarketOracle_SpotReportCarriesSurface.selector)
        );
        report.disagreement = 0;
        report.slices = _surface(1, START, 1).slices;
        _expectRefusal(
            _signed(report, 3), abi.encodePacked(IMarketOracle.MarketOracle_SpotReportCarriesSurface.selector)
        );
    }

    function test_submit_refusesNoneAndTooManyExpiries() public {
        _expectRefusal(
            _signed(_surface(1, START, 17), 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_TooManyExpiries.selector, 17, 16)
        );
        _expectRefusal(
            _signed(_surface(1, START, 0), 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_TooManyExpiries.selector, 0, 16)
        );
    }

    function test_submit_refusesExpiriesOutOfOrder() public {
        TestReport memory report = _surface(1, START, 2);
        report.slices[1].expiry = _expiry(0);
        bytes memory expected =
            abi.encodeWithSelector(IMarketOracle.MarketOracle_ExpiriesNotSorted.selector, _expiry(0), _expiry(0));
        _expectRefusal(_signed(report, 3), expected);
        report.slices[1].expiry = _expiry(0) - 1;
        expected =
            abi.encodeWithSelector(IMarketOracle.MarketOracle_ExpiriesNotSorted.selector, _expiry(0) - 1, _expiry(0));
        _expectRefusal(_signed(report, 3), expected);
    }

    function test_submit_refusesUnknownMarkets() public {
        TestReport memory report = _surface(1, START, 1);
        report.marketId = 8;
        _expectRefusal(_signed(report, 3), abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownMarket.selector, 8));
    }

    function test_submit_refusesAPriceOfZero() public {
        TestReport memory report = _surface(1, START, 1);
        report.spot = 0;
        _expectRefusal(_signed(report, 3), abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidPrice.selector, 0));
    }

    // ───────────────────────────── Its time is wrong ─────────────────────────────

    function test_submit_refusesReplay() public {
        bytes memory report = _signed(_surface(1, START, 1), 3);
        oracle.submitReport(report);
        _expectRefusal(report, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, 1, 1));
        bytes memory spot = _signed(_spotOnly(START, SPOT), 3);
        _expectRefusal(
            spot, abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, START, START + 1)
        );
    }

    function test_submit_refusesANewerRoundAtAnOlderOrEqualTime() public {
        vm.warp(START + 1);
        _submit(_surface(5, START + 1, 1));
        vm.warp(START + 10);
        for (uint40 time = START; time <= START + 2; ++time) {
            // Two seconds must lie between two reports.
            _expectRefusal(
                _signed(_surface(6, time, 1), 3),
                abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, time, START + 2)
            );
        }
    }

    function test_submit_refusesAnOlderRoundAtANewerTime() public {
        _submit(_surface(5, START, 1));
        vm.warp(START + 10);
        for (uint32 round = 4; round <= 5; ++round) {
            _expectRefusal(
                _signed(_surface(round, START + 10, 1), 3),
                abi.encodeWithSelector(IMarketOracle.MarketOracle_ReportNotNewer.selector, round, 5)
            );
        }
    }

    function test_submit_refusesTheFuture() public {
        _expectRefusal(
            _signed(_surface(1, START + 1, 1), 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_FutureTimestamp.selector, START + 1, START)
        );
    }

    function test_submit_refusesHoardedReports() public {
        bytes memory report = _signed(_surface(1, START, 1), 3);
        vm.warp(START + 31);
        _expectRefusal(report, abi.encodeWithSelector(IMarketOracle.MarketOracle_TooStale.selector, 31, 30));
    }

    // ───────────────────────────── Its signatures are wrong ─────────────────────────────

    function test_submit_refusesTooFewSigners() public {
        _expectRefusal(
            _signed(_surface(1, START, 1), 2),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_TooFewSigners.selector, 2, 3)
        );
    }

    function test_submit_refusesOneSignerCountedTwiceInEveryOrder() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        bytes memory body = _body(report, 3);
        bytes[3] memory s = [_signature(digest, 0), _signature(digest, 1), _signature(digest, 2)];
        bytes4 unsorted = IMarketOracle.MarketOracle_SignersNotSorted.selector;
        _expectRefusal(bytes.concat(body, s[0], s[0], s[1]), abi.encodeWithSelector(unsorted, 0, 0));
        _expectRefusal(bytes.concat(body, s[0], s[1], s[1]), abi.encodeWithSelector(unsorted, 1, 1));
        _expectRefusal(bytes.concat(body, s[1], s[0], s[2]), abi.encodeWithSelector(unsorted, 0, 1));
        _expectRefusal(bytes.concat(body, s[2], s[1], s[0]), abi.encodeWithSelector(unsorted, 1, 2));
        // The same key under another index.
        bytes memory disguised = _signatureBy(digest, 2, keys[0]);
        _expectRefusal(
            bytes.concat(body, s[0], s[1], disguised),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2)
        );
    }

    function test_submit_refusesIndicesBeyondTheSet() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        bytes memory body = _body(report, 3);
        _expectRefusal(
            bytes.concat(body, _signature(digest, 0), _signature(digest, 1), _signatureBy(digest, 4, 99)),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_SignerNotActive.selector, 4)
        );
    }

    function test_submit_refusesStrangers() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        _expectRefusal(
            bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 1), _signatureBy(digest, 2, 99)),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2)
        );
    }

    function test_submit_refusesTheOtherFormOfASignature() public {
        TestReport memory report = _surface(1, START, 1);
        bytes32 digest = _digest(report);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], digest);
        bytes memory start = bytes.concat(_body(report, 3), _signature(digest, 0), _signature(digest, 1));
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 2);
        bytes32 highS = bytes32(ORDER - uint256(s));
        assertEq(ecrecover(digest, 55 - v, r, highS), vm.addr(keys[2]), "the high form is a valid signature elsewhere");
        _expectRefusal(bytes.concat(start, abi.encodePacked(uint8(2), r, highS, 55 - v)), expected);
        uint8[5] memory wrong = [0, 1, 29, 55 - v, 255];
        for (uint256 i = 0; i < wrong.length; ++i) {
            _expectRefusal(bytes.concat(start, abi.encodePacked(uint8(2), r, s, wrong[i])), expected);
        }
        // What recovers to the zero address.
        _expectRefusal(bytes.concat(start, abi.encodePacked(uint8(2), bytes32(0), bytes32(0), uint8(27))), expected);
    }

    function test_submit_refusesSignaturesForOtherChainsAndContracts() public {
        bytes memory expected = abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 0);
        uint256 home = 31_337; // the optimiser would read `block.chainid` again after the change
        vm.chainId(home);
        bytes memory report = _signed(_surface(1, START, 1), 3);
        vm.chainId(home + 1);
        _expectRefusal(report, expected);
        vm.chainId(home);

        (, address[] memory signers,) = oracle.signers();
        MarketOracle other = new MarketOracle(signers, oracle.authority());
        other.addMarket(MARKET);
        vm.expectRevert(expected);
        other.submitReport(report);
        oracle.submitReport(report);
    }

    /// Every bit of a surface report with an average and of its signatures is covered.
    function test_submit_refusesEveryFlippedBit() public {
        vm.warp(_expiry(0) - 900);
        TestReport memory report = _withAverage(_surface(1, _expiry(0) - 900, 2), _expiry(0), SPOT, 900);
        _expectEveryFlippedBitRefused(_signed(report, 3));
        _expectEveryFlippedBitRefused(
            _signed(_withAverage(_spotOnly(_expiry(0) - 900, SPOT), _expiry(0), SPOT, 900), 3)
        );
        _submit(report);
    }

    function _expectEveryFlippedBitRefused(bytes memory report) private {
        uint256 flips;
        for (uint256 bit = 0; bit < report.length * 8; ++bit) {
            bytes1 mask = bytes1(uint8(1 << (bit & 7)));
            report[bit / 8] ^= mask;
            (bool accepted,) = address(oracle).call(abi.encodeCall(oracle.submitReport, (report)));
            assertFalse(accepted, string.concat("bit ", vm.toString(bit)));
            report[bit / 8] ^= mask;
            ++flips;
        }
        assertGt(flips, 1_000);
    }

    // ───────────────────────────── Signers ─────────────────────────────

    function test_signers_quorumIsTwoThirdsAndOne() public view {
        (uint32 set, address[] memory signers, uint256 quorum) = oracle.signers();
        assertEq(set, 1);
        assertEq(quorum, 3);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(signers[i], vm.addr(keys[i]));
        }
    }

    function test_setSigners_endsTheOldSetAtOnce() public {
        bytes memory old = _signed(_surface(1, START, 1), 3);
        delete keys;
        address[] memory next = new address[](1);
        keys.push(1234);
        next[0] = vm.addr(1234);
        vm.expectEmit();
        emit IMarketOracle.SignersChanged(2, next, 1);
        oracle.setSigners(next, 1);
        _expectRefusal(old, abi.encodeWithSelector(IMarketOracle.MarketOracle_WrongSignerSet.selector, 1, 2));
        TestReport memory report = _surface(1, START, 1);
        report.signerSet = 2;
        oracle.submitReport(_signed(report, 1));
    }

    function test_attack_G13_quorumsThatAreNotSafeAreRefused() public {
        (, address[] memory four,) = oracle.signers();
        bytes4 selector = IMarketOracle.MarketOracle_InvalidThreshold.selector;
        uint256[4] memory wrong = [uint256(0), 2, 5, type(uint256).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(selector, wrong[i], 4));
            oracle.setSigners(four, wrong[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(selector, 1, 0));
        oracle.setSigners(new address[](0), 1);
        vm.expectRevert(abi.encodeWithSelector(selector, 44, 65));
        oracle.setSigners(new address[](65), 44);
        oracle.setSigners(four, 4);
    }

    function test_attack_G13_nobodyAndTwinsAreRefusedAsSigners() public {
        (, address[] memory four,) = oracle.signers();
        address last = four[3];
        four[3] = address(0);
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSigner.selector, address(0)));
        oracle.setSigners(four, 3);
        four[3] = four[1];
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSigner.selector, four[1]));
        oracle.setSigners(four, 3);
        four[3] = last;
        oracle.setSigners(four, 3);
    }

    function test_governance_isRestricted() public {
        (, address[] memory four,) = oracle.signers();
        address stranger = makeAddr("stranger");
        bytes memory expected = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(expected);
        oracle.setSigners(four, 3);
        vm.expectRevert(expected);
        oracle.addMarket(9);
    }

    function test_addMarket_twiceKeepsWhatIsThere() public {
        _submit(_surface(1, START, 1));
        oracle.addMarket(MARKET);
        assertEq(oracle.marketState(MARKET).round, 1);
    }

    // ───────────────────────────── Slices ─────────────────────────────

    function test_slice_refusedAlone_lastOneRolledDownStandsIn() public {
        _submit(_surface(1, START, 3));
        uint40 later = START + 1 hours;
        vm.warp(later);
        TestReport memory report = _surface(2, later, 3);
        report.slices[1].psi = 5e10; // ψ(1 + |ρ|) > 4
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 2, _expiry(1), IMarketOracle.SliceRefusal.Butterfly);
        _submit(report);

        (Slice[] memory slices, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(freshMask, 5);
        assertEq(slices.length, 3);
        assertEq(Slice.unwrap(slices[0]), _packedSlice(report.slices[0]));
        assertEq(Slice.unwrap(slices[2]), _packedSlice(report.slices[2]));
        TestSlice memory before = _slice(_expiry(1), START);
        uint256 left = _expiry(1) - later - 1200;
        uint256 leftBefore = _expiry(1) - START - 1200;
        assertEq(slices[1].theta(), before.theta * left / leftBefore);
        assertEq(slices[1].psi(), before.psi * left / leftBefore);
        assertEq(slices[1].rho(), before.rho);
        assertEq(slices[1].basis(), before.basis);
        assertEq(slices[1].residual(), before.residual);
        assertFalse(_board(_expiry(1), Moment.Now).fresh);
        assertTrue(_board(_expiry(2), Moment.Now).fresh);
    }

    function test_slice_refusedWithoutALastOne_isLeftOut() public {
        TestReport memory report = _surface(1, START, 3);
        report.slices[0].theta = 0;
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 1, _expiry(0), IMarketOracle.SliceRefusal.Range);
        _submit(report);
        assertEq(oracle.expiries(MARKET).length, 2);
        assertEq(oracle.expiries(MARKET)[0], _expiry(1));
        (, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(freshMask, 3);
    }

    function test_slice_leftOut_staysUntilItExpires() public {
        _submit(_surface(1, START, 3));
        vm.warp(START + 60);
        TestReport memory report = _surface(2, START + 60, 2);
        report.slices[1] = _slice(_expiry(3), START + 60); // 1 and 2 are left out, 3 is new
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 2, _expiry(1), IMarketOracle.SliceRefusal.Missing);
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 2, _expiry(2), IMarketOracle.SliceRefusal.Missing);
        _submit(report);
        (, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(oracle.expiries(MARKET).length, 4);
        assertEq(freshMask, 9);

        vm.warp(_expiry(1));
        report = _surface(3, _expiry(1), 1);
        report.slices[0] = _slice(_expiry(3), _expiry(1));
        _submit(report);
        assertEq(oracle.expiries(MARKET).length, 2);
        assertEq(oracle.expiries(MARKET)[0], _expiry(2));
    }

    function test_slice_leftOut_givesWayToTheReportsOwn() public {
        _submit(_surface(1, START, 16));
        vm.warp(START + 60);
        TestReport memory report = _surface(2, START + 60, 16);
        for (uint256 i = 0; i < 16; ++i) {
            report.slices[i] = _slice(_expiry(i) + 1 days, START + 60);
        }
        _submit(report);
        (, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(freshMask, 0xffff);
    }

    function test_slice_expired_isLeftOut() public {
        vm.warp(_expiry(0));
        TestReport memory report = _surface(1, _expiry(0), 2);
        report.slices[0].theta = 1e9;
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 1, _expiry(0), IMarketOracle.SliceRefusal.Expired);
        _submit(report);
        assertEq(oracle.expiries(MARKET).length, 1);
    }

    function test_slice_skewOfMinusOne_isOutOfRange() public {
        TestReport memory report = _surface(1, START, 1);
        report.slices[0].rho = type(int16).min;
        vm.expectEmit();
        emit IMarketOracle.SliceRefused(MARKET, 1, _expiry(0), IMarketOracle.SliceRefusal.Range);
        _submit(report);
    }

    /// Each inequality at equality, and one unit beyond it.
    function test_slice_inequalitiesAreExact() public {
        // ψ(1 + |ρ|) ≤ 4: at ρ = 0, ψ = 4 and θ = 4.
        _expectVerdict(4e11, 4e10, 0, IMarketOracle.SliceRefusal.None);
        _expectVerdict(5e11, 4e10 + 1, 0, IMarketOracle.SliceRefusal.Butterfly);
        // ψ²(1 + |ρ|) ≤ 4θ: at ρ = 1/2 and θ = 0.06, ψ = 0.4.
        _expectVerdict(6e9, 4e9, 16_384, IMarketOracle.SliceRefusal.None);
        _expectVerdict(6e9 - 1, 4e9, 16_384, IMarketOracle.SliceRefusal.Butterfly);
        _expectVerdict(6e9, 4e9, 16_385, IMarketOracle.SliceRefusal.Butterfly);
        _expectVerdict(6e9, 4e9 + 1, -16_384, IMarketOracle.SliceRefusal.Butterfly);
        // Neighbours, from θ = 0.1, ψ = 0.2, ρ = −1/4.
        TestSlice memory near = TestSlice(_expiry(0), 1e10, 2e9, -8_192, 0, 0);
        _expectPair(near, 1e10, 2e9, -8_192, IMarketOracle.SliceRefusal.None);
        _expectPair(near, 1e10 - 1, 2e9, -8_192, IMarketOracle.SliceRefusal.Calendar); // θ falls
        _expectPair(near, 2e10, 4e9, -8_192, IMarketOracle.SliceRefusal.None); // ψ/θ stays
        _expectPair(near, 2e10, 4e9 + 1, -8_192, IMarketOracle.SliceRefusal.Calendar); // ψ/θ grows
        _expectPair(near, 2e10, 3e9, 8_192, IMarketOracle.SliceRefusal.Calendar); // 1.25 > 1
        // ρψ from −0.05 to 0.05 while ψ grows from 0.2 to 0.3: equality at ρ₂ = 1/6, not a word; so ψ₂ = 0.4, ρ₂ = 3/8.
        _expectPair(near, 2e10, 4e9, 12_288, IMarketOracle.SliceRefusal.None);
        _expectPair(near, 2e10, 4e9, 12_289, IMarketOracle.SliceRefusal.Calendar);
        _expectPair(near, 2e10, 2e9 - 1, -8_192, IMarketOracle.SliceRefusal.Calendar); // ψ falls
    }

    function _expectVerdict(uint256 theta, uint256 psi, int16 rho, IMarketOracle.SliceRefusal verdict) private {
        TestReport memory report = _next(1);
        report.slices[0] = TestSlice(_expiry(0), theta, psi, rho, 0, 0);
        _expectLastVerdict(report, _expiry(0), verdict);
    }

    function _expectPair(
        TestSlice memory near,
        uint256 theta,
        uint256 psi,
        int16 rho,
        IMarketOracle.SliceRefusal verdict
    ) private {
        TestReport memory report = _next(2);
        report.slices[0] = near;
        report.slices[1] = TestSlice(_expiry(1), theta, psi, rho, 0, 0);
        _expectLastVerdict(report, _expiry(1), verdict);
    }

    /// @dev A report one round and two seconds after the last.
    function _next(uint256 count) private returns (TestReport memory) {
        MarketState memory state = oracle.marketState(MARKET);
        uint40 time = state.round == 0 ? START : state.surfaceTime + 2;
        vm.warp(time);
        return _surface(state.round + 1, time, count);
    }

    function _expectLastVerdict(TestReport memory report, uint32 expiry, IMarketOracle.SliceRefusal verdict) private {
        bool expected = verdict == IMarketOracle.SliceRefusal.None;
        if (!expected) {
            vm.expectEmit();
            emit IMarketOracle.SliceRefused(MARKET, report.round, expiry, verdict);
        }
        oracle.submitReport(_signed(report, 4)); // moves as far as it likes
        if (expected) assertTrue(_board(expiry, Moment.Report).fresh);
    }

    // ───────────────────────────── Boards ─────────────────────────────

    function test_boards_rollDownBetweenReports() public {
        _submit(_surface(1, START, 1));
        TestSlice memory slice = _slice(_expiry(0), START);
        uint40 later = START + 6 hours;
        vm.warp(later);
        Board memory board = _board(_expiry(0), Moment.Now);
        uint256 left = _expiry(0) - later - 1200;
        uint256 leftBefore = _expiry(0) - START - 1200;
        assertEq(board.effectiveSeconds, left);
        assertEq(board.thetaWad, slice.theta * 1e7 * left / leftBefore);
        assertEq(board.psiWad, slice.psi * 1e8 * left / leftBefore);
        assertEq(_board(_expiry(0), Moment.Report).thetaWad, slice.theta * 1e7);
    }

    function test_boards_previousShowsTheReportBefore() public {
        _submit(_surface(1, START, 2));
        vm.warp(START + 10);
        TestReport memory report = _surface(2, START + 10, 3);
        report.spot = 3_050e18;
        report.slices[0].theta = report.slices[0].theta * 9 / 10;
        _submit(report);
        Board memory now_ = _board(_expiry(0), Moment.Now);
        Board memory previous = _board(_expiry(0), Moment.Previous);
        assertEq(now_.thetaWad, report.slices[0].theta * 1e7);
        uint256 rolled = _slice(_expiry(0), START).theta * 1e7 * (_expiry(0) - START - 1210);
        assertEq(previous.thetaWad, rolled / (_expiry(0) - START - 1200));
        assertEq(previous.forwardWad, uint256(SPOT) * 10_012_345 / 1e7);
        assertEq(now_.forwardWad, uint256(3_050e18) * 10_012_345 / 1e7);
        // An expiry that is new has no value before: the present slice stands in.
        assertEq(_board(_expiry(2), Moment.Previous).thetaWad, _board(_expiry(2), Moment.Now).thetaWad);
    }

    function test_boards_previousOfTheFirstReportIsTheReport() public {
        _submit(_surface(1, START, 1));
        assertEq(_board(_expiry(0), Moment.Previous).thetaWad, _board(_expiry(0), Moment.Now).thetaWad);
        assertEq(_board(_expiry(0), Moment.Previous).forwardWad, _board(_expiry(0), Moment.Now).forwardWad);
    }

    function test_boards_skippedRoundsKeepTheReportBefore() public {
        _submit(_surface(1, START, 1));
        vm.warp(START + 10);
        TestReport memory report = _surface(3, START + 10, 1); // same parity as round 1
        report.spot = 3_050e18;
        _submit(report);
        assertEq(_board(_expiry(0), Moment.Previous).forwardWad, uint256(SPOT) * 10_012_345 / 1e7);
    }

    function test_boards_refuseWhatIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_NoSurface.selector, MARKET));
        this.board(_expiry(0), Moment.Now);
        _submit(_surface(1, START, 1));
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownExpiry.selector, MARKET, _expiry(5)));
        this.board(_expiry(5), Moment.Now);
    }

    // ───────────────────────────── Averages and settlement ─────────────────────────────

    function test_average_mixesIntoTheForwardInsideTheWindow() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 600);
        _submit(_withAverage(_surface(1, expiry - 600, 2), expiry, 2_900e18, 1_200));
        (uint256 average, uint256 elapsed) = oracle.runningAverage(MARKET, expiry);
        assertEq(average, 2_900e18);
        assertEq(elapsed, 1_200);
        uint256 forward = uint256(SPOT) * 10_012_345 / 1e7;
        uint256 mixed = (1_200 * uint256(2_900e18) + 600 * forward) / 1_800;
        assertEq(_board(expiry, Moment.Now).forwardWad, mixed);
        assertEq(_board(expiry, Moment.Report).forwardWad, mixed);
        assertEq(_board(expiry, Moment.Now).effectiveSeconds, 23); // 600³/(3·1800²) = 22.2
        assertEq(oracle.settlementPrice(MARKET, expiry), 0);
    }

    function test_average_ofALaterSpotReportDoesNotMoveTheReportsOwnBoard() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 600);
        _submit(_withAverage(_surface(1, expiry - 600, 2), expiry, 2_900e18, 1_200));
        uint256 atReport = _board(expiry, Moment.Report).forwardWad;
        vm.warp(expiry - 300);
        _submit(_withAverage(_spotOnly(expiry - 300, 2_950e18), expiry, 2_890e18, 1_500));
        assertEq(_board(expiry, Moment.Report).forwardWad, atReport);
        uint256 forward = uint256(2_950e18) * 10_012_345 / 1e7;
        assertEq(_board(expiry, Moment.Now).forwardWad, (1_500 * uint256(2_890e18) + 300 * forward) / 1_800);
    }

    function test_average_missingInsideTheWindowStopsThatExpiryAlone() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 1_800);
        _submit(_surface(1, expiry - 1_800, 2));
        this.board(expiry, Moment.Now);
        vm.warp(expiry - 1_799);
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_NoRunningAverage.selector, MARKET, expiry));
        this.board(expiry, Moment.Now);
        this.board(expiry, Moment.Report);
        this.board(_expiry(1), Moment.Now);
    }

    /// @dev What is held can be judged all the same, as if nothing of the forward were fixed.
    function test_average_missingInsideTheWindowCountsAsAllOpenForWhatIsHeld() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 1_800);
        _submit(_surface(1, expiry - 1_800, 2));
        vm.warp(expiry - 600);
        uint256 forward = uint256(SPOT) * 10_012_345 / 1e7;
        assertEq(_board(expiry, Moment.Held).forwardWad, forward);
        assertEq(_board(expiry, Moment.Held).effectiveSeconds, 23);
        assertEq(_board(expiry, Moment.Unconfirmed).forwardWad, forward);
        _submit(_withAverage(_spotOnly(expiry - 600, SPOT), expiry, 2_890e18, 1_200));
        assertEq(_board(expiry, Moment.Held).forwardWad, _board(expiry, Moment.Now).forwardWad, "else as now");
    }

    function test_average_completeFixesTheSettlementPriceForEver() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry);
        vm.expectEmit();
        emit IMarketOracle.SettlementPriceFixed(MARKET, expiry, 2_950e18);
        _submit(_withAverage(_surface(1, expiry, 2), expiry, 2_950e18, 1_800));
        assertEq(oracle.settlementPrice(MARKET, expiry), 2_950e18);
        Board memory board = _board(expiry, Moment.Now);
        assertTrue(board.settled);
        assertTrue(board.fresh);
        assertEq(board.forwardWad, 2_950e18);
        assertEq(board.thetaWad, 0);
        assertEq(board.psiWad, 0);
        assertEq(board.effectiveSeconds, 0);
        assertTrue(_board(expiry, Moment.Report).settled);
        assertTrue(_board(expiry, Moment.Previous).settled);

        vm.warp(expiry + 60);
        _submit(_withAverage(_surface(2, expiry + 60, 2), expiry, 1e18, 1_800));
        assertEq(oracle.settlementPrice(MARKET, expiry), 2_950e18);
    }

    function test_average_completeInASpotReport_leavesTheReportsBoardOpen() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 10);
        _submit(_withAverage(_surface(1, expiry - 10, 2), expiry, 2_900e18, 1_790));
        vm.warp(expiry);
        _submit(_withAverage(_spotOnly(expiry, SPOT), expiry, 2_901e18, 1_800));
        assertTrue(_board(expiry, Moment.Now).settled);
        assertFalse(_board(expiry, Moment.Report).settled);
    }

    function test_average_expiredWithoutAPriceIsUnknown() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 10);
        _submit(_withAverage(_surface(1, expiry - 10, 2), expiry, 2_900e18, 1_790));
        vm.warp(expiry);
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_UnknownExpiry.selector, MARKET, expiry));
        this.board(expiry, Moment.Now);
        this.board(expiry, Moment.Report);
    }

    function test_average_anOlderSurfaceDoesNotTurnItBack() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 100);
        _submit(_withAverage(_spotOnly(expiry - 100, SPOT), expiry, 2_900e18, 1_700));
        _submit(_withAverage(_surface(1, expiry - 110, 2), expiry, 2_800e18, 1_690));
        (uint256 average, uint256 elapsed) = oracle.runningAverage(MARKET, expiry);
        assertEq(average, 2_900e18);
        assertEq(elapsed, 1_700);
    }

    function test_average_refusesWhatDoesNotFollowFromTheTime() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry - 600);
        uint16[5] memory wrong = [0, 1_199, 1_201, 1_800, 65_535];
        for (uint256 i = 0; i < wrong.length; ++i) {
            _expectAverageRefused(expiry, SPOT, wrong[i]);
        }
        _expectAverageRefused(expiry, 0, 1_200);
        _expectAverageRefused(_expiry(1), SPOT, 0); // its window has not begun
        _expectAverageRefused(_expiry(1), SPOT, 1_200);
        _submit(_withAverage(_surface(1, expiry - 600, 2), expiry, SPOT, 1_200));
    }

    function test_average_refusesExpiriesOutOfOrder() public {
        uint32 expiry = _expiry(0);
        vm.warp(expiry);
        TestReport memory report = _spotOnly(expiry, SPOT);
        report.averages = new TestAverage[](2);
        report.averages[0] = TestAverage(expiry, SPOT, 1_800);
        report.averages[1] = TestAverage(expiry, SPOT + 1, 1_800);
        _expectRefusal(
            _signed(report, 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_ExpiriesNotSorted.selector, expiry, expiry)
        );
    }

    function _expectAverageRefused(uint32 expiry, uint96 average, uint16 elapsed) private {
        TestReport memory report = _withAverage(_surface(1, _expiry(0) - 600, 2), expiry, average, elapsed);
        _expectRefusal(
            _signed(report, 3),
            abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidAverage.selector, expiry, average, elapsed)
        );
    }

    // ───────────────────────────── Steps ─────────────────────────────

    function _headerOf(TestReport memory report) private pure returns (ReportHeader) {
        return ReportHeader.wrap(uint256(bytes32(_body(report, 0))));
    }

    function _expectRefusal(bytes memory report, bytes memory expected) private {
        vm.expectRevert(expected);
        oracle.submitReport(report);
    }

    function _board(uint32 expiry, Moment moment) private view returns (Board memory) {
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = expiry;
        (, Board[] memory boards) = oracle.boards(MARKET, expiries, moment);
        return boards[0];
    }

    /// @dev As `_board`, from outside, so that a revert can be expected.
    function board(uint32 expiry, Moment moment) external view returns (Board memory) {
        return _board(expiry, moment);
    }
}
