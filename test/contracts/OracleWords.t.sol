// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AverageWord} from "../../pool-contracts/types/AverageWord.sol";
import {ReportHeader} from "../../pool-contracts/types/ReportHeader.sol";
import {SignerSet, toSignerSet} from "../../pool-contracts/types/SignerSet.sol";
import {Slice, toSlice} from "../../pool-contracts/types/Slice.sol";
import {SpotWord} from "../../pool-contracts/types/SpotWord.sol";
import {
    MAX_SLICES,
    SURFACE_WORDS,
    expiryIn,
    expiryWordOf,
    putSlice,
    sliceIn,
    sliceWordOf
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

    /// Sixteen slices of any content come back from the words they were put in, and stay in no more than ten.
    function testFuzz_surfaceWords(uint256 seed, uint256 count) public pure {
        count = bound(count, 1, MAX_SLICES);
        uint256[] memory words = new uint256[](SURFACE_WORDS);
        for (uint256 i = 0; i < count; ++i) {
            uint256 h = uint256(keccak256(abi.encode(seed, i)));
            putSlice(words, i, uint32(h), uint128(h >> 32));
        }
        for (uint256 i = 0; i < count; ++i) {
            uint256 h = uint256(keccak256(abi.encode(seed, i)));
            assertEq(expiryIn(words[expiryWordOf(i)], i), uint32(h));
            assertEq(Slice.unwrap(sliceIn(words[sliceWordOf(i)], i)), uint128(h >> 32));
        }
        for (uint256 word = sliceWordOf(count - 1) + 1; word < SURFACE_WORDS; ++word) {
            assertEq(words[word], 0, "nothing behind the last slice");
        }
    }

    function testFuzz_surfaceHeader(
        uint32 round,
        uint40 time,
        uint8 delay,
        uint96 spot,
        uint16 disagreement,
        uint8 count,
        uint16 freshMask,
        uint32 signerSet
    ) public pure {
        time = time > type(uint40).max - 255 ? type(uint40).max - 255 : time;
        SurfaceHeader header = toSurfaceHeader(round, time, delay, spot, disagreement, count, freshMask, signerSet);
        assertEq(header.round(), round);
        assertEq(header.time(), time);
        assertEq(header.acceptedAt(), uint256(time) + delay);
        assertEq(header.spot(), spot);
        assertEq(header.disagreement(), disagreement);
        assertEq(header.count(), count);
        assertEq(header.freshMask(), freshMask);
        assertEq(header.signerSet(), signerSet);
        for (uint256 i = 0; i < 16; ++i) {
            assertEq(header.isFresh(i), freshMask >> i & 1 == 1);
        }
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
