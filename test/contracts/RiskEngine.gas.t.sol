// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../pool-contracts/Authority.sol";
import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {Contingencies} from "../../pool-contracts/libraries/risk/ShockTable.sol";
import {toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {StrikeWord, toStrikeWord} from "../../pool-contracts/types/StrikeWord.sol";
import {OracleReports} from "./OracleReports.sol";

/// @notice Gas of margin checks on the real oracle, in snapshots/RiskEngine.json: of the call alone, as the ledger makes it first in a
/// transaction, cold slots and code inside. Sixteen strikes hold calls and puts, long and short in turn.
/// forge-config: default.isolate = true
contract RiskEngineGasTest is OracleReports {
    string internal constant SUITE = "RiskEngine";
    RiskEngine internal risk;

    function setUp() public {
        _deploy(4);
        _submit(_surface(1, START, 7));
        risk = new RiskEngine(oracle, 6, address(new Authority(address(this))));
        risk.setGrids(MARKET, RiskEngine.MarketGrids(_grid(1000), _grid(667), Contingencies(0.01e18, 0.1e18, 0.003e18)));
        vm.warp(START + 60);
    }

    /// @dev Five spots times three volatilities, the outer spots damped: 15 scenarios.
    function _grid(int256 permille) private pure returns (uint256[3] memory words) {
        int256[5] memory spots = [int256(0), -200, 200, -400, 400];
        int256[3] memory volatilities = [int256(0), -300, 450];
        for (uint256 i = 0; i < 15; ++i) {
            uint256 spot = uint256(spots[i / 3] * permille / 1000) & 0xfff;
            uint256 volatility = uint256(volatilities[i % 3] * permille / 1000) & 0xfff;
            words[i / 8] |= (spot << 20 | volatility << 8 | (i < 9 ? 100 : 35)) << (i % 8 * 32);
        }
    }

    function _words(uint256 count, uint256 expiries) private pure returns (StrikeWord[] memory words) {
        words = new StrikeWord[](count);
        for (uint256 i = 0; i < count; ++i) {
            int256 size = i / expiries % 2 == 0 ? int256(1e6) : -int256(1e6);
            uint48 strike = uint48(2400e6 + i / expiries * 1200e6 * expiries / count);
            words[i] = toStrikeWord(toStrikeKey(MARKET, _expiry(1 + i % expiries), strike), size, -size / 2);
        }
    }

    function _measure(uint256 count, uint256 expiries, string memory name) private {
        risk.values(MARKET, _words(count, expiries), 1e6, Grid.Initial);
        vm.snapshotGasLastCall(SUITE, name);
    }

    function test_gas_sixteenStrikesOfOneExpiry() public {
        _measure(16, 1, "margin check, 16 strikes of 1 expiry, 15 scenarios");
    }

    function test_gas_sixteenStrikesOfFourExpiries() public {
        _measure(16, 4, "margin check, 16 strikes of 4 expiries, 15 scenarios");
    }

    function test_gas_oneStrike() public {
        _measure(1, 1, "margin check, 1 strike, 15 scenarios");
    }
}
