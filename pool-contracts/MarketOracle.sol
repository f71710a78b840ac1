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
import {
    BASIS_UNIT_WAD,
    PSI_UNIT_WAD,
    RESIDUAL_UNIT_WAD,
    RHO_UNIT_WAD,
    Slice,
    THETA_UNIT_WAD
} from "./types/Slice.sol";
import {SpotWord} from "./types/SpotWord.sol";
import {MAX_SLICES, Surface} from "./types/Surface.sol";
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
    /// @notice Greatest age of a report at submission, seconds.
    uint256 public constant MAX_REPORT_AGE = 30;
    /// @notice Most expiries a surface can have.
    uint256 public constant MAX_EXPIRIES = MAX_SLICES;
    /// @notice Most signers a set can have.
    uint256 public constant MAX_SIGNERS = 64;

    uint256 private constant WAD = 1e18;
    /// @dev Sides 0 and 1 are the surface and the one before it, as `SpotWord` says; this one waits for confirmation.
    uint256 private constant UNCONFIRMED_SIDE = 2;

    /// @param spot Clock, limits and flags.
    /// @param unconfirmedSpot Where the flag says so: a spot that waits for confirmation, with its time.
    struct Market {
        SpotWord spot;
        SpotWord unconfirmedSpot;
        Surface[3] sides;
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
    function setLimits(uint16 marketId, Limits calldata limits_) external restricted {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        if (!spot.isRegistered()) revert MarketOracle_UnknownMarket(marketId);
        bool valid = limits_.spotMovePercent >= 5 && limits_.spotMovePercent <= 100
            && limits_.volatilityMovePercent >= 10 && limits_.volatilityMovePercent <= 200
            && limits_.minGapSeconds >= 1 && limits_.minGapSeconds <= 60;
        if (!valid) revert MarketOracle_InvalidLimits();
        market.spot =
            spot.withLimits(limits_.spotMovePercent, limits_.volatilityMovePercent, limits_.minGapSeconds);
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
        (uint256 given, uint256 last) = isSurface ? _surfaceClock(market, spot, header) : _spotClock(market, spot, header);
        if (given <= last) {
            if (ifNewer) return;
            revert MarketOracle_ReportNotNewer(given, last);
        }
        uint256 delay = _checkAge(header.modelTime());
        if (header.spot() == 0) revert MarketOracle_InvalidPrice(0);
        bool allSigned = _verify(header, report, isSurface, signatureCount);

        bool spotHolds;
        (spot, spotHolds) = _takeSpot(market, spot, header, delay, allSigned);
        bool holds = spotHolds;
        if (isSurface) (spot, holds) = _takeSurface(market, spot, header, delay, allSigned, spotHolds, report);
        else if (holds) emit SpotAccepted(header.marketId(), header.modelTime(), header.spot());
        market.spot = spot;
        if (spotHolds && header.averageCount() != 0) {
            _storeAverages(market, spot, header, isSurface && holds, allSigned, report);
        }
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

    /// @dev Round and last round; or, where the round is newer, the model time and the last second that is too early.
    function _surfaceClock(Market storage market, SpotWord spot, ReportHeader header)
        private
        view
        returns (uint256 given, uint256 last)
    {
        SurfaceHeader surface = market.sides[spot.isSurfaceUnconfirmed() ? UNCONFIRMED_SIDE : spot.side()].header;
        (given, last) = (header.round(), surface.round());
        if (given > last) (given, last) = (header.modelTime(), _latestTooEarly(surface.time(), spot));
    }

    function _spotClock(Market storage market, SpotWord spot, ReportHeader header)
        private
        view
        returns (uint256 given, uint256 last)
    {
        return (header.modelTime(), _latestTooEarly(_lastSpotTime(market, spot), spot));
    }

    function _lastSpotTime(Market storage market, SpotWord spot) private view returns (uint256) {
        return spot.isSpotUnconfirmed() ? market.unconfirmedSpot.time() : spot.time();
    }

    function _latestTooEarly(uint256 lastTime, SpotWord spot) private pure returns (uint256) {
        unchecked {
            return lastTime + spot.minGap() - 1; // the gap is positive
        }
    }

    /// @return delay Age of the report now, at most MAX_REPORT_AGE.
    function _checkAge(uint256 modelTime) private view returns (uint256 delay) {
        if (modelTime > block.timestamp) revert MarketOracle_FutureTimestamp(modelTime, block.timestamp);
        delay = block.timestamp - modelTime;
        if (delay > MAX_REPORT_AGE) revert MarketOracle_TooStale(delay, MAX_REPORT_AGE);
    }

    /// @return allSigned Whether every signer signed, not a quorum alone.
    function _verify(ReportHeader header, bytes calldata report, bool isSurface, uint256 signatureCount)
        private
        view
        returns (bool allSigned)
    {
        SignerSet active = _signerSet;
        if (header.signerSet() != active.number()) {
            revert MarketOracle_WrongSignerSet(header.signerSet(), active.number());
        }
        bytes32 digest =
            _hashTypedData(isSurface ? ReportHash.surface(header, report) : ReportHash.spot(header, report));
        uint256 signaturesAt =
            HEADER_BYTES + header.sliceCount() * SLICE_BYTES + header.averageCount() * AVERAGE_BYTES;
        ReportSignatures.verify(active, digest, report, signaturesAt, signatureCount);
        return signatureCount == active.count();
    }

    // ───────────────────────────── Storing ─────────────────────────────

    /// @dev Moves spot where the report's is the newest, or lets it wait for confirmation.
    /// @return spot_ The word after.
    /// @return holds Whether the report's spot is confirmed, be it the newest or not.
    function _takeSpot(Market storage market, SpotWord spot, ReportHeader header, uint256 delay, bool allSigned)
        private
        returns (SpotWord spot_, bool holds)
    {
        (uint256 price, uint256 modelTime) = (header.spot(), header.modelTime());
        holds = allSigned || spot.time() == 0
            || BoundedMove.isBounded(price, spot.spot(), spot.spotMove(), _distance(modelTime, spot.time()));
        if (!holds && spot.isSpotUnconfirmed()) {
            SpotWord waiting = market.unconfirmedSpot;
            holds = modelTime > _latestTooEarly(waiting.time(), spot)
                && BoundedMove.isBounded(price, waiting.spot(), spot.spotMove(), modelTime - waiting.time());
        }
        if (modelTime <= _lastSpotTime(market, spot)) return (spot, holds); // reports of spot ran ahead of the surface
        if (holds) return (spot.withSpot(price, modelTime, delay), true);
        market.unconfirmedSpot = SpotWord.wrap(0).withSpot(price, modelTime, delay);
        emit SpotUnconfirmed(header.marketId(), header.modelTime(), price);
        return (spot.withSpotUnconfirmed(), false);
    }

    /// @dev Writes the surface to the side that is not the current one, or to the side that waits for confirmation.
    /// @return spot_ The word after.
    /// @return holds Whether the surface is confirmed.
    function _takeSurface(
        Market storage market,
        SpotWord spot,
        ReportHeader header,
        uint256 delay,
        bool allSigned,
        bool spotHolds,
        bytes calldata report
    ) private returns (SpotWord spot_, bool holds) {
        Surface storage last = market.sides[spot.side()];
        SurfaceDraft.Draft memory draft =
            SurfaceDraft.make(last, last.header, header, report, spot.volatilityMove());
        holds = allSigned || (spotHolds && (draft.isBounded || _confirms(market, spot, header, draft)));
        // Counts are at most MAX_SLICES and the delay is at most MAX_REPORT_AGE: they fit.
        SurfaceHeader next = toSurfaceHeader(
            header.round(),
            header.modelTime(),
            uint8(delay),
            header.spot(),
            header.disagreement(),
            uint8(draft.kept),
            uint16(draft.freshMask),
            header.signerSet()
        );
        if (holds) {
            market.sides[1 - spot.side()].store(next, draft.words);
            emit SurfaceAccepted(header.marketId(), header.round(), next, draft.words);
            return (spot.withOtherSide(), true);
        }
        market.sides[UNCONFIRMED_SIDE].store(next, draft.words);
        emit SurfaceUnconfirmed(header.marketId(), header.round(), next, draft.words);
        return (spot.withSurfaceUnconfirmed(), false);
    }

    function _confirms(Market storage market, SpotWord spot, ReportHeader header, SurfaceDraft.Draft memory draft)
        private
        view
        returns (bool)
    {
        return spot.isSurfaceUnconfirmed()
            && SurfaceDraft.agrees(
                draft, market.sides[UNCONFIRMED_SIDE], header.modelTime(), spot.volatilityMove()
            );
    }

    /// @dev Running averages of a report whose spot is confirmed.
    function _storeAverages(
        Market storage market,
        SpotWord spot,
        ReportHeader header,
        bool ofSurface,
        bool allSigned,
        bytes calldata report
    ) private {
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
        if (average < low) return BoundedMove.isBounded(average, low, spotMove, since);
        return average <= high || BoundedMove.isBounded(average, high, spotMove, since);
    }

    /// @dev Seconds of the window before `expiry` that have passed at `time`.
    function _elapsedAt(uint256 expiry, uint256 time) private pure returns (uint256) {
        uint256 end = time < expiry ? time : expiry;
        return end + RollDown.AVERAGING_WINDOW > expiry ? end + RollDown.AVERAGING_WINDOW - expiry : 0;
    }

    function _distance(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? b - a : a - b;
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
            disagreementWad: header.disagreement() * DISAGREEMENT_UNIT_WAD,
            unconfirmed: spot.isUnconfirmed()
        });
    }

    /// @dev From which surface, at which spot and time boards are drawn.
    struct View {
        uint16 marketId;
        bool ofReport;
        SurfaceHeader header;
        uint256 side;
        uint256 currentSide;
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
        View memory drawn = _view(market, marketId, spot, current, moment);
        uint256 count = expiries_.length;
        boards_ = new Board[](count);
        for (uint256 i = 0; i < count; ++i) {
            _fillBoard(boards_[i], market, drawn, expiries_[i]);
        }
    }

    function _view(Market storage market, uint16 marketId, SpotWord spot, SurfaceHeader current, Moment moment)
        private
        view
        returns (View memory drawn)
    {
        uint256 side = spot.side();
        (drawn.marketId, drawn.header, drawn.side, drawn.currentSide) = (marketId, current, side, side);
        (drawn.spotWad, drawn.time) = (spot.spot(), block.timestamp);
        if (moment == Moment.Now) return drawn;
        if (moment == Moment.Report) {
            (drawn.ofReport, drawn.spotWad, drawn.time) = (true, current.spot(), current.time());
        } else if (moment == Moment.Previous) {
            SurfaceHeader before = market.sides[1 - side].header;
            if (before.round() != 0) (drawn.header, drawn.side) = (before, 1 - side);
            if (spot.previousSpot() != 0) drawn.spotWad = spot.previousSpot();
        } else {
            if (spot.isSurfaceUnconfirmed()) {
                (drawn.header, drawn.side) = (market.sides[UNCONFIRMED_SIDE].header, UNCONFIRMED_SIDE);
            }
            if (spot.isSpotUnconfirmed()) drawn.spotWad = market.unconfirmedSpot.spot();
        }
    }

    function _fillBoard(Board memory board, Market storage market, View memory drawn, uint32 expiry) private view {
        board.expiry = expiry;
        if (drawn.time >= expiry) return _fillSettled(board, market, drawn);
        SurfaceHeader header = drawn.header;
        if (header.round() == 0) revert MarketOracle_NoSurface(drawn.marketId);

        Surface storage surface = market.sides[drawn.side];
        uint256 index = surface.indexOf(header.count(), expiry);
        if (index == header.count()) {
            // Another surface than the current one may not know this expiry: the current one stands in for it.
            surface = market.sides[drawn.currentSide];
            header = surface.header;
            index = surface.indexOf(header.count(), expiry);
            if (index == header.count()) revert MarketOracle_UnknownExpiry(drawn.marketId, expiry);
        }
        Slice slice = surface.sliceAt(index);
        unchecked {
            uint256 left = expiry - drawn.time; // the expiry is later: checked
            uint256 scaledTime = RollDown.scaledEffectiveTime(left);
            uint256 scaledTimeAtReport = RollDown.scaledEffectiveTime(expiry - header.time()); // slices expire after it
            board.effectiveSeconds = RollDown.effectiveSeconds(left);
            // θ and ψ in WAD are below 2^64 and the times below 2^56.
            board.thetaWad = slice.theta() * THETA_UNIT_WAD * scaledTime / scaledTimeAtReport;
            board.psiWad = slice.psi() * PSI_UNIT_WAD * scaledTime / scaledTimeAtReport;
            board.rhoWad = slice.rho() * RHO_UNIT_WAD;
            board.residualWad = slice.residual() * RESIDUAL_UNIT_WAD;
            board.fresh = header.isFresh(index);
            // Spot is below 2^96; the basis is above −84 %, so the factor is positive.
            uint256 forwardWad = drawn.spotWad * uint256(int256(WAD) + slice.basis() * BASIS_UNIT_WAD) / WAD;
            board.forwardWad =
                left < RollDown.AVERAGING_WINDOW ? _averagingForward(market, drawn, expiry, forwardWad) : forwardWad;
        }
    }

    function _fillSettled(Board memory board, Market storage market, View memory drawn) private view {
        AverageWord word = market.averages[board.expiry];
        if (word.elapsed() != RollDown.AVERAGING_WINDOW) {
            revert MarketOracle_UnknownExpiry(drawn.marketId, board.expiry);
        }
        (board.forwardWad, board.settled, board.fresh) = (word.average(), true, true);
    }

    /// @dev The forward inside the averaging window. A board of the report uses the average of that report alone.
    function _averagingForward(Market storage market, View memory drawn, uint32 expiry, uint256 forwardWad)
        private
        view
        returns (uint256)
    {
        AverageWord word = market.averages[expiry];
        bool ofReport = drawn.ofReport;
        (uint256 average, uint256 elapsed) =
            ofReport ? (word.reportAverage(), word.reportElapsed()) : (word.average(), word.elapsed());
        if (elapsed == 0 || (ofReport && elapsed != _elapsedAt(expiry, drawn.time))) {
            revert MarketOracle_NoRunningAverage(drawn.marketId, expiry);
        }
        return RollDown.averagingForward(average, elapsed, forwardWad);
    }

    /// @inheritdoc IMarketOracle
    function expiries(uint16 marketId) external view returns (uint32[] memory expiries_) {
        Market storage market = _markets[marketId];
        Surface storage surface = market.sides[market.spot.side()];
        expiries_ = new uint32[](surface.header.count());
        for (uint256 i = 0; i < expiries_.length; ++i) {
            expiries_[i] = surface.expiryAt(i);
        }
    }

    /// @inheritdoc IMarketOracle
    function slices(uint16 marketId) external view returns (Slice[] memory slices_, uint256 freshMask) {
        Market storage market = _markets[marketId];
        Surface storage surface = market.sides[market.spot.side()];
        slices_ = new Slice[](surface.header.count());
        for (uint256 i = 0; i < slices_.length; ++i) {
            slices_[i] = surface.sliceAt(i);
        }
        freshMask = surface.header.freshMask();
    }

    /// @inheritdoc IMarketOracle
    function unconfirmed(uint16 marketId) external view returns (Unconfirmed memory waiting) {
        Market storage market = _markets[marketId];
        SpotWord spot = market.spot;
        if (spot.isSurfaceUnconfirmed()) {
            SurfaceHeader header = market.sides[UNCONFIRMED_SIDE].header;
            (waiting.round, waiting.surfaceTime) = (header.round(), header.time());
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
        uint256 addresses = ReportSignatures.load(active);
        signers_ = new address[](active.count());
        for (uint256 i = 0; i < signers_.length; ++i) {
            signers_[i] = ReportSignatures.signerAt(addresses, i);
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
