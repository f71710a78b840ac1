// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AVERAGE_BYTES, HEADER_BYTES, ReportHeader, SLICE_BYTES} from "../../types/ReportHeader.sol";

/// @title ReportHash
/// @notice EIP-712 struct hashes of reports, rebuilt from their packed form: signers see fields, not bytes.
library ReportHash {
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

    bytes32 private constant NOTHING = keccak256("");

    /// @notice The struct hash of a surface report, whose length is checked.
    function surface(ReportHeader header, bytes calldata report) internal pure returns (bytes32 hash) {
        bytes32 slices = _slices(report, header.sliceCount());
        unchecked {
            bytes32 averages = NOTHING;
            if (header.averageCount() != 0) {
                averages = _averages(report, HEADER_BYTES + header.sliceCount() * SLICE_BYTES, header.averageCount());
            }
            (bytes32 typeHash, uint256 marketId, uint256 round) = (SURFACE_TYPEHASH, header.marketId(), header.round());
            (uint256 time, uint256 price, uint256 apart, uint256 set) =
                (header.modelTime(), header.spot(), header.disagreement(), header.signerSet());
            assembly ("memory-safe") {
                let fields := mload(0x40) // beyond the end of used memory, which does not move
                mstore(fields, typeHash)
                mstore(add(fields, 0x20), marketId)
                mstore(add(fields, 0x40), round)
                mstore(add(fields, 0x60), time)
                mstore(add(fields, 0x80), price)
                mstore(add(fields, 0xa0), apart)
                mstore(add(fields, 0xc0), set)
                mstore(add(fields, 0xe0), slices)
                mstore(add(fields, 0x100), averages)
                hash := keccak256(fields, 0x120)
            }
        }
    }

    /// @notice The struct hash of a report of spot only, whose length is checked.
    function spot(ReportHeader header, bytes calldata report) internal pure returns (bytes32 hash) {
        bytes32 averages = NOTHING;
        if (header.averageCount() != 0) averages = _averages(report, HEADER_BYTES, header.averageCount());
        (bytes32 typeHash, uint256 marketId, uint256 time, uint256 price, uint256 set) =
            (SPOT_TYPEHASH, header.marketId(), header.modelTime(), header.spot(), header.signerSet());
        assembly ("memory-safe") {
            let fields := mload(0x40) // beyond the end of used memory, which does not move
            mstore(fields, typeHash)
            mstore(add(fields, 0x20), marketId)
            mstore(add(fields, 0x40), time)
            mstore(add(fields, 0x60), price)
            mstore(add(fields, 0x80), set)
            mstore(add(fields, 0xa0), averages)
            hash := keccak256(fields, 0xc0)
        }
    }

    /// @dev keccak of the hashes of all slices. Works beyond the free memory pointer and does not move it.
    function _slices(bytes calldata report, uint256 count) private pure returns (bytes32 hash) {
        bytes32 typeHash = SLICE_TYPEHASH;
        assembly ("memory-safe") {
            let fields := mload(0x40)
            let hashes := add(fields, 0xe0)
            mstore(fields, typeHash)
            let at := add(report.offset, HEADER_BYTES)
            let end := add(hashes, shl(5, count))
            for { let hashAt := hashes } lt(hashAt, end) { hashAt := add(hashAt, 0x20) } {
                let packed := shr(96, calldataload(at)) // expiry | θ | ψ | ρ | basis | residual
                at := add(at, SLICE_BYTES)
                mstore(add(fields, 0x20), shr(128, packed))
                mstore(add(fields, 0x40), and(shr(88, packed), 0xffffffffff))
                mstore(add(fields, 0x60), and(shr(52, packed), 0xfffffffff))
                mstore(add(fields, 0x80), signextend(1, shr(36, packed)))
                mstore(add(fields, 0xa0), signextend(2, shr(12, packed)))
                mstore(add(fields, 0xc0), and(packed, 0xfff))
                mstore(hashAt, keccak256(fields, 0xe0))
            }
            hash := keccak256(hashes, sub(end, hashes))
        }
    }

    /// @dev keccak of the hashes of all running averages, which begin at byte `offset`. Leaves memory's end in place.
    function _averages(bytes calldata report, uint256 offset, uint256 count) private pure returns (bytes32 hash) {
        bytes32 typeHash = AVERAGE_TYPEHASH;
        assembly ("memory-safe") {
            let fields := mload(0x40)
            let hashes := add(fields, 0x80)
            mstore(fields, typeHash)
            let at := add(report.offset, offset)
            let end := add(hashes, shl(5, count))
            for { let hashAt := hashes } lt(hashAt, end) { hashAt := add(hashAt, 0x20) } {
                let packed := shr(112, calldataload(at)) // expiry | average | elapsed
                mstore(add(fields, 0x20), shr(112, packed))
                mstore(add(fields, 0x40), and(shr(16, packed), 0xffffffffffffffffffffffff))
                mstore(add(fields, 0x60), and(packed, 0xffff))
                mstore(hashAt, keccak256(fields, 0x80))
                at := add(at, AVERAGE_BYTES)
            }
            hash := keccak256(hashes, sub(end, hashes))
        }
    }
}
