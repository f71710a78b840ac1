// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../pool-contracts/Authority.sol";
import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {toOptionId, toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {OracleReports, TestReport} from "./OracleReports.sol";
import {DefaultGrids} from "./fixture/DefaultGrids.sol";
import {LedgerDeployment} from "./fixture/LedgerDeployment.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @notice Gas of margin, settlement and auctions on the real oracle, in snapshots/Clearing.json: grids, bounty and stress as a
/// market is deployed. Each call is a transaction of its own: 21,000, calldata, cold slots and refunds are inside.
/// forge-config: default.isolate = true
contract ClearingGasTest is OracleReports, LedgerDeployment, DefaultGrids {
    string internal constant SUITE = "Clearing";
    uint256 internal constant USD = 1e6;
    uint32 internal constant MONTH = 1_772_611_200; // 4 March 2026, 08:00 UTC
    int128 internal constant ONE = 1e6;

    ScriptedMaker internal buyer;
    LocalToken internal quoteToken;

    function setUp() public {
        _deploy(4);
        Authority authority = new Authority(address(this));
        quoteToken = new LocalToken("Quote", "USD", 6);
        LocalToken baseToken = new LocalToken("Base", "BASE", 18);
        RiskEngine risk = new RiskEngine(oracle, 6, address(authority));
        deployLedger(address(quoteToken), oracle, risk, makeAddr("treasury"), address(authority));
        ledger.createMarket(
            MARKET,
            IClearinghouse.Market({
                baseToken: address(baseToken),
                minSize: 10_000,
                strikeStepE6: 25e6,
                insuranceFeeShareBps: 2000,
                protocolFeeShareBps: 1000,
                baseCap: type(uint128).max,
                settlementBounty: 0.25e6,
                stressAllowance: type(uint128).max
            })
        );
        risk.setGrids(MARKET, defaultGrids());
        quoteToken.mint(address(this), 1e15);
        quoteToken.approve(address(ledger), type(uint256).max);
        buyer = new ScriptedMaker();
        buyer.answer(-100e6, 0);
        ledger.depositCash(buyer.account(), 1_000_000 * USD);
        _report(START, SPOT, 1, 3);
        vm.warp(START + 5);
    }

    function _report(uint40 time, uint96 spot, uint32 round, uint256 signatures) private {
        vm.warp(time);
        TestReport memory report = _surface(round, time, 1);
        report.slices[0] = _slice(MONTH, time);
        report.spot = spot;
        oracle.submitReport(_signed(report, signatures));
    }

    /// @dev Margin account 1 of a person who is short calls at so many strikes.
    function _short(string memory name, uint256 strikes) private returns (AccountId account) {
        account = toAccountId(makeAddr(name), 1);
        ledger.depositCash(account, 20_000 * USD);
        for (uint256 i = 0; i < strikes; ++i) {
            _sell(account, i, ONE / 10);
        }
    }

    function _sell(AccountId account, uint256 i, int128 size) private {
        Leg[] memory legs = new Leg[](1);
        legs[0] = Leg(toOptionId(toStrikeKey(MARKET, MONTH, uint48(2700e6 + 50e6 * i)), false), -size);
        address owner = account.owner();
        IClearinghouse.Swap memory swap =
            IClearinghouse.Swap(account, address(buyer), legs, 0, type(uint40).max, "", "");
        vm.prank(owner);
        ledger.trade(swap);
    }

    function _measureOpen(uint256 strikes, string memory name) private {
        AccountId account = _short("alice", strikes);
        _sell(account, strikes, ONE);
        vm.snapshotGasLastCall(SUITE, name);
    }

    function test_gas_openBesideOneStrike() public {
        _measureOpen(1, "a short opened beside 1 strike");
    }

    function test_gas_openBesideFourStrikes() public {
        _measureOpen(4, "a short opened beside 4 strikes");
    }

    function test_gas_openBesideEightStrikes() public {
        _measureOpen(8, "a short opened beside 8 strikes");
    }

    function test_gas_openBesideSixteenStrikes() public {
        _measureOpen(16, "a short opened beside 16 strikes");
    }

    function test_gas_settlement() public {
        AccountId[] memory single = new AccountId[](1);
        AccountId[] memory eight = new AccountId[](1);
        AccountId[] memory batch = new AccountId[](20);
        single[0] = _short("alice", 1);
        eight[0] = _short("bob", 8);
        for (uint256 i = 0; i < 20; ++i) {
            batch[i] = _short(vm.toString(i), 1);
        }
        vm.warp(MONTH);
        oracle.submitReport(_signed(_withAverage(_spotOnly(uint40(MONTH), SPOT), MONTH, SPOT, 1800), 4));
        ledger.startSettlement(MARKET, MONTH);
        ledger.settleAccounts(MARKET, MONTH, single);
        vm.snapshotGasLastCall(SUITE, "settlement of an account with 1 strike");
        ledger.settleAccounts(MARKET, MONTH, eight);
        vm.snapshotGasLastCall(SUITE, "settlement of an account with 8 strikes");
        ledger.settleAccounts(MARKET, MONTH, batch);
        vm.snapshotGasLastCall(SUITE, "settlement of 20 accounts with 1 strike each");
    }

    function test_gas_startOfAnAuction() public {
        AccountId account = _short("alice", 8);
        for (uint256 i = 0; i < 8; ++i) {
            _sell(account, i, 2 * ONE);
        }
        _report(START + 1 hours, 4_200e18, 2, 4);
        auction.start(account, "");
        vm.snapshotGasLastCall(SUITE, "start of an auction of 8 strikes");
    }
}
