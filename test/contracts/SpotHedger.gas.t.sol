// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {HedgerFixture} from "./fixture/HedgerFixture.sol";

/// @notice Gas of a hedge on a real Uniswap v3 pool, in snapshots/SpotHedger.json. Each call is a transaction of its own: 21,000, cold
/// slots and refunds are inside. A sale makes the ledger's requirement exact: it costs gas by the strike.
/// forge-config: default.isolate = true
contract SpotHedgerGasTest is HedgerFixture {
    string internal constant SUITE = "SpotHedger";

    function _open(int128 size) private {
        for (uint256 i = 0; i < 8; ++i) {
            trade(wallet(alice), call(MONTH, 2900 + 50 * i), size);
        }
        reportAndMark(60, SPOT);
    }

    function test_gas_hedges() public {
        _open(15 * ONE);
        hedger.hedge();
        vm.snapshotGasLastCall(SUITE, "a hedge that buys, the pool's first base");
        _open(10 * ONE);
        hedger.hedge();
        vm.snapshotGasLastCall(SUITE, "a hedge that buys");
        _open(-20 * ONE);
        hedger.hedge();
        vm.snapshotGasLastCall(SUITE, "a hedge that sells, beside 8 strikes");
    }
}
