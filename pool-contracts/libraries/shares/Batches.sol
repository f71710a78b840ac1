// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IPoolShares} from "../../interfaces/IPoolShares.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev One direction of an epoch: totals of the requests that still take part in it.
/// @param requested Assets of deposits, shares of redemptions.
/// @param done Of deposits the shares minted, for all of them at once; of redemptions the shares paid and burned.
/// @param cutOff From when on a report may price it.
/// @param paid Of redemptions, the money for `done`.
/// @param advanced Of redemptions, money that is not counted in `paid` yet.
/// @param cancelCutOff From when on a report finds this round's cancelations; 0 where there is no round.
/// @param lots Which lots have requests in the batch, bit by bit.
/// @param cancelRound How many rounds of cancelations have left.
/// @param amounts What the requests of a lot have asked for.
/// @param left Totals as a lot left, by `Batches.keyOf`.
struct Batch {
    uint112 requested;
    uint112 done;
    uint32 cutOff;
    uint112 paid;
    uint96 advanced;
    uint32 cancelCutOff;
    uint16 lots;
    uint32 cancelRound;
    mapping(uint256 lot => uint256) amounts;
    mapping(uint256 key => Left) left;
}

/// @dev Totals of a batch as a lot left it; `requested` is 0 where it did not.
struct Left {
    uint112 requested;
    uint112 done;
    uint112 paid;
}

/// @title Batches of requests, and the lots that leave them
/// @notice Part of `PoolShares`. What happens rarely stands in code of its own (linked, called by delegatecall).
///
/// A lot is what the requests of one class of bounds have in common (1 to 7; class 0 has no bound), or what the canceled ones of a class have
/// (`CANCELED | class`). Its requests leave together: the batch's totals are kept for them and it goes on without them, so that no
/// request is looked at by itself.
library Batches {
    using Math for uint256;

    uint256 internal constant CANCELED = 8;
    uint256 internal constant LOTS = 16;
    uint256 internal constant REDEEM = 1;
    /// @dev Bounds of the classes in basis points, 16 bits each from the right: none, 10, 20, 50, 100, 200, 500, 1000.
    uint256 private constant BOUNDS = 0x03e8_01f4_00c8_0064_0032_0014_000a_0000;
    uint256 private constant WAD_PER_BASIS_POINT = 1e14;
    uint256 private constant TIGHTEST_BOUND = 10 * WAD_PER_BASIS_POINT;

    /// @notice Lots leave the batch: those whose bound is below the charge, and canceled ones where the report is late enough.
    /// @param charge WAD.
    function sendBack(Batch storage self, uint256 requestId, uint256 reportTime, uint256 charge) public {
        uint256 lots = self.lots;
        uint256 round = self.cancelRound;
        bool cancels = lots >> CANCELED != 0 && reportTime >= self.cancelCutOff;
        (uint256 requested, uint256 done, uint256 paid) = (self.requested, self.done, self.paid);
        uint256 gone;
        for (uint256 lot = 1; lot < LOTS; ++lot) {
            if (lots >> lot & 1 == 0) continue;
            if (!(cancels && lot >= CANCELED) && boundOf(lot % CANCELED) >= charge) continue;
            lots ^= 1 << lot;
            uint256 amount = self.amounts[lot];
            delete self.amounts[lot];
            if (amount == 0) continue;
            gone += amount;
            // As they stand in the batch's own words.
            self.left[keyOf(lot, round)] = Left(uint112(requested), uint112(done), uint112(paid));
            emit IPoolShares.SentBack(requestId, lot, amount);
        }
        self.lots = uint16(lots); // bits were cleared
        if (cancels) (self.cancelCutOff, self.cancelRound) = (0, uint32(round + 1)); // one round a minute at most
        if (gone == 0) return;
        uint256 stay = requested - gone; // parts of it
        // Rounded so that those who left and those who stay never get more than there is; neither grows.
        self.requested = uint112(stay);
        self.done = uint112((done * stay).ceilDiv(requested));
        self.paid = uint112(paid * stay / requested);
    }

    /// @notice Advances redemptions of the epochs `first` to `last` that were cut off by `before`, older ones first.
    /// @param value Of what `supply` shares are worth.
    /// @param liquid The most that is advanced.
    /// @param reportTime Of the last mark.
    function advance(
        mapping(uint256 requestId => Batch) storage batches,
        uint256 first,
        uint256 last,
        uint256 before,
        uint256 value,
        uint256 supply,
        uint256 liquid,
        uint256 reportTime
    ) public returns (uint256 assets) {
        for (uint256 epoch = first; epoch <= last; ++epoch) {
            uint256 requestId = epoch << 1 | REDEEM;
            Batch storage batch = batches[requestId];
            if (batch.requested == batch.done) continue;
            if (batch.cutOff > before) break;
            if (batch.lots != 0) sendBack(batch, requestId, reportTime, 0);
            uint256 due = (batch.requested - batch.done) * value / supply;
            uint256 advanced = batch.advanced;
            uint256 more = due.saturatingSub(advanced).min(liquid - assets).min(type(uint96).max - advanced);
            if (more == 0) continue;
            batch.advanced = uint96(advanced + more); // the least of the above
            assets += more;
            emit IPoolShares.RedemptionAdvanced(epoch, more);
        }
    }

    /// @notice What was advanced to the epochs from `first` up to `end` counts as payment, `value` for `supply` shares.
    function settle(
        mapping(uint256 requestId => Batch) storage batches,
        uint256 first,
        uint256 end,
        uint256 value,
        uint256 supply,
        uint32 round
    ) public returns (uint256 burned) {
        for (uint256 epoch = first; epoch < end; ++epoch) {
            Batch storage batch = batches[epoch << 1 | REDEEM];
            uint256 advanced = batch.advanced;
            if (advanced == 0) continue;
            uint256 waiting = batch.requested - batch.done;
            uint256 counted = waiting.min((advanced * supply).ceilDiv(value));
            batch.done += uint112(counted); // at most what was requested
            batch.advanced = 0;
            batch.paid += uint112(advanced); // cash of the ledger
            burned += counted;
            emit IPoolShares.AdvanceSettled(epoch, round, counted, advanced);
        }
    }

    /// @notice Where the totals are kept of a lot that has left: a class leaves once, canceled ones round by round.
    function keyOf(uint256 lot, uint256 round) internal pure returns (uint256) {
        return lot >= CANCELED ? round << 4 | lot : lot;
    }

    /// @notice The class of the largest bound that is not above `maxCharge`, WAD; 0, no bound, from 1e18 on.
    function classOf(uint256 maxCharge) internal pure returns (uint256 class) {
        if (maxCharge >= 1e18) return 0;
        if (maxCharge < TIGHTEST_BOUND) revert IPoolShares.PoolShares_ChargeTooTight(maxCharge, TIGHTEST_BOUND);
        class = 7;
        while (boundOf(class) > maxCharge) --class;
    }

    /// @notice The bound of a class, WAD.
    function boundOf(uint256 class) internal pure returns (uint256) {
        return class == 0 ? type(uint256).max : uint256(uint16(BOUNDS >> class * 16)) * WAD_PER_BASIS_POINT;
    }
}
