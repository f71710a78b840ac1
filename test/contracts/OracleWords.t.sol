// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AverageWord} from "../../pool-contracts/types/AverageWord.sol";
import {ReportHeader} from "../../pool-contracts/types/ReportHeader.sol";
import {SignerSet, toSignerSet} from "../../pool-contracts/types/SignerSet.sol";
import {Slice, toSlice} from "../../pool-contracts/types/Slice.sol";
import {SpotWord} from "../../pool-contracts/types/SpotWord.sol";
import {
    MAX_SLICES,
    Surfaces,
    cutPages,
    expiryIn,
    expiryPlace,
    findExpiry,
    newPages,
    putSlice,
    sliceIn,
    slicePlace
} from "../../pool-contracts/types/Surface.sol";
import {SurfaceHeader, toSurfaceHeader} from "../../pool-contracts/types/SurfaceHeader.sol";
import {Test} from "forge-std/Test.sol";

/// Every packed word of the oracle: each field at any value, next to fields at any value, comes back as it was.
contract OracleWordsTest is Test {
    function testFuzz_slice(uint40 theta, uint256 psi, int16 rho, int24 basis, uint16 residual) public pure {
        uint256 p = psi % 2 ** 36;
        uint256 e = residual % 2 ** 12;
        Slice slice = toSlice(theta, p, rho, basis, e);
        assertEq(slice.theta(), theta);
        assertEq(slice.psi(), p);
        assertEq(slice.rho(), rho);
        assertEq(slice.basis(), basis);
        assertEq(slice.residual(), e);
    }

    function test_slice_limits() public pure {
        Slice all = toSlice(2 ** 40 - 1, 2 ** 36 - 1, -1, -1, 2 ** 12 - 1);
        assertEq(Slice.unwrap(all), type(uint128).max);
        Slice least = toSlice(0, 0, type(int16).min, type(int24).min, 0);
        assertEq(least.rho(), type(int16).min);
        assertEq(least.basis(), type(int24).min);
        assertEq(least.theta() + least.psi() + least.residual(), 0);
    }

    struct SpotFields {
        uint96 first;
        uint96 second;
        uint32 time;
        uint8 delay;
        uint8 spotMove;
        uint8 volatilityMove;
        uint8 minGap;
        bool flip;
        bool spotWaits;
        bool surfaceWaits;
    }

    function testFuzz_spotWord(SpotFields memory fields) public pure {
        SpotWord word = SpotWord.wrap(0).withLimits(fields.spotMove, fields.volatilityMove, fields.minGap);
        word = word.withSpot(fields.first, 1, 0);
        if (fields.flip) word = word.withOtherSide();
        if (fields.surfaceWaits) word = word.withSurfaceUnconfirmed();
        word = word.withSpotUnconfirmed();
        assertTrue(word.isUnconfirmed());
        word = word.withSpot(fields.second, fields.time, fields.delay & 31);
        assertFalse(word.isSpotUnconfirmed());
        if (fields.spotWaits) word = word.withSpotUnconfirmed();
        _assertSpotWord(word, fields);
        _assertSpotWord(word.withOtherSide().withOtherSide(), _withoutWaitingSurface(fields));
        // Limits change alone.
        SpotWord other = word.withLimits(~fields.spotMove, ~fields.volatilityMove, ~fields.minGap);
        assertEq(other.spotMove(), 255 - fields.spotMove);
        assertEq(
            SpotWord.unwrap(other.withLimits(fields.spotMove, fields.volatilityMove, fields.minGap)),
            SpotWord.unwrap(word)
        );
        assertFalse(SpotWord.wrap(type(uint256).max).withLimits(255, 255, 0).isRegistered());
    }

    function _assertSpotWord(SpotWord word, SpotFields memory fields) private pure {
        assertEq(word.spot(), fields.second);
        assertEq(word.previousSpot(), fields.first);
        assertEq(word.time(), fields.time);
        assertEq(word.acceptedAt(), uint256(fields.time) + (fields.delay & 31));
        assertEq(word.spotMove(), fields.spotMove);
        assertEq(word.volatilityMove(), fields.volatilityMove);
        assertEq(word.minGap(), fields.minGap);
        assertEq(word.isRegistered(), fields.minGap != 0);
        assertEq(word.side(), fields.flip ? 1 : 0);
        assertEq(word.withOtherSide().side(), fields.flip ? 0 : 1);
        assertEq(word.isSpotUnconfirmed(), fields.spotWaits);
        assertEq(word.isSurfaceUnconfirmed(), fields.surfaceWaits);
        assertEq(word.isUnconfirmed(), fields.spotWaits || fields.surfaceWaits);
    }

    function _withoutWaitingSurface(SpotFields memory fields) private pure returns (SpotFields memory copy) {
        copy = fields;
        copy.surfaceWaits = false;
    }

    Surfaces private _surfaces;

    /// Up to sixteen slices come back from memory and from storage as they were put in, and nothing lies behind them; whatever
    /// stood there before.
    function testFuzz_surfacePages(uint256 seed, uint256 count, uint256 countBefore) public {
        _write(~seed, bound(countBefore, 1, MAX_SLICES));
        count = bound(count, 1, MAX_SLICES);
        uint256[] memory pages = _write(seed, count);
        assertEq(pages.length, slicePlace(count - 1) + 1);
        (uint256 first, uint256 second) = _surfaces.expiryWords(1);
        for (uint256 i = 0; i < count; ++i) {
            (uint256 expiry, uint128 slice) = _drawSlice(seed, i);
            assertEq(expiryIn(pages[expiryPlace(i)], i), expiry);
            assertEq(Slice.unwrap(sliceIn(pages[slicePlace(i)], i)), slice);
            assertEq(Slice.unwrap(sliceIn(_surfaces.sliceWord(2, i >> 1), i)), slice);
            (bool found, uint256 index) = findExpiry(first, second, expiry);
            assertTrue(found);
            assertEq(index, i);
        }
        (bool foundNone,) = findExpiry(first, second, 12_345);
        assertFalse(foundNone);
        assertEq(first << 32 * (count < 8 ? count : 8), 0);
        assertEq(second << 32 * (count < 8 ? 0 : count - 8), 0);
        for (uint256 list = 0; list < 3; list += 2) {
            (first, second) = _surfaces.expiryWords(list);
            assertEq(first | second, 0, "other lists");
        }
        assertEq(_surfaces.sliceWord(1, 7), 0, "other sides");
    }

    function _write(uint256 seed, uint256 count) private returns (uint256[] memory pages) {
        pages = newPages();
        for (uint256 i = 0; i < count; ++i) {
            (uint256 expiry, uint128 slice) = _drawSlice(seed, i);
            putSlice(pages, i, expiry, slice);
        }
        cutPages(pages, count);
        _surfaces.writeList(1, pages);
        _surfaces.writeSlices(2, pages);
    }

    function _drawSlice(uint256 seed, uint256 i) private pure returns (uint256 expiry, uint128 slice) {
        uint256 h = uint256(keccak256(abi.encode(seed, i)));
        return (1_700_000_000 + (i << 20) + uint8(h), uint128(h >> 32)); // all different, none is 12,345
    }

    struct HeaderFields {
        uint32 round;
        uint32 time;
        uint8 delay;
        uint96 spot;
        uint16 disagreement;
        uint16 freshMask;
        uint8 list;
    }

    function testFuzz_surfaceHeader(HeaderFields memory before, HeaderFields memory fields) public pure {
        SurfaceHeader last = _toHeader(SurfaceHeader.wrap(0), before);
        SurfaceHeader header = _toHeader(last, fields);
        assertEq(header.round(), fields.round);
        assertEq(header.time(), fields.time);
        assertEq(header.acceptedAt(), uint256(fields.time) + fields.delay);
        assertEq(header.spot(), fields.spot);
        assertEq(header.disagreement(), fields.disagreement);
        assertEq(header.freshMask(), fields.freshMask);
        assertEq(header.list(), fields.list);
        assertEq(header.previousTime(), before.time);
        assertEq(header.previousFreshMask(), before.freshMask);
        assertEq(header.previousList(), before.list);
        uint256 spare = header.spareList();
        assertLt(spare, 3);
        assertTrue(spare != fields.list && spare != before.list);
        assertEq(last.previousTime() | last.previousFreshMask() | last.previousList(), 0);
    }

    function _toHeader(SurfaceHeader last, HeaderFields memory f) private pure returns (SurfaceHeader) {
        (f.delay, f.list) = (f.delay % 31, f.list % 3);
        return toSurfaceHeader(last, f.round, f.time, f.delay, f.spot, f.disagreement, f.freshMask, f.list);
    }

    function testFuzz_averageWord(uint96 a, uint16 e, uint96 reportA, uint16 reportE) public pure {
        AverageWord word = AverageWord.wrap(0).withNewest(a, e).withReport(reportA, reportE);
        AverageWord other = AverageWord.wrap(0).withReport(reportA, reportE).withNewest(a, e);
        assertEq(AverageWord.unwrap(word), AverageWord.unwrap(other));
        assertEq(word.average(), a);
        assertEq(word.elapsed(), e);
        assertEq(word.reportAverage(), reportA);
        assertEq(word.reportElapsed(), reportE);
        assertEq(word.withNewest(1, 2).reportAverage(), reportA);
        assertEq(word.withReport(1, 2).average(), a);
    }

    function testFuzz_signerSet(address pointer, uint32 number, uint8 count, uint8 quorum) public pure {
        SignerSet set = toSignerSet(pointer, number, count, quorum);
        assertEq(set.pointer(), pointer);
        assertEq(set.number(), number);
        assertEq(set.count(), count);
        assertEq(set.quorum(), quorum);
    }

    function testFuzz_reportHeader(
        uint8 kind,
        uint16 marketId,
        uint32 round,
        uint40 modelTime,
        uint96 spot,
        uint16 disagreement,
        uint32 signerSet,
        uint8 slices,
        uint8 averages
    ) public pure {
        ReportHeader header = ReportHeader.wrap(
            uint256(
                bytes32(
                    abi.encodePacked(kind, marketId, round, modelTime, spot, disagreement, signerSet, slices, averages)
                )
            )
        );
        assertEq(header.kind(), kind);
        assertEq(header.marketId(), marketId);
        assertEq(header.round(), round);
        assertEq(header.modelTime(), modelTime);
        assertEq(header.spot(), spot);
        assertEq(header.disagreement(), disagreement);
        assertEq(header.signerSet(), signerSet);
        assertEq(header.sliceCount(), slices);
        assertEq(header.averageCount(), averages);
        assertEq(header.carriesSurface(), round != 0 || disagreement != 0 || slices != 0);
    }
}
