// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {ReportHash} from "./libraries/oracle/ReportHash.sol";
import {RollDown} from "./libraries/pricing/RollDown.sol";
import {SurfaceArbitrage} from "./libraries/pricing/SurfaceArbitrage.sol";
import {AverageWord} from "./types/AverageWord.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {
    AVERAGE_BYTES,
    HEADER_BYTES,
    ReportHeader,
    SIGNATURE_BYTES,
    SLICE_BYTES,
    SPOT_REPORT,
    SURFACE_REPORT,
    readAverage,
    readHeader,
    readSignature,
    readSlice
} from "./types/ReportHeader.sol";
import {SignerSet, toSignerSet} from "./types/SignerSet.sol";
import {
    BASIS_UNIT_WAD,
    PSI_UNIT_WAD,
    RESIDUAL_UNIT_WAD,
    RHO_ONE,
    RHO_UNIT_WAD,
    Slice,
    THETA_UNIT_WAD,
    toSlice
} from "./types/Slice.sol";
import {REGISTERED_MARKET, SpotWord} from "./types/SpotWord.sol";
import {DISAGREEMENT_UNIT_WAD, SurfaceHeader, toSurfaceHeader} from "./types/SurfaceHeader.sol";

/// @title MarketOracle
/// @notice The reports of the volatility oracle, verified and served; `IMarketOracle` has the words.
///
/// WHO. A report counts when a quorum, at least ⌊2n/3⌋ + 1 of the n active signers, signed its EIP-712 hash; each signature
/// names its signer's index, and indices increase, so nobody counts twice. Changing the signers is restricted and delayed.
///
/// WHEN. Rounds and model times strictly increase, a model time is never in the future, and a report is at most 30 seconds
/// old when it is submitted: nobody can hoard reports and choose among them. The chain's clock is the only clock.
///
/// WHAT. A surface is stored slice by slice. A slice that would allow arbitrage, alone or after the accepted slice before it,
/// is refused; the last slice of that expiry, rolled down to the new model time, takes its place and is marked as not fresh,
/// and so it does where a report leaves an expiry out. Consumers can still value what they hold, and add no risk there. Fresh slices are free of arbitrage against
/// one another; a slice that took a refused one's place is not checked against its neighbours.
///
/// SERVED. Between reports θ and ψ shrink with effective time (`RollDown`). Inside the averaging window the forward mixes
/// what is fixed with what is open. The first complete average after an expiry is its settlement price, for ever.
///
/// NOT GUARANTEED. That a report comes: consumers look at the clocks in `MarketState` and widen or stop by themselves.
contract MarketOracle is IMarketOracle, AccessManaged, EIP712 {
    /// @notice Greatest age of a report at submission, seconds.
    uint256 public constant MAX_REPORT_AGE = 30;
    /// @notice Most expiries a surface can have.
    uint256 public constant MAX_EXPIRIES = 16;
    /// @notice Most signers a set can have.
    uint256 public constant MAX_SIGNERS = 64;

    /// @dev Half of secp256k1's order: of the two signatures (s, n − s) only the lower is accepted.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant WAD = 1e18;

    struct Surface {
        SurfaceHeader header;
        /// Eight expiries a word, the first in the low bits.
        uint256[2] expiries;
        /// Two slices a word, the first in the low half.
        uint256[8] slices;
    }

    struct Market {
        SpotWord spot;
        Surface[2] sides;
        mapping(uint32 expiry => AverageWord) averages;
    }

    SignerSet private _signerSet;
    mapping(uint16 marketId => Market) private _markets;

    /// @param signers_ The first signers; their quorum is the least that is allowed, ⌊2n/3⌋ + 1.
    /// @param authority_ The AccessManager that may add markets and change signers.
    constructor(address[] memory signers_, address authority_) AccessManaged(authority_) {
        _setSigners(signers_, _leastQuorum(signers_.length));
    }

    // ───────────────────────────── Governance ─────────────────────────────

    /// @notice Makes reports of `marketId` acceptable. Adding a market twice changes nothing. Restricted.
    function addMarket(uint16 marketId) external restricted {
        Market storage market = _markets[marketId];
        if (market.spot.isRegistered()) return;
        market.spot = REGISTERED_MARKET;
        emit MarketAdded(marketId);
    }

    /// @notice Replaces the signers; reports of the old set stop being acceptable at once. Restricted.
    /// @param quorum Signatures a report needs: at least ⌊2n/3⌋ + 1, at most n.
    function setSigners(address[] calldata signers_, uint256 quorum) external restricted {
        _setSigners(signers_, quorum);
    }

    function _setSigners(address[] memory signers_, uint256 quorum) private {
        uint256 count = signers_.length;
        if (count == 0 || count > MAX_SIGNERS || quorum < _leastQuorum(count) || quorum > count) {
            revert MarketOracle_InvalidThreshold(quorum, count);
        }
        bytes memory packed;
        for (uint256 i = 0; i < count; ++i) {
            address signer = signers_[i];
            if (signer == address(0)) revert MarketOracle_InvalidSigner(signer);
            for (uint256 j = 0; j < i; ++j) {
                if (signers_[j] == signer) revert MarketOracle_InvalidSigner(signer);
            }
            packed = bytes.concat(packed, bytes20(signer));
        }
        uint32 number = _signerSet.number() + 1;
        // Both counts are at most MAX_SIGNERS.
        _signerSet = toSignerSet(SSTORE2.write(packed), number, uint8(count), uint8(quorum));
        emit SignersChanged(number, signers_, quorum);
    }

    /// @dev With f < n/3 faulty signers, two quorums of this size share an honest one, and the honest alone reach it.
    function _leastQuorum(uint256 count) private pure returns (uint256) {
        return 2 * count / 3 + 1;
    }

    // ───────────────────────────── Reports ─────────────────────────────

    /// @inheritdoc IMarketOracle
    function submit(bytes calldata report) external {
        _submit(report, false);
    }

    /// @inheritdoc IMarketOracle
    function submitIfNewer(bytes calldata report) external {
        _submit(report, true);
    }

    function _submit(bytes calldata report, bool ifNewer) private {
        (ReportHeader header, uint256 signatureCount) = _readHeader(report);
        Market storage market = _markets[header.marketId()];
        SpotWord spot = market.spot;
        if (!spot.isRegistered()) revert MarketOracle_UnknownMarket(header.marketId());

        bool isSurface = header.kind() == SURFACE_REPORT;
        (uint256 given, uint256 last) = isSurface ? _surfaceClock(market, spot, header) : _spotClock(spot, header);
        if (given <= last) {
            if (ifNewer) return;
            revert MarketOracle_ReportNotNewer(given, last);
        }
        uint8 delay = _checkAge(header.modelTime());
        if (header.spot() == 0) revert MarketOracle_InvalidPrice(0);

        uint256 averagesAt = HEADER_BYTES + header.sliceCount() * SLICE_BYTES;
        _verify(
            _hashTypedData(isSurface ? ReportHash.surface(header, report) : ReportHash.spot(header, report)),
            report,
            averagesAt + header.averageCount() * AVERAGE_BYTES,
            signatureCount,
            header.signerSet()
        );

        if (header.modelTime() > spot.time()) spot = spot.withSpot(header.spot(), header.modelTime(), delay);
        if (isSurface) {
            _storeSurface(market, spot.side(), header, delay, report);
            spot = spot.withOtherSide();
        }
        market.spot = spot;
        _storeAverages(market, header, isSurface, report, averagesAt);
        if (!isSurface) emit SpotAccepted(header.marketId(), header.modelTime(), header.spot());
    }

    /// @dev Reads the header and checks kind and length.
    function _readHeader(bytes calldata report) private pure returns (ReportHeader header, uint256 signatureCount) {
        if (report.length < HEADER_BYTES) revert MarketOracle_BadLength(report.length, HEADER_BYTES);
        (header, signatureCount) = readHeader(report);
        uint256 kind = header.kind();
        if (kind == SPOT_REPORT) {
            if (header.carriesSurface()) revert MarketOracle_SpotReportCarriesSurface();
        } else if (kind != SURFACE_REPORT) {
            revert MarketOracle_UnknownKind(kind);
        }
        uint256 sliceCount = header.sliceCount();
        if (sliceCount > MAX_EXPIRIES || (sliceCount == 0 && kind == SURFACE_REPORT)) {
            revert MarketOracle_TooManyExpiries(sliceCount, MAX_EXPIRIES);
        }
        uint256 expected = HEADER_BYTES + sliceCount * SLICE_BYTES + header.averageCount() * AVERAGE_BYTES
            + signatureCount * SIGNATURE_BYTES;
        if (report.length != expected) revert MarketOracle_BadLength(report.length, expected);
    }

    /// @dev Round and last round; or both model times where the round is newer and the model time is not.
    function _surfaceClock(Market storage market, SpotWord spot, ReportHeader header)
        private
        view
        returns (uint256 given, uint256 last)
    {
        SurfaceHeader surface = market.sides[spot.side()].header;
        (given, last) = (header.round(), surface.round());
        if (given > last && header.modelTime() <= surface.time()) return (header.modelTime(), surface.time());
    }

    function _spotClock(SpotWord spot, ReportHeader header) private pure returns (uint256 given, uint256 last) {
        return (header.modelTime(), spot.time());
    }

    /// @return delay Age of the report now, at most MAX_REPORT_AGE.
    function _checkAge(uint256 modelTime) private view returns (uint8 delay) {
        if (modelTime > block.timestamp) revert MarketOracle_FutureTimestamp(modelTime, block.timestamp);
        uint256 age = block.timestamp - modelTime;
        if (age > MAX_REPORT_AGE) revert MarketOracle_TooStale(age, MAX_REPORT_AGE);
        return uint8(age); // at most 30
    }

    /// @dev Signatures name their signers' indices, which increase; recovery must give the address at the index. Where
    /// recovery fails it gives the zero address, which is never a signer.
    function _verify(
        bytes32 digest,
        bytes calldata report,
        uint256 signaturesAt,
        uint256 signatureCount,
        uint32 reportSet
    ) private view {
        SignerSet active = _signerSet;
        if (reportSet != active.number()) revert MarketOracle_WrongSignerSet(reportSet, active.number());
        if (signatureCount < active.quorum()) revert MarketOracle_TooFewSigners(signatureCount, active.quorum());
        uint256 addresses = _loadSigners(active);
        uint256 count = active.count();
        unchecked {
            // Offsets stay below the report's length; an index is a byte.
            uint256 end = signaturesAt + signatureCount * SIGNATURE_BYTES;
            uint256 least;
            for (uint256 offset = signaturesAt; offset != end; offset += SIGNATURE_BYTES) {
                (uint256 index, bytes32 r, bytes32 s, uint8 v) = readSignature(report, offset);
                if (index < least) revert MarketOracle_SignersNotSorted(index, least - 1);
                if (index >= count) revert MarketOracle_SignerNotActive(index);
                if (
                    uint256(s) > HALF_ORDER || (v != 27 && v != 28)
                        || ecrecover(digest, v, r, s) != _signerAt(addresses, index)
                ) revert MarketOracle_InvalidSignature(index);
                least = index + 1;
            }
        }
    }

    /// @dev Copies the addresses of the set to memory, 20 bytes each.
    function _loadSigners(SignerSet active) private view returns (uint256 addresses) {
        (address pointer, uint256 length) = (active.pointer(), active.count() * 20);
        assembly ("memory-safe") {
            addresses := mload(0x40)
            mstore(0x40, add(addresses, and(add(length, 63), not(31))))
            extcodecopy(pointer, addresses, 1, length) // SSTORE2 keeps data behind one byte of STOP
        }
    }

    /// @dev `index` is below the number of addresses that were loaded.
    function _signerAt(uint256 addresses, uint256 index) private pure returns (address signer) {
        assembly ("memory-safe") {
            signer := shr(96, mload(add(addresses, mul(index, 20))))
        }
    }

    // ───────────────────────────── Storing ─────────────────────────────

    /// @dev A surface while it is built.
    struct Draft {
        /// Room for MAX_EXPIRIES; cut to `kept` at the end.
        uint32[] expiries;
        uint128[] slices;
        uint256 kept;
        uint256 freshMask;
        /// The last accepted slice; zero before the first: every slice may follow it.
        Slice neighbour;
        /// The expiry of the report's last slice.
        uint256 lastExpiry;
        /// Of the last surface: how many slices it has, the first that no slice of the report has passed, its expiry
        /// (beyond all expiries where there is none).
        uint256 oldCount;
        uint256 oldIndex;
        uint256 oldExpiry;
    }

    uint256 private constant NO_EXPIRY = type(uint256).max;

    /// @dev Writes the surface to the side that is not the current one.
    function _storeSurface(Market storage market, uint256 side, ReportHeader header, uint8 delay, bytes calldata report)
        private
    {
        Draft memory draft = _draftSurface(market.sides[side], header, report);
        Surface storage next = market.sides[1 - side];
        // Counts are at most MAX_EXPIRIES, so mask and count fit.
        next.header = toSurfaceHeader(
            header.round(),
            header.modelTime(),
            delay,
            header.spot(),
            header.disagreement(),
            uint8(draft.kept),
            uint16(draft.freshMask),
            header.signerSet()
        );
        _storeSlices(next, draft);
        emit SurfaceAccepted(
            header.marketId(),
            header.round(),
            header.modelTime(),
            header.spot(),
            header.disagreement(),
            draft.freshMask,
            draft.expiries,
            draft.slices
        );
    }

    /// @dev Merges the report's slices with those of the last surface, both in order of expiry.
    function _draftSurface(Surface storage last, ReportHeader header, bytes calldata report)
        private
        returns (Draft memory draft)
    {
        draft.expiries = new uint32[](MAX_EXPIRIES);
        draft.slices = new uint128[](MAX_EXPIRIES);
        draft.oldCount = last.header.count();
        draft.oldExpiry = _oldExpiry(draft, last);
        uint256 modelTime = header.modelTime();
        unchecked {
            // Counts are at most MAX_EXPIRIES.
            for (uint256 left = header.sliceCount(); left != 0; --left) {
                (uint32 expiry, uint128 packed) = readSlice(report, header.sliceCount() - left);
                if (expiry <= draft.lastExpiry) {
                    revert MarketOracle_ExpiriesNotSorted(expiry, uint32(draft.lastExpiry)); // an expiry of the report
                }
                if (draft.oldExpiry < expiry) _carryMissing(draft, last, header, expiry, left);
                draft.lastExpiry = expiry;

                SliceRefusal reason = _refusal(draft.neighbour, Slice.wrap(packed), expiry, modelTime);
                if (reason == SliceRefusal.None) {
                    draft.neighbour = Slice.wrap(packed);
                    draft.freshMask |= 1 << draft.kept;
                    _keep(draft, expiry, packed);
                } else {
                    emit SliceRefused(header.marketId(), header.round(), expiry, reason);
                    if (expiry == draft.oldExpiry && reason != SliceRefusal.Expired) _carry(draft, last, modelTime);
                }
                if (expiry == draft.oldExpiry) _passOld(draft, last);
            }
        }
        _carryMissing(draft, last, header, NO_EXPIRY, 0);
        _trim(draft);
    }

    function _refusal(Slice neighbour, Slice slice, uint256 expiry, uint256 modelTime)
        private
        pure
        returns (SliceRefusal)
    {
        if (expiry <= modelTime) return SliceRefusal.Expired;
        if (slice.theta() == 0 || slice.rho() == -RHO_ONE) return SliceRefusal.Range;
        if (!SurfaceArbitrage.isButterflyFree(slice)) return SliceRefusal.Butterfly;
        if (!SurfaceArbitrage.isCalendarFree(neighbour, slice)) return SliceRefusal.Calendar;
        return SliceRefusal.None;
    }

    /// @dev Positions may stand at an expiry that the report leaves out: its last slice stays, rolled down. This passes the
    /// slices of the last surface that expire before `until`; `reserved` places are kept for slices of the report.
    function _carryMissing(
        Draft memory draft,
        Surface storage last,
        ReportHeader header,
        uint256 until,
        uint256 reserved
    ) private {
        while (draft.oldExpiry < until) {
            if (draft.oldExpiry > header.modelTime() && draft.kept + reserved < MAX_EXPIRIES) {
                // An expiry that was stored fits 32 bits.
                emit SliceRefused(header.marketId(), header.round(), uint32(draft.oldExpiry), SliceRefusal.Missing);
                _carry(draft, last, header.modelTime());
            }
            _passOld(draft, last);
        }
    }

    /// @dev Keeps the last surface's slice at hand in units rounded down, rolled to `modelTime`; drops it once that is 0.
    function _carry(Draft memory draft, Surface storage last, uint256 modelTime) private view {
        Slice slice = _sliceAt(last, draft.oldIndex);
        (uint256 left, uint256 leftBefore) = (draft.oldExpiry - modelTime, draft.oldExpiry - last.header.time());
        uint256 theta = RollDown.rollDown(slice.theta(), left, leftBefore);
        if (theta == 0) return;
        uint256 psi = RollDown.rollDown(slice.psi(), left, leftBefore);
        // Values shrink and the rest stays, so every field keeps its width.
        slice = toSlice(theta, psi, int16(slice.rho()), int24(slice.basis()), slice.residual());
        _keep(draft, draft.oldExpiry, Slice.unwrap(slice));
    }

    function _passOld(Draft memory draft, Surface storage last) private view {
        unchecked {
            ++draft.oldIndex; // at most the count
        }
        draft.oldExpiry = _oldExpiry(draft, last);
    }

    function _oldExpiry(Draft memory draft, Surface storage last) private view returns (uint256) {
        return draft.oldIndex < draft.oldCount ? _expiryAt(last, draft.oldIndex) : NO_EXPIRY;
    }

    /// @dev There is room: at most MAX_EXPIRIES slices are kept.
    function _keep(Draft memory draft, uint256 expiry, uint256 slice) private pure {
        (uint32[] memory expiries_, uint128[] memory slices_, uint256 kept) = (draft.expiries, draft.slices, draft.kept);
        assembly ("memory-safe") {
            let offset := add(shl(5, kept), 0x20)
            mstore(add(expiries_, offset), expiry)
            mstore(add(slices_, offset), slice)
        }
        unchecked {
            draft.kept = kept + 1;
        }
    }

    /// @dev Cuts the arrays to the slices that were kept.
    function _trim(Draft memory draft) private pure {
        (uint32[] memory expiries_, uint128[] memory slices_, uint256 kept) = (draft.expiries, draft.slices, draft.kept);
        assembly ("memory-safe") {
            mstore(expiries_, kept) // only ever shorter
            mstore(slices_, kept)
        }
    }

    /// @dev Eight expiries and two slices to a word, the first lowest; lanes beyond the count are zero.
    function _storeSlices(Surface storage surface, Draft memory draft) private {
        (uint32[] memory expiries_, uint128[] memory slices_, uint256 kept) = (draft.expiries, draft.slices, draft.kept);
        assembly ("memory-safe") {
            let expirySlot := add(surface.slot, 1) // behind the header
            let sliceSlot := add(surface.slot, 3) // behind two words of expiries
            let word := 0
            for { let i := 0 } lt(i, kept) { i := add(i, 1) } {
                let offset := add(shl(5, i), 0x20)
                word := or(word, shl(shl(5, and(i, 7)), mload(add(expiries_, offset))))
                if or(eq(and(i, 7), 7), eq(add(i, 1), kept)) {
                    sstore(add(expirySlot, shr(3, i)), word)
                    word := 0
                }
                if iszero(and(i, 1)) {
                    let slices := mload(add(slices_, offset))
                    if lt(add(i, 1), kept) {
                        slices := or(slices, shl(128, mload(add(slices_, add(offset, 0x20)))))
                    }
                    sstore(add(sliceSlot, shr(1, i)), slices)
                }
            }
        }
    }

    function _storeAverages(
        Market storage market,
        ReportHeader header,
        bool isSurface,
        bytes calldata report,
        uint256 offset
    ) private {
        uint256 count = header.averageCount();
        uint32 previous;
        for (uint256 i = 0; i < count; ++i) {
            (uint32 expiry, uint256 average, uint256 elapsed) = readAverage(report, offset + i * AVERAGE_BYTES);
            if (expiry <= previous) revert MarketOracle_ExpiriesNotSorted(expiry, previous);
            previous = expiry;
            if (average == 0 || elapsed == 0 || elapsed != _elapsedAt(expiry, header.modelTime())) {
                revert MarketOracle_InvalidAverage(expiry, average, elapsed);
            }
            AverageWord word = market.averages[expiry];
            // Reports of spot may have run ahead of a surface: the newest stays, and what is final stays for ever.
            bool newer = elapsed > word.elapsed();
            if (newer) word = word.withNewest(average, elapsed);
            if (isSurface) word = word.withReport(average, elapsed);
            if (newer || isSurface) market.averages[expiry] = word;
            if (newer && elapsed == RollDown.AVERAGING_WINDOW) {
                emit SettlementPriceFixed(header.marketId(), expiry, average);
            }
        }
    }

    /// @dev Seconds of the window before `expiry` that have passed at `time`.
    function _elapsedAt(uint256 expiry, uint256 time) private pure returns (uint256) {
        uint256 end = time < expiry ? time : expiry;
        return end + RollDown.AVERAGING_WINDOW > expiry ? end + RollDown.AVERAGING_WINDOW - expiry : 0;
    }

    // ───────────────────────────── Reading ─────────────────────────────

    /// @inheritdoc IMarketOracle
    function marketState(uint16 marketId) external view returns (MarketState memory) {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        return _state(spot, market.sides[spot.side()].header);
    }

    function _state(SpotWord spot, SurfaceHeader header) private pure returns (MarketState memory) {
        return MarketState({
            round: header.round(),
            surfaceTime: header.time(),
            surfaceAcceptedAt: header.acceptedAt(),
            spotTime: spot.time(),
            spotAcceptedAt: spot.acceptedAt(),
            spotWad: spot.spot(),
            surfaceSpotWad: header.spot(),
            disagreementWad: header.disagreement() * DISAGREEMENT_UNIT_WAD
        });
    }

    /// @dev From which surface, at which spot and time boards are drawn.
    struct View {
        uint16 marketId;
        Moment moment;
        SurfaceHeader header;
        uint256 side;
        uint256 spotWad;
        uint256 time;
    }

    /// @inheritdoc IMarketOracle
    function boards(uint16 marketId, uint32[] calldata expiries_, Moment moment)
        external
        view
        returns (MarketState memory state, Board[] memory boards_)
    {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        SurfaceHeader current = market.sides[spot.side()].header;
        state = _state(spot, current);
        View memory drawn = View(marketId, moment, current, spot.side(), spot.spot(), block.timestamp);
        if (moment == Moment.Report) {
            (drawn.spotWad, drawn.time) = (current.spot(), current.time());
        } else if (moment == Moment.Previous) {
            SurfaceHeader before = market.sides[1 - drawn.side].header;
            if (before.round() != 0) (drawn.header, drawn.side) = (before, 1 - drawn.side);
            if (spot.previousSpot() != 0) drawn.spotWad = spot.previousSpot();
        }
        boards_ = new Board[](expiries_.length);
        for (uint256 i = 0; i < expiries_.length; ++i) {
            boards_[i] = _board(market, drawn, expiries_[i]);
        }
    }

    function _board(Market storage market, View memory drawn, uint32 expiry) private view returns (Board memory board) {
        board.expiry = expiry;
        if (drawn.time >= expiry) return _settledBoard(market, drawn, board);
        if (drawn.header.round() == 0) revert MarketOracle_NoSurface(drawn.marketId);

        (SurfaceHeader header, uint256 side) = (drawn.header, drawn.side);
        (bool found, uint256 index) = _indexOf(market.sides[side], header.count(), expiry);
        if (!found && drawn.moment == Moment.Previous) {
            // The surface before did not know this expiry yet: the current one stands in for it.
            side = market.spot.side();
            header = market.sides[side].header;
            (found, index) = _indexOf(market.sides[side], header.count(), expiry);
        }
        if (!found) revert MarketOracle_UnknownExpiry(drawn.marketId, expiry);

        Slice slice = _sliceAt(market.sides[side], index);
        uint256 left = expiry - drawn.time;
        uint256 leftAtReport = expiry - header.time();
        board.effectiveSeconds = RollDown.effectiveSeconds(left);
        board.thetaWad = RollDown.rollDown(slice.theta() * THETA_UNIT_WAD, left, leftAtReport);
        board.psiWad = RollDown.rollDown(slice.psi() * PSI_UNIT_WAD, left, leftAtReport);
        board.rhoWad = slice.rho() * RHO_UNIT_WAD;
        board.residualWad = slice.residual() * RESIDUAL_UNIT_WAD;
        board.fresh = header.isFresh(index);
        // The basis is above −84 %: the factor is positive.
        uint256 forwardWad = drawn.spotWad * uint256(int256(WAD) + slice.basis() * BASIS_UNIT_WAD) / WAD;
        board.forwardWad =
            left < RollDown.AVERAGING_WINDOW ? _averagingForward(market, drawn, expiry, forwardWad) : forwardWad;
    }

    function _settledBoard(Market storage market, View memory drawn, Board memory board)
        private
        view
        returns (Board memory)
    {
        AverageWord word = market.averages[board.expiry];
        if (word.elapsed() != RollDown.AVERAGING_WINDOW) {
            revert MarketOracle_UnknownExpiry(drawn.marketId, board.expiry);
        }
        (board.forwardWad, board.settled, board.fresh) = (word.average(), true, true);
        return board;
    }

    /// @dev The forward inside the averaging window. A board of the report uses the average of that report alone.
    function _averagingForward(Market storage market, View memory drawn, uint32 expiry, uint256 forwardWad)
        private
        view
        returns (uint256)
    {
        AverageWord word = market.averages[expiry];
        bool ofReport = drawn.moment == Moment.Report;
        (uint256 average, uint256 elapsed) =
            ofReport ? (word.reportAverage(), word.reportElapsed()) : (word.average(), word.elapsed());
        if (elapsed == 0 || (ofReport && elapsed != _elapsedAt(expiry, drawn.time))) {
            revert MarketOracle_NoRunningAverage(drawn.marketId, expiry);
        }
        return RollDown.averagingForward(average, elapsed, forwardWad);
    }

    /// @dev Where `expiry` stands among the first `count` of the surface.
    function _indexOf(Surface storage surface, uint256 count, uint32 expiry)
        private
        view
        returns (bool found, uint256 index)
    {
        uint256 word;
        for (; index < count; ++index) {
            if (index & 7 == 0) word = surface.expiries[index >> 3];
            if (uint32(word) == expiry) return (true, index); // the low lane is the present one
            word >>= 32;
        }
    }

    function _expiryAt(Surface storage surface, uint256 index) private view returns (uint32) {
        return uint32(surface.expiries[index >> 3] >> (index & 7) * 32); // keeps one lane
    }

    function _sliceAt(Surface storage surface, uint256 index) private view returns (Slice) {
        return Slice.wrap(uint128(surface.slices[index >> 1] >> (index & 1) * 128)); // keeps one half
    }

    /// @inheritdoc IMarketOracle
    function expiries(uint16 marketId) external view returns (uint32[] memory expiries_) {
        Market storage market = _markets[marketId];
        Surface storage surface = market.sides[market.spot.side()];
        expiries_ = new uint32[](surface.header.count());
        for (uint256 i = 0; i < expiries_.length; ++i) {
            expiries_[i] = _expiryAt(surface, i);
        }
    }

    /// @inheritdoc IMarketOracle
    function slices(uint16 marketId) external view returns (Slice[] memory slices_, uint256 freshMask) {
        Market storage market = _markets[marketId];
        Surface storage surface = market.sides[market.spot.side()];
        slices_ = new Slice[](surface.header.count());
        for (uint256 i = 0; i < slices_.length; ++i) {
            slices_[i] = _sliceAt(surface, i);
        }
        freshMask = surface.header.freshMask();
    }

    /// @inheritdoc IMarketOracle
    function settlementPrice(uint16 marketId, uint32 expiry) external view returns (uint256 priceWad) {
        AverageWord word = _markets[marketId].averages[expiry];
        return word.elapsed() == RollDown.AVERAGING_WINDOW ? word.average() : 0;
    }

    /// @inheritdoc IMarketOracle
    function runningAverage(uint16 marketId, uint32 expiry)
        external
        view
        returns (uint256 averageWad, uint256 elapsed)
    {
        AverageWord word = _markets[marketId].averages[expiry];
        return (word.average(), word.elapsed());
    }

    /// @inheritdoc IMarketOracle
    function signers() external view returns (uint32 signerSet, address[] memory signers_, uint256 quorum) {
        SignerSet active = _signerSet;
        uint256 addresses = _loadSigners(active);
        signers_ = new address[](active.count());
        for (uint256 i = 0; i < signers_.length; ++i) {
            signers_[i] = _signerAt(addresses, i);
        }
        return (active.number(), signers_, active.quorum());
    }

    /// @notice The EIP-712 domain separator that reports are signed under; rebuilt if the chain forks.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @dev Both never change, so the separator is cached in the code.
    function _domainNameAndVersion() internal pure override returns (string memory name, string memory version) {
        return ("Meniscus MarketOracle", "1");
    }
}
