// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Greeks} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {GasMeter} from "./PricingGas.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

contract GasOfSoladyLn is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(FixedPointMathLib.lnWad(int256(a)));
    }
}

contract GasOfSoladyExp is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(FixedPointMathLib.expWad(int256(a)));
    }
}

contract GasOfSoladySqrt is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return FixedPointMathLib.sqrtWad(a);
    }
}
