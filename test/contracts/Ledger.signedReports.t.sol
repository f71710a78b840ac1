// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../pool-contracts/Clearinghouse.sol";
import {InsuranceFund} from "../../pool-contracts/InsuranceFund.sol";
import {MarketOracle} from "../../pool-contracts/MarketOracle.sol";
import {OptionPool} from "../../pool-contracts/OptionPool.sol";
import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "../../pool-contracts/interfaces/IInsuranceFund.sol";
import {IMarketOracle} from "../../pool-contracts/interfaces/IMarketOracle.sol";
import {IOptionPool} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {Slice, toSlice} from "../../pool-contracts/types/Slice.sol";
import {LedgerFixture, ScriptedShares} from "./fixture/LedgerFixture.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice The ledger on the real oracle: every price comes from reports that four nodes signed field by field.
contract SignedReportsTest is LedgerFixture {
    MarketOracle internal signedOracle;
    uint256[4] internal keys = [uint256(0xA1), 0xB2, 0xC3, 0xD4];
    uint32 internal round;

    function setUp() public override {
        super.setUp();
        address[] memory signers = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            signers[i] = vm.addr(keys[i]);
        }
        signedOracle = new MarketOracle(signers, address(authority));
        signedOracle.addMarket(MARKET);
        risk = new RiskEngine(signedOracle, 6, address(authority));
        deployLedger(address(quoteToken), signedOracle, risk, treasury, address(authority));
        ledger.createMarket(MARKET, defaultMarket());
        risk.setGrids(MARKET, defaultGrids());
        shares = new ScriptedShares();
        pool = new OptionPool(
            IClearinghouse(address(ledger)),
            IMarketOracle(address(signedOracle)),
            address(shares),
            MARKET,
            defaultParameters(),
            address(authority)
        );
        shares.bind(pool);
        poolAccount = pool.account();
        ledger.registerMaker(address(pool));
        quoteToken.approve(address(ledger), type(uint256).max);
        fundAccount(poolAccount, 2_000_000 * USD);
        vm.startPrank(alice);
        quoteToken.approve(address(ledger), type(uint256).max);
        vm.stopPrank();
        signedOracle.submitReport(_surface(3000e18));
        pool.mark();
    }

    // ── Reports as nodes sign them

    function _surface(uint96 spotWad) private returns (bytes memory) {
        uint40 time = uint40(vm.getBlockTimestamp());
        bytes memory slices;
        bytes32[] memory hashes = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 theta = 0.36e11 * (uint256(listed[i]) - time - 1200) / 365 days; // σ = 60 %
            // ψ = θ + 0.02: it grows with the expiry while ψ/θ falls. ρ = −0.3, residual 0.2 points.
            Slice slice = toSlice(theta, theta / 10 + 2e8, -9830, 0, 20);
            slices = bytes.concat(slices, abi.encodePacked(listed[i], Slice.unwrap(slice)));
            hashes[i] = keccak256(
                abi.encode(
                    keccak256("Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)"),
                    listed[i],
                    slice.theta(),
                    slice.psi(),
                    slice.rho(),
                    slice.basis(),
                    slice.residual()
                )
            );
        }
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "SurfaceReport(uint16 marketId,uint32 round,uint40 modelTime,uint96 spot,uint16 disagreement,uint32 signerSet,Slice[] slices,RunningAverage[] averages)RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)Slice(uint32 expiry,uint40 theta,uint40 psi,int16 rho,int24 basis,uint16 residual)"
                ),
                MARKET,
                ++round,
                time,
                spotWad,
                uint16(10),
                uint32(1),
                keccak256(abi.encodePacked(hashes)),
                keccak256("")
            )
        );
        bytes memory head = abi.encodePacked(
            uint8(1), MARKET, round, time, spotWad, uint16(10), uint32(1), uint8(3), uint8(0), uint8(3)
        );
        return bytes.concat(head, slices, _signatures(structHash));
    }

    function _spot(uint96 spotWad, uint32 expiry, uint96 average, uint16 elapsed) private view returns (bytes memory) {
        uint40 time = uint40(vm.getBlockTimestamp());
        bytes32 averageHash = keccak256(
            abi.encode(
                keccak256("RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)"), expiry, average, elapsed
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "SpotReport(uint16 marketId,uint40 modelTime,uint96 spot,uint32 signerSet,RunningAverage[] averages)RunningAverage(uint32 expiry,uint96 average,uint16 elapsed)"
                ),
                MARKET,
                time,
                spotWad,
                uint32(1),
                keccak256(abi.encodePacked(averageHash))
            )
        );
        bytes memory head = abi.encodePacked(
            uint8(2), MARKET, uint32(0), time, spotWad, uint16(0), uint32(1), uint8(0), uint8(1), uint8(3)
        );
        return bytes.concat(head, abi.encodePacked(expiry, average, elapsed), _signatures(structHash));
    }

    function _signatures(bytes32 structHash) private view returns (bytes memory signatures) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Meniscus MarketOracle"),
                keccak256("1"),
                block.chainid,
                address(signedOracle)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, structHash));
        for (uint256 i = 0; i < 3; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            signatures = bytes.concat(signatures, abi.encodePacked(uint8(i), r, s, v));
        }
    }

    // ── What the ledger does with them

    function test_aSwapCarriesAFresherReportAndIsPricedByIt() public {
        trade(wallet(alice), call(MONTH, 3000), 2 * ONE);
        vm.warp(vm.getBlockTimestamp() + 60);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_StaleSpot.selector, 60, 15));
        pool.quote(one(call(MONTH, 3000), ONE), false);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), -ONE));
        swap.report = _surface(3060e18); // 2 % in a minute, which one report may say
        vm.prank(alice);
        int256 cash = ledger.trade(swap); // a close, so that the mark may come later
        assertEq(signedOracle.marketState(MARKET).spotWad, 3060e18);
        assertGt(cash, -220 * int256(USD), "the seller has the worse of both prices, the one before");
        vm.prank(alice);
        ledger.trade(swap); // the same report again does no harm: it is simply not newer
        assertEq(ledger.strikes(poolAccount).length, 0);
    }

    function test_aReportThatWasTamperedWithStopsTheSwap() public {
        vm.warp(vm.getBlockTimestamp() + 5);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), ONE));
        swap.report = _surface(3000e18);
        swap.report[20] ^= 0x01; // one bit of spot
        vm.expectRevert(abi.encodeWithSelector(IMarketOracle.MarketOracle_InvalidSignature.selector, 0));
        vm.prank(alice);
        ledger.trade(swap);
    }

    function test_theSignedAverageSettlesThePool() public {
        trade(wallet(alice), call(WEEK, 3000), 2 * ONE);
        vm.warp(WEEK + 5);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NoSettlementPrice.selector, WEEK));
        ledger.startSettlement(MARKET, WEEK);
        signedOracle.submitReport(_spot(3180e18, WEEK, 3150e18, 1800));
        ledger.startSettlement(MARKET, WEEK);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.redeemOptions(alice, options(call(WEEK, 3000))), 300 * USD);
    }
}
