// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Greeks} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {GasMeter} from "../../../test/contracts/pricing/PricingGas.sol";
import {SD59x18} from "@prb/math/src/SD59x18.sol";
import {ABDKMath64x64} from "abdk/ABDKMath64x64.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {Gaussian} from "solstat/Gaussian.sol";

// The public building blocks that npm holds, behind the meter that measures ours. Numbers are WAD; ABDK's are 64.64.

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

contract GasOfPrbLn is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(SD59x18.wrap(int256(a)).ln().unwrap());
    }
}

contract GasOfPrbExp is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(SD59x18.wrap(int256(a)).exp().unwrap());
    }
}

contract GasOfPrbSqrt is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(SD59x18.wrap(int256(a)).sqrt().unwrap());
    }
}

contract GasOfAbdkLn is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(int256(ABDKMath64x64.ln(int128(int256(a)))));
    }
}

contract GasOfAbdkExp is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(int256(ABDKMath64x64.exp(int128(int256(a)))));
    }
}

contract GasOfAbdkSqrt is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(int256(ABDKMath64x64.sqrt(int128(int256(a)))));
    }
}

contract GasOfSolstatCdf is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(Gaussian.cdf(int256(a)));
    }
}
