// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../interfaces/IClearinghouse.sol";
import {IPermit2} from "../../interfaces/IPermit2.sol";
import {AccountId} from "../../types/AccountId.sol";
import {Leg} from "../../types/Leg.sol";
import {Accounts} from "./Accounts.sol";
import {LedgerState} from "./LedgerState.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

/// @title Trades that somebody has signed and anybody brings
/// @notice Part of the ledger that stands in code of its own (linked, called by delegatecall). The owner of the account signs one
/// Permit2 transfer to the ledger with the trade as its witness. Permit2 checks signature, nonce and deadline; it lets nobody but the
/// ledger, which the signer named as spender, use the permit, and the ledger uses it for this trade alone.
library PermittedTrades {
    using Accounts for LedgerState;
    using SafeERC20 for IERC20;

    bytes32 internal constant LEG_TYPEHASH = keccak256("Leg(uint256 option,int128 size)");
    bytes32 internal constant TRADE_TYPEHASH = keccak256(
        "Trade(uint256 account,address maker,Leg[] legs,int256 limitCash,uint40 deadline,bytes makerData)Leg(uint256 option,int128 size)"
    );
    /// @dev From the witness on; types in alphabetical order, as EIP-712 wants them.
    string internal constant WITNESS_TYPE =
        "Trade witness)Leg(uint256 option,int128 size)TokenPermissions(address token,uint256 amount)Trade(uint256 account,address maker,Leg[] legs,int256 limitCash,uint40 deadline,bytes makerData)";

    /// @notice Makes sure that the owner of the account signed this trade, and moves the money: what a wallet pays or receives; what a
    /// margin account's owner permitted, into its cash.
    /// @param token The quote token.
    /// @param cash What a wallet pays, quote units; negative: what it receives. 0 for a margin account.
    /// @param arguments Those of `IClearinghouse.tradeWithPermit`, as they came.
    function collect(LedgerState storage self, IPermit2 permit2, IERC20 token, int256 cash, bytes calldata arguments)
        external
    {
        (IClearinghouse.Swap memory swap, IClearinghouse.PermitPayment memory payment) =
            abi.decode(arguments, (IClearinghouse.Swap, IClearinghouse.PermitPayment));
        AccountId account = swap.account;
        address owner = account.owner();
        if (!account.isCanonical() || owner == address(0)) {
            revert IClearinghouse.Clearinghouse_InvalidAccount(account);
        }
        uint256 amount = account.isWallet() ? uint256(SignedMath.max(cash, 0)) : payment.amount; // not negative
        uint256 before = token.balanceOf(address(this));
        // The signature is checked and the nonce used up where nothing is to be paid, too.
        permit2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(
                IPermit2.TokenPermissions(address(token), payment.amount), payment.nonce, swap.deadline
            ),
            IPermit2.SignatureTransferDetails(address(this), amount),
            owner,
            _hash(swap),
            WITNESS_TYPE,
            payment.signature
        );
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) {
            revert IClearinghouse.Clearinghouse_UnsupportedToken(address(token), amount, received);
        }
        if (account.isWallet()) {
            if (cash < 0) token.safeTransfer(owner, uint256(-cash)); // not negative; within int128
        } else if (amount != 0) {
            self.addCash(account, int256(amount)); // tokens in existence fit: AccountWord bounds cash at 2^128
            emit IClearinghouse.CashDeposited(account, owner, amount);
        }
    }

    /// @dev The trade as it was signed: all of the swap but the oracle's report, so that who brings it can bring a fresher one.
    function _hash(IClearinghouse.Swap memory swap) private pure returns (bytes32) {
        bytes32[] memory legs = new bytes32[](swap.legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            Leg memory leg = swap.legs[i];
            legs[i] = keccak256(abi.encode(LEG_TYPEHASH, leg.option, leg.size));
        }
        return keccak256(
            abi.encode(
                TRADE_TYPEHASH,
                swap.account,
                swap.maker,
                keccak256(abi.encodePacked(legs)),
                swap.limitCash,
                swap.deadline,
                keccak256(swap.makerData)
            )
        );
    }
}
