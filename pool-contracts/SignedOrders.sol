// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {ISignedOrders} from "./interfaces/ISignedOrders.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {AccountId} from "./types/AccountId.sol";
import {Leg} from "./types/Leg.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

/// @title Orders that are signed and filled later
/// @notice A maker that quotes what somebody has signed. It holds nothing and decides nothing: the ledger checks both margins, and a
/// signer below initial margin is filled only where that lowers his shortfall and costs him no more than a fair close.
///
/// An order is filled whole. The fee, a part of spot for each contract and at most a part of the price, is the signer's; the
/// ledger splits it, so that the insurance fund earns on these trades too.
contract SignedOrders is ISignedOrders, EIP712 {
    using BitMaps for BitMaps.BitMap;
    using CashMath for int256;

    bytes32 internal constant LEG_TYPEHASH = keccak256("Leg(uint256 option,int128 size)");
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(uint256 account,uint256 taker,Leg[] legs,int256 cash,uint256 nonce,uint40 deadline)Leg(uint256 option,int128 size)"
    );
    /// @dev 3 basis points of spot a contract …
    uint256 internal constant FEE_RATE = 0.0003e18;
    /// @dev … and at most an eighth of the price.
    uint256 internal constant FEE_CAP = 8;

    IClearinghouse public immutable clearinghouse;
    IMarketOracle public immutable oracle;
    int256 internal immutable _divisor;
    mapping(address owner => BitMaps.BitMap) private _used;

    constructor(IClearinghouse clearinghouse_, IMarketOracle oracle_) EIP712("Meniscus Signed Orders", "1") {
        clearinghouse = clearinghouse_;
        oracle = oracle_;
        _divisor = CashMath.divisor(clearinghouse_.quoteDecimals());
    }

    /// @inheritdoc IMaker
    /// @param data An `Order` and its signature, ABI-encoded.
    function onTrade(AccountId taker, Leg[] calldata legs, bool, bytes calldata data)
        external
        returns (AccountId account, int256 cash, uint256 fee)
    {
        if (msg.sender != address(clearinghouse)) revert SignedOrders_NotLedger(msg.sender);
        (Order memory order, bytes memory signature) = abi.decode(data, (Order, bytes));
        address owner = order.account.owner();
        if (block.timestamp > order.deadline) revert SignedOrders_Expired(order.deadline);
        if (AccountId.unwrap(order.taker) != 0 && !(order.taker == taker)) {
            revert SignedOrders_WrongTaker(taker, order.taker);
        }
        if (keccak256(abi.encode(order.legs)) != keccak256(abi.encode(legs))) revert SignedOrders_WrongLegs();
        if (_used[owner].get(order.nonce)) revert SignedOrders_NonceUsed(owner, order.nonce);
        bytes32 digest = _digest(order);
        if (!SignatureChecker.isValidSignatureNow(owner, digest, signature)) {
            revert SignedOrders_InvalidSignature(owner);
        }
        _used[owner].set(order.nonce);
        emit OrderFilled(order.account, order.nonce, taker, digest);
        return (order.account, order.cash, _fee(legs, order.cash));
    }

    /// @inheritdoc ISignedOrders
    function cancel(uint256 nonce) external {
        _used[msg.sender].set(nonce);
        emit OrderCancelled(msg.sender, nonce);
    }

    /// @inheritdoc ISignedOrders
    function isUsed(address owner, uint256 nonce) external view returns (bool) {
        return _used[owner].get(nonce);
    }

    /// @inheritdoc ISignedOrders
    function digestOf(Order calldata order) external view returns (bytes32) {
        return _digest(order);
    }

    function _digest(Order memory order) private view returns (bytes32) {
        bytes32[] memory legs = new bytes32[](order.legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            legs[i] = keccak256(abi.encode(LEG_TYPEHASH, order.legs[i].option, order.legs[i].size));
        }
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    ORDER_TYPEHASH,
                    order.account,
                    order.taker,
                    keccak256(abi.encodePacked(legs)),
                    order.cash,
                    order.nonce,
                    order.deadline
                )
            )
        );
    }

    /// @dev In quote units, rounded down.
    function _fee(Leg[] calldata legs, int256 cash) private view returns (uint256) {
        uint256 contracts;
        for (uint256 i = 0; i < legs.length; ++i) {
            contracts += SignedMath.abs(legs[i].size);
        }
        uint256 spotWad = oracle.marketState(legs[0].option.key().marketId()).spotWad;
        int256 raw = int256(contracts * (spotWad * FEE_RATE / 1e18)); // 8 legs of int128 and a spot below 2^96 fit
        return Math.min(uint256(raw.toCashDown(_divisor)), SignedMath.abs(cash) / FEE_CAP); // not negative
    }
}
