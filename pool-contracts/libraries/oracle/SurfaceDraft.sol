// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {ReportHeader, readSlice} from "../../types/ReportHeader.sol";
import {RHO_ONE, Slice, toSlice} from "../../types/Slice.sol";
import {
    MAX_SLICES,
    SURFACE_WORDS,
    Surface,
    expiryIn,
    expiryWordOf,
    putSlice,
    sliceIn,
    sliceWordOf
} from "../../types/Surface.sol";
import {SurfaceHeader} from "../../types/SurfaceHeader.sol";
import {RollDown} from "../pricing/RollDown.sol";
import {SurfaceArbitrage} from "../pricing/SurfaceArbitrage.sol";
import {BoundedMove} from "./BoundedMove.sol";

/// @title The surface that a report makes
/// @notice The report's slices, each checked alone and after the accepted one before it; and where one is refused or left
/// out, the last surface's slice of that expiry, rolled down to the new model time. Both lists are in the order of their
/// expiries and are merged in one pass.
library SurfaceDraft {
    /// @param words The new surface as `Surface` lays it out, cut to what is used.
    /// @param kept How many slices it has.
    /// @param freshMask Bit i is 1 where slice i came with the report.
    /// @param isBounded Whether no at-the-money variance moved further from the last surface than it may.
    /// @param neighbour The last accepted slice; zero before the first: every slice may follow it.
    /// @param lastExpiry The expiry of the report's last slice.
    /// @param oldCount Of the last surface: how many slices it has,
    /// @param oldIndex the first that no slice of the report has passed,
    /// @param oldExpiry its expiry, beyond all expiries where there is none,
    /// @param oldExpiries the word that expiry came from,
    /// @param oldSlices the word of its slice; 0 where it was not read.
    struct Draft {
        uint256[] words;
        uint256 kept;
        uint256 freshMask;
        bool isBounded;
        Slice neighbour;
        uint256 lastExpiry;
        uint256 oldCount;
        uint256 oldIndex;
        uint256 oldExpiry;
        uint256 oldExpiries;
        uint256 oldSlices;
    }

    uint256 private constant NO_EXPIRY = type(uint256).max;

    /// @param last The surface that the report follows, and its header.
    /// @param volatilityMove Percent per √hour that σ may move, in ln; θ may move twice as far.
    function make(
        Surface storage last,
        SurfaceHeader lastHeader,
        ReportHeader header,
        bytes calldata report,
        uint256 volatilityMove
    ) internal returns (Draft memory draft) {
        draft.words = new uint256[](SURFACE_WORDS);
        draft.isBounded = true;
        draft.oldCount = lastHeader.count();
        _readOld(draft, last);
        (uint256 modelTime, uint256 count) = (header.modelTime(), header.sliceCount());
        unchecked {
            // Counts are at most MAX_SLICES.
            for (uint256 i = 0; i < count; ++i) {
                (uint256 expiry, uint256 packed) = readSlice(report, i);
                if (expiry <= draft.lastExpiry) {
                    // Both are expiries of the report.
                    revert IMarketOracle.MarketOracle_ExpiriesNotSorted(uint32(expiry), uint32(draft.lastExpiry));
                }
                if (draft.oldExpiry < expiry) _carryMissing(draft, last, lastHeader, header, expiry, count - i);
                draft.lastExpiry = expiry;

                Slice slice = Slice.wrap(uint128(packed)); // a slice of the report has 128 bits
                IMarketOracle.SliceRefusal reason = _refusal(draft.neighbour, slice, expiry, modelTime);
                if (reason == IMarketOracle.SliceRefusal.None) {
                    if (expiry == draft.oldExpiry) _compare(draft, last, lastHeader, slice, modelTime, volatilityMove);
                    draft.neighbour = slice;
                    draft.freshMask |= 1 << draft.kept;
                    putSlice(draft.words, draft.kept++, expiry, packed);
                } else {
                    emit IMarketOracle.SliceRefused(header.marketId(), header.round(), uint32(expiry), reason);
                    if (expiry == draft.oldExpiry && reason != IMarketOracle.SliceRefusal.Expired) {
                        _carry(draft, last, lastHeader, modelTime);
                    }
                }
                if (expiry == draft.oldExpiry) _passOld(draft, last);
            }
        }
        _carryMissing(draft, last, lastHeader, header, NO_EXPIRY, 0);
        _cut(draft);
    }

    /// @notice Whether the slices that came with the report are as near to those of `waiting` as a move allows.
    function agrees(Draft memory draft, Surface storage waiting, uint256 modelTime, uint256 volatilityMove)
        internal
        view
        returns (bool)
    {
        SurfaceHeader header = waiting.header;
        uint256 count = header.count();
        for (uint256 i = 0; i < draft.kept; ++i) {
            if (draft.freshMask >> i & 1 == 0) continue;
            uint32 expiry = expiryIn(draft.words[expiryWordOf(i)], i);
            uint256 index = waiting.indexOf(count, expiry);
            if (index == count) continue;
            Slice slice = sliceIn(draft.words[sliceWordOf(i)], i);
            if (!_isBounded(waiting.sliceAt(index), slice, expiry, header.time(), modelTime, volatilityMove)) {
                return false;
            }
        }
        return true;
    }

    function _refusal(Slice neighbour, Slice slice, uint256 expiry, uint256 modelTime)
        private
        pure
        returns (IMarketOracle.SliceRefusal)
    {
        if (expiry <= modelTime) return IMarketOracle.SliceRefusal.Expired;
        if (slice.theta() == 0 || slice.rho() == -RHO_ONE) return IMarketOracle.SliceRefusal.Range;
        if (!SurfaceArbitrage.isButterflyFree(slice)) return IMarketOracle.SliceRefusal.Butterfly;
        if (!SurfaceArbitrage.isCalendarFree(neighbour, slice)) return IMarketOracle.SliceRefusal.Calendar;
        return IMarketOracle.SliceRefusal.None;
    }

    /// @dev Compares an accepted slice with the old one of the same expiry, which is at hand.
    function _compare(
        Draft memory draft,
        Surface storage last,
        SurfaceHeader lastHeader,
        Slice slice,
        uint256 modelTime,
        uint256 volatilityMove
    ) private view {
        Slice old = _oldSlice(draft, last);
        if (!_isBounded(old, slice, draft.oldExpiry, lastHeader.time(), modelTime, volatilityMove)) {
            draft.isBounded = false;
        }
    }

    /// @dev θ against the old θ rolled down, θ₂·τ_eff₁ against θ₁·τ_eff₂: without a division nothing is lost, and equal
    /// volatilities are equal at any distance from the expiry. Expiries are after both times.
    function _isBounded(
        Slice old,
        Slice slice,
        uint256 expiry,
        uint256 oldTime,
        uint256 modelTime,
        uint256 volatilityMove
    ) private pure returns (bool) {
        unchecked {
            // θ < 2^40 and 3A²·τ_eff < 2^56 for 32-bit times: the products are below 2^96.
            return BoundedMove.isBounded(
                slice.theta() * RollDown.scaledEffectiveTime(expiry - oldTime),
                old.theta() * RollDown.scaledEffectiveTime(expiry - modelTime),
                2 * volatilityMove,
                modelTime - oldTime
            );
        }
    }

    /// @dev Positions may stand at an expiry that the report leaves out: its last slice stays, rolled down. This passes the
    /// slices of the last surface that expire before `until`; `reserved` places are kept for slices of the report.
    function _carryMissing(
        Draft memory draft,
        Surface storage last,
        SurfaceHeader lastHeader,
        ReportHeader header,
        uint256 until,
        uint256 reserved
    ) private {
        while (draft.oldExpiry < until) {
            if (draft.oldExpiry > header.modelTime() && draft.kept + reserved < MAX_SLICES) {
                // An expiry that was stored fits 32 bits.
                emit IMarketOracle.SliceRefused(
                    header.marketId(),
                    header.round(),
                    uint32(draft.oldExpiry),
                    IMarketOracle.SliceRefusal.Missing
                );
                _carry(draft, last, lastHeader, header.modelTime());
            }
            _passOld(draft, last);
        }
    }

    /// @dev Keeps the last surface's slice at hand in units rounded down, rolled to `modelTime`; drops it once that is 0.
    function _carry(Draft memory draft, Surface storage last, SurfaceHeader lastHeader, uint256 modelTime) private view {
        Slice slice = _oldSlice(draft, last);
        (uint256 left, uint256 leftBefore) = (draft.oldExpiry - modelTime, draft.oldExpiry - lastHeader.time());
        uint256 theta = RollDown.rollDown(slice.theta(), left, leftBefore);
        if (theta == 0) return;
        uint256 psi = RollDown.rollDown(slice.psi(), left, leftBefore);
        // Values shrink and the rest stays, so every field keeps its width.
        slice = toSlice(theta, psi, int16(slice.rho()), int24(slice.basis()), slice.residual());
        putSlice(draft.words, draft.kept++, draft.oldExpiry, Slice.unwrap(slice));
    }

    function _passOld(Draft memory draft, Surface storage last) private view {
        unchecked {
            ++draft.oldIndex; // at most the count
        }
        _readOld(draft, last);
    }

    /// @dev Brings the expiry at `oldIndex` to hand; each word is read once.
    function _readOld(Draft memory draft, Surface storage last) private view {
        uint256 index = draft.oldIndex;
        if (index == draft.oldCount) {
            draft.oldExpiry = NO_EXPIRY;
            return;
        }
        if (index & 7 == 0) draft.oldExpiries = last.wordAt(expiryWordOf(index));
        if (index & 1 == 0) draft.oldSlices = 0;
        draft.oldExpiry = expiryIn(draft.oldExpiries, index);
    }

    /// @dev The old slice at hand; a word of slices is read once, and only where it is wanted.
    function _oldSlice(Draft memory draft, Surface storage last) private view returns (Slice) {
        if (draft.oldSlices == 0) draft.oldSlices = last.wordAt(sliceWordOf(draft.oldIndex));
        return sliceIn(draft.oldSlices, draft.oldIndex);
    }

    /// @dev Cuts the words to those that hold slices.
    function _cut(Draft memory draft) private pure {
        (uint256[] memory words, uint256 kept) = (draft.words, draft.kept);
        uint256 used = kept == 0 ? 0 : sliceWordOf(kept - 1) + 1;
        assembly ("memory-safe") {
            mstore(words, used) // only ever shorter
        }
    }
}
