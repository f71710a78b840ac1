// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../../pool-contracts/interfaces/IMarketOracle.sol";
import {Mark} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares} from "../../../pool-contracts/interfaces/IPoolShares.sol";
import {AccountId, PRIMARY_SUB, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {MarketState} from "../../../pool-contracts/types/Board.sol";

/// @notice The side of a pool that its shares see, with a book whose value the test sets, and its own oracle. Its cash is a real
/// account of the real ledger.
contract SettablePool {
    IClearinghouse public immutable clearinghouse;
    /// @dev Decides on the end of the pool.
    address public immutable authority;
    address public immutable shares;
    int256 public bookValue;
    uint256 public reserve;
    uint256 public freshReserve;
    uint256 public unwind;
    uint256 public provision;
    uint256 public payable_ = type(uint256).max;
    uint32 public round;
    uint40 public reportTime;
    Mark private _lastMark;

    constructor(IClearinghouse clearinghouse_, address shares_, address authority_) {
        clearinghouse = clearinghouse_;
        shares = shares_;
        authority = authority_;
    }

    function account() external view returns (AccountId) {
        return toAccountId(address(this), PRIMARY_SUB);
    }

    function oracle() external view returns (IMarketOracle) {
        return IMarketOracle(address(this));
    }

    function marketId() external pure returns (uint16) {
        return 1;
    }

    /// @notice The part of `MarketState` that shares look at.
    function marketState(uint16) external view returns (MarketState memory state) {
        (state.round, state.surfaceTime) = (round, reportTime);
    }

    function setBook(int256 bookValue_, uint256 reserve_, uint256 freshReserve_, uint256 unwind_) external {
        (bookValue, reserve, freshReserve, unwind) = (bookValue_, reserve_, freshReserve_, unwind_);
    }

    function setProvision(uint256 provision_) external {
        provision = provision_;
    }

    function setPayable(uint256 payable__) external {
        payable_ = payable__;
    }

    /// @notice Cash leaves the pool, as a settlement would take it.
    function lose(uint256 amount) external {
        clearinghouse.withdrawCash(toAccountId(address(this), PRIMARY_SUB), amount, address(0xdead));
    }

    function cash() public view returns (uint256) {
        return clearinghouse.cash(toAccountId(address(this), PRIMARY_SUB));
    }

    function nav() public view returns (int256) {
        return int256(cash()) + bookValue;
    }

    /// @notice A report that is accepted and not yet marked.
    function report(uint40 surfaceTime) external {
        reportTime = surfaceTime;
    }

    function mark(uint40 surfaceTime) external {
        reportTime = surfaceTime;
        uint256 cashBefore = cash();
        Mark memory mark_ = Mark(++round, surfaceTime, nav(), reserve, freshReserve, unwind, provision);
        _lastMark = mark_;
        IPoolShares(shares).onMark(mark_);
        _lastMark.nav += int256(cash()) - int256(cashBefore);
    }

    function lastMark() external view returns (Mark memory) {
        return _lastMark;
    }

    function payableToRedeemers() external view returns (uint256) {
        return payable_ < cash() ? payable_ : cash();
    }

    function payRedeemers(uint256 amount) external {
        clearinghouse.moveCash(toAccountId(address(this), PRIMARY_SUB), toAccountId(shares, 2), amount);
    }
}
