// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "../../interfaces/IMarketOracle.sol";
import {SIGNATURE_BYTES, readSignature} from "../../types/ReportHeader.sol";
import {SignerSet} from "../../types/SignerSet.sol";

/// @title The signatures of a report
/// @notice Each names its signer's index in the set, and indices increase, so nobody counts twice. A signer is a key
/// (ECDSA over secp256k1, v = 27 or 28, s in the lower half) or a contract (ERC-1271), which is asked whether it accepts the
/// 65 bytes r, s, v + 27, where v is 0 or 1. Contracts are asked once every key has signed: who has not a quorum's keys
/// cannot make the oracle call anybody.
library ReportSignatures {
    /// @dev Half of secp256k1's order: of the two signatures (s, n − s) only the lower is accepted.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev `isValidSignature(bytes32,bytes)`: the selector, and what a contract answers that accepts.
    uint256 private constant ERC1271_MAGIC = 0x1626ba7e;
    /// @dev What a contract may spend on its answer.
    uint256 private constant ERC1271_GAS = 100_000;

    /// @notice Reverts unless a quorum of `active` signed `digest`.
    /// @param count How many signatures the report, whose length is checked, ends with.
    function verify(SignerSet active, bytes32 digest, bytes calldata report, uint256 count) internal view {
        if (count < active.quorum()) revert IMarketOracle.MarketOracle_TooFewSigners(count, active.quorum());
        uint256 addresses = _load(active);
        (uint256 signers, uint256 halfOrder) = (active.count(), HALF_ORDER);
        bool rest;
        assembly ("memory-safe") {
            let input := mload(0x40) // beyond the end of used memory, which does not move: digest, v, r, s
            mstore(input, digest)
            mstore(0x00, 0)
            let least := 0
            let end := add(report.offset, report.length)
            for { let at := sub(end, mul(count, SIGNATURE_BYTES)) } lt(at, end) { at := add(at, SIGNATURE_BYTES) } {
                let index := byte(0, calldataload(at))
                rest := or(rest, iszero(lt(sub(index, least), sub(signers, least)))) // least ≤ index < signers, or it wraps
                least := add(index, 1)
                mstore(add(input, 0x20), byte(0, calldataload(add(at, 65))))
                calldatacopy(add(input, 0x40), add(at, 1), 0x40)
                // Address 1 recovers a key's address; it answers nothing where v is neither 27 nor 28 or nothing recovers. What
                // stands at 0 then is zero or the signer before, and neither is this one.
                pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
                let signer := shr(96, mload(add(addresses, mul(index, 20))))
                rest := or(rest, or(sub(mload(0x00), signer), gt(mload(add(input, 0x60)), halfOrder)))
            }
        }
        if (rest) _verifyRest(signers, addresses, digest, report, count);
    }

    /// @dev Where not every signature is a key's valid one: names what is wrong with the first that is, or asks contracts.
    function _verifyRest(uint256 signers, uint256 addresses, bytes32 digest, bytes calldata report, uint256 count)
        private
        view
    {
        uint256 least;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 index, bytes32 r, bytes32 s, uint8 v) = readSignature(report, count - i);
            if (index < least) revert IMarketOracle.MarketOracle_SignersNotSorted(index, least - 1);
            if (index >= signers) revert IMarketOracle.MarketOracle_SignerNotActive(index);
            bool isValid =
                v < 2 || (uint256(s) <= HALF_ORDER && ecrecover(digest, v, r, s) == _signerAt(addresses, index));
            if (!isValid) revert IMarketOracle.MarketOracle_InvalidSignature(index);
            least = index + 1;
        }
        for (uint256 i = 0; i < count; ++i) {
            (uint256 index, bytes32 r, bytes32 s, uint8 v) = readSignature(report, count - i);
            if (v < 2 && !_accepts(_signerAt(addresses, index), digest, r, s, v)) {
                revert IMarketOracle.MarketOracle_InvalidSignature(index);
            }
        }
    }

    /// @dev Copies the addresses of the set to memory, 20 bytes each.
    function _load(SignerSet active) private view returns (uint256 addresses) {
        (address pointer, uint256 count) = (active.pointer(), active.count());
        assembly ("memory-safe") {
            addresses := mload(0x40)
            let length := mul(count, 20)
            mstore(0x40, add(addresses, and(add(length, 63), not(31))))
            extcodecopy(pointer, addresses, 1, length) // SSTORE2 keeps data behind one byte of STOP
        }
    }

    /// @dev `index` is below the number of addresses that were loaded.
    function _signerAt(uint256 addresses, uint256 index) private pure returns (address signer) {
        assembly ("memory-safe") {
            signer := shr(96, mload(add(addresses, mul(index, 20))))
        }
    }

    /// @dev Whether the contract answers with the magic word, and not with nothing, too little or a failure.
    function _accepts(address signer, bytes32 digest, bytes32 r, bytes32 s, uint8 v)
        private
        view
        returns (bool accepted)
    {
        assembly ("memory-safe") {
            let call_ := mload(0x40) // beyond the end of used memory, which does not move
            mstore(call_, shl(224, ERC1271_MAGIC))
            mstore(add(call_, 0x04), digest)
            mstore(add(call_, 0x24), 0x40)
            mstore(add(call_, 0x44), 65)
            mstore(add(call_, 0x64), r)
            mstore(add(call_, 0x84), s)
            mstore(add(call_, 0xa4), shl(248, add(v, 27))) // and 31 bytes that fill the word
            let success := staticcall(ERC1271_GAS, signer, call_, 0xc4, 0x00, 0x20)
            accepted := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), shl(224, ERC1271_MAGIC)))
        }
    }
}
