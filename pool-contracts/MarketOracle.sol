// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {RollDown} from "./libraries/pricing/RollDown.sol";
import {SurfaceArbitrage} from "./libraries/pricing/SurfaceArbitrage.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {
    BASIS_UNIT_WAD,
    PSI_UNIT_WAD,
    RESIDUAL_UNIT_WAD,
    RHO_UNIT_WAD,
    Slice,
    THETA_UNIT_WAD,
    toSlice
} from "./types/Slice.sol";
import {SpotWord, toSpotWord} from "./types/SpotWord.sol";
import {SurfaceHeader, toSurfaceHeader} from "./types/SurfaceHeader.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @title The reports of the volatility oracle
///
/// ACCEPTANCE. A report counts if ⌊2n/3⌋ + 1 of the n signers signed its typed fields, its model time is later than what is
/// stored, not in the future and at most 30 s old, and, for a surface, its round is higher. Slices are checked one by one on
/// the words that are stored: one that would let butterflies or calendars be arbitraged is refused alone; its last value,
/// rolled down to the new model time, stands in its place with its fresh bit cleared.
///
/// STORAGE. Each market keeps two surfaces, by parity of the round, so that the one before the last stays readable; slices
/// stand two to a word. Spot has a clock of its own.
///
/// SETTLEMENT. Reports carry running averages of the 30 minutes before an expiry. One whose window is complete fixes the
/// settlement price, once.
contract MarketOracle is IMarketOracle, AccessManaged, EIP712 {
    struct Surface {
        SurfaceHeader header;
        uint256[2] expiries; // eight to a word, first lowest
        uint256[8] slices; // two to a word, first lowest
    }

    struct Market {
        bool listed;
        SpotWord spot;
        Surface[2] surfaces;
    }

    /// @dev A running average: mean so far and the seconds of the window it covers.
    struct Average {
        uint96 averageWad;
        uint16 elapsed;
    }

    /// @dev A report in memory.
    struct Report {
        uint16 marketId;
        uint32 round;
        uint40 modelTime;
        uint96 spotWad;
        uint16 disagreement;
        uint32 signerSet;
        uint256 sliceCount;
        uint256 averageCount;
        uint256 signatureCount;
        bool isSurface;
    }

    uint256 internal constant MAX_AGE = 30 seconds;
    uint256 internal constant MAX_EXPIRIES = 16;
    uint256 internal constant HEADER_LENGTH = 33;
    uint256 internal constant SLICE_LENGTH = 20;
    uint256 internal constant AVERAGE_LENGTH = 18;
    uint256 internal constant SIGNATURE_LENGTH = 66;
    uint256 internal constant KIND_SURFACE = 1;
    uint256 internal constant KIND_SPOT = 2;

    bytes32 internal constant SLICE_TYPEHASH =
        keccak256("Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)");
    bytes32 internal constant AVERAGE_TYPEHASH =
        keccak256("RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)");
    bytes32 internal constant SURFACE_TYPEHASH = keccak256(
        "SurfaceReport(uint16 marketId,uint32 round,uint40 modelTime,uint96 spot,uint16 disagreement,uint32 signerSet,Slice[] slices,RunningAverage[] averages)RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)"
    );
    bytes32 internal constant SPOT_TYPEHASH = keccak256(
        "SpotReport(uint16 marketId,uint40 modelTime,uint96 spot,uint32 signerSet,RunningAverage[] averages)RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)"
    );

    uint32 private _signerSet;
    uint32 private _quorum;
    address private _signers; // a contract whose code is the addresses, one after another
    mapping(uint16 marketId => Market) private _markets;
    mapping(uint16 marketId => mapping(uint32 expiry => Average)) private _averages;
    mapping(uint16 marketId => mapping(uint32 expiry => uint256)) private _settlementPriceWad;

    constructor(address[] memory signers_, address authority)
        AccessManaged(authority)
        EIP712("Meniscus MarketOracle", "1")
    {
        _setSigners(signers_);
    }

    // ───────────────────────────── Governance ─────────────────────────────

    /// @notice Starts taking reports for a market.
    function addMarket(uint16 marketId) external restricted {
        _markets[marketId].listed = true;
    }

    /// @notice Replaces all signers; reports of the set before are refused from here on.
    function setSigners(address[] calldata signers_) external restricted {
        _setSigners(signers_);
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

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc IMarketOracle
    function marketState(uint16 marketId) public view returns (MarketState memory state) {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        SurfaceHeader header = market.surfaces[spot.parity()].header;
        // The header's fields are as wide as the struct's.
        state.round = uint32(header.round());
        state.surfaceTime = uint40(header.modelTime());
        state.surfaceAcceptedAt = uint40(header.acceptedAt());
        state.spotTime = uint40(spot.modelTime());
        state.spotAcceptedAt = uint40(spot.acceptedAt());
        state.spotWad = spot.spotWad();
        state.surfaceSpotWad = header.spotWad();
        state.disagreementWad = header.disagreement() * RESIDUAL_UNIT_WAD;
    }

    /// @inheritdoc IMarketOracle
    function boards(uint16 marketId, uint32[] calldata expiries_, Moment moment)
        external
        view
        returns (MarketState memory state, Board[] memory boards_)
    {
        state = marketState(marketId);
        Market storage market = _markets[marketId];
        uint256 parity = market.spot.parity() ^ (moment == Moment.Previous ? 1 : 0);
        uint256 spotWad = moment == Moment.Report
            ? state.surfaceSpotWad
            : (moment == Moment.Now ? state.spotWad : market.spot.previousSpotWad());
        boards_ = new Board[](expiries_.length);
        for (uint256 i = 0; i < expiries_.length; ++i) {
            _fillBoard(boards_[i], marketId, expiries_[i], market.surfaces[parity], moment, spotWad);
        }
    }

    /// @inheritdoc IMarketOracle
    function expiries(uint16 marketId) external view returns (uint32[] memory expiries_) {
        Surface storage surface = _markets[marketId].surfaces[_markets[marketId].spot.parity()];
        uint256 count = surface.header.sliceCount();
        expiries_ = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            expiries_[i] = _expiryAt(surface, i);
        }
    }

    /// @notice The slices of the last surface, in the order of `expiries`.
    function slices(uint16 marketId) external view returns (Slice[] memory slices_, uint256 freshMask) {
        Surface storage surface = _markets[marketId].surfaces[_markets[marketId].spot.parity()];
        uint256 count = surface.header.sliceCount();
        slices_ = new Slice[](count);
        for (uint256 i = 0; i < count; ++i) {
            slices_[i] = _sliceAt(surface, i);
        }
        freshMask = surface.header.freshMask();
    }

    /// @inheritdoc IMarketOracle
    function settlementPrice(uint16 marketId, uint32 expiry) external view returns (uint256) {
        return _settlementPriceWad[marketId][expiry];
    }

    /// @inheritdoc IMarketOracle
    function runningAverage(uint16 marketId, uint32 expiry) external view returns (uint256, uint256) {
        Average storage average = _averages[marketId][expiry];
        return (average.averageWad, average.elapsed);
    }

    /// @inheritdoc IMarketOracle
    function signers() external view returns (uint32 signerSet, address[] memory signers_, uint256 quorum) {
        bytes memory packed = SSTORE2.read(_signers);
        signers_ = new address[](packed.length / 20);
        for (uint256 i = 0; i < signers_.length; ++i) {
            signers_[i] = _signerAt(packed, i);
        }
        return (_signerSet, signers_, _quorum);
    }

    // ───────────────────────────── A report, step by step ─────────────────────────────

    function _submit(bytes calldata data, bool ignoreOld) private {
        Report memory report = _parse(data);
        Market storage market = _markets[report.marketId];
        if (!market.listed) revert MarketOracle_UnknownMarket(report.marketId);
        SpotWord spot = market.spot;
        SurfaceHeader header = market.surfaces[spot.parity()].header;
        if (report.modelTime <= spot.modelTime()) {
            if (ignoreOld) return;
            revert MarketOracle_ReportNotNewer(report.modelTime, spot.modelTime());
        }
        if (report.isSurface && report.round <= header.round()) {
            if (ignoreOld) return;
            revert MarketOracle_ReportNotNewer(report.round, header.round());
        }
        if (report.modelTime > block.timestamp) {
            revert MarketOracle_FutureTimestamp(report.modelTime, block.timestamp);
        }
        uint256 age = block.timestamp - report.modelTime;
        if (age > MAX_AGE) revert MarketOracle_TooStale(age, MAX_AGE);
        if (report.spotWad == 0) revert MarketOracle_InvalidPrice(report.spotWad);
        _requireQuorum(report, data);

        uint256 parity = spot.parity();
        if (report.isSurface) {
            // The first report has nothing before it; from then on the older of the two surfaces is overwritten.
            if (header.round() != 0) parity ^= 1;
            _storeSurface(market, report, data, parity, age);
        }
        uint256 previousSpotWad = spot.spotWad() == 0 ? report.spotWad : spot.spotWad();
        market.spot = toSpotWord(report.spotWad, previousSpotWad, report.modelTime, age, parity);
        if (!report.isSurface) emit SpotAccepted(report.marketId, report.modelTime, report.spotWad);
        _storeAverages(report, data);
    }

    function _parse(bytes calldata data) private pure returns (Report memory report) {
        if (data.length < HEADER_LENGTH) revert MarketOracle_BadLength(data.length, HEADER_LENGTH);
        uint256 kind = uint8(data[0]);
        if (kind != KIND_SURFACE && kind != KIND_SPOT) revert MarketOracle_UnknownKind(kind);
        report.isSurface = kind == KIND_SURFACE;
        report.marketId = uint16(bytes2(data[1:3]));
        report.round = uint32(bytes4(data[3:7]));
        report.modelTime = uint40(bytes5(data[7:12]));
        report.spotWad = uint96(bytes12(data[12:24]));
        report.disagreement = uint16(bytes2(data[24:26]));
        report.signerSet = uint32(bytes4(data[26:30]));
        report.sliceCount = uint8(data[30]);
        report.averageCount = uint8(data[31]);
        report.signatureCount = uint8(data[32]);
        // A spot report has no fields for these: they would be unsigned.
        bool strays = !report.isSurface && (report.round != 0 || report.disagreement != 0 || report.sliceCount != 0);
        if (strays) revert MarketOracle_UnknownKind(kind);
        if (report.sliceCount > MAX_EXPIRIES) {
            revert MarketOracle_TooManyExpiries(report.sliceCount, MAX_EXPIRIES);
        }
        uint256 expected = _signatureOffset(report) + report.signatureCount * SIGNATURE_LENGTH;
        if (data.length != expected) revert MarketOracle_BadLength(data.length, expected);
    }

    function _averageOffset(Report memory report) private pure returns (uint256) {
        return HEADER_LENGTH + report.sliceCount * SLICE_LENGTH;
    }

    function _signatureOffset(Report memory report) private pure returns (uint256) {
        return _averageOffset(report) + report.averageCount * AVERAGE_LENGTH;
    }

    function _sliceIn(bytes calldata data, uint256 index) private pure returns (uint32 expiry, Slice slice) {
        uint256 offset = HEADER_LENGTH + index * SLICE_LENGTH;
        expiry = uint32(bytes4(data[offset:offset + 4]));
        slice = Slice.wrap(uint128(bytes16(data[offset + 4:offset + 20])));
    }

    function _averageIn(bytes calldata data, uint256 start, uint256 index)
        private
        pure
        returns (uint32 expiry, uint96 average, uint16 elapsed)
    {
        uint256 offset = start + index * AVERAGE_LENGTH;
        expiry = uint32(bytes4(data[offset:offset + 4]));
        average = uint96(bytes12(data[offset + 4:offset + 16]));
        elapsed = uint16(bytes2(data[offset + 16:offset + 18]));
    }

    // ───────────────────────────── Signatures ─────────────────────────────

    function _requireQuorum(Report memory report, bytes calldata data) private view {
        if (report.signerSet != _signerSet) revert MarketOracle_WrongSignerSet(report.signerSet, _signerSet);
        if (report.signatureCount < _quorum) revert MarketOracle_TooFewSigners(report.signatureCount, _quorum);
        bytes32 digest = _hashTypedDataV4(_structHash(report, data));
        bytes memory packed = SSTORE2.read(_signers);
        uint256 count = packed.length / 20;
        uint256 offset = _signatureOffset(report);
        uint256 next;
        for (uint256 i = 0; i < report.signatureCount; ++i) {
            uint256 index = uint8(data[offset]);
            if (index < next) revert MarketOracle_SignersNotSorted(index, next);
            if (index >= count) revert MarketOracle_SignerNotActive(index);
            bytes32 r = bytes32(data[offset + 1:offset + 33]);
            bytes32 s = bytes32(data[offset + 33:offset + 65]);
            (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, uint8(data[offset + 65]), r, s);
            bool valid = failure == ECDSA.RecoverError.NoError && recovered == _signerAt(packed, index);
            if (!valid) revert MarketOracle_InvalidSignature(index);
            next = index + 1;
            offset += SIGNATURE_LENGTH;
        }
    }

    function _structHash(Report memory report, bytes calldata data) private pure returns (bytes32) {
        bytes32[] memory averageHashes = new bytes32[](report.averageCount);
        uint256 start = _averageOffset(report);
        for (uint256 i = 0; i < report.averageCount; ++i) {
            (uint32 expiry, uint96 average, uint16 elapsed) = _averageIn(data, start, i);
            averageHashes[i] = keccak256(abi.encode(AVERAGE_TYPEHASH, expiry, average, elapsed));
        }
        bytes32 averagesHash = keccak256(abi.encodePacked(averageHashes));
        if (!report.isSurface) {
            return keccak256(
                abi.encode(
                    SPOT_TYPEHASH, report.marketId, report.modelTime, report.spotWad, report.signerSet, averagesHash
                )
            );
        }
        bytes32[] memory sliceHashes = new bytes32[](report.sliceCount);
        for (uint256 i = 0; i < report.sliceCount; ++i) {
            (uint32 expiry, Slice slice) = _sliceIn(data, i);
            sliceHashes[i] = keccak256(
                abi.encode(
                    SLICE_TYPEHASH, expiry, slice.theta(), slice.psi(), slice.rho(), slice.basis(), slice.residual()
                )
            );
        }
        return keccak256(
            abi.encode(
                SURFACE_TYPEHASH,
                report.marketId,
                report.round,
                report.modelTime,
                report.spotWad,
                report.disagreement,
                report.signerSet,
                keccak256(abi.encodePacked(sliceHashes)),
                averagesHash
            )
        );
    }

    function _signerAt(bytes memory packed, uint256 index) private pure returns (address signer) {
        assembly ("memory-safe") {
            // 20 bytes at 32 + 20·index: the word that ends there holds them in its top 160 bits.
            signer := shr(96, mload(add(add(packed, 32), mul(index, 20))))
        }
    }

    function _setSigners(address[] memory signers_) private {
        uint256 quorum = 2 * signers_.length / 3 + 1;
        if (signers_.length == 0 || signers_.length > 255 || quorum > signers_.length) {
            revert MarketOracle_InvalidThreshold(quorum, signers_.length);
        }
        bytes memory packed;
        for (uint256 i = 0; i < signers_.length; ++i) {
            if (signers_[i] == address(0)) revert MarketOracle_SignerNotActive(i);
            for (uint256 j = 0; j < i; ++j) {
                if (signers_[j] == signers_[i]) revert MarketOracle_SignersNotSorted(i, j);
            }
            packed = bytes.concat(packed, bytes20(signers_[i]));
        }
        _signers = SSTORE2.write(packed);
        _quorum = uint32(quorum); // at most 255
        ++_signerSet;
        emit SignersChanged(_signerSet, signers_, quorum);
    }

    // ───────────────────────────── The surface ─────────────────────────────

    /// @dev Slices being stored, in memory.
    struct Draft {
        uint256[2] expiries;
        uint256[8] slices;
        uint256 count;
        uint256 freshMask;
        Slice lastFresh;
        bool hasFresh;
    }

    function _storeSurface(
        Market storage market,
        Report memory report,
        bytes calldata data,
        uint256 parity,
        uint256 age
    ) private {
        Surface storage before = market.surfaces[parity ^ 1];
        Draft memory draft;
        uint32 previous;
        uint256 next; // the first slice of the surface before that no reported slice has passed yet
        for (uint256 i = 0; i < report.sliceCount; ++i) {
            (uint32 expiry, Slice slice) = _sliceIn(data, i);
            if (expiry <= previous) revert MarketOracle_ExpiriesNotSorted(expiry, previous);
            previous = expiry;
            next = _carryMissing(draft, before, report, next, expiry, report.sliceCount - i);
            SliceRefusal refusal = _refusalOf(draft, slice, expiry, report.modelTime);
            if (refusal == SliceRefusal.None) {
                draft.lastFresh = slice;
                draft.hasFresh = true;
                draft.freshMask |= 1 << draft.count;
                _append(draft, expiry, slice);
                continue;
            }
            emit SliceRefused(report.marketId, report.round, expiry, refusal);
            if (refusal != SliceRefusal.Expired) _carry(draft, before, expiry, report.modelTime);
        }
        _carryMissing(draft, before, report, next, type(uint32).max, 0);
        Surface storage surface = market.surfaces[parity];
        surface.header = toSurfaceHeader(
            report.round, report.modelTime, age, report.spotWad, report.disagreement, draft.count, draft.freshMask
        );
        for (uint256 i = 0; i < (draft.count + 7) / 8; ++i) {
            surface.expiries[i] = draft.expiries[i];
        }
        for (uint256 i = 0; i < (draft.count + 1) / 2; ++i) {
            surface.slices[i] = draft.slices[i];
        }
        _emitSurface(report, draft);
    }

    function _refusalOf(Draft memory draft, Slice slice, uint32 expiry, uint40 modelTime)
        private
        pure
        returns (SliceRefusal)
    {
        if (expiry <= modelTime) return SliceRefusal.Expired;
        int256 rho = slice.rho();
        if (slice.theta() == 0 || slice.psi() == 0 || rho <= -(2 ** 15) || slice.basis() * BASIS_UNIT_WAD <= -0.8e18) {
            return SliceRefusal.Range;
        }
        if (!SurfaceArbitrage.isButterflyFree(slice)) return SliceRefusal.Butterfly;
        if (draft.hasFresh && !SurfaceArbitrage.isCalendarFree(draft.lastFresh, slice)) return SliceRefusal.Calendar;
        return SliceRefusal.None;
    }

    /// @dev Expiries of the surface before, from `next` on and earlier than `until`, that have not passed and that the report
    /// leaves out: positions may stand there, so their slices stay, rolled down. `reserved` places are for reported slices.
    function _carryMissing(
        Draft memory draft,
        Surface storage before,
        Report memory report,
        uint256 next,
        uint32 until,
        uint256 reserved
    ) private returns (uint256) {
        uint256 count = before.header.sliceCount();
        for (; next < count; ++next) {
            uint32 expiry = _expiryAt(before, next);
            if (expiry > until) return next;
            if (expiry == until || expiry <= report.modelTime || draft.count + reserved >= MAX_EXPIRIES) continue;
            emit SliceRefused(report.marketId, report.round, expiry, SliceRefusal.Missing);
            _carry(draft, before, expiry, report.modelTime);
        }
        return next;
    }

    /// @dev The last slice of a refused expiry, rolled down to the new model time; nothing where there was none.
    function _carry(Draft memory draft, Surface storage before, uint32 expiry, uint40 modelTime) private view {
        uint256 index = _indexOf(before, expiry);
        if (index == type(uint256).max) return;
        Slice old = _sliceAt(before, index);
        uint256 tenorThen = expiry - before.header.modelTime();
        uint256 tenorNow = expiry - modelTime; // not expired: checked
        uint256 theta = RollDown.roll(old.theta(), tenorThen, tenorNow);
        uint256 psi = RollDown.roll(old.psi(), tenorThen, tenorNow);
        // Rolled values are smaller than what was stored; ρ and basis are as wide as they were.
        _append(draft, expiry, toSlice(theta, psi, int16(old.rho()), int24(old.basis()), old.residual()));
    }

    function _append(Draft memory draft, uint32 expiry, Slice slice) private pure {
        uint256 i = draft.count++;
        draft.expiries[i / 8] |= uint256(expiry) << (i % 8 * 32);
        draft.slices[i / 2] |= uint256(Slice.unwrap(slice)) << (i % 2 * 128);
    }

    function _emitSurface(Report memory report, Draft memory draft) private {
        uint32[] memory expiries_ = new uint32[](draft.count);
        uint128[] memory slices_ = new uint128[](draft.count);
        for (uint256 i = 0; i < draft.count; ++i) {
            expiries_[i] = uint32(draft.expiries[i / 8] >> (i % 8 * 32)); // one lane of 32 bits
            slices_[i] = uint128(draft.slices[i / 2] >> (i % 2 * 128)); // one lane of 128 bits
        }
        emit SurfaceAccepted(
            report.marketId,
            report.round,
            report.modelTime,
            report.spotWad,
            report.disagreement,
            draft.freshMask,
            expiries_,
            slices_
        );
    }

    function _expiryAt(Surface storage surface, uint256 index) private view returns (uint32) {
        return uint32(surface.expiries[index / 8] >> (index % 8 * 32)); // one lane of 32 bits
    }

    function _sliceAt(Surface storage surface, uint256 index) private view returns (Slice) {
        return Slice.wrap(uint128(surface.slices[index / 2] >> (index % 2 * 128))); // one lane of 128 bits
    }

    /// @dev Where the expiry stands in the surface; the largest integer where it does not.
    function _indexOf(Surface storage surface, uint32 expiry) private view returns (uint256) {
        uint256 count = surface.header.sliceCount();
        uint256 word;
        for (uint256 i = 0; i < count; ++i) {
            if (i % 8 == 0) word = surface.expiries[i / 8];
            if (uint32(word) == expiry) return i;
            word >>= 32;
        }
        return type(uint256).max;
    }

    // ───────────────────────────── Averages ─────────────────────────────

    function _storeAverages(Report memory report, bytes calldata data) private {
        uint256 start = _averageOffset(report);
        uint32 previous;
        for (uint256 i = 0; i < report.averageCount; ++i) {
            (uint32 expiry, uint96 average, uint16 elapsed) = _averageIn(data, start, i);
            if (expiry <= previous) revert MarketOracle_ExpiriesNotSorted(expiry, previous);
            previous = expiry;
            uint256 window = RollDown.AVERAGING_WINDOW;
            uint256 until = report.modelTime < expiry ? report.modelTime : expiry;
            bool valid = average != 0 && until + window > expiry && elapsed == until + window - expiry;
            if (!valid) revert MarketOracle_InvalidAverage(expiry, average, elapsed);
            if (_settlementPriceWad[report.marketId][expiry] != 0) continue; // fixed once and for all
            _averages[report.marketId][expiry] = Average(average, elapsed);
            if (elapsed < window) continue;
            _settlementPriceWad[report.marketId][expiry] = average;
            emit SettlementPriceFixed(report.marketId, expiry, average);
        }
    }

    // ───────────────────────────── Boards ─────────────────────────────

    function _fillBoard(
        Board memory board,
        uint16 marketId,
        uint32 expiry,
        Surface storage surface,
        Moment moment,
        uint256 spotWad
    ) private view {
        board.expiry = expiry;
        uint256 settlement = _settlementPriceWad[marketId][expiry];
        uint256 index = _indexOf(surface, expiry);
        SurfaceHeader header = surface.header;
        uint256 time = moment == Moment.Report ? header.modelTime() : block.timestamp;
        if (settlement != 0 && time >= expiry) {
            (board.settled, board.fresh, board.forwardWad) = (true, true, settlement);
            return;
        }
        if (index == type(uint256).max || time >= expiry) revert MarketOracle_UnknownExpiry(marketId, expiry);
        Slice slice = _sliceAt(surface, index);
        uint256 tenor = expiry - time;
        uint256 tenorThen = expiry - header.modelTime();
        board.effectiveSeconds = RollDown.effectiveSecondsWad(tenor) / 1e18;
        board.thetaWad = RollDown.roll(slice.theta() * THETA_UNIT_WAD, tenorThen, tenor);
        board.psiWad = RollDown.roll(slice.psi() * PSI_UNIT_WAD, tenorThen, tenor);
        board.rhoWad = slice.rho() * RHO_UNIT_WAD;
        board.residualWad = slice.residual() * RESIDUAL_UNIT_WAD;
        board.fresh = header.freshMask() >> index & 1 == 1;
        // Accepted slices have a basis above −0.8: the sum is positive.
        board.forwardWad = spotWad * uint256(1e18 + slice.basis() * BASIS_UNIT_WAD) / 1e18;
        if (tenor < RollDown.AVERAGING_WINDOW) {
            Average storage average = _averages[marketId][expiry];
            if (average.elapsed == 0) revert MarketOracle_NoRunningAverage(marketId, expiry);
            uint256 window = RollDown.AVERAGING_WINDOW;
            board.forwardWad =
                (average.elapsed * uint256(average.averageWad) + (window - average.elapsed) * board.forwardWad) / window;
        }
    }
}
