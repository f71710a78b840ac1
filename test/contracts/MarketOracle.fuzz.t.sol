// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RollDown} from "../../pool-contracts/libraries/pricing/RollDown.sol";
import {MarketState} from "../../pool-contracts/types/Board.sol";
import {Slice} from "../../pool-contracts/types/Slice.sol";
import {OracleReports, TestReport, TestSlice} from "./OracleReports.sol";

/// The inequalities are stated here once more, in WAD fractions compared with plain 256-bit products.
contract MarketOracleFuzzTest is OracleReports {
    uint256 private constant ROUNDS = 4;

    function setUp() public {
        _deploy(1);
    }

    /// Whatever a quorum signs, what is stored as fresh allows neither butterflies nor calendars.
    function testFuzz_freshSlicesAreFreeOfArbitrage(uint256 seed) public {
        for (uint256 round = 1; round <= ROUNDS; ++round) {
            uint40 time = uint40(START + round * 37);
            vm.warp(time);
            TestReport memory report = _surface(uint32(round), time, 5);
            for (uint256 i = 0; i < 5; ++i) {
                report.slices[i] = _nearTheBoundary(seed, round, i, i == 0 ? report.slices[0] : report.slices[i - 1]);
            }
            oracle.submitReport(_signed(report, 1));
            _assertFreshSlicesAreFree();
        }
    }

    /// And nothing else is refused: a slice is fresh exactly where the inequalities, in fractions, allow it.
    function testFuzz_onlyArbitrageIsRefused(uint256 seed) public {
        vm.warp(START);
        TestReport memory report = _surface(1, START, 5);
        uint256 kept;
        uint256 last = type(uint256).max;
        uint256[] memory accepted = new uint256[](5);
        for (uint256 i = 0; i < 5; ++i) {
            report.slices[i] = _nearTheBoundary(seed, 1, i, i == 0 ? report.slices[0] : report.slices[i - 1]);
            if (!_isFree(report, last, i)) continue;
            (accepted[kept++], last) = (i, i);
        }
        oracle.submitReport(_signed(report, 1));
        (Slice[] memory slices, uint256 freshMask) = oracle.slices(MARKET);
        assertEq(slices.length, kept);
        assertEq(freshMask, (1 << kept) - 1);
        for (uint256 i = 0; i < kept; ++i) {
            assertEq(Slice.unwrap(slices[i]), _packedSlice(report.slices[accepted[i]]));
        }
    }

    /// @dev ρ = r/2¹⁵, ψ = p·1e-10, θ = t·1e-11, every inequality over its common denominator.
    function _isFree(TestReport memory report, uint256 last, uint256 i) private pure returns (bool) {
        TestSlice memory far = report.slices[i];
        int256 r = far.rho;
        uint256 onePlus = 32_768 + uint256(r < 0 ? -r : r);
        bool alone = far.theta != 0 && r != -32_768 && far.psi * onePlus <= 4 * 1e10 * 32_768
            && far.psi * far.psi * onePlus <= 4 * 1e9 * 32_768 * far.theta;
        if (!alone || last == type(uint256).max) return alone;
        TestSlice memory near = report.slices[last];
        int256 skew = r * int256(far.psi) - int256(near.rho) * int256(near.psi);
        return far.theta >= near.theta && (skew < 0 ? -skew : skew) <= 32_768 * (int256(far.psi) - int256(near.psi))
            && far.psi * near.theta <= near.psi * far.theta;
    }

    /// Time alone never makes an arbitrage: every inequality of the stored words holds for the boards at any later time.
    function testFuzz_rollDownKeepsTheInequalities(uint256 seed, uint256 later) public {
        vm.warp(START);
        TestReport memory report = _surface(1, START, 2);
        report.slices[0] = _nearTheBoundary(seed, 1, 0, report.slices[0]);
        report.slices[1] = _nearTheBoundary(seed, 1, 1, report.slices[0]);
        oracle.submitReport(_signed(report, 1));
        (Slice[] memory slices, uint256 freshMask) = oracle.slices(MARKET);
        if (slices.length != 2 || freshMask != 3) return;
        uint32[] memory expiries = oracle.expiries(MARKET);
        uint256 time = bound(later, START, expiries[0] - 1);
        uint256[2] memory f; // τ_eff now over τ_eff at the report, 1e18
        for (uint256 i = 0; i < 2; ++i) {
            f[i] = RollDown.rollDown(1e18, expiries[i] - time, expiries[i] - START);
        }
        assertLe(f[0], f[1] + 1);
        assertLe(f[1], 1e18);
    }

    function _assertFreshSlicesAreFree() private view {
        (Slice[] memory slices, uint256 freshMask) = oracle.slices(MARKET);
        uint256 last = type(uint256).max;
        for (uint256 i = 0; i < slices.length; ++i) {
            if (freshMask >> i & 1 == 0) continue;
            (uint256 t, uint256 p, int256 r) = (slices[i].theta(), slices[i].psi(), slices[i].rho());
            uint256 onePlus = uint256(32_768 + (r < 0 ? -r : r));
            assertGt(t, 0);
            assertLt(onePlus, 65_536);
            assertLe(p * onePlus, 4 * 1e10 * 32_768, "slope");
            assertLe(p * p * onePlus, 4 * t * 1e9 * 32_768, "butterfly");
            if (last != type(uint256).max) {
                (uint256 t1, uint256 p1, int256 r1) = (slices[last].theta(), slices[last].psi(), slices[last].rho());
                assertGe(t, t1, "variance falls");
                // Both wings: ψ(1 ± ρ) does not fall.
                assertGe(p * uint256(32_768 + r), p1 * uint256(32_768 + r1), "right wing");
                assertGe(p * uint256(32_768 - r), p1 * uint256(32_768 - r1), "left wing");
                assertLe(p * t1, p1 * t, "slope outgrows variance");
            }
            last = i;
        }
    }

    /// @dev Slices at, just inside and just outside of each boundary; sometimes anything.
    function _nearTheBoundary(uint256 seed, uint256 round, uint256 i, TestSlice memory previous)
        private
        pure
        returns (TestSlice memory slice)
    {
        uint256 h = uint256(keccak256(abi.encode(seed, round, i)));
        slice.expiry = _expiry(i);
        slice.rho = int16(uint16(h)); // any 16 bits
        slice.residual = h >> 16 & 0xfff;
        slice.basis = int24(uint24(h >> 32));
        uint256 r = uint256(slice.rho < 0 ? -int256(slice.rho) : int256(slice.rho));
        uint256 choice = h >> 64 & 3;
        uint256 step = h >> 72 & 7; // −3 … 4 units off
        slice.theta = i == 0 ? h >> 96 & 0x7ffffffff : previous.theta + (h >> 96 & 0x3fffffff) * (choice == 3 ? 0 : 1);
        if (slice.theta < 10) slice.theta = 10;
        if (choice == 0) {
            // ψ²(1 + |ρ|) = 4θ
            slice.psi = _sqrt(4e9 * 32_768 * slice.theta / (32_768 + r));
        } else if (choice == 1 && i != 0) {
            slice.psi = previous.psi * slice.theta / previous.theta; // ψ₂θ₁ = ψ₁θ₂
            slice.rho = previous.rho;
        } else if (i != 0) {
            slice.psi = previous.psi + (h >> 128 & 0xffffff);
            slice.rho = previous.rho;
        } else {
            slice.psi = h >> 128 & 0xfffffffff;
        }
        slice.psi = slice.psi + step > 3 ? slice.psi + step - 3 : 0;
        if (slice.psi >= 2 ** 36) slice.psi = 2 ** 36 - 1;
        if (slice.theta >= 2 ** 40) slice.theta = 2 ** 40 - 1;
    }

    function _sqrt(uint256 x) private pure returns (uint256 y) {
        y = x;
        for (uint256 z = x / 2 + 1; z < y; z = (x / z + z) / 2) {
            y = z;
        }
    }

    /// Random bytes never get in, and never with another error than one of the oracle's own.
    function testFuzz_garbageIsRefused(bytes calldata garbage) public {
        (bool accepted, bytes memory reason) = address(oracle).call(abi.encodeCall(oracle.submitReport, (garbage)));
        assertFalse(accepted);
        assertGt(reason.length, 3);
        assertNotEq(bytes4(reason), bytes4(keccak256("Panic(uint256)")));
        MarketState memory state = oracle.marketState(MARKET);
        assertEq(state.spotTime, 0);
    }
}
