// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Board} from "../../types/Board.sol";
import {Black76} from "./Black76.sol";
import {Essvi} from "./Essvi.sol";
import {Logarithm} from "./Logarithm.sol";
import {RollDown} from "./RollDown.sol";
import {SquareRoot} from "./SquareRoot.sol";

/// @notice A board at one moment, with what of its pricing does not depend on the strike.
/// @param forwardWad Forward.
/// @param theta θ, ρθ and θ² − (ρθ)²: the terms of `Essvi.terms`.
/// @param rootYearsWad √τ_eff, years.
/// @param deltaShareWad What a unit of delta by the forward is of the underlying: inside the averaging window the share of the
/// average that is still open, else 1.
struct Smile {
    uint256 forwardWad;
    uint256 theta;
    int256 rhoTheta;
    uint256 rest;
    int256 rhoWad;
    uint256 psiWad;
    uint256 rootYearsWad;
    uint256 deltaShareWad;
}

/// @notice What one strike is worth, and how that moves.
/// @param callWad Price of the call.
/// @param putWad Price of the put.
/// @param callDeltaWad Delta of the call by the underlying; the put's is less by `deltaShareWad`.
/// @param vegaWad ∂price/∂v, v the standard deviation.
/// @param stdDevWad v.
struct StrikeValue {
    uint256 callWad;
    uint256 putWad;
    int256 callDeltaWad;
    uint256 vegaWad;
    uint256 stdDevWad;
}

/// @title Options on one expiry at one moment
library Smiles {
    uint256 internal constant SECONDS_PER_YEAR = 365 days;

    /// @param time When, seconds; before the expiry.
    function toSmile(Board memory board, uint256 time) internal pure returns (Smile memory smile) {
        (smile.theta, smile.rhoTheta, smile.rest) = Essvi.terms(board.thetaWad, board.rhoWad, board.psiWad);
        (smile.forwardWad, smile.rhoWad, smile.psiWad) = (board.forwardWad, board.rhoWad, board.psiWad);
        unchecked {
            smile.rootYearsWad = SquareRoot.sqrtWad(board.effectiveSeconds * 1e18 / SECONDS_PER_YEAR); // seconds < 2^40
            uint256 left = board.expiry - time; // not negative, as said
            smile.deltaShareWad = left < RollDown.AVERAGING_WINDOW ? left * 1e18 / RollDown.AVERAGING_WINDOW : 1e18;
        }
    }

    /// @notice `toSmile` of each.
    function all(Board[] memory boards, uint256 time) internal pure returns (Smile[] memory smiles) {
        assembly ("memory-safe") {
            // A list of references that are all set below: nothing stands behind them yet.
            smiles := mload(0x40)
            mstore(smiles, mload(boards))
            mstore(0x40, add(smiles, shl(5, add(mload(boards), 1))))
        }
        for (uint256 i = 0; i < boards.length; ++i) {
            smiles[i] = toSmile(boards[i], time);
        }
    }

    /// @notice The call and the put of one strike. Prices < 2^97, |delta| ≤ 1, vega < 2^96, all WAD; Black76's and Essvi's errors.
    function value(Smile memory smile, uint256 strikeWad) internal pure returns (StrikeValue memory value_) {
        unchecked {
            int256 k = Logarithm.lnWad(strikeWad * 1e18 / smile.forwardWad); // strikes are below 2^88
            uint256 stdDevWad =
                Essvi.stdDevOfTerms(k, smile.theta, smile.rhoTheta, smile.rest, smile.rhoWad, smile.psiWad);
            value_.stdDevWad = stdDevWad;
            int256 deltaWad;
            (value_.callWad, value_.putWad, deltaWad, value_.vegaWad) =
                Black76.priceDeltaVegaKnownLn(smile.forwardWad, strikeWad, k, stdDevWad);
            if (smile.deltaShareWad != 1e18) deltaWad = deltaWad * int256(smile.deltaShareWad) / 1e18; // both at most 1
            value_.callDeltaWad = deltaWad;
        }
    }

    /// @notice Γ = φ(d1)/(F·v) = vega/(F²·v) of either option, WAD, below 2^180; 0 where v is.
    function gamma(Smile memory smile, StrikeValue memory value_) internal pure returns (uint256) {
        unchecked {
            uint256 stdDevWad = value_.stdDevWad;
            if (stdDevWad == 0) return 0;
            return value_.vegaWad * 1e18 / smile.forwardWad * 1e18 / smile.forwardWad * 1e18 / stdDevWad;
        }
    }

    /// @notice Γ·F² = vega/v, the change of delta's worth for a relative move, WAD, below 2^156; 0 where v is.
    function gammaWorth(StrikeValue memory value_) internal pure returns (uint256) {
        unchecked {
            return value_.stdDevWad == 0 ? 0 : value_.vegaWad * 1e18 / value_.stdDevWad; // vega < 2^96
        }
    }
}
