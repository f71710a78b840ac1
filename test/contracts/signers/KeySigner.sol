// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice A signer that is a contract (ERC-1271) and accepts what its owner's key signed.
contract KeySigner {
    address private immutable _OWNER;

    constructor(address owner) {
        _OWNER = owner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        return ecrecover(hash, uint8(signature[64]), r, s) == _OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}
