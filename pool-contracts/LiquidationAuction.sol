// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAccountTaker} from "./interfaces/IAccountTaker.sol";
import {IClearinghouse} from "./interfaces/IClearinghouse.sol";
import {ILiquidationAuction} from "./interfaces/ILiquidationAuction.sol";
import {IMaker} from "./interfaces/IMaker.sol";
import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {Grid} from "./interfaces/IRiskEngine.sol";
import {AccountId} from "./types/AccountId.sol";
import {Leg} from "./types/Leg.sol";
import {toOptionId} from "./types/OptionId.sol";
import {StrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Liquidation by Dutch auction
///
/// WHAT IS SOLD. The same share f of all positions, base collateral and cash, so that the portfolio keeps its shape and its
/// hedges. With G the present value of all of it, D what the account owes to settlements and E = G − D its equity, the price
/// of the whole at t seconds is
///
///     solvent    G − δ·E,                 δ from the starting discount to 1 over `solventSeconds`
///     insolvent  m − s·(m − W),           s from 0 to 1 over `insolventSeconds`, m = min(G, D), W = min(m, worst of the maintenance grid)
///
/// so that a bidder never keeps more than the equity, and the insurance fund pays only once no equity is left and nobody
/// took the account for nothing. The insolvent phase begins when the first has passed, or when the account is first seen without
/// equity. Prices follow the market: they are drawn from the present state at every bid.
///
/// HOW MUCH. A slice is at most what brings the rest to initial margin and a buffer b above it: with the worst value W of the
/// initial grid, its requirement R = E − W, and what the account keeps of the price P,
///
///     (1 − f)·(W + D − b·R) + f·P − D = 0     ⇒     f = (b·R − W) / (P − D + b·R − W)
///
/// (scenario margin is homogeneous: a slice has its share of the margin). An account whose rest would be small is sold whole, as is one
/// without equity. A registered maker is sold only without equity.
///
/// SMALL ACCOUNTS. A bid costs more gas than a small account is worth: a maker may take it whole at once, as a swap at its own price,
/// see `take`. That price is no worse for the account than a part of its initial margin, or than the auction.
///
/// PROVISION. What an account may cost the fund, its loss at the worst of the maintenance grid, is deducted from the value
/// of fund shares from the start, so that nobody leaves ahead of a loss that is known.
///
/// NOT GUARANTEED. That somebody bids. An account that nobody takes is settled at its expiries: what it cannot pay is covered by
/// the fund, and what the fund cannot lowers the payout ratio.
contract LiquidationAuction is ILiquidationAuction, IMaker, AccessManaged {
    using SafeCast for uint256;

    /// @dev Smaller bids than this share are for the rest of a slice only: a bid costs a whole margin check.
    uint256 internal constant MIN_SHARE = 0.1e18;
    uint256 internal constant WAD = 1e18;

    IClearinghouse public immutable clearinghouse;
    IMarketOracle public immutable oracle;
    /// @dev Who closes an account out in the call that runs; zero where none does.
    IAccountTaker private transient _taker;
    Terms private _terms;
    /// @inheritdoc ILiquidationAuction
    uint256 public totalProvision;
    mapping(AccountId => Auction) private _auctions;

    /// @dev What the ledger says of an account, quote units. The equity has the debt deducted.
    struct Facts {
        int256 equity;
        uint256 debt;
        uint256 credit;
        uint256 cash;
        bool isMaker;
    }

    constructor(IClearinghouse clearinghouse_, IMarketOracle oracle_, Terms memory terms_, address authority)
        AccessManaged(authority)
    {
        clearinghouse = clearinghouse_;
        oracle = oracle_;
        _setTerms(terms_);
    }

    /// @notice Changes how auctions run, those that run already too.
    function setTerms(Terms calldata terms_) external restricted {
        _setTerms(terms_);
    }

    function _setTerms(Terms memory terms_) private {
        bool valid = terms_.solventSeconds >= 1 minutes && terms_.solventSeconds <= 1 days
            && terms_.insolventSeconds >= 1 minutes && terms_.insolventSeconds <= 1 days
            && terms_.startDiscountWad <= 0.2e18 && terms_.bufferWad <= 1e18 && terms_.penaltyWad <= 0.1e18
            && terms_.takeCostWad <= 0.5e18;
        if (!valid) revert LiquidationAuction_InvalidTerms();
        _terms = terms_;
        emit TermsChanged(terms_);
    }

    // ───────────────────────────── Acts ─────────────────────────────

    /// @inheritdoc ILiquidationAuction
    function start(AccountId account, bytes calldata report) external {
        if (report.length != 0) oracle.submitIfNewer(report);
        uint256 startedAt = _auctions[account].startedAt;
        if (startedAt != 0) revert LiquidationAuction_AlreadyStarted(account, startedAt);
        (Facts memory facts, int256 worst) = _facts(account, Grid.Maintenance);
        _requireLiquidatable(account, facts, worst);
        if (_isEmpty(account, facts)) revert LiquidationAuction_NothingForSale(account);
        uint256 provision = _keep(account, uint40(block.timestamp), facts, _soldAtWorst(facts, worst), WAD);
        emit AuctionStarted(account, facts.equity, worst, provision);
    }

    /// @inheritdoc ILiquidationAuction
    function bid(
        AccountId account,
        AccountId bidder,
        uint256 shareWad,
        int256 limitPrice,
        bytes32 expectedState,
        bytes calldata report
    ) external returns (uint256 takenWad, int256 paid) {
        if (report.length != 0) oracle.submitIfNewer(report);
        _requireBidder(account, bidder);
        Auction memory auction_ = _started(account);
        bytes32 found = _state(account);
        if (found != expectedState) revert LiquidationAuction_StateChanged(expectedState, found);
        return _sell(auction_, account, bidder, shareWad, limitPrice);
    }

    function _sell(Auction memory auction_, AccountId account, AccountId bidder, uint256 shareWad, int256 limitPrice)
        private
        returns (uint256 takenWad, int256 paid)
    {
        (Facts memory facts, int256 worstInitial, int256 soldAtWorst) = _factsOfBoth(account);
        int256 price = _price(auction_, facts, soldAtWorst);
        if (price > limitPrice) revert LiquidationAuction_PriceLimitExceeded(price, limitPrice);
        uint256 maxShareWad = _maxShare(auction_, facts, worstInitial, price);
        if (maxShareWad == 0) revert LiquidationAuction_Healthy(account, worstInitial);
        takenWad = Math.min(shareWad, maxShareWad);
        uint256 minShareWad = Math.min(maxShareWad, MIN_SHARE);
        if (takenWad < minShareWad) revert LiquidationAuction_ShareTooSmall(takenWad, minShareWad);

        bool ended = takenWad == maxShareWad;
        if (ended) _remove(account);
        else _keep(account, auction_.startedAt, facts, soldAtWorst, WAD - takenWad);
        paid = _payFor(account, bidder, takenWad, price, ended);
        if (ended) emit AuctionEnded(account);
    }

    /// @dev Hands the share over for its part of the whole lot's price, rounded up.
    function _payFor(AccountId account, AccountId bidder, uint256 takenWad, int256 price, bool ended)
        private
        returns (int256 paid)
    {
        uint256 penalty;
        if (price >= 0) {
            paid = Math.mulDiv(uint256(price), takenWad, WAD, Math.Rounding.Ceil).toInt256(); // not negative
            penalty = uint256(paid) * _terms.penaltyWad / WAD;
        } else {
            paid = -Math.mulDiv(uint256(-price), takenWad, WAD).toInt256(); // negative
        }
        emit Bid(account, bidder, takenWad, paid, penalty, ended);
        clearinghouse.liquidate(IClearinghouse.Seizure(account, bidder, takenWad, paid, penalty));
    }

    /// @inheritdoc ILiquidationAuction
    function take(AccountId account, IAccountTaker taker, AccountId keeper, bytes calldata report)
        external
        returns (int256 cash)
    {
        if (report.length != 0) oracle.submitIfNewer(report);
        _requireBidder(account, keeper);
        (int256 maxCost, int256 bounty) = _costOfTake(account);
        if (_auctions[account].startedAt != 0) _remove(account);
        cash = _closeOut(account, taker, maxCost - bounty);
        uint256 paid = _payBounty(account, keeper, uint256(bounty));
        emit AccountTaken(account, address(taker), keeper, cash, paid);
    }

    /// @dev The most a take may cost the account, and the keeper's part of it: a share of the requirement, or what the auction under
    /// way would take.
    function _costOfTake(AccountId account) private view returns (int256 maxCost, int256 bounty) {
        Auction memory auction_ = _auctions[account];
        (Facts memory facts, int256 worst) = _facts(account, Grid.Maintenance);
        if (auction_.startedAt == 0) _requireLiquidatable(account, facts, worst);
        int256 requirement = _smallRequirement(account, facts);
        maxCost = requirement * int256(uint256(_terms.takeCostWad)) / 1e18;
        bounty = requirement * int256(uint256(_terms.penaltyWad)) / 1e18;
        if (auction_.startedAt == 0) return (maxCost, bounty);
        int256 gross = facts.equity + int256(facts.debt); // below 2^128
        int256 byAuction = gross - _price(auction_, facts, _soldAtWorst(facts, worst));
        if (byAuction > maxCost) maxCost = byAuction;
    }

    /// @dev Initial requirement of an account that is small enough to be taken whole.
    function _smallRequirement(AccountId account, Facts memory facts) private view returns (int256 requirement) {
        (int256 worstInitial,) = clearinghouse.health(account, Grid.Initial);
        requirement = facts.equity - worstInitial;
        uint256 max = _terms.minimumRest;
        if (facts.isMaker || requirement > int256(max)) revert LiquidationAuction_TooLarge(account, requirement, max);
    }

    /// @inheritdoc ILiquidationAuction
    function refresh(AccountId account) external {
        uint40 startedAt = _started(account).startedAt;
        (Facts memory facts, int256 worst) = _facts(account, Grid.Maintenance);
        emit ProvisionChanged(account, _keep(account, startedAt, facts, _soldAtWorst(facts, worst), WAD));
    }

    /// @inheritdoc ILiquidationAuction
    function end(AccountId account) external {
        _started(account);
        (Facts memory facts, int256 worst) = _facts(account, Grid.Initial);
        bool healthy = facts.isMaker ? facts.equity >= 0 : worst >= 0 && facts.debt <= facts.cash;
        if (!healthy && !_isEmpty(account, facts)) revert LiquidationAuction_Unhealthy(account, worst);
        _remove(account);
        emit AuctionEnded(account);
    }

    // ───────────────────────────── Views ─────────────────────────────

    /// @inheritdoc ILiquidationAuction
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc ILiquidationAuction
    function auction(AccountId account) external view returns (Auction memory) {
        return _auctions[account];
    }

    /// @inheritdoc ILiquidationAuction
    function lot(AccountId account) external view returns (Lot memory lot_) {
        (Facts memory facts, int256 worstInitial, int256 soldAtWorst) = _factsOfBoth(account);
        lot_.gross = facts.equity + int256(facts.debt); // below 2^128
        lot_.equity = facts.equity;
        lot_.state = _state(account);
        Auction memory auction_ = _auctions[account];
        if (auction_.startedAt == 0) return lot_;
        lot_.price = _price(auction_, facts, soldAtWorst);
        lot_.maxShareWad = _maxShare(auction_, facts, worstInitial, lot_.price);
    }

    // ───────────────────────────── Takes ─────────────────────────────

    /// @inheritdoc IMaker
    /// @dev The ledger asks in the middle of a take, and only then: while it runs, the ledger is locked for others.
    function onTrade(AccountId account, Leg[] calldata legs, bool, bytes calldata)
        external
        returns (AccountId maker, int256 cash, uint256 fee)
    {
        if (msg.sender != address(clearinghouse) || address(_taker) == address(0)) {
            revert LiquidationAuction_NotAuthorized(account, msg.sender);
        }
        (maker, cash, fee) = _taker.onTake(account, legs);
        // The ledger lets the auction trade for every maker that opted in: a taker names its own account, no other's.
        if (maker.owner() != address(_taker)) revert LiquidationAuction_NotAuthorized(maker, address(_taker));
    }

    /// @dev Closes all strikes with the taker and judges what that cost the account, against the present value of its options.
    function _closeOut(AccountId account, IAccountTaker taker, int256 maxCost) private returns (int256 cash) {
        StrikeWord[] memory words = clearinghouse.strikes(account);
        if (words.length == 0) revert LiquidationAuction_NothingForSale(account);
        uint16 marketId = words[0].key().marketId();
        (, int256 value,) = clearinghouse.riskEngine().values(marketId, words, 0, Grid.Initial);
        IClearinghouse.Swap memory swap;
        (swap.account, swap.maker, swap.legs) = (account, address(this), _closing(words));
        (swap.limitCash, swap.deadline) = (type(int128).max, uint40(block.timestamp)); // fits for 34,000 years
        _taker = taker;
        cash = clearinghouse.trade(swap);
        _taker = IAccountTaker(address(0));
        int256 cost = value + cash; // each below 2^128
        if (cost > maxCost) revert LiquidationAuction_TakeTooDear(account, cost, maxCost);
    }

    /// @dev Who brings a take about gets a share of the cash that is left, which is all the account holds beside base.
    function _payBounty(AccountId account, AccountId keeper, uint256 bounty) private returns (uint256 paid) {
        uint256 left = clearinghouse.cash(account);
        paid = Math.min(bounty, left);
        if (paid == 0) return 0;
        // Rounded up, as the ledger rounds the share of cash down.
        uint256 shareWad = Math.mulDiv(paid, WAD, left, Math.Rounding.Ceil);
        clearinghouse.liquidate(IClearinghouse.Seizure(account, keeper, shareWad, 0, 0));
    }

    /// @dev The legs that close every position, seen from the account.
    function _closing(StrikeWord[] memory words) private pure returns (Leg[] memory legs) {
        legs = new Leg[](2 * words.length);
        uint256 count;
        for (uint256 i = 0; i < words.length; ++i) {
            (int256 calls, int256 puts) = (words[i].calls(), words[i].puts());
            if (calls != 0) legs[count++] = Leg(toOptionId(words[i].key(), false), int128(-calls)); // sizes fit int80
            if (puts != 0) legs[count++] = Leg(toOptionId(words[i].key(), true), int128(-puts));
        }
        assembly ("memory-safe") {
            mstore(legs, count) // shortens the array in place
        }
    }

    // ───────────────────────────── Price and share ─────────────────────────────

    /// @return since When the insolvent phase began; 0 while the solvent one lasts.
    function _insolventSince(Auction memory auction_, Facts memory facts) private view returns (uint256 since) {
        uint256 deadline = uint256(auction_.startedAt) + _terms.solventSeconds;
        if (facts.equity > 0) return block.timestamp < deadline ? 0 : deadline;
        since = auction_.insolventAt == 0 ? block.timestamp : auction_.insolventAt;
        if (deadline < since) since = deadline;
    }

    /// @dev The price of the whole account, rounded against the bidder.
    function _price(Auction memory auction_, Facts memory facts, int256 soldAtWorst) private view returns (int256) {
        int256 debt = int256(facts.debt); // below 2^128
        int256 gross = facts.equity + debt;
        uint256 since = _insolventSince(auction_, facts);
        if (since == 0) {
            uint256 elapsed = block.timestamp - auction_.startedAt;
            uint256 start_ = _terms.startDiscountWad;
            uint256 discountWad = start_ + (WAD - start_) * elapsed / _terms.solventSeconds;
            return gross - int256(uint256(facts.equity) * discountWad / WAD); // equity is positive here
        }
        int256 top = gross < debt ? gross : debt;
        if (soldAtWorst >= top) return top;
        uint256 waited = Math.min(block.timestamp - since, _terms.insolventSeconds);
        return top - int256(uint256(top - soldAtWorst) * waited / _terms.insolventSeconds); // positive: checked
    }

    function _maxShare(Auction memory auction_, Facts memory facts, int256 worstInitial, int256 price)
        private
        view
        returns (uint256)
    {
        if (facts.isMaker) return facts.equity < 0 ? WAD : 0;
        int256 requirement = facts.equity - worstInitial; // the worst is never above the present
        int256 buffer = requirement * int256(uint256(_terms.bufferWad)) / 1e18;
        int256 missing = buffer - worstInitial;
        int256 debt = int256(facts.debt); // below 2^128, as cash
        int256 unpaid = debt - int256(facts.cash);
        if (worstInitial >= 0 && unpaid <= 0) return 0;
        if (_insolventSince(auction_, facts) != 0 || price <= 0) return WAD;
        int256 kept = price - price * int256(uint256(_terms.penaltyWad)) / 1e18;
        uint256 share = Math.max(_ratioUp(missing, kept - debt + missing), _ratioUp(unpaid, kept - debt + unpaid));
        bool restIsSmall = uint256(requirement) * (WAD - share) / WAD < _terms.minimumRest; // not negative
        return restIsSmall ? WAD : share;
    }

    /// @dev part/whole rounded up, within 0 and 1; 1 where the whole is no more than the part.
    function _ratioUp(int256 part, int256 whole) private pure returns (uint256) {
        if (part <= 0) return 0;
        if (whole <= part) return WAD;
        return Math.mulDiv(uint256(part), WAD, uint256(whole), Math.Rounding.Ceil); // both positive
    }

    // ───────────────────────────── State ─────────────────────────────

    function _requireLiquidatable(AccountId account, Facts memory facts, int256 worst) private pure {
        bool liquidatable = facts.isMaker ? facts.equity < 0 : worst < 0 || facts.debt > facts.cash;
        if (!liquidatable) revert LiquidationAuction_Healthy(account, worst);
    }

    function _started(AccountId account) private view returns (Auction memory auction_) {
        auction_ = _auctions[account];
        if (auction_.startedAt == 0) revert LiquidationAuction_NotStarted(account);
    }

    /// @dev Inside a call of the ledger, a batch above all, an account is seen half-way: it is not judged then.
    /// @return facts All but the worst value.
    /// @return worst Worst value over the grid, less the debt; for maintenance with the credit.
    function _facts(AccountId account, Grid grid) private view returns (Facts memory facts, int256 worst) {
        if (clearinghouse.isLocked()) revert LiquidationAuction_LedgerLocked();
        (worst, facts.equity) = clearinghouse.health(account, grid);
        if (grid == Grid.Maintenance) facts.credit = clearinghouse.pendingCredit(account);
        facts.equity -= int256(facts.credit); // below 2^128
        facts.debt = clearinghouse.debt(account);
        facts.cash = clearinghouse.cash(account);
        facts.isMaker = clearinghouse.isMaker(account);
    }

    function _factsOfBoth(AccountId account)
        private
        view
        returns (Facts memory facts, int256 worstInitial, int256 soldAtWorst)
    {
        int256 worst;
        (facts, worst) = _facts(account, Grid.Maintenance);
        soldAtWorst = _soldAtWorst(facts, worst);
        (worstInitial,) = clearinghouse.health(account, Grid.Initial);
    }

    /// @dev The worst of the maintenance grid for what is sold: neither debts nor credits of settlements are.
    function _soldAtWorst(Facts memory facts, int256 worst) private pure returns (int256) {
        return worst + int256(facts.debt) - int256(facts.credit); // both below 2^128
    }

    /// @dev Keeps the provision for a share of the account, and when it was first seen without equity.
    function _keep(AccountId account, uint40 startedAt, Facts memory facts, int256 soldAtWorst, uint256 shareWad)
        private
        returns (uint256 provision)
    {
        Auction storage auction_ = _auctions[account];
        uint256 before = auction_.provision;
        uint40 insolventAt = facts.equity > 0 ? 0 : auction_.insolventAt;
        if (facts.equity <= 0 && insolventAt == 0) insolventAt = uint40(block.timestamp);
        provision = soldAtWorst < 0 ? uint256(-soldAtWorst) * shareWad / WAD : 0; // debts are in the ledger's own sum
        _auctions[account] = Auction(startedAt, insolventAt, provision.toUint128());
        if (provision != before) totalProvision = totalProvision - before + provision;
    }

    /// @dev Whether a debt is all that is left.
    function _isEmpty(AccountId account, Facts memory facts) private view returns (bool) {
        return facts.equity + int256(facts.debt) == 0 && clearinghouse.strikes(account).length == 0;
    }

    function _remove(AccountId account) private {
        totalProvision -= _auctions[account].provision;
        delete _auctions[account];
    }

    /// @dev Positions only: cash and base can be paid in by anyone, and a wei must not turn a bid away. They move the price, and
    /// that has its limit.
    function _state(AccountId account) private view returns (bytes32) {
        return keccak256(abi.encode(clearinghouse.strikes(account)));
    }

    function _requireBidder(AccountId account, AccountId bidder) private view {
        bool authorized = msg.sender == bidder.owner() || clearinghouse.isAccountOperator(bidder, msg.sender);
        if (!authorized || bidder.owner() == account.owner()) {
            revert LiquidationAuction_NotAuthorized(bidder, msg.sender);
        }
    }
}
