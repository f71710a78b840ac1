// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Board, MarketState, Moment} from "../types/Board.sol";
import {ReportHeader} from "../types/ReportHeader.sol";
import {Slice} from "../types/Slice.sol";
import {SurfaceHeader} from "../types/SurfaceHeader.sol";

/// @title The reports of the volatility oracle, verified and served
/// @notice Takes reports signed by a quorum of nodes, refuses whatever is stale, unsigned or arbitrageable, and serves
/// spot, forwards and eSSVI slices to makers, to the margin engine and to settlement.
///
/// A report is EIP-712 typed data; the hash is rebuilt from the packed calldata, so signers see fields, not bytes:
///
///     SurfaceReport(uint16 marketId,uint32 round,uint40 modelTime,uint96 spot,uint16 disagreement,uint32 signerSet,
///                   Slice[] slices,RunningAverage[] averages)
///     SpotReport(uint16 marketId,uint40 modelTime,uint96 spot,uint32 signerSet,RunningAverage[] averages)
///     Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)
///     RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)
///
///     domain: name "Meniscus MarketOracle", version "1", chainId, verifyingContract
///
/// Packed calldata, big-endian, no padding:
///
///     report      kind u8 (1 surface, 2 spot) | marketId u16 | round u32 | modelTime u40 | spot u96 | disagreement u16 |
///                 signerSet u32 | sliceCount u8 | averageCount u8 | signatureCount u8 | slices | averages | signatures
///                 (round, disagreement and sliceCount are 0 in a spot report)
///     slice       expiry u32 | Slice u128          (20 bytes, expiries strictly increasing)
///     average     expiry u32 | average u96 | elapsed u16                    (18 bytes)
///     signature   signer index u8 | r | s | v u8   (66 bytes, indices strictly increasing; v is 27 or 28 for a key; for a
///                 contract 0 or 1: it is asked by ERC-1271 with the 65 bytes r, s, v + 27)
///
/// Units: `spot` and `average` are WAD; `theta` 1e-11; `psi` 1e-10; `rho` 2^-15; `basis` 1e-7 of spot; `residual` and
/// `disagreement` 1e-4 of volatility; `elapsed` seconds of the averaging window that are already fixed.
interface IMarketOracle {
    /// @notice A surface report was accepted. `header` and `pages` are what is stored, laid out as `SurfaceHeader` and
    /// `Surfaces` draw it. Bit i of the header's fresh mask is 1 where slice i came with the report; 0 where that slice was
    /// refused or left out and the last one of the expiry, rolled down, took its place. An expiry without a last slice is
    /// left out.
    event SurfaceAccepted(uint16 indexed marketId, SurfaceHeader header, uint256[] pages);
    /// @notice A surface report waits for confirmation, for it moves the market further than one report may.
    event SurfaceUnconfirmed(uint16 indexed marketId, SurfaceHeader header, uint256[] pages);
    /// @notice A report's spot waits for confirmation.
    event SpotUnconfirmed(uint16 indexed marketId, uint40 modelTime, uint256 spotWad);
    /// @notice A spot-only report was accepted: its header, with market, model time and spot. One word, for it comes often.
    event SpotAccepted(ReportHeader header);
    /// @notice The slice of `expiry` was refused; `reason` is a `SliceRefusal`.
    event SliceRefused(uint16 indexed marketId, uint32 indexed round, uint32 expiry, SliceRefusal reason);
    /// @notice The average of the window before `expiry` is complete: this price settles it, for ever.
    event SettlementPriceFixed(uint16 indexed marketId, uint32 indexed expiry, uint256 priceWad);
    /// @notice The running average was left aside: it is further from spot, and from the average before it, than spot may move.
    event AverageRefused(uint16 indexed marketId, uint32 indexed expiry, uint256 averageWad, uint256 elapsed);
    /// @notice Reports of `marketId` are acceptable from now on.
    event MarketAdded(uint16 indexed marketId);
    /// @notice Reports are signed by a quorum of `signers` from now on, under the number `signerSet`.
    event SignersChanged(uint32 indexed signerSet, address[] signers, uint256 quorum);
    event LimitsChanged(uint16 indexed marketId, Limits limits);

    /// @notice How far and how often reports may move a market: |ln| ≤ move·√((Δt + 60 s)/1 h), Δt between model times.
    /// @param spotMovePercent Of spot, percent per √hour, 5 … 100.
    /// @param volatilityMovePercent Of the at-the-money volatility of each expiry, percent per √hour, 10 … 200.
    /// @param minGapSeconds Fewest seconds between the model times of two reports of one kind, 1 … 60.
    struct Limits {
        uint8 spotMovePercent;
        uint8 volatilityMovePercent;
        uint8 minGapSeconds;
    }

