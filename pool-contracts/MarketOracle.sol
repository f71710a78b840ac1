// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {BoundedMove} from "./libraries/oracle/BoundedMove.sol";
import {ReportHash} from "./libraries/oracle/ReportHash.sol";
import {ReportSignatures} from "./libraries/oracle/ReportSignatures.sol";
import {SurfaceDraft} from "./libraries/oracle/SurfaceDraft.sol";
import {RollDown} from "./libraries/pricing/RollDown.sol";
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
    readHeader
} from "./types/ReportHeader.sol";
import {SignerSet, toSignerSet} from "./types/SignerSet.sol";
import {BASIS_UNIT_WAD, PSI_UNIT_WAD, RESIDUAL_UNIT_WAD, RHO_UNIT_WAD, Slice, THETA_UNIT_WAD} from "./types/Slice.sol";
import {SpotWord} from "./types/SpotWord.sol";
import {MAX_SLICES, Surfaces, UNCONFIRMED_SIDE, expiryIn, findExpiry, logSurface, sliceIn} from "./types/Surface.sol";
import {DISAGREEMENT_UNIT_WAD, SurfaceHeader, toSurfaceHeader} from "./types/SurfaceHeader.sol";

/// @title MarketOracle
/// @notice The reports of the volatility oracle, verified and served; `IMarketOracle` has the words.
///
/// WHO. A report counts when a quorum, at least ⌊2n/3⌋ + 1 of the n active signers, signed its EIP-712 hash; each signature
/// names its signer's index, and indices increase, so nobody counts twice. Changing the signers is restricted and delayed.
///
/// WHEN. Rounds strictly increase, model times by a gap at least; a model time is never in the future, and a report is at
/// most 30 seconds old when it is submitted: nobody can hoard reports and choose among them. Surface and spot have clocks of
/// their own; a surface that is newer than the freshest spot moves both. The chain's clock is the only clock.
///
/// WHAT. A surface is stored slice by slice. A slice that would allow arbitrage, alone or after the accepted slice before it,
/// is refused; the last slice of that expiry, rolled down to the new model time, takes its place and is marked as not fresh,
/// and so it does where a report leaves an expiry out. Consumers can still value what they hold, and add no risk there.
/// Fresh slices are free of arbitrage against one another; a slice that took a refused one's place is not checked against
/// its neighbours.
///
/// HOW FAR. A report that moves spot, or the at-the-money volatility of an expiry, further than the market's limits allow in
/// its time is confirmed where every signer signed it, or where it agrees with the unconfirmed report before it. Until then
/// it stands beside what is confirmed: `MarketState.unconfirmed` tells consumers, `Moment.Unconfirmed` serves it. The next
/// report that is near enough to what is confirmed supersedes it.
///
/// SERVED. Between reports θ and ψ shrink with effective time (`RollDown`). Inside the averaging window the forward mixes
/// what is fixed with what is open. The first complete average after an expiry is its settlement price, for ever.
///
/// NOT GUARANTEED. That a report comes: consumers look at the clocks in `MarketState` and widen or stop by themselves.
contract MarketOracle is IMarketOracle, AccessManaged, EIP712 {
    /// @dev Greatest age of a report at submission, seconds.
    uint256 private constant MAX_REPORT_AGE = 30;
    /// @dev Most signers a set can have.
    uint256 private constant MAX_SIGNERS = 64;

    uint256 private constant WAD = 1e18;

    /// @param spot Clock, limits and flags.
    /// @param unconfirmedSpot Where the flag says so: a spot that waits for confirmation, with its time.
    struct Market {
        SpotWord spot;
        SpotWord unconfirmedSpot;
        Surfaces surfaces;
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

    /// @notice Makes reports of `marketId` acceptable, within limits to start with: 15 % of spot and 50 % of volatility per
    /// √hour, two seconds apart. Adding a market twice changes nothing. Restricted.
    function addMarket(uint16 marketId) external restricted {
        Market storage market = _markets[marketId];
        if (market.spot.isRegistered()) return;
        market.spot = SpotWord.wrap(0).withLimits(15, 50, 2);
        emit MarketAdded(marketId);
        emit LimitsChanged(marketId, Limits(15, 50, 2));
    }

    /// @notice Changes how far and how often reports may move a market, from the next report on. Restricted.
    function setMovementLimits(uint16 marketId, Limits calldata limits_) external restricted {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        if (!spot.isRegistered()) revert MarketOracle_UnknownMarket(marketId);
        bool valid = limits_.spotMovePercent >= 5 && limits_.spotMovePercent <= 100
            && limits_.volatilityMovePercent >= 10 && limits_.volatilityMovePercent <= 200 && limits_.minGapSeconds >= 1
            && limits_.minGapSeconds <= 60;
        if (!valid) revert MarketOracle_InvalidLimits();
        market.spot = spot.withLimits(limits_.spotMovePercent, limits_.volatilityMovePercent, limits_.minGapSeconds);
        emit LimitsChanged(marketId, limits_);
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
    function submitReport(bytes calldata report) external {
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

        uint256 modelTime = header.modelTime();
        bool isSurface = header.kind() == SURFACE_REPORT;
        SurfaceHeader surface;
        if (isSurface) {
            surface = market.surfaces.header;
            SurfaceHeader last = spot.isSurfaceUnconfirmed() ? market.surfaces.unconfirmed : surface;
            if (header.round() <= last.round()) return _refuseOld(header.round(), last.round(), ifNewer);
            if (_isTooEarly(modelTime, last.time(), spot)) return _refuseEarly(modelTime, last.time(), spot, ifNewer);
        } else {
            uint256 last = spot.isSpotUnconfirmed() ? market.unconfirmedSpot.time() : spot.time();
            if (_isTooEarly(modelTime, last, spot)) return _refuseEarly(modelTime, last, spot, ifNewer);
        }
        _checkAge(modelTime);
        _verify(header, report, isSurface, signatureCount);

        uint256 delay;
        unchecked {
            delay = block.timestamp - modelTime; // the age, which was checked
        }
        bool holds = true; // whether spot is confirmed
        // What nearly always holds: the newest spot is near the last one, and none waits.
        if (spot.isClearlyNext(header.spot(), modelTime)) spot = spot.withSpot(header.spot(), modelTime, delay);
        else (spot, holds) = _takeSpot(market, spot, header, delay, signatureCount);
        if (isSurface) {
            SurfaceDraft.Draft memory draft =
                SurfaceDraft.make(market.surfaces, surface, spot.side(), header, report, spot.volatilityMove());
            bool surfaceHolds = holds && (draft.isNear || _agrees(market, spot, header, draft));
            if (!surfaceHolds) surfaceHolds = _isAll(signatureCount);
            spot = _storeSurface(market.surfaces, spot, surface, header, draft, delay, surfaceHolds);
            market.spot = spot;
            if (header.averageCount() == 0 || !holds) return;
            _storeAverages(market, spot, header, surfaceHolds, signatureCount, report);
        } else {
            market.spot = spot;
            if (!holds) return;
            emit SpotAccepted(header);
            if (header.averageCount() != 0) _storeAverages(market, spot, header, false, signatureCount, report);
        }
    }

    function _isTooEarly(uint256 modelTime, uint256 last, SpotWord spot) private pure returns (bool) {
        unchecked {
            return modelTime < last + spot.minGap(); // far below 2^256
        }
    }

    function _refuseEarly(uint256 modelTime, uint256 last, SpotWord spot, bool ifNewer) private pure {
        _refuseOld(modelTime, last + spot.minGap() - 1, ifNewer);
    }

    function _refuseOld(uint256 given, uint256 last, bool ifNewer) private pure {
        if (!ifNewer) revert MarketOracle_ReportNotNewer(given, last);
    }

    /// @dev Reads the header and checks kind and length.
    function _readHeader(bytes calldata report) private pure returns (ReportHeader header, uint256 signatureCount) {
        (header, signatureCount) = readHeader(report);
        uint256 sliceCount = header.sliceCount();
        unchecked {
            // Counts are bytes. What is shorter than a header is shorter than any report.
            uint256 expected = HEADER_BYTES + sliceCount * SLICE_BYTES + header.averageCount() * AVERAGE_BYTES
                + signatureCount * SIGNATURE_BYTES;
            if (report.length != expected) revert MarketOracle_BadLength(report.length, expected);
        }
        uint256 kind = header.kind();
        if (kind == SPOT_REPORT) {
            if (header.carriesSurface()) revert MarketOracle_SpotReportCarriesSurface();
            return (header, signatureCount);
        }
        if (kind != SURFACE_REPORT) revert MarketOracle_UnknownKind(kind);
        if (sliceCount == 0 || sliceCount > MAX_SLICES) revert MarketOracle_TooManyExpiries(sliceCount, MAX_SLICES);
    }

    function _checkAge(uint256 modelTime) private view {
        if (modelTime > block.timestamp) revert MarketOracle_FutureTimestamp(modelTime, block.timestamp);
        unchecked {
            uint256 age = block.timestamp - modelTime;
            if (age > MAX_REPORT_AGE) revert MarketOracle_TooStale(age, MAX_REPORT_AGE);
        }
    }

    function _verify(ReportHeader header, bytes calldata report, bool isSurface, uint256 signatureCount) private view {
        SignerSet active = _signerSet;
        if (header.signerSet() != active.number()) {
            revert MarketOracle_WrongSignerSet(header.signerSet(), active.number());
        }
        bytes32 digest =
            _hashTypedData(isSurface ? ReportHash.surface(header, report) : ReportHash.spot(header, report));
        ReportSignatures.verify(active, digest, report, signatureCount);
    }

    /// @dev Whether so many signatures, whose signers differ, are those of every signer.
    function _isAll(uint256 signatureCount) private view returns (bool) {
        return signatureCount == _signerSet.count();
    }

    // ───────────────────────────── Storing ─────────────────────────────

    /// @dev Moves spot where the report's is the newest, or lets it wait for confirmation.
    /// @return spot_ The word after.
    /// @return holds Whether the report's spot is confirmed, be it the newest or not.
    function _takeSpot(Market storage market, SpotWord spot, ReportHeader header, uint256 delay, uint256 signatureCount)
        private
        returns (SpotWord spot_, bool holds)
    {
        (uint256 price, uint256 modelTime) = (header.spot(), header.modelTime());
        if (price == 0) revert MarketOracle_InvalidPrice(0);
        uint256 time = spot.time();
        bool isNewest = modelTime > time;
        uint256 elapsed = isNewest ? modelTime - time : time - modelTime;
        holds = time == 0 || _isAll(signatureCount) || _isSpotBounded(spot, price, spot.spot(), elapsed);
        if (spot.isSpotUnconfirmed()) {
            SpotWord waiting = market.unconfirmedSpot;
            isNewest = modelTime > waiting.time();
            holds = holds
                || (!_isTooEarly(modelTime, waiting.time(), spot)
                    && _isSpotBounded(spot, price, waiting.spot(), modelTime - waiting.time()));
        }
        if (!isNewest) return (spot, holds); // reports of spot ran ahead of the surface
        if (holds) return (spot.withSpot(price, modelTime, delay), true);
        market.unconfirmedSpot = SpotWord.wrap(0).withSpot(price, modelTime, delay);
        emit SpotUnconfirmed(header.marketId(), header.modelTime(), price);
        return (spot.withSpotUnconfirmed(), false);
    }

    function _isSpotBounded(SpotWord spot, uint256 price, uint256 other, uint256 elapsed) private pure returns (bool) {
        return BoundedMove.isBounded(price, other, BoundedMove.squaredMove(spot.spotMove(), elapsed));
    }

    /// @dev Whether the draft is near enough to a surface that waits for confirmation.
    function _agrees(Market storage market, SpotWord spot, ReportHeader header, SurfaceDraft.Draft memory draft)
        private
        view
        returns (bool)
    {
        if (!spot.isSurfaceUnconfirmed()) return false;
        SurfaceHeader waiting = market.surfaces.unconfirmed;
        return SurfaceDraft.isNear(
            draft, market.surfaces, waiting, UNCONFIRMED_SIDE, header.modelTime(), spot.volatilityMove()
        );
    }

    /// @dev Writes the surface to the side that is not the present one, or to the side that waits for confirmation.
    /// @return The word after.
    function _storeSurface(
        Surfaces storage surfaces,
        SpotWord spot,
        SurfaceHeader last,
        ReportHeader header,
        SurfaceDraft.Draft memory draft,
        uint256 delay,
        bool holds
    ) private returns (SpotWord) {
        uint256 list = draft.sameList ? last.list() : last.spareList();
        SurfaceHeader next = toSurfaceHeader(
            last, header.round(), header.modelTime(), delay, header.spot(), header.disagreement(), draft.freshMask, list
        );
        if (!draft.sameList) surfaces.writeList(list, draft.pages);
        uint256 side = UNCONFIRMED_SIDE;
        bytes32 topic = SurfaceUnconfirmed.selector;
        if (holds) {
            surfaces.header = next;
            (side, topic) = (spot.side() ^ 1, SurfaceAccepted.selector);
            spot = spot.withOtherSide();
        } else {
            surfaces.unconfirmed = next;
            spot = spot.withSurfaceUnconfirmed();
        }
        surfaces.writeSlices(side, draft.pages);
        logSurface(topic, header.marketId(), next, draft.pages);
        return spot;
    }

    /// @dev Running averages of a report whose spot is confirmed.
    function _storeAverages(
        Market storage market,
        SpotWord spot,
        ReportHeader header,
        bool ofSurface,
        uint256 signatureCount,
        bytes calldata report
    ) private {
        bool allSigned = _isAll(signatureCount);
        uint256 offset = HEADER_BYTES + header.sliceCount() * SLICE_BYTES;
        uint32 previous;
        for (uint256 left = header.averageCount(); left != 0; --left) {
            (uint32 expiry, uint256 average, uint256 elapsed) = readAverage(report, offset);
            offset += AVERAGE_BYTES;
            if (expiry <= previous) revert MarketOracle_ExpiriesNotSorted(expiry, previous);
            previous = expiry;
            if (average == 0 || elapsed == 0 || elapsed != _elapsedAt(expiry, header.modelTime())) {
                revert MarketOracle_InvalidAverage(expiry, average, elapsed);
            }
            AverageWord word = market.averages[expiry];
            if (!allSigned && !_isPlausible(word.average(), average, header, expiry, spot.spotMove())) {
                emit AverageRefused(header.marketId(), expiry, average, elapsed);
                continue;
            }
            // Reports of spot may have run ahead of a surface: the newest stays, and what is final stays for ever.
            bool newer = elapsed > word.elapsed();
            if (newer) word = word.withNewest(average, elapsed);
            if (ofSurface) word = word.withReport(average, elapsed);
            if (newer || ofSurface) market.averages[expiry] = word;
            if (newer && elapsed == RollDown.AVERAGING_WINDOW) {
                emit SettlementPriceFixed(header.marketId(), expiry, average);
            }
        }
    }

    /// @dev An average lies between the one before it (0 where there is none) and spot, or as near to them as spot may have
    /// moved since the window began.
    function _isPlausible(uint256 before, uint256 average, ReportHeader header, uint256 expiry, uint256 spotMove)
        private
        pure
        returns (bool)
    {
        uint256 spot = header.spot();
        (uint256 low, uint256 high) = before == 0 ? (spot, spot) : before < spot ? (before, spot) : (spot, before);
        uint256 since = header.modelTime() + RollDown.AVERAGING_WINDOW - expiry; // the window has begun
        uint256 squared = BoundedMove.squaredMove(spotMove, since);
        if (average < low) return BoundedMove.isBounded(average, low, squared);
        return average <= high || BoundedMove.isBounded(average, high, squared);
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
        return _state(spot, market.surfaces.header);
    }

    function _state(SpotWord spot, SurfaceHeader header) private pure returns (MarketState memory) {
        return MarketState({
            round: uint32(header.round()), // kept in 32 bits
            surfaceTime: uint40(header.time()), // 32 bits, and at most 31 more
            surfaceAcceptedAt: uint40(header.acceptedAt()),
            spotTime: spot.time(),
            spotAcceptedAt: spot.acceptedAt(),
            spotWad: spot.spot(),
            surfaceSpotWad: header.spot(),
            disagreementWad: header.disagreement() * DISAGREEMENT_UNIT_WAD,
            unconfirmed: spot.isUnconfirmed()
        });
    }

    /// @dev From which surface, at which spot and time boards are drawn.
    struct View {
        uint16 marketId;
        bool ofReport;
        bool needsNoAverage;
        Drawn surface;
        /// The present surface, which stands in for expiries that another one does not know.
        Drawn standIn;
        uint256 spotWad;
        uint256 time;
    }

    /// @dev A surface to draw from: where its slices and expiries are, its time and mask.
    struct Drawn {
        uint256 side;
        uint256 list;
        uint256 time;
        uint256 freshMask;
    }

    /// @inheritdoc IMarketOracle
    function boards(uint16 marketId, uint32[] calldata expiries_, Moment moment)
        external
        view
        returns (MarketState memory state, Board[] memory boards_)
    {
        Market storage market = _markets[marketId];
        (SpotWord spot, SurfaceHeader header) = (market.spot, market.surfaces.header);
        state = _state(spot, header);
        boards_ = new Board[](expiries_.length);
        _fillBoards(boards_, 0, market, _view(market, marketId, spot, header, moment), expiries_);
    }

    /// @inheritdoc IMarketOracle
    function boardsAt(uint16 marketId, uint32[] calldata expiries_, Moment first, Moment second)
        external
        view
        returns (MarketState memory state, Board[] memory boards_)
    {
        Market storage market = _markets[marketId];
        (SpotWord spot, SurfaceHeader header) = (market.spot, market.surfaces.header);
        state = _state(spot, header);
        boards_ = new Board[](2 * expiries_.length);
        _fillBoards(boards_, 0, market, _view(market, marketId, spot, header, first), expiries_);
        _fillBoards(boards_, expiries_.length, market, _view(market, marketId, spot, header, second), expiries_);
    }

    function _fillBoards(
        Board[] memory boards_,
        uint256 from,
        Market storage market,
        View memory view_,
        uint32[] calldata expiries_
    ) private view {
        for (uint256 i = 0; i < expiries_.length; ++i) {
            _fillBoard(boards_[from + i], market, view_, expiries_[i]);
        }
    }

    function _view(Market storage market, uint16 marketId, SpotWord spot, SurfaceHeader header, Moment moment)
        private
        view
        returns (View memory view_)
    {
        uint256 side = spot.side();
        Drawn memory present = Drawn(side, header.list(), header.time(), header.freshMask());
        (view_.marketId, view_.surface, view_.standIn) = (marketId, present, present);
        (view_.spotWad, view_.time) = (spot.spot(), block.timestamp);
        if (moment == Moment.Now) return view_;
        view_.needsNoAverage = moment == Moment.Held || moment == Moment.Unconfirmed;
        if (moment == Moment.Held) return view_;
        if (moment == Moment.Report) {
            (view_.ofReport, view_.spotWad, view_.time) = (true, header.spot(), header.time());
        } else if (moment == Moment.Previous) {
            if (header.previousTime() != 0) {
                view_.surface =
                    Drawn(1 - side, header.previousList(), header.previousTime(), header.previousFreshMask());
            }
            if (spot.previousSpot() != 0) view_.spotWad = spot.previousSpot();
        } else {
            if (spot.isSurfaceUnconfirmed()) {
                SurfaceHeader waiting = market.surfaces.unconfirmed;
                view_.surface = Drawn(UNCONFIRMED_SIDE, waiting.list(), waiting.time(), waiting.freshMask());
            }
            if (spot.isSpotUnconfirmed()) view_.spotWad = market.unconfirmedSpot.spot();
        }
    }

    function _fillBoard(Board memory board, Market storage market, View memory view_, uint32 expiry) private view {
        board.expiry = expiry;
        if (view_.time >= expiry) return _fillSettled(board, market, view_);
        if (view_.standIn.time == 0) revert MarketOracle_NoSurface(view_.marketId);

        Drawn memory drawn = view_.surface;
        (bool found, uint256 index) = _find(market, drawn, expiry);
        if (!found) {
            drawn = view_.standIn;
            (found, index) = _find(market, drawn, expiry);
            if (!found) revert MarketOracle_UnknownExpiry(view_.marketId, expiry);
        }
        Slice slice = sliceIn(market.surfaces.sliceWord(drawn.side, index >> 1), index);
        unchecked {
            uint256 left = expiry - view_.time; // the expiry is later: checked
            uint256 scaledTime = RollDown.scaledEffectiveTime(left);
            uint256 scaledTimeAtReport = RollDown.scaledEffectiveTime(expiry - drawn.time); // slices expire after it
            board.effectiveSeconds = RollDown.effectiveSeconds(left);
            // θ and ψ in WAD are below 2^64 and the times below 2^56.
            board.thetaWad = slice.theta() * THETA_UNIT_WAD * scaledTime / scaledTimeAtReport;
            board.psiWad = slice.psi() * PSI_UNIT_WAD * scaledTime / scaledTimeAtReport;
            board.rhoWad = slice.rho() * RHO_UNIT_WAD;
            board.residualWad = slice.residual() * RESIDUAL_UNIT_WAD;
            board.fresh = drawn.freshMask >> index & 1 == 1;
            // Spot is below 2^96; the basis is above −84 %, so the factor is positive.
            uint256 forwardWad = view_.spotWad * uint256(int256(WAD) + slice.basis() * BASIS_UNIT_WAD) / WAD;
            board.forwardWad =
                left < RollDown.AVERAGING_WINDOW ? _averagingForward(market, view_, expiry, forwardWad) : forwardWad;
        }
    }

    function _find(Market storage market, Drawn memory drawn, uint256 expiry)
        private
        view
        returns (bool found, uint256 index)
    {
        (uint256 first, uint256 second) = market.surfaces.expiryWords(drawn.list);
        return findExpiry(first, second, expiry);
    }

    function _fillSettled(Board memory board, Market storage market, View memory view_) private view {
        AverageWord word = market.averages[board.expiry];
        if (word.elapsed() != RollDown.AVERAGING_WINDOW) {
            revert MarketOracle_UnknownExpiry(view_.marketId, board.expiry);
        }
        (board.forwardWad, board.settled, board.fresh) = (word.average(), true, true);
    }

    /// @dev The forward inside the averaging window. A board of the report uses the average of that report alone.
    function _averagingForward(Market storage market, View memory view_, uint32 expiry, uint256 forwardWad)
        private
        view
        returns (uint256)
    {
        AverageWord word = market.averages[expiry];
        bool ofReport = view_.ofReport;
        (uint256 average, uint256 elapsed) =
            ofReport ? (word.reportAverage(), word.reportElapsed()) : (word.average(), word.elapsed());
        if (elapsed == 0 && view_.needsNoAverage) return forwardWad;
        if (elapsed == 0 || (ofReport && elapsed != _elapsedAt(expiry, view_.time))) {
            revert MarketOracle_NoRunningAverage(view_.marketId, expiry);
        }
        return RollDown.averagingForward(average, elapsed, forwardWad);
    }

    /// @inheritdoc IMarketOracle
    function expiries(uint16 marketId) public view returns (uint32[] memory expiries_) {
        Surfaces storage surfaces = _markets[marketId].surfaces;
        (uint256 first, uint256 second) = surfaces.expiryWords(surfaces.header.list());
        expiries_ = new uint32[](MAX_SLICES);
        uint256 count;
        for (; count < MAX_SLICES; ++count) {
            uint256 expiry = expiryIn(count < 8 ? first : second, count);
            if (expiry == 0) break;
            expiries_[count] = uint32(expiry); // kept in 32 bits
        }
        assembly ("memory-safe") {
            mstore(expiries_, count) // only ever shorter
        }
    }

    /// @inheritdoc IMarketOracle
    function slices(uint16 marketId) external view returns (Slice[] memory slices_, uint256 freshMask) {
        Market storage market = _markets[marketId];
        slices_ = new Slice[](expiries(marketId).length);
        for (uint256 i = 0; i < slices_.length; ++i) {
            slices_[i] = sliceIn(market.surfaces.sliceWord(market.spot.side(), i >> 1), i);
        }
        freshMask = market.surfaces.header.freshMask();
    }

    /// @inheritdoc IMarketOracle
    function unconfirmed(uint16 marketId) external view returns (Unconfirmed memory waiting) {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        if (spot.isSurfaceUnconfirmed()) {
            SurfaceHeader header = market.surfaces.unconfirmed;
            (waiting.round, waiting.surfaceTime) = (uint32(header.round()), uint40(header.time())); // kept in 32 bits
        }
        if (spot.isSpotUnconfirmed()) {
            SpotWord word = market.unconfirmedSpot;
            (waiting.spotTime, waiting.spotWad) = (word.time(), word.spot());
        }
    }

    /// @inheritdoc IMarketOracle
    function limits(uint16 marketId) external view returns (Limits memory) {
        SpotWord spot = _markets[marketId].spot;
        // Each was stored from 8 bits.
        return Limits(uint8(spot.spotMove()), uint8(spot.volatilityMove()), uint8(spot.minGap()));
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
        bytes memory packed = SSTORE2.read(active.pointer());
        signers_ = new address[](active.count());
        for (uint256 i = 0; i < signers_.length; ++i) {
            assembly ("memory-safe") {
                let signer := shr(96, mload(add(add(packed, 0x20), mul(i, 20)))) // 20 bytes each
                mstore(add(add(signers_, 0x20), shl(5, i)), signer)
            }
        }
        return (active.number(), signers_, active.quorum());
    }

    /// @dev Both never change, so the separator is cached in the code.
    function _domainNameAndVersion() internal pure override returns (string memory name, string memory version) {
        return ("Meniscus MarketOracle", "1");
    }
}
