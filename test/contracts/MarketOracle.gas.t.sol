// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Moment} from "../../pool-contracts/types/Board.sol";
import {OracleReports, TestReport} from "./OracleReports.sol";

/// Each call is its own transaction: the base fee of 21,000 and the calldata are added to the snapshot.
/// forge-config: default.isolate = true
contract MarketOracleGasTest is OracleReports {
    function setUp() public {
        _deploy(4);
        _submit(_surface(1, START, 7));
        vm.warp(START + 60);
        _submit(_surface(2, START + 60, 7));
        vm.warp(START + 120);
    }

    function test_gas_surfaceOfSevenExpiriesAndThreeSignatures() public {
        _submit(_surface(3, START + 120, 7));
        vm.snapshotGasLastCall("MarketOracle", "surface report: 7 expiries, 3 signatures");
    }

    function test_gas_spot() public {
        _submit(_spotOnly(START + 120, SPOT + 1e18));
        vm.snapshotGasLastCall("MarketOracle", "spot report: 3 signatures");
    }

    function test_gas_surfaceWithARefusedSlice() public {
        TestReport memory report = _surface(3, START + 120, 7);
        report.slices[3].psi = 5e10;
        _submit(report);
        vm.snapshotGasLastCall("MarketOracle", "surface report: 7 expiries, one refused");
    }

    function test_gas_boards() public {
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = _expiry(3);
        oracle.boards(MARKET, expiries, Moment.Now);
        vm.snapshotGasLastCall("MarketOracle", "board of one expiry, now");
    }
}
