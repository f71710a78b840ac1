// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {IAccountTaker} from "./IAccountTaker.sol";

/// @title Liquidation by Dutch auction
/// @notice An account below maintenance margin is sold in slices that keep the shape of its whole portfolio. See
/// `LiquidationAuction` for prices.
interface ILiquidationAuction {
    /// @notice How auctions run.
    /// @param solventSeconds How long the discount takes to grow to all of the equity.
    /// @param insolventSeconds How long the fund's offer then takes to grow to the whole of maintenance margin.
    /// @param minimumRest What needs no more initial margin than this is small, quote units: such a rest is sold with the slice, and
    /// such an account may be taken by a maker at once.
    /// @param startDiscountWad The part of the equity that the first bidder keeps.
    /// @param bufferWad How far above initial margin a slice brings the rest, as a share of that margin.
    /// @param penaltyWad The part of the price that goes to the insurance fund; where a maker takes the account, the part of its
    /// initial margin that goes to who brought that about.
    /// @param takeCostWad How much of its initial margin an account may lose where a maker takes it at once.
    struct Terms {
        uint32 solventSeconds;
        uint32 insolventSeconds;
        uint128 minimumRest;
        uint64 startDiscountWad;
        uint64 bufferWad;
        uint64 penaltyWad;
        uint64 takeCostWad;
    }

    /// @param startedAt 0 where the account is not under liquidation.
    /// @param insolventAt When it was first seen without equity; 0 where it has some.
    /// @param provision What it may cost the fund: its loss at the worst of the maintenance grid, quote units.
    struct Auction {
        uint40 startedAt;
        uint40 insolventAt;
        uint128 provision;
    }

    /// @notice What is for sale now.
    /// @param gross Present value of positions, base collateral and cash, quote units.
    /// @param equity `gross` less what the account owes to settlements.
    /// @param price For the whole account; a share costs its share of it. Negative: what the fund pays.
    /// @param maxShareWad The largest share a bid gets; 0 where nothing may be sold.
    /// @param state Hash of the positions: a bid names it.
    struct Lot {
        int256 gross;
        int256 equity;
        int256 price;
        uint256 maxShareWad;
        bytes32 state;
    }

    event TermsChanged(Terms terms);
    event AuctionStarted(AccountId indexed account, int256 equity, int256 worst, uint256 provision);
    event Bid(
        AccountId indexed account, AccountId indexed bidder, uint256 shareWad, int256 paid, uint256 penalty, bool ended
    );
    /// @notice A maker closed the account out: `cash` is what it paid the maker (negative: received), `bounty` what `keeper` got.
    event AccountTaken(
        AccountId indexed account, address indexed taker, AccountId indexed keeper, int256 cash, uint256 bounty
    );
    event ProvisionChanged(AccountId indexed account, uint256 provision);
    event AuctionEnded(AccountId indexed account);

    error LiquidationAuction_InvalidTerms();
    error LiquidationAuction_LedgerLocked();
    error LiquidationAuction_NotAuthorized(AccountId account, address caller);
    error LiquidationAuction_Healthy(AccountId account, int256 worst);
    error LiquidationAuction_Unhealthy(AccountId account, int256 worst);
    /// @notice The account holds neither positions nor cash nor base: it only owes.
    error LiquidationAuction_NothingForSale(AccountId account);
    /// @notice The account needs more initial margin than what makers take at once: it is for bidders.
    error LiquidationAuction_TooLarge(AccountId account, int256 requirement, uint256 max);
    /// @notice The maker asks for more of the account's equity than it may lose so.
    error LiquidationAuction_TakeTooDear(AccountId account, int256 cost, int256 max);
    error LiquidationAuction_AlreadyStarted(AccountId account, uint256 startedAt);
    error LiquidationAuction_NotStarted(AccountId account);
    error LiquidationAuction_ShareTooSmall(uint256 shareWad, uint256 minShareWad);
    error LiquidationAuction_StateChanged(bytes32 expected, bytes32 found);
    error LiquidationAuction_PriceLimitExceeded(int256 price, int256 limitPrice);

    /// @notice Puts an account up for auction that is below maintenance margin, or owes a settlement more than it has in cash; a
    /// registered maker only where its equity is negative. Anyone.
    /// @param report A signed report to submit first, or empty.
    function start(AccountId account, bytes calldata report) external;

    /// @notice Takes a share of the account at the present price.
    /// @param bidder Margin account of the caller, or one that he operates; not of the same owner as `account`.
    /// @param shareWad The share wanted; the bid gets this or the largest share for sale, if that is less.
    /// @param limitPrice The most the bidder pays for the whole account (negative: the least he is paid, negated).
    /// @param expectedState The account's `Lot.state` as the bidder has seen it.
    /// @param report As in `start`.
    /// @return takenWad The share he got.
    /// @return paid What he paid for it, quote units; negative: what the fund paid him.
    function bid(
        AccountId account,
        AccountId bidder,
        uint256 shareWad,
        int256 limitPrice,
        bytes32 expectedState,
        bytes calldata report
    ) external returns (uint256 takenWad, int256 paid);

    /// @notice Closes out a small account that `start` would take, or whose auction runs, with a maker that opted in: one swap of
    /// all its options at the maker's price for takes, within the maker's limits. It costs the account no more than
    /// `Terms.takeCostWad` of its initial margin, or than the auction's price would now, the bounty included: `penaltyWad` of
    /// that margin, as far as the account has it. Base collateral stays. An account that owes settlements is for bidders.
    /// @param taker For example an `OptionPool`.
    /// @param keeper Margin account that gets the bounty: of the caller, or one that he operates; not of the same owner as `account`.
    /// @param report As in `start`.
    /// @return cash What the account paid the taker, quote units; negative what it received.
    function take(AccountId account, IAccountTaker taker, AccountId keeper, bytes calldata report)
        external
        returns (int256 cash);

    /// @notice Brings an auction's provision and phase up to date. Anyone.
    function refresh(AccountId account) external;

    /// @notice Ends the auction of an account whose initial margin holds again and that owes nothing it cannot pay, or of one that has
    /// nothing left. Anyone.
    function end(AccountId account) external;

    function terms() external view returns (Terms memory);
    function auction(AccountId account) external view returns (Auction memory);
    /// @notice What a bid in this block would find. `price` and `maxShareWad` are 0 where no auction runs.
    function lot(AccountId account) external view returns (Lot memory);
    /// @notice Provisions of all auctions, quote units.
    function totalProvision() external view returns (uint256);
}
