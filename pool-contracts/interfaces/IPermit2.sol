// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Uniswap's Permit2, the part that the ledger asks
/// @notice Moves a token of who has signed for it, once: to whom the signer named as spender, and with what else he signed, the
/// witness, beside it.
interface IPermit2 {
    /// @param amount The most that may be taken.
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    /// @param nonce One of 2^256 that the signer has not used, in any order.
    /// @param deadline Last second at which the signature counts.
    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    /// @param requestedAmount At most what is permitted.
    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    error SignatureExpired(uint256 signatureDeadline);
    error InvalidNonce();
    error InvalidAmount(uint256 maxAmount);
    error InvalidSignatureLength();
    error InvalidSignature();
    error InvalidSigner();
    error InvalidContractSignature();

    /// @notice Checks the owner's signature (ERC-1271 where he has code), uses up the nonce, and transfers. The caller is the spender.
    /// @param witness EIP-712 hash of what was signed beside the permit.
    /// @param witnessTypeString The rest of the type, from the witness on: `T witness)` and all types named, in order.
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}
