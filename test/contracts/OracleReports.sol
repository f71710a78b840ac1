// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../pool-contracts/Authority.sol";
import {MarketOracle} from "../../pool-contracts/MarketOracle.sol";
import {SPOT_REPORT, SURFACE_REPORT} from "../../pool-contracts/types/ReportHeader.sol";
import {Test} from "forge-std/Test.sol";

struct TestSlice {
    uint32 expiry;
    uint256 theta;
    uint256 psi;
    int16 rho;
    int24 basis;
    uint256 residual;
}

struct TestAverage {
    uint32 expiry;
    uint96 average;
    uint16 elapsed;
}

struct TestReport {
    uint256 kind;
    uint16 marketId;
    uint32 round;
    uint40 modelTime;
    uint96 spot;
    uint16 disagreement;
    uint32 signerSet;
    TestSlice[] slices;
    TestAverage[] averages;
}

/// @notice Four nodes that sign reports, written from the interface's documentation and not from the contract: the typed
/// data are hashed field by field, and the packed form is built beside it.
abstract contract OracleReports is Test {
    uint16 internal constant MARKET = 7;
    uint40 internal constant START = 1_770_000_000;
    uint96 internal constant SPOT = 3_000e18;

    MarketOracle internal oracle;
    uint256[] internal keys;

    function _deploy(uint256 nodes) internal {
        vm.warp(START);
        address[] memory signers = new address[](nodes);
        for (uint256 i = 0; i < nodes; ++i) {
            keys.push(uint256(keccak256(abi.encode("node", i))));
            signers[i] = vm.addr(keys[i]);
        }
        oracle = new MarketOracle(signers, address(new Authority(address(this))));
        oracle.addMarket(MARKET);
    }

    // ───────────────────────────── Examples ─────────────────────────────

    function _expiry(uint256 i) internal pure returns (uint32) {
        return uint32(START + 2 days + i * 7 days); // fits until 2106
    }

    /// @dev σ = 60 %, a little skew, wings that widen more slowly than θ grows.
    function _surface(uint32 round, uint40 time, uint256 count) internal pure returns (TestReport memory report) {
        report.kind = SURFACE_REPORT;
        report.marketId = MARKET;
        (report.round, report.modelTime, report.spot) = (round, time, SPOT);
        report.disagreement = 25;
        report.signerSet = 1;
        report.slices = new TestSlice[](count);
        for (uint256 i = 0; i < count; ++i) {
            report.slices[i] = _slice(_expiry(i), time);
        }
    }

    function _slice(uint32 expiry, uint40 time) internal pure returns (TestSlice memory) {
        uint256 theta = expiry > time ? 0.36e11 * uint256(expiry - time) / 365 days : 1;
        // ψ = θ + 0.02 in units of 1e-10, but no more than a butterfly allows hours before the expiry; ψ grows, ψ/θ falls.
        uint256 psi = theta > 3e8 ? theta / 10 + 2e8 : theta / 2;
        return TestSlice(expiry, theta, psi, -8_000, 12_345, 37);
    }

    function _spotOnly(uint40 time, uint96 spot) internal pure returns (TestReport memory report) {
        report.kind = SPOT_REPORT;
        report.marketId = MARKET;
        (report.modelTime, report.spot) = (time, spot);
        report.signerSet = 1;
    }

    function _withAverage(TestReport memory report, uint32 expiry, uint96 average, uint16 elapsed)
        internal
        pure
        returns (TestReport memory)
    {
        report.averages = new TestAverage[](1);
        report.averages[0] = TestAverage(expiry, average, elapsed);
        return report;
    }

    // ───────────────────────────── Hashing ─────────────────────────────

    function _digest(TestReport memory report) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _separator(block.chainid, address(oracle)), _structHash(report)));
    }

    function _separator(uint256 chainId, address verifier) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Meniscus MarketOracle"),
                keccak256("1"),
                chainId,
                verifier
            )
        );
    }

    string private constant SLICE =
        "Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)";
    string private constant AVERAGE = "RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)";
    string private constant SURFACE =
        "SurfaceReport(uint16 marketId,uint32 round,uint40 modelTime,uint96 spot,uint16 disagreement,uint32 signerSet,Slice[] slices,RunningAverage[] averages)";
    string private constant SPOT_ONLY =
        "SpotReport(uint16 marketId,uint40 modelTime,uint96 spot,uint32 signerSet,RunningAverage[] averages)";

    function _structHash(TestReport memory report) internal pure returns (bytes32) {
        bytes memory averages;
        for (uint256 i = 0; i < report.averages.length; ++i) {
            TestAverage memory item = report.averages[i];
            averages = bytes.concat(
                averages, keccak256(abi.encode(keccak256(bytes(AVERAGE)), item.expiry, item.average, item.elapsed))
            );
        }
        if (report.kind == SPOT_REPORT) {
            bytes32 spotType = keccak256(bytes(string.concat(SPOT_ONLY, AVERAGE)));
            return keccak256(
                abi.encode(
                    spotType, report.marketId, report.modelTime, report.spot, report.signerSet, keccak256(averages)
                )
            );
        }
        bytes memory slices;
        for (uint256 i = 0; i < report.slices.length; ++i) {
            slices = bytes.concat(slices, _sliceHash(report.slices[i]));
        }
        bytes32 surfaceType = keccak256(bytes(string.concat(SURFACE, AVERAGE, SLICE)));
        return keccak256(
            abi.encode(
                surfaceType,
                report.marketId,
                report.round,
                report.modelTime,
                report.spot,
                report.disagreement,
                report.signerSet,
                keccak256(slices),
                keccak256(averages)
            )
        );
    }

    function _sliceHash(TestSlice memory item) private pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(bytes(SLICE)), item.expiry, item.theta, item.psi, item.rho, item.basis, item.residual)
        );
    }

    // ───────────────────────────── Packing ─────────────────────────────

    function _body(TestReport memory report, uint256 signatureCount) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(
            uint8(report.kind),
            report.marketId,
            report.round,
            report.modelTime,
            report.spot,
            report.disagreement,
            report.signerSet,
            uint8(report.slices.length),
            uint8(report.averages.length),
            uint8(signatureCount)
        );
        for (uint256 i = 0; i < report.slices.length; ++i) {
            packed = bytes.concat(packed, bytes4(report.slices[i].expiry), bytes16(_packedSlice(report.slices[i])));
        }
        for (uint256 i = 0; i < report.averages.length; ++i) {
            TestAverage memory item = report.averages[i];
            packed = bytes.concat(packed, abi.encodePacked(item.expiry, item.average, item.elapsed));
        }
    }

    /// @dev θ 40 | ψ 36 | ρ 16 | basis 24 | residual 12.
    function _packedSlice(TestSlice memory item) internal pure returns (uint128) {
        uint256 word = item.theta;
        word = word << 36 | item.psi;
        word = word << 16 | uint16(item.rho);
        word = word << 24 | uint24(item.basis);
        return uint128(word << 12 | item.residual);
    }

    function _signature(bytes32 digest, uint256 index) internal view returns (bytes memory) {
        return _signatureBy(digest, uint8(index), keys[index]);
    }

    function _signatureBy(bytes32 digest, uint8 index, uint256 key) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(index, r, s, v);
    }

    /// @dev The report, signed by the first `signatures` nodes.
    function _signed(TestReport memory report, uint256 signatures) internal view returns (bytes memory packed) {
        bytes32 digest = _digest(report);
        packed = _body(report, signatures);
        for (uint256 i = 0; i < signatures; ++i) {
            packed = bytes.concat(packed, _signature(digest, i));
        }
    }

    function _submit(TestReport memory report) internal {
        oracle.submitReport(_signed(report, 3));
    }
}
