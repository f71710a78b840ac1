// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title SquareRoot
/// @notice Square roots by Newton's method (Heron), from a seed that the count of leading zeros gives.
library SquareRoot {
    // 2^127.5: shifted right by half the leading zeros of x it lies within [√x/√2, √x·√2].
    uint256 private constant SQRT_HALF_Q128 = 240615969168004511545033772477625056927;

    /// @notice √x rounded to one of its two neighbours, or with a relative error of 7e-25, whichever is greater.
    /// @dev From a relative error of at most 2^½, five steps leave 6.1e-2, 1.8e-3, 1.6e-6, 1.2e-12, 6.6e-25.
    function sqrtNear(uint256 x) internal pure returns (uint256 root) {
        assembly ("memory-safe") {
            root := shr(shr(1, clz(x)), SQRT_HALF_Q128)
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
            root := shr(1, add(root, div(x, root)))
        }
    }

    /// @notice ⌊√x⌋ for every x.
    function sqrt(uint256 x) internal pure returns (uint256 root) {
        root = sqrtNear(x);
        assembly ("memory-safe") {
            root := shr(1, add(root, div(x, root)))
            root := sub(root, lt(div(x, root), root))
        }
    }

    /// @notice √x of a WAD, rounded down; above 2^196 in steps of 1e9 wei.
    function sqrtWad(uint256 xWad) internal pure returns (uint256) {
        unchecked {
            return xWad >> 196 == 0 ? sqrt(xWad * 1e18) : sqrt(xWad) * 1e9;
        }
    }
}
