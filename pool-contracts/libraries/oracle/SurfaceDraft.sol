// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {HEADER_BYTES, ReportHeader} from "../../types/ReportHeader.sol";
import {RHO_ONE, Slice, toSlice} from "../../types/Slice.sol";
import {
    MAX_SLICES,
    Surfaces,
    cutPages,
    expiryIn,
    findExpiry,
    newPages,
    putSlice,
    sliceIn
} from "../../types/Surface.sol";
import {SurfaceHeader} from "../../types/SurfaceHeader.sol";
import {RollDown} from "../pricing/RollDown.sol";
import {SquareRoot} from "../pricing/SquareRoot.sol";
import {SurfaceArbitrage} from "../pricing/SurfaceArbitrage.sol";
import {BoundedMove} from "./BoundedMove.sol";

/// @title The surface that a report makes
/// @notice The report's slices, each checked alone and after the accepted one before it; and where one is refused or left
/// out, the last surface's slice of that expiry, rolled down to the new model time.
library SurfaceDraft {
    /// @param pages The new surface, as `Surfaces` lays it out in memory.
    /// @param count How many slices it has.
    /// @param freshMask Bit i is 1 where slice i came with the report.
    /// @param sameList Whether its expiries are those of the last surface.
    /// @param isNear Whether no slice that came with the report is further from the last surface than σ may move.
    struct Draft {
        uint256[] pages;
        uint256 count;
        uint256 freshMask;
        bool sameList;
        bool isNear;
    }

    /// @dev The last surface while it is merged into a new one: its header and side, where the merge stands in its list, and
    /// the expiry there, beyond all expiries behind the end.
    struct Old {
        SurfaceHeader header;
        uint256 side;
        uint256 firstExpiries;
        uint256 secondExpiries;
        uint256 index;
        uint256 expiry;
    }

    uint256 private constant NO_EXPIRY = type(uint256).max;

    /// @param header The report's.
    /// @param last The header of the surface that the report follows, which is on `side`.
    /// @param move Percent per √hour that σ may move, in ln; θ may move twice as far.
    /// @return draft The surface, with `isNear` said of the last one.
    function make(
        Surfaces storage surfaces,
        SurfaceHeader last,
        uint256 side,
        ReportHeader header,
        bytes calldata report,
        uint256 move
    ) internal returns (Draft memory draft) {
        (uint256 count, uint256 modelTime) = (header.sliceCount(), header.modelTime());
        uint256[] memory pages = newPages();
        bool isClean = _layOut(report, count, modelTime, pages);
        cutPages(pages, count);
        (uint256 first, uint256 second) = surfaces.expiryWords(last.list());
        bool sameList = _hasList(pages, first, second);
        unchecked {
            (draft.pages, draft.count, draft.freshMask, draft.sameList) = (pages, count, (1 << count) - 1, sameList);
        }
        if (isClean && sameList) {
            if (_isClearlyNear(pages, surfaces, side, last.time(), modelTime, move)) {
                draft.isNear = true;
                return draft;
            }
        } else {
            uint256 reasons = isClean ? 0 : _reasons(pages, count, modelTime);
            _merge(draft, surfaces, Old(last, side, first, second, 0, 0), header, reasons);
            draft.sameList = _hasList(draft.pages, first, second);
        }
        draft.isNear = isNear(draft, surfaces, last, side, modelTime, move);
    }

    /// @notice Whether no slice that came with the report is further from its like on another surface than σ may move.
    /// @param other The other surface's header; that surface is on `side`.
    function isNear(
        Draft memory draft,
        Surfaces storage surfaces,
        SurfaceHeader other,
        uint256 side,
        uint256 modelTime,
        uint256 move
    ) internal view returns (bool) {
        (uint256 first, uint256 second) = surfaces.expiryWords(other.list());
        uint256 otherTime = other.time();
        unchecked {
            uint256 squared = BoundedMove.squaredMove(2 * move, modelTime - otherTime);
            for (uint256 i = 0; i < draft.count; ++i) {
                if (draft.freshMask >> i & 1 == 0) continue;
                (uint256 expiry, Slice slice) = _sliceAt(draft.pages, i);
                (bool found, uint256 index) = findExpiry(first, second, expiry);
                if (!found) continue;
                // θ against the other θ rolled down, θ₂·τ_eff₁ against θ₁·τ_eff₂: without a division nothing is lost, and
                // equal volatilities are equal at any distance from the expiry, which is after both times.
                // θ < 2^40 and 3A²·τ_eff < 2^56 for 32-bit times: the products are below 2^96.
                bool bounded = BoundedMove.isBounded(
                    slice.theta() * RollDown.scaledEffectiveTime(expiry - otherTime),
                    sliceIn(surfaces.sliceWord(side, index >> 1), index).theta()
                        * RollDown.scaledEffectiveTime(expiry - modelTime),
                    squared
                );
                if (!bounded) return false;
            }
        }
        return true;
    }

    /// @dev What nearly always holds where both surfaces list the same expiries and all slices are fresh. The share f of its
    /// time that a slice has left grows with its expiry, f₁ ≤ f ≤ 1, so θ_old/(1 + x) ≤ θ_new ≤ θ_old·f₁·(1 + x) bounds all.
    /// The ratios are rounded to 2⁻³² towards one another. False says nothing.
    function _isClearlyNear(
        uint256[] memory pages,
        Surfaces storage surfaces,
        uint256 side,
        uint256 otherTime,
        uint256 modelTime,
        uint256 move
    ) private view returns (bool isClear) {
        uint256[8][3] storage slices = surfaces.slices;
        uint256 low;
        uint256 span;
        unchecked {
            uint256 firstExpiry = pages[0] >> 224;
            uint256 squared = BoundedMove.squaredMove(2 * move, modelTime - otherTime);
            // `squared` < 2^58, so 1 + x is below 2^49; f₁ is a quotient of numbers below 2^56.
            uint256 onePlus = 2 ** 32 + SquareRoot.sqrt((squared << 64) / BoundedMove.SQUARED_UNIT);
            low = 2 ** 64 / onePlus + 1;
            uint256 high = onePlus * RollDown.scaledEffectiveTime(firstExpiry - modelTime)
                / RollDown.scaledEffectiveTime(firstExpiry - otherTime);
            if (high <= low) return false;
            span = high - low;
        }
        assembly ("memory-safe") {
            let slot := add(slices.slot, shl(3, side))
            let far := 0
            let at := add(pages, 0x40) // behind the length and the first page's expiries
            let end := add(add(pages, 0x20), shl(5, mload(pages)))
            for {} lt(at, end) { at := add(at, 0x20) } {
                if eq(at, add(pages, 0xc0)) { at := add(at, 0x20) } // the second page's expiries
                let own := mload(at)
                let other := sload(slot)
                slot := add(slot, 1)
                // 0 ≤ θ_new − low·θ_old < span·θ_old; a lower half that is empty on both sides counts as near.
                let theta := and(shr(88, other), 0xffffffffff)
                let above := sub(shl(32, and(shr(88, own), 0xffffffffff)), mul(theta, low))
                far := or(far, iszero(lt(above, add(mul(theta, span), iszero(theta)))))
                theta := shr(216, other)
                far := or(far, iszero(lt(sub(shl(32, shr(216, own)), mul(theta, low)), mul(theta, span))))
            }
            isClear := iszero(far)
        }
    }

    /// @dev Fills `pages`, whose words are zero, with the report's slices, and checks them. The slice before is kept at the
    /// free memory pointer, u and d in the scratch space: the stack has no room.
    /// @return isClean Whether nothing is refused: expiries increase and are after the model time, and every slice passes
    /// what `_reasons` checks. These inequalities are most of a report's arithmetic, so here they stand once more without
    /// branches, in the letters of `SurfaceArbitrage`; a test holds both against one another.
    function _layOut(bytes calldata report, uint256 count, uint256 modelTime, uint256[] memory pages)
        private
        pure
        returns (bool isClean)
    {
        (uint256 largestSlope, uint256 squareFactor) = (SurfaceArbitrage.LARGEST_SLOPE, SurfaceArbitrage.SQUARE_FACTOR);
        assembly ("memory-safe") {
            let refused := 0
            // Expiry | slice of the one before. At first one that every slice with θ, u > 0 may follow: then θ never falls to 0,
            // and ρ is never −1, where u is 0. So ψ = 0, which is allowed, is not clean.
            mstore(mload(0x40), or(shl(128, modelTime), or(shl(88, 1), shl(52, 0xfffffffff))))
            mstore(0x00, 1) // its u
            mstore(0x20, 0) // its d
            let from := add(report.offset, HEADER_BYTES)
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                let packed := shr(96, calldataload(from)) // expiry | slice
                refused := or(refused, iszero(gt(shr(128, packed), shr(128, mload(mload(0x40))))))
                // Eight expiries of 4 bytes in a word, then eight slices of 16 bytes in the next four.
                let t := add(add(pages, 0x20), mul(shr(3, i), 0xa0))
                calldatacopy(add(t, shl(2, and(i, 7))), from, 4)
                calldatacopy(add(add(t, 0x20), shl(4, and(i, 7))), add(from, 4), 16)
                from := add(from, 20) // SLICE_BYTES

                t := and(shr(88, packed), 0xffffffffff)
                let p := and(shr(52, packed), 0xfffffffff)
                let u := signextend(1, shr(36, packed)) // r
                let d := mul(p, sub(0x8000, u))
                u := mul(p, add(0x8000, u))
                refused := or(refused, or(lt(u, mload(0x00)), lt(d, mload(0x20))))
                mstore(0x00, u)
                mstore(0x20, d)
                if gt(d, u) { u := d } // the steeper wing
                refused := or(refused, gt(mul(p, u), mul(squareFactor, t)))
                u := mload(mload(0x40))
                d := and(shr(88, u), 0xffffffffff) // t of the one before
                refused := or(refused, or(lt(t, d), gt(mul(p, d), mul(and(shr(52, u), 0xfffffffff), t))))
                mstore(mload(0x40), packed)
            }
            // Wings never fall, so the last slice has the steepest.
            refused := or(refused, or(gt(mload(0x00), largestSlope), gt(mload(0x20), largestSlope)))
            isClean := iszero(refused)
        }
    }

    /// @dev Checks the order of the expiries, and every slice alone and after the accepted one before it.
    /// @return reasons `SliceRefusal` of slice i in bits 4i … 4i + 3.
    function _reasons(uint256[] memory pages, uint256 count, uint256 modelTime) private pure returns (uint256 reasons) {
        Slice neighbour; // zero before the first accepted one: every slice may follow it
        uint256 last;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 expiry, Slice slice) = _sliceAt(pages, i);
            // Both are expiries of the report.
            if (expiry <= last) revert IMarketOracle.MarketOracle_ExpiriesNotSorted(uint32(expiry), uint32(last));
            last = expiry;
            IMarketOracle.SliceRefusal reason = _refusal(neighbour, slice, expiry, modelTime);
            if (reason == IMarketOracle.SliceRefusal.None) neighbour = slice;
            else reasons |= uint256(reason) << 4 * i;
        }
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

    /// @dev Builds the draft anew from the report's slices that were not refused and the old ones that take the place of
    /// those that were, or that are missing; both lists are in order of expiry.
    function _merge(Draft memory draft, Surfaces storage surfaces, Old memory old, ReportHeader header, uint256 reasons)
        private
    {
        uint256[] memory given = draft.pages;
        uint256 count = draft.count;
        (draft.pages, draft.count, draft.freshMask) = (newPages(), 0, 0);
        _readExpiry(old);
        for (uint256 i = 0; i < count; ++i) {
            (uint256 expiry, Slice slice) = _sliceAt(given, i);
            _carryMissing(draft, surfaces, old, header, expiry, count - i);
            IMarketOracle.SliceRefusal reason = IMarketOracle.SliceRefusal(reasons >> 4 * i & 15);
            if (reason == IMarketOracle.SliceRefusal.None) {
                draft.freshMask |= 1 << draft.count;
                putSlice(draft.pages, draft.count++, expiry, Slice.unwrap(slice));
            } else {
                _emitRefused(header, expiry, reason);
                if (old.expiry == expiry) _carry(draft, surfaces, old, header.modelTime());
            }
            if (old.expiry == expiry) _pass(old);
        }
        _carryMissing(draft, surfaces, old, header, NO_EXPIRY, 0);
        cutPages(draft.pages, draft.count);
    }

    /// @dev Positions may stand at an expiry that the report leaves out: its last slice stays, rolled down. This passes the
    /// slices of the last surface that expire before `until`; `reserved` places are kept for slices of the report.
    function _carryMissing(
        Draft memory draft,
        Surfaces storage surfaces,
        Old memory old,
        ReportHeader header,
        uint256 until,
        uint256 reserved
    ) private {
        while (old.expiry < until) {
            if (old.expiry > header.modelTime() && draft.count + reserved < MAX_SLICES) {
                _emitRefused(header, old.expiry, IMarketOracle.SliceRefusal.Missing);
                _carry(draft, surfaces, old, header.modelTime());
            }
            _pass(old);
        }
    }

    /// @dev Keeps the old slice at hand in units rounded down, rolled to `modelTime`; drops it once that is 0 or it expired.
    function _carry(Draft memory draft, Surfaces storage surfaces, Old memory old, uint256 modelTime) private view {
        if (old.expiry <= modelTime) return;
        Slice slice = sliceIn(surfaces.sliceWord(old.side, old.index >> 1), old.index);
        (uint256 left, uint256 leftBefore) = (old.expiry - modelTime, old.expiry - old.header.time());
        uint256 theta = RollDown.rollDown(slice.theta(), left, leftBefore);
        if (theta == 0) return;
        uint256 psi = RollDown.rollDown(slice.psi(), left, leftBefore);
        // Values shrink and the rest stays, so every field keeps its width.
        slice = toSlice(theta, psi, int16(slice.rho()), int24(slice.basis()), slice.residual());
        putSlice(draft.pages, draft.count++, old.expiry, Slice.unwrap(slice));
    }

    function _pass(Old memory old) private pure {
        ++old.index;
        _readExpiry(old);
    }

    function _readExpiry(Old memory old) private pure {
        uint256 index = old.index;
        uint256 expiry = index == MAX_SLICES ? 0 : expiryIn(index < 8 ? old.firstExpiries : old.secondExpiries, index);
        old.expiry = expiry == 0 ? NO_EXPIRY : expiry;
    }

    function _emitRefused(ReportHeader header, uint256 expiry, IMarketOracle.SliceRefusal reason) private {
        // An expiry of a report or of a list fits 32 bits.
        emit IMarketOracle.SliceRefused(header.marketId(), header.round(), uint32(expiry), reason);
    }

    /// @dev `index` is below the number of slices in `pages`.
    function _sliceAt(uint256[] memory pages, uint256 index) private pure returns (uint256 expiry, Slice slice) {
        uint256 expiries;
        uint256 slices;
        assembly ("memory-safe") {
            let page := add(add(pages, 0x20), mul(shr(3, index), 0xa0))
            expiries := mload(page)
            slices := mload(add(add(page, 0x20), and(shl(4, index), 0x60)))
        }
        return (expiryIn(expiries, index), sliceIn(slices, index));
    }

    /// @dev Whether pages of `newPages`, which are zero beyond what was put in, have these two words of expiries.
    function _hasList(uint256[] memory pages, uint256 first, uint256 second) private pure returns (bool same) {
        assembly ("memory-safe") {
            same := and(eq(mload(add(pages, 0x20)), first), eq(mload(add(pages, 0xc0)), second)) // words 0 and 5
        }
    }
}
