// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Black76, Greeks} from "../../../pool-contracts/libraries/pricing/Black76.sol";
import {BlackScholes} from "../../../pool-contracts/libraries/pricing/BlackScholes.sol";
import {Essvi} from "../../../pool-contracts/libraries/pricing/Essvi.sol";
import {Exponential} from "../../../pool-contracts/libraries/pricing/Exponential.sol";
import {Logarithm} from "../../../pool-contracts/libraries/pricing/Logarithm.sol";
import {NormalDistribution} from "../../../pool-contracts/libraries/pricing/NormalDistribution.sol";
import {SquareRoot} from "../../../pool-contracts/libraries/pricing/SquareRoot.sol";

/// @notice Measures one library function, compiled alone and inlined as the optimiser sees fit, on many inputs.
/// The frame (stack, loop, gasleft) is what `GasOfNothing` measures: subtract it.
abstract contract GasMeter {
    /// @return used Gas between two `gasleft()` around each call, frame included.
    /// @return results What each call returned, several values mixed into one: none of the work can be optimised away.
    function measure(uint256[5][] calldata inputs)
        external
        view
        returns (uint256[] memory used, uint256[] memory results)
    {
        used = new uint256[](inputs.length);
        results = new uint256[](inputs.length);
        Greeks memory greeks;
        for (uint256 i = 0; i < inputs.length; ++i) {
            (uint256 a, uint256 b, uint256 c, uint256 d, uint256 e) =
                (inputs[i][0], inputs[i][1], inputs[i][2], inputs[i][3], inputs[i][4]);
            uint256 before = gasleft();
            uint256 result = _run(a, b, c, d, e, greeks);
            assembly ("memory-safe") {
                mstore(0, result) // all of the work is done before the gas is read again
            }
            uint256 afterwards = gasleft();
            used[i] = before - afterwards;
            results[i] = result;
        }
    }

    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, Greeks memory)
        internal
        pure
        virtual
        returns (uint256);
}

contract GasOfNothing is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return a ^ b ^ c ^ d ^ e;
    }
}

contract GasOfBlack76Price is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        (uint256 call, uint256 put) = Black76.price(a, b, c);
        return call ^ put;
    }
}

contract GasOfBlack76PriceKnownLn is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        (uint256 call, uint256 put) = Black76.priceKnownLn(a, b, int256(d), c);
        return call ^ put;
    }
}

contract GasOfBlack76PriceDeltaVegaKnownLn is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        (uint256 call, uint256 put, int256 delta, uint256 vega) = Black76.priceDeltaVegaKnownLn(a, b, int256(d), c);
        return call ^ put ^ uint256(delta) ^ vega;
    }
}

contract GasOfBlack76PriceAndGreeks is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256, uint256 e, Greeks memory greeks)
        internal
        pure
        override
        returns (uint256)
    {
        Black76.priceAndGreeks(a, b, c, e, greeks);
        return greeks.callWad;
    }
}

contract GasOfBlack76ImpliedStdDev is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return Black76.impliedStdDev(c, a, b, d != 0);
    }
}

contract GasOfBlackScholesPrice is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        (uint256 call, uint256 put) = BlackScholes.price(a, b, e, c, int256(d));
        return call ^ put;
    }
}

contract GasOfEssviStdDev is GasMeter {
    function _run(uint256 a, uint256 b, uint256 c, uint256 d, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return Essvi.stdDev(int256(a), b, int256(c), d);
    }
}

contract GasOfLogarithm is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return uint256(Logarithm.lnWad(a));
    }
}

contract GasOfExponential is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return Exponential.expWad(int256(a));
    }
}

contract GasOfCdf is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return NormalDistribution.cdf(int256(a));
    }
}

contract GasOfSquareRoot is GasMeter {
    function _run(uint256 a, uint256, uint256, uint256, uint256, Greeks memory)
        internal
        pure
        override
        returns (uint256)
    {
        return SquareRoot.sqrtWad(a);
    }
}
