// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StrikeWord} from "../../types/StrikeWord.sol";
import {SquareRoot} from "../pricing/SquareRoot.sol";
import {ShockedBoard} from "./ShockedBoard.sol";

/// @title What a grid does not see between its spots
/// @notice Near expiry a value bends at the account's own strikes, and no scenario stands there. Between neighbouring spots
/// a < y < b a payoff g lies below the straight line through its ends by its sag,
///
///     sag(y) = g(a)·(b − y)/(b − a) + g(b)·(y − a)/(b − a) − g(y) = Σ bendⱼ·(min(y, yⱼ) − a)·(b − max(y, yⱼ))/(b − a)
///
/// over the strikes yⱼ between a and b, the sum of their calls and puts being the bend: strikes elsewhere, base and
/// whatever is smooth at this scale lie on their lines. So with W the least weighted value at a spot of the grid,
///
///     worst = min over the grid's spots of W,  and over own strikes of  line through W(a), W(b) − weight·fade·sag(y)
///
/// which is the exact payoff where nothing but payoff is left. weight is the less of both ends', so that long options are
/// never worth less than nothing.
///
/// fade counts an expiry's bends whole while the deviation √θ is at most half the spots' distance, and less
/// and less up to twice the distance, where an option's own curvature sags by a tenth of that: fade = (2(b−a) − √θ) / 1.5(b−a).
/// Without it margin would jump when the clock passes a threshold. Above √θ = 1.9(b−a) the true sag, below 0.03(b−a) of the
/// forward, is larger than what is counted.
///
/// Why it harms nobody: sag is linear in the positions, so it grows with their size, and boxes, parity hedges and shorts
/// (bend ≤ 0 at every strike) have none. A piecewise linear line is least at a bend or an end, so looking at one's own strikes is
/// looking everywhere: margin stays sub-additive across accounts, whatever their strikes.
library PayoffSag {
    /// @dev A spot of the grid in memory: y = 1 + its shock (WAD), the least weighted value there (raw), the least weight (%), the
    /// first bend between it and the spot above, 0 where there is none.
    uint256 internal constant SPOT_BYTES = 4 * 32;
    /// @dev A bend in memory: y at the strike (WAD), the spot below, a, the spot above, b, the next bend between the same spots, and,
    /// of how much the slope rises there (raw), the parts (b − y)/(b − a) and (y − a)/(b − a): times the distance to a of what lies
    /// below the bend, and to b of what lies above, they are its sag there.
    uint256 private constant BEND_BYTES = 6 * 32;

    /// @notice The least value between the grid's spots, at the strikes of `words`, where it is below `lowestRaw`; else that.
    /// @param spots Where the spots begin in memory, one after another up to `spotsEnd`.
    /// @param boardOf For each word, its expiry.
    function lowest(
        int256 lowestRaw,
        uint256 spots,
        uint256 spotsEnd,
        StrikeWord[] calldata words,
        ShockedBoard[] memory boardOf
    ) internal pure returns (int256) {
        if (!_hasUpwardBend(words)) return lowestRaw;
        (uint256 bends, uint256 end) = _bends(spots, spotsEnd, words, boardOf);
        unchecked {
            for (uint256 bend = bends; bend < end; bend += BEND_BYTES) {
                (int256 partBelow, int256 partAbove) = _parts(bend);
                if (partBelow + partAbove <= 0) continue;
                int256 valueRaw = _valueAt(bend);
                if (valueRaw < lowestRaw) lowestRaw = valueRaw;
            }
        }
        return lowestRaw;
    }

    function _hasUpwardBend(StrikeWord[] calldata words) private pure returns (bool) {
        unchecked {
            for (uint256 i = 0; i < words.length; ++i) {
                if (words[i].calls() + words[i].puts() > 0) return true;
            }
            return false;
        }
    }

    /// @dev The bends between spots of the grid, faded by their expiry's time: one after another in memory up to `end`.
    function _bends(uint256 spots, uint256 spotsEnd, StrikeWord[] calldata words, ShockedBoard[] memory boardOf)
        private
        pure
        returns (uint256 start, uint256 end)
    {
        unchecked {
            assembly ("memory-safe") {
                start := mload(0x40)
                mstore(0x40, add(start, mul(words.length, BEND_BYTES)))
            }
            end = start;
            for (uint256 i = 0; i < words.length; ++i) {
                StrikeWord word = words[i];
                int256 net = word.calls() + word.puts();
                if (net == 0) continue;
                // Sizes are below 2^80 and forwards below 2^97.
                int256 bendRaw = net * int256(_place(end, spots, spotsEnd, boardOf[i], word.key().strikeWad()));
                if (bendRaw == 0) continue;
                assembly ("memory-safe") {
                    let lower := mload(add(end, 0x20))
                    let a := mload(lower)
                    let width := sub(mload(mload(add(end, 0x40))), a)
                    let above := sdiv(mul(bendRaw, sub(mload(end), a)), width)
                    mstore(add(end, 0x80), sub(bendRaw, above))
                    mstore(add(end, 0xa0), above)
                    let first := add(lower, 0x60)
                    mstore(add(end, 0x60), mload(first))
                    mstore(first, end)
                }
                end += BEND_BYTES;
            }
        }
    }

    /// @dev Writes where a strike stands in the grid to `bend`. Returns what one unit of y moves its forward, faded; 0 where the
    /// strike is outside of the grid, or its expiry settled or too far.
    function _place(uint256 bend, uint256 spots, uint256 spotsEnd, ShockedBoard memory board, uint256 strikeWad)
        private
        pure
        returns (uint256)
    {
        unchecked {
            // Of a settled expiry nothing is open; nor can a strike below the fixed part be reached.
            uint256 openWad = board.settled ? 0 : board.forwardWad - board.fixedWad;
            if (openWad == 0 || strikeWad <= board.fixedWad) return 0;
            uint256 atWad = (strikeWad - board.fixedWad) * 1e18 / openWad;
            uint256 below; // factors are positive
            uint256 above = type(uint256).max;
            assembly ("memory-safe") {
                for { let spot := spots } lt(spot, spotsEnd) { spot := add(spot, SPOT_BYTES) } {
                    let factor := mload(spot)
                    switch gt(factor, atWad)
                    case 0 {
                        if gt(factor, below) {
                            below := factor
                            mstore(add(bend, 0x20), spot)
                        }
                    }
                    default {
                        if lt(factor, above) {
                            above := factor
                            mstore(add(bend, 0x40), spot)
                        }
                    }
                }
                mstore(bend, atWad)
            }
            if (below == 0 || above == type(uint256).max) return 0;
            return openWad * _fade(above - below, board.rootThetaWad * board.forwardWad / openWad) / 1e18;
        }
    }

    /// @dev (2·width − reach) / (1.5·width), at most 1, WAD; √θ is `reach` in units of y.
    function _fade(uint256 widthWad, uint256 reachWad) private pure returns (uint256) {
        unchecked {
            // Widths are below 2^61.
            if (reachWad >= 2 * widthWad) return 0;
            uint256 fadeWad = (2 * widthWad - reachWad) * 2e18 / (3 * widthWad);
            return fadeWad < 1e18 ? fadeWad : 1e18;
        }
    }

    /// @dev The value at a bend.
    function _valueAt(uint256 here) private pure returns (int256) {
        unchecked {
            (uint256 atWad, uint256 lower, uint256 upper) = _readBend(here);
            (uint256 a, int256 lowestA, uint256 weight) = _readSpot(lower);
            (uint256 b, int256 lowestB, uint256 weightB) = _readSpot(upper);
            if (weightB < weight) weight = weightB;
            int256 sagRaw = _sag(lower, atWad, a, b);
            // Values fit 2^193 unless there are more than 1e33 quote tokens.
            int256 riseRaw = (lowestB - lowestA) * int256(atWad - a) / int256(b - a);
            return lowestA + riseRaw - sagRaw / 1e18 * int256(weight) / 100;
        }
    }

    /// @dev The sag at y of all bends above a spot, times 1e18: bends are below 2^178, lengths below 2^61.
    function _sag(uint256 lower, uint256 atWad, uint256 a, uint256 b) private pure returns (int256 sagRaw) {
        assembly ("memory-safe") {
            let ofLower := 0 // bends below y
            let ofHigher := 0
            for { let bend := mload(add(lower, 0x60)) } bend { bend := mload(add(bend, 0x60)) } {
                switch lt(mload(bend), atWad)
                case 0 { ofHigher := add(ofHigher, mload(add(bend, 0x80))) }
                default { ofLower := add(ofLower, mload(add(bend, 0xa0))) }
            }
            sagRaw := add(mul(ofLower, sub(b, atWad)), mul(ofHigher, sub(atWad, a)))
        }
    }

    function _parts(uint256 bend) private pure returns (int256 partBelow, int256 partAbove) {
        assembly ("memory-safe") {
            partBelow := mload(add(bend, 0x80))
            partAbove := mload(add(bend, 0xa0))
        }
    }

    function _readBend(uint256 bend) private pure returns (uint256 atWad, uint256 lower, uint256 upper) {
        assembly ("memory-safe") {
            atWad := mload(bend)
            lower := mload(add(bend, 0x20))
            upper := mload(add(bend, 0x40))
        }
    }

    function _readSpot(uint256 spot) private pure returns (uint256 factorWad, int256 lowestRaw, uint256 weightPercent) {
        assembly ("memory-safe") {
            factorWad := mload(spot)
            lowestRaw := mload(add(spot, 0x20))
            weightPercent := mload(add(spot, 0x40))
        }
    }
}
