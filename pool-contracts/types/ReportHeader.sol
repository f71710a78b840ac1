// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice The first 32 of the 33 bytes that head a packed report; the 33rd is the number of signatures.
///
///     bits   248…255  232…247   200…231  160…199    64…159       48…63         16…47      8…15        0…7
///            kind     marketId  round    modelTime  spot (WAD)   disagreement  signerSet  sliceCount  averageCount
///
/// `round`, `disagreement` (1e-4 of volatility) and `sliceCount` are zero in a report of spot only.
type ReportHeader is uint256;

using {
    kind,
    marketId,
    round,
    modelTime,
    spot,
    disagreement,
    signerSet,
    sliceCount,
    averageCount,
    carriesSurface
} for ReportHeader global;

uint256 constant SURFACE_REPORT = 1;
uint256 constant SPOT_REPORT = 2;

/// @dev Round, disagreement and count of slices.
uint256 constant SURFACE_FIELDS = 0xffffffff << 200 | 0xffff << 48 | 0xff << 8;

uint256 constant HEADER_BYTES = 33;
uint256 constant SLICE_BYTES = 20;
uint256 constant AVERAGE_BYTES = 18;
uint256 constant SIGNATURE_BYTES = 66;

/// @return header The packed fields of `report`, which has at least `HEADER_BYTES`.
/// @return signatureCount How many signatures follow the averages.
function readHeader(bytes calldata report) pure returns (ReportHeader header, uint256 signatureCount) {
    assembly ("memory-safe") {
        header := calldataload(report.offset)
        signatureCount := byte(0, calldataload(add(report.offset, 32)))
    }
}

/// @notice The `index`-th slice: its expiry, and the packed slice.
function readSlice(bytes calldata report, uint256 index) pure returns (uint32 expiry, uint128 slice) {
    assembly ("memory-safe") {
        let packed := shr(96, calldataload(add(add(report.offset, HEADER_BYTES), mul(index, SLICE_BYTES))))
        expiry := shr(128, packed)
        slice := and(packed, 0xffffffffffffffffffffffffffffffff)
    }
}

/// @notice The running average that begins at byte `offset` of the report.
function readAverage(bytes calldata report, uint256 offset)
    pure
    returns (uint32 expiry, uint256 average, uint256 elapsed)
{
    assembly ("memory-safe") {
        let packed := shr(112, calldataload(add(report.offset, offset)))
        expiry := shr(112, packed)
        average := and(shr(16, packed), 0xffffffffffffffffffffffff)
        elapsed := and(packed, 0xffff)
    }
}

/// @notice The signature that stands `fromEnd` places before the report's end; the last is at 1.
function readSignature(bytes calldata report, uint256 fromEnd)
    pure
    returns (uint256 index, bytes32 r, bytes32 s, uint8 v)
{
    assembly ("memory-safe") {
        let at := sub(add(report.offset, report.length), mul(fromEnd, SIGNATURE_BYTES))
        index := byte(0, calldataload(at))
        r := calldataload(add(at, 1))
        s := calldataload(add(at, 33))
        v := byte(0, calldataload(add(at, 65)))
    }
}

function kind(ReportHeader self) pure returns (uint256) {
    return ReportHeader.unwrap(self) >> 248;
}

// Each cast below keeps the low bits that its field has.

function marketId(ReportHeader self) pure returns (uint16) {
    return uint16(ReportHeader.unwrap(self) >> 232);
}

function round(ReportHeader self) pure returns (uint32) {
    return uint32(ReportHeader.unwrap(self) >> 200);
}

function modelTime(ReportHeader self) pure returns (uint40) {
    return uint40(ReportHeader.unwrap(self) >> 160);
}

function spot(ReportHeader self) pure returns (uint96) {
    return uint96(ReportHeader.unwrap(self) >> 64);
}

function disagreement(ReportHeader self) pure returns (uint16) {
    return uint16(ReportHeader.unwrap(self) >> 48);
}

function signerSet(ReportHeader self) pure returns (uint32) {
    return uint32(ReportHeader.unwrap(self) >> 16);
}

function sliceCount(ReportHeader self) pure returns (uint256) {
    return uint8(ReportHeader.unwrap(self) >> 8);
}

function averageCount(ReportHeader self) pure returns (uint256) {
    return uint8(ReportHeader.unwrap(self));
}

/// @notice Whether any field is set that only a surface report signs.
function carriesSurface(ReportHeader self) pure returns (bool) {
    return ReportHeader.unwrap(self) & SURFACE_FIELDS != 0;
}