    /// @notice What waits for confirmation; zero what does not.
    /// @param round Round of the surface that waits.
    /// @param surfaceTime Its model time.
    /// @param spotTime Model time of the spot that waits.
    /// @param spotWad That spot.
    struct Unconfirmed {
        uint32 round;
        uint40 surfaceTime;
        uint40 spotTime;
        uint256 spotWad;
    }

    /// @dev Why a slice was refused on its own.
    enum SliceRefusal {
        None,
        Range,
        Butterfly,
        Calendar,
        Expired,
        /// The report left out an expiry that the surface has and that has not passed.
        Missing
    }

    error MarketOracle_BadLength(uint256 length, uint256 expected);
    error MarketOracle_UnknownKind(uint256 kind);
    /// @notice A report of spot only has round, disagreement and slice count 0: they would not be signed.
    error MarketOracle_SpotReportCarriesSurface();
    error MarketOracle_UnknownMarket(uint16 marketId);
    /// @notice The round is not above the last one, or the model time not above the last second that is too early: the gap
    /// between two reports counts from the last report of the kind, be it confirmed or not.
    error MarketOracle_ReportNotNewer(uint256 given, uint256 last);
    error MarketOracle_FutureTimestamp(uint256 modelTime, uint256 blockTime);
    error MarketOracle_TooStale(uint256 age, uint256 maxAge);
    error MarketOracle_InvalidPrice(uint256 price);
    error MarketOracle_TooFewSigners(uint256 given, uint256 quorum);
    error MarketOracle_SignersNotSorted(uint256 index, uint256 previous);
    error MarketOracle_SignerNotActive(uint256 index);
    error MarketOracle_InvalidSignature(uint256 index);
    error MarketOracle_WrongSignerSet(uint256 given, uint256 active);
    error MarketOracle_ExpiriesNotSorted(uint32 expiry, uint32 previous);
    error MarketOracle_TooManyExpiries(uint256 count, uint256 max);
    error MarketOracle_InvalidAverage(uint32 expiry, uint256 average, uint256 elapsed);
    error MarketOracle_InvalidThreshold(uint256 quorum, uint256 signers);
    /// @notice A signer is the zero address or stands in the set twice.
    error MarketOracle_InvalidSigner(address signer);
    error MarketOracle_InvalidLimits();
    error MarketOracle_NoSurface(uint16 marketId);
    error MarketOracle_UnknownExpiry(uint16 marketId, uint32 expiry);
    /// @notice Inside the averaging window the pool needs the running average, and no accepted report carried it.
    error MarketOracle_NoRunningAverage(uint16 marketId, uint32 expiry);

    /// @notice Verifies and stores a packed report. Anyone may submit. A report already accepted reverts as not newer.
    function submitReport(bytes calldata report) external;

    /// @notice As `submitReport`, but does nothing where the report is not newer than what is stored: a swap may carry a report
    /// that somebody else submitted first.
    function submitIfNewer(bytes calldata report) external;

    /// @notice Clocks and spot of a market. All zero before its first report.
    function marketState(uint16 marketId) external view returns (MarketState memory);

    /// @notice Clocks, spot and one board per wanted expiry, in the order asked.
    /// @dev Reverts with `MarketOracle_UnknownExpiry` where the surface has no slice and no settlement price is fixed.
    function boards(uint16 marketId, uint32[] calldata expiries, Moment moment)
        external
        view
        returns (MarketState memory state, Board[] memory boards_);

    /// @notice As `boards` at two moments in one call: first all boards of the one, then all of the other.
    function boardsAt(uint16 marketId, uint32[] calldata expiries, Moment first, Moment second)
        external
        view
        returns (MarketState memory state, Board[] memory boards_);

    /// @notice What waits for confirmation. All zero where nothing does.
    function unconfirmed(uint16 marketId) external view returns (Unconfirmed memory);

    /// @notice How far and how often reports may move the market. All zero for an unknown market.
    function limits(uint16 marketId) external view returns (Limits memory);

    /// @notice Expiries of the stored surface, increasing.
    function expiries(uint16 marketId) external view returns (uint32[] memory);

    /// @notice Slices of the stored surface as they stand, in the order of `expiries`; bit i of `freshMask` as in
    /// `SurfaceAccepted`.
    function slices(uint16 marketId) external view returns (Slice[] memory slices_, uint256 freshMask);

    /// @notice The price that settles `expiry`, WAD; 0 until its average is complete.
    function settlementPrice(uint16 marketId, uint32 expiry) external view returns (uint256 priceWad);

    /// @notice The running average of the window before `expiry`: mean so far (WAD) and seconds of it that are fixed.
    function runningAverage(uint16 marketId, uint32 expiry) external view returns (uint256 averageWad, uint256 elapsed);

    /// @notice The active signers, their quorum and the number of the set.
    function signers() external view returns (uint32 signerSet, address[] memory signers_, uint256 quorum);
}
