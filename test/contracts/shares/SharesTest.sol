// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../../pool-contracts/Authority.sol";
import {PoolShares} from "../../../pool-contracts/PoolShares.sol";
import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../../pool-contracts/interfaces/IMarketOracle.sol";
import {IOptionPool} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {RequestStatus} from "../../../pool-contracts/interfaces/IPoolShares.sol";
import {IRiskEngine} from "../../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {LedgerDeployment} from "../fixture/LedgerDeployment.sol";
import {QuoteToken} from "./QuoteToken.sol";
import {SettablePool} from "./SettablePool.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice The real ledger, fund and shares around a pool whose book the test sets. No options are traded, so the ledger
/// needs neither oracle nor risk engine.
abstract contract SharesTest is LedgerDeployment {
    QuoteToken internal token;
    /// @dev A full minute.
    uint256 internal constant START = 1_770_000_000;

    Authority internal authority;
    SettablePool internal pool;
    PoolShares internal shares;
    uint256 internal one; // one quote token

    address internal ann = makeAddr("ann");
    address internal ben = makeAddr("ben");
    address internal thief = makeAddr("thief");

    function deploy(uint8 decimals) internal {
        vm.warp(START);
        one = 10 ** decimals;
        token = newToken(decimals);
        deployLedger(address(token), IMarketOracle(address(0)), IRiskEngine(address(0)), address(1), address(2));
        authority = new Authority(address(this));
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        pool = new SettablePool(ledger, expected, address(authority));
        shares = new PoolShares(IOptionPool(address(pool)), ledger, "Meniscus ETH", "mETH");
    }

    function newToken(uint8 decimals) internal virtual returns (QuoteToken) {
        return new QuoteToken(decimals);
    }

    // ── What people do ──

    function fundUp(address who, uint256 amount) internal {
        token.mint(who, amount);
        vm.startPrank(who);
        token.approve(address(shares), type(uint256).max);
        token.approve(address(fund), type(uint256).max);
        token.approve(address(ledger), type(uint256).max);
        vm.stopPrank();
    }

    function requestDeposit(address who, uint256 assets) internal returns (uint256 requestId) {
        fundUp(who, assets);
        vm.prank(who);
        return shares.requestDeposit(assets, who, who);
    }

    function requestRedeem(address who, uint256 amount) internal returns (uint256 requestId) {
        vm.prank(who);
        return shares.requestRedeem(amount, who, who);
    }

    /// @dev A report a minute later, marked at once.
    function markLater() internal {
        skip(60);
        pool.mark(uint40(block.timestamp));
    }

    /// @dev Deposits, waits for the price, takes the shares.
    function depositNow(address who, uint256 assets) internal returns (uint256 received) {
        requestDeposit(who, assets);
        markLater();
        (received,) = shares.claimFor(who);
    }

    /// @dev Redeems, waits for the payment, takes the money.
    function redeemNow(address who, uint256 amount) internal returns (uint256 received) {
        requestRedeem(who, amount);
        markLater();
        (, received) = shares.claimFor(who);
    }

    /// @dev Money that reaches the pool's account from outside: premium, or a gift.
    function pay(uint256 amount) internal {
        fundUp(address(this), amount);
        ledger.depositCash(poolAccount(), amount);
    }

    // ── What can be seen ──

    function poolAccount() internal view returns (AccountId) {
        return toAccountId(address(pool), PRIMARY_SUB);
    }

    function escrow() internal view returns (uint256) {
        return ledger.cash(shares.escrowAccount());
    }

    function payouts() internal view returns (uint256) {
        return ledger.cash(shares.payoutAccount());
    }

    function statusOf(address who, bool redemption) internal view returns (RequestStatus memory) {
        (RequestStatus memory in_, RequestStatus memory out) = shares.requestsOf(who);
        return redemption ? out : in_;
    }

    /// @dev 0 where there is none.
    function idOf(address who, bool redemption) internal view returns (uint256) {
        return statusOf(who, redemption).requestId;
    }

    function epochOf(uint256 requestId) internal pure returns (uint256) {
        return requestId >> 1;
    }

    function fundCash() internal view returns (uint256) {
        return ledger.cash(fund.account());
    }
}
