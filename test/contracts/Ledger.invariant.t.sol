// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../pool-contracts/Clearinghouse.sol";
import {LiquidationAuction} from "../../pool-contracts/LiquidationAuction.sol";
import {OptionPool} from "../../pool-contracts/OptionPool.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {ILiquidationAuction} from "../../pool-contracts/interfaces/ILiquidationAuction.sol";
import {Quote} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {ExpiryState, ExpiryWord} from "../../pool-contracts/types/ExpiryWord.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId, toOptionId, toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {SettableOracle} from "./fixture/SettableOracle.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Makes tokens for whoever needs them.
interface IFaucet {
    function giveQuoteTo(address to, uint256 amount) external;
    function giveBaseTo(address to, uint256 amount) external;
}

/// @notice What anybody may do to the ledger, with a ghost ledger beside it. A call that is refused by one of the protocol's
/// own errors is fine; a panic, or a revert without a name, is not.
contract LedgerHandler is Test {
    uint16 internal constant MARKET = 1;
    uint256 internal constant FIRST_DAY = 20_007;

    Clearinghouse internal immutable ledger;
    LiquidationAuction internal immutable auction;
    OptionPool internal immutable pool;
    SettableOracle internal immutable oracle;
    LocalToken internal immutable quoteToken;
    LocalToken internal immutable baseToken;
    AccountId internal immutable poolAccount;
    IFaucet internal immutable faucet; // and whom the authority obeys

    address[3] public actors;
    uint32[] public expiries;
    uint32[] internal live;
    uint256 internal spotWad = 3000e18;
    uint256 internal volatilityWad = 0.6e18;

    // The ghost ledger.
    int256 public ghostQuote;
    int256 public ghostBase;
    int256 public impactCollected;
    int256 public impactReturned;
    mapping(uint256 option => bool) public known;
    uint256[] public optionIds;

    // What happened.
    mapping(string what => uint256) public succeeded;
    uint256 public panics;
    bytes public lastPanic;
    string public lastHarm;

    constructor(
        Clearinghouse ledger_,
        LiquidationAuction auction_,
        OptionPool pool_,
        SettableOracle oracle_,
        LocalToken quote_,
        LocalToken base_
    ) {
        auction = auction_;
        (ledger, pool, oracle, quoteToken, baseToken) = (ledger_, pool_, oracle_, quote_, base_);
        faucet = IFaucet(msg.sender);
        poolAccount = pool_.account();
        for (uint256 i = 0; i < 3; ++i) {
            actors[i] = address(uint160(0xac7000 + i));
            vm.startPrank(actors[i]);
            quoteToken.approve(address(ledger), type(uint256).max);
            baseToken.approve(address(ledger), type(uint256).max);
            vm.stopPrank();
        }
        for (uint256 i = 0; i < 6; ++i) {
            expiries.push(uint32((FIRST_DAY + 7 * i) * 1 days + 8 hours));
        }
        ghostQuote = int256(quoteToken.balanceOf(address(ledger)));
    }

    // ── Who and what

    function accountOf(uint256 seed) public view returns (AccountId) {
        return toAccountId(actors[seed % 3], uint8(seed / 3 % 3)); // wallet and two margin accounts each
    }

    function _marginOf(uint256 seed) internal view returns (AccountId) {
        return toAccountId(actors[seed % 3], uint8(1 + seed / 3 % 2));
    }

    function _option(uint256 seed) internal returns (OptionId option) {
        uint256 strike = (spotWad / 25e18 * 25 * (85 + 5 * (seed % 7)) / 100) / 25 * 25;
        option = toOptionId(toStrikeKey(MARKET, expiries[seed / 7 % 6], uint48(strike * 1e6)), seed / 42 % 2 == 1);
        if (!known[OptionId.unwrap(option)]) {
            known[OptionId.unwrap(option)] = true;
            optionIds.push(OptionId.unwrap(option));
        }
    }

    function _call(address who, string memory what, bytes memory data) internal returns (bool success) {
        return _callOn(who, address(ledger), what, data);
    }

    function _callOn(address who, address target, string memory what, bytes memory data) internal returns (bool) {
        AccountId other = _marginOfAnother(who, uint256(keccak256(data)));
        bool wasHealthy = _isHealthy(other, false);
        vm.prank(who);
        (bool success, bytes memory answer) = target.call(data);
        if (success) {
            ++succeeded[what];
            // A payout ratio below one is a loss of its own, and shows when it is claimed.
            if (wasHealthy && !_isHealthy(other, true) && keccak256(bytes(what)) != keccak256("claimCredit")) {
                lastHarm = what;
            }
        } else if (answer.length < 4 || bytes4(answer) == bytes4(0x4e487b71)) {
            ++panics;
            lastPanic = bytes.concat(bytes(what), " ", answer);
        }
        return success;
    }

    function _marginOfAnother(address who, uint256 seed) internal view returns (AccountId account) {
        account = _marginOf(seed);
        if (account.owner() == who) account = _marginOf(seed + 1);
    }

    /// @param otherwise What an account counts as that has no price now.
    function _isHealthy(AccountId account, bool otherwise) internal view returns (bool) {
        try ledger.health(account, Grid.Maintenance) returns (int256 worst, int256) {
            return worst >= (otherwise ? -10 : int256(0)); // settlement rounds debts up and credits down
        } catch {
            return otherwise;
        }
    }

    // ── Money

    function depositCash(uint256 seed, uint64 amount) external {
        address who = actors[seed % 3];
        faucet.giveQuoteTo(who, amount);
        bytes memory data = abi.encodeCall(ledger.depositCash, (accountOf(seed / 3), uint256(amount)));
        if (_call(who, "depositCash", data)) ghostQuote += int256(uint256(amount));
    }

    function withdrawCash(uint256 seed, uint64 amount) external {
        AccountId account = accountOf(seed);
        if (seed / 9 % 4 == 0) amount = uint64(ledger.cash(account)); // all of it
        bytes memory data = abi.encodeCall(ledger.withdrawCash, (account, uint256(amount), account.owner()));
        if (_call(account.owner(), "withdrawCash", data)) ghostQuote -= int256(uint256(amount));
    }

    function moveCash(uint256 seed, uint64 amount) external {
        AccountId account = accountOf(seed);
        _call(account.owner(), "moveCash", abi.encodeCall(ledger.moveCash, (account, accountOf(seed / 9), amount)));
    }

    function depositBase(uint256 seed, uint72 amount) external {
        address who = actors[seed % 3];
        amount = amount % 50e18 + 1;
        faucet.giveBaseTo(who, amount);
        AccountId account = seed / 3 % 5 == 0 ? poolAccount : _marginOf(seed / 15);
        if (_call(who, "depositBase", abi.encodeCall(ledger.depositBase, (account, MARKET, amount)))) {
            ghostBase += int256(uint256(amount));
        }
    }

    function withdrawBase(uint256 seed, uint72 amount) external {
        AccountId account = _marginOf(seed);
        if (seed / 9 % 2 == 0) amount = uint72(ledger.base(account, MARKET));
        bytes memory data = abi.encodeCall(ledger.withdrawBase, (account, MARKET, amount, account.owner()));
        if (_call(account.owner(), "withdrawBase", data)) ghostBase -= int256(uint256(amount));
    }

    // ── Options

    function trade(uint256 seed, int32 size, uint256 legSeed) external {
        AccountId account = accountOf(seed);
        Leg[] memory legs = new Leg[](1 + legSeed % 3);
        for (uint256 i = 0; i < legs.length; ++i) {
            legs[i] = Leg(_option(uint256(keccak256(abi.encode(legSeed, i)))), _size(size, legSeed >> i));
            if (account.isWallet() && seed % 5 != 0 && legs[i].size < 0) legs[i].size = -legs[i].size; // mostly buys
        }
        if (seed / 9 % 4 != 0) _freshen();
        _trade(account, legs, "trade");
    }

    /// @dev Spot, surface and mark as keepers have them most of the time.
    function _freshen() private {
        if (vm.getBlockTimestamp() > oracle.marketState(MARKET).surfaceTime + 300) _report();
        else oracle.setSpot(spotWad);
        _markNow();
    }

    function close(uint256 seed, uint256 which) external {
        AccountId account = accountOf(seed);
        if (optionIds.length == 0) return;
        for (uint256 i = 0; i < optionIds.length; ++i) {
            OptionId option = OptionId.wrap(optionIds[addmod(which, i, optionIds.length)]);
            int256 held = ledger.position(account, option);
            if (held == 0 || option.key().expiry() <= vm.getBlockTimestamp()) continue;
            Leg[] memory legs = new Leg[](1);
            legs[0] = Leg(option, int128(-held));
            return _trade(account, legs, "close");
        }
    }

    function _size(int32 size, uint256 seed) private pure returns (int128) {
        int256 sized = int256(size) % 50e6;
        if (sized == 0) sized = 1e6;
        return int128(seed % 2 == 0 ? sized : -sized);
    }

    function _trade(AccountId account, Leg[] memory legs, string memory what) private {
        if (account.isWallet()) faucet.giveQuoteTo(account.owner(), 2_000_000e6);
        uint256 before = quoteToken.balanceOf(account.owner());
        (, uint256 reserveBefore) = pool.inventory();
        IClearinghouse.Swap memory swap =
            IClearinghouse.Swap(account, address(pool), legs, type(int256).max, uint40(vm.getBlockTimestamp()), "", "");
        if (_call(account.owner(), what, abi.encodeCall(ledger.trade, (swap)))) {
            ghostQuote += int256(before) - int256(quoteToken.balanceOf(account.owner()));
            (, uint256 reserveAfter) = pool.inventory();
            if (reserveAfter > reserveBefore) impactCollected += int256(reserveAfter - reserveBefore);
            else impactReturned += int256(reserveBefore - reserveAfter);
        }
    }

    /// @dev From a place the seed names, the first option of which the account is long and that has not expired.
    function _heldBy(AccountId account, uint256 which) private view returns (OptionId option, uint256 held) {
        for (uint256 i = 0; i < optionIds.length; ++i) {
            option = OptionId.wrap(optionIds[addmod(which, i, optionIds.length)]);
            int256 position = ledger.position(account, option);
            if (position > 0 && option.key().expiry() > vm.getBlockTimestamp()) return (option, uint256(position));
        }
        return (option, 1); // refused for what it does not hold
    }

    function transferOptions(uint256 seed, uint256 which, uint32 amount) external {
        (OptionId option, uint256 held) = _heldBy(toAccountId(actors[seed % 3], 0), which);
        bytes memory data =
            abi.encodeCall(ledger.transfer, (actors[seed / 3 % 3], OptionId.unwrap(option), amount % held + 1));
        _call(actors[seed % 3], "transfer", data);
    }

    function depositOptions(uint256 seed, uint256 which, uint32 amount) external {
        AccountId account = _marginOf(seed);
        (OptionId option, uint256 held) = _heldBy(toAccountId(account.owner(), 0), which);
        bytes memory data = abi.encodeCall(ledger.depositOptions, (account, option, amount % held + 1));
        _call(account.owner(), "depositOptions", data);
    }

    function withdrawOptions(uint256 seed, uint256 which, uint32 amount) external {
        AccountId account = accountOf(seed);
        (OptionId option, uint256 held) = _heldBy(account, which);
        bytes memory data =
            abi.encodeCall(ledger.withdrawOptions, (account, option, amount % held + 1, actors[seed / 9 % 3]));
        _call(account.owner(), "withdrawOptions", data);
    }

    // ── The oracle, time and the keepers

    function report(uint256 secondsLater, int16 move, uint16 volatility) external {
        vm.warp(vm.getBlockTimestamp() + secondsLater % 4 hours);
        spotWad = spotWad * uint256(int256(1e6) + int256(move) * 2) / 1e6; // within 6.6 %
        if (spotWad < 500e18) spotWad = 500e18;
        volatilityWad = 0.3e18 + uint256(volatility) * 1e13;
        _report();
        if (secondsLater % 3 != 0) _markNow();
    }

    function _report() private {
        delete live;
        for (uint256 i = 0; i < 6; ++i) {
            if (expiries[i] > vm.getBlockTimestamp()) live.push(expiries[i]);
        }
        oracle.report(spotWad, volatilityWad, live);
    }

    function passTime(uint16 secondsLater) external {
        vm.warp(vm.getBlockTimestamp() + secondsLater % 20);
    }

    function mark() external {
        _markNow();
    }

    function _markNow() private {
        _callOn(address(this), address(pool), "mark", abi.encodeCall(pool.mark, ()));
    }

    /// @dev At unchanged prices the exact requirement is at most the one that was carried since a stress in the same state.
    uint256 public requirementBelowTruth;

    function stress(uint256 seed, int32 size, uint256 legSeed) external {
        if (!_callOn(address(this), address(ledger), "stress", abi.encodeCall(ledger.stress, (poolAccount)))) return;
        for (uint256 i = 0; i < 3; ++i) {
            this.trade(seed / (i + 1) / 36 * 36 + i, size, legSeed >> (i * 8)); // in the state as it is
        }
        int256 carried = ledger.requirement(poolAccount);
        if (!_callOn(address(this), address(ledger), "stress", abi.encodeCall(ledger.stress, (poolAccount)))) return;
        // Worst values are rounded down, the sum of several more often than the whole: two units each.
        if (ledger.requirement(poolAccount) > carried + 2) ++requirementBelowTruth;
    }

    // ── Liquidation

    /// @dev Takes out all that margin leaves free: from here a move of the price makes an account unhealthy.
    function withdrawFree(uint256 seed) external {
        AccountId account = _marginOf(seed);
        try ledger.health(account, Grid.Initial) returns (int256 worst, int256) {
            uint256 cash = ledger.cash(account);
            uint256 free = worst <= 0 ? 0 : uint256(worst) < cash ? uint256(worst) : cash;
            if (free == 0) return;
            bytes memory data = abi.encodeCall(ledger.withdrawCash, (account, free, account.owner()));
            if (_call(account.owner(), "withdrawFree", data)) ghostQuote -= int256(free);
        } catch {}
    }

    function startAuction(uint256 seed) external {
        for (uint256 i = 0; i < 6; ++i) {
            if (_callOn(
                    address(this),
                    address(auction),
                    "start",
                    abi.encodeCall(auction.start, (_marginOf(addmod(seed, i, 9)), ""))
                )) return;
        }
    }

    function bid(uint256 seed, uint64 share) external {
        for (uint256 i = 0; i < 9; ++i) {
            AccountId account = _marginOf(addmod(seed, i, 9));
            if (auction.auction(account).startedAt == 0) continue;
            try auction.lot(account) returns (ILiquidationAuction.Lot memory lot) {
                AccountId bidder = _marginOf(seed / 9);
                bytes memory data = abi.encodeCall(
                    auction.bid, (account, bidder, 0.1e18 + share % 1e18, type(int256).max, lot.state, "")
                );
                if (_callOn(bidder.owner(), address(auction), "bid", data)) return;
            } catch {}
        }
    }

    function take(uint256 seed) external {
        for (uint256 i = 0; i < 9; ++i) {
            AccountId account = _marginOf(addmod(seed, i, 9));
            AccountId keeper = _marginOf(seed / 9);
            bytes memory data = abi.encodeCall(auction.take, (account, pool, keeper, ""));
            (, uint256 reserveBefore) = pool.inventory();
            if (!_callOn(keeper.owner(), address(auction), "take", data)) continue;
            (, uint256 reserve) = pool.inventory();
            if (reserve > reserveBefore) impactCollected += int256(reserve - reserveBefore);
            else impactReturned += int256(reserveBefore - reserve);
            return;
        }
    }

    function setBackstop(uint40 cap) external {
        bytes memory data = abi.encodeCall(pool.setBackstop, (uint128(cap)));
        _callOn(address(faucet), address(pool), "setBackstop", data);
    }

    function endAuction(uint256 seed) external {
        AccountId account = _marginOf(seed);
        _callOn(address(this), address(auction), "refresh", abi.encodeCall(auction.refresh, (account)));
        _callOn(address(this), address(auction), "end", abi.encodeCall(auction.end, (account)));
    }

    function moveOptions(uint256 seed, uint256 which) external {
        AccountId from = _marginOf(seed);
        AccountId to = toAccountId(from.owner(), from.sub() == 1 ? 2 : 1);
        for (uint256 i = 0; i < optionIds.length; ++i) {
            OptionId option = OptionId.wrap(optionIds[addmod(which, i, optionIds.length)]);
            int256 held = ledger.position(from, option);
            if (held == 0) continue;
            _call(from.owner(), "moveOptions", abi.encodeCall(ledger.moveOptions, (from, to, option, held)));
            return;
        }
    }

    // ── Settlement

    function expire(uint256 seed, int16 move) external {
        uint32 expiry = _nextUnsettled();
        if (expiry == 0) return;
        if (seed % 3 == 0 && vm.getBlockTimestamp() < expiry) vm.warp(expiry + seed % 3 hours);
        uint256 price = spotWad * uint256(int256(1e6) + int256(move) * 5) / 1e6;
        if (vm.getBlockTimestamp() >= expiry) oracle.setSettlementPrice(expiry, price);
        bytes memory data = abi.encodeCall(ledger.startSettlement, (MARKET, expiry));
        _call(address(this), "startSettlement", data);
    }

    function _nextUnsettled() private view returns (uint32) {
        for (uint256 i = 0; i < 6; ++i) {
            if (ledger.expiryWord(MARKET, expiries[i]).state() == ExpiryState.Open) return expiries[i];
        }
        return 0;
    }

    function settle(uint256 seed) external {
        AccountId[] memory accounts = new AccountId[](1 + seed % 10);
        for (uint256 i = 0; i < accounts.length; ++i) {
            accounts[i] = i == 0 ? poolAccount : accountOf(seed / 10 + i);
        }
        uint32 expiry = expiries[seed / 90 % 6];
        _call(address(this), "settleAccounts", abi.encodeCall(ledger.settleAccounts, (MARKET, expiry, accounts)));
    }

    function finalize(uint256 seed) external {
        uint32 expiry = expiries[seed % 6];
        _call(address(this), "finalizeSettlement", abi.encodeCall(ledger.finalizeSettlement, (MARKET, expiry)));
    }

    function claim(uint256 seed) external {
        for (uint256 i = 0; i < 60; ++i) {
            AccountId account = addmod(seed, i, 10) == 9 ? poolAccount : accountOf(addmod(seed, i, 10));
            uint32 expiry = expiries[addmod(seed / 10, i / 10, 6)];
            if (i != 59 && ledger.credit(account, MARKET, expiry) == 0) continue;
            bytes memory data = abi.encodeCall(ledger.claimCredit, (account, MARKET, expiry));
            if (_call(address(this), "claimCredit", data)) return;
        }
    }

    function redeem(uint256 seed, uint256 which) external {
        if (optionIds.length == 0) return;
        OptionId[] memory options = new OptionId[](1);
        for (uint256 i = 0; i < optionIds.length; ++i) {
            options[0] = OptionId.wrap(optionIds[addmod(which, i, optionIds.length)]);
            if (ledger.balanceOf(actors[seed % 3], OptionId.unwrap(options[0])) != 0) break;
        }
        _call(address(this), "redeemOptions", abi.encodeCall(ledger.redeemOptions, (actors[seed % 3], options)));
    }

    // ── What the invariants ask

    /// @dev Cash of every account there is, and every pot.
    function claimsOnQuote() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 9; ++i) {
            sum += ledger.cash(accountOf(i));
        }
        sum += ledger.cash(poolAccount) + ledger.cash(ledger.insuranceAccount()) + ledger.cash(ledger.protocolAccount());
        // Bounties: this contract settles and marks.
        sum += ledger.cash(toAccountId(address(this), 0)) + ledger.cash(toAccountId(address(this), 1));
        for (uint256 i = 0; i < 6; ++i) {
            sum += ledger.pot(MARKET, expiries[i]);
        }
    }

    /// @dev What margin accounts would fail to pay when stressed, added up account by account: where makers keep a requirement.
    function stressLosses() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 9; ++i) {
            sum += uint256(ledger.requirement(accountOf(i))); // never negative but for makers
        }
    }

    function provisions() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 9; ++i) {
            sum += auction.auction(accountOf(i)).provision;
        }
    }

    function debtsBeforeFinality() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 6; ++i) {
            ExpiryWord word = ledger.expiryWord(MARKET, expiries[i]);
            if (word.state() != ExpiryState.Final) sum += word.owed() - word.collected();
        }
    }

    function claimsOnBase() external view returns (uint256 sum) {
        sum = ledger.base(poolAccount, MARKET);
        for (uint256 i = 0; i < 9; ++i) {
            sum += ledger.base(accountOf(i), MARKET);
        }
    }

    /// @dev The sum of every position in an option: zero until somebody is settled.
    function openInterestOf(uint256 id) public view returns (int256 sum) {
        OptionId option = OptionId.wrap(id);
        sum = ledger.position(poolAccount, option);
        for (uint256 i = 0; i < 9; ++i) {
            sum += ledger.position(accountOf(i), option);
        }
    }

    function unbalancedOption() external view returns (uint256) {
        for (uint256 i = 0; i < optionIds.length; ++i) {
            OptionId option = OptionId.wrap(optionIds[i]);
            bool isOpen = ledger.expiryWord(MARKET, option.key().expiry()).state() == ExpiryState.Open;
            if (isOpen && openInterestOf(optionIds[i]) != 0) return optionIds[i];
        }
        return 0;
    }

    /// @dev Everything is settled, finalised, claimed and taken out, as keepers and owners would: nothing may be in the way.
    function unwindEverything() external {
        AccountId[] memory accounts = new AccountId[](10);
        for (uint256 i = 0; i < 9; ++i) {
            accounts[i] = accountOf(i);
        }
        accounts[9] = poolAccount;
        vm.warp(uint256(expiries[5]) + 1 days);
        for (uint256 i = 0; i < 6; ++i) {
            uint32 expiry = expiries[i];
            ExpiryState state = ledger.expiryWord(MARKET, expiry).state();
            if (state == ExpiryState.Open) {
                oracle.setSettlementPrice(expiry, spotWad);
                ledger.startSettlement(MARKET, expiry);
            }
            ledger.settleAccounts(MARKET, expiry, accounts);
        }
        vm.warp(uint256(expiries[5]) + 2 days);
        for (uint256 i = 0; i < 6; ++i) {
            uint32 expiry = expiries[i];
            if (ledger.expiryWord(MARKET, expiry).state() != ExpiryState.Final) {
                ledger.finalizeSettlement(MARKET, expiry);
            }
            for (uint256 j = 0; j < 10; ++j) {
                if (ledger.credit(accounts[j], MARKET, expiry) != 0) ledger.claimCredit(accounts[j], MARKET, expiry);
            }
        }
        OptionId[] memory options = new OptionId[](optionIds.length);
        for (uint256 i = 0; i < options.length; ++i) {
            options[i] = OptionId.wrap(optionIds[i]);
        }
        for (uint256 i = 0; i < 3; ++i) {
            ledger.redeemOptions(actors[i], options);
        }
        for (uint256 i = 0; i < 9; ++i) {
            address owner = accounts[i].owner();
            if (ledger.debt(accounts[i]) != 0) continue;
            if (auction.auction(accounts[i]).startedAt != 0) auction.end(accounts[i]);
            uint256 base = ledger.base(accounts[i], MARKET);
            uint256 cash = ledger.cash(accounts[i]);
            vm.startPrank(owner);
            if (base != 0) ledger.withdrawBase(accounts[i], MARKET, base, owner);
            if (cash != 0) ledger.withdrawCash(accounts[i], cash, owner);
            vm.stopPrank();
            ghostQuote -= int256(cash);
            ghostBase -= int256(base);
        }
    }
}

/// @notice Whatever anybody does in whatever order:
/// 1. the quote tokens held are the cash of all accounts and what all expiries have still to pay, to the unit, and the ghost
///    ledger of what came and went says the same; the base tokens held are the base of all accounts;
/// 2. the positions in every option sum to zero until its settlement begins;
/// 3. 0 ≤ R ≤ impact collected − impact paid back;
/// 4. a stress in unchanged prices finds no more than the requirement that was carried;
/// 5. no expiry has collected more than it is owed, and its pot is at most what it collected and the bounties of its shorts;
/// 6. stress losses, provisions and unpaid debts are the sums of their parts;
/// 7. no healthy account is made unhealthy by what another does, but by a price;
/// 8. nothing panics, and at the end everybody without debt can settle, claim and leave.
/// A hundred thousand calls at the gate; ten times as many with FOUNDRY_PROFILE=long.
/// forge-config: default.invariant.runs = 800
/// forge-config: default.invariant.depth = 128
/// forge-config: default.invariant.check-interval = 32
/// forge-config: long.invariant.runs = 4000
/// forge-config: long.invariant.depth = 256
/// forge-config: long.invariant.check-interval = 64
contract LedgerInvariantTest is LedgerFixture, IFaucet {
    LedgerHandler internal handler;

    function setUp() public override {
        super.setUp();
        oracle.report(SPOT, VOLATILITY, _expiries());
        pool.mark();
        // The fixture's own deposits are part of the ghost's beginning.
        handler = new LedgerHandler(ledger, auction, pool, oracle, quoteToken, baseToken);
        ILiquidationAuction.Terms memory terms = defaultTerms(USD);
        terms.minimumRest = uint128(20_000 * USD); // small accounts are common
        auction.setTerms(terms);
        pool.setTakes(true);
        targetContract(address(handler));
        bytes4[] memory left = new bytes4[](1);
        left[0] = LedgerHandler.unwindEverything.selector;
        excludeSelector(FuzzSelector(address(handler), left));
    }

    function defaultMarket() internal view override returns (IClearinghouse.Market memory market) {
        market = super.defaultMarket();
        market.settlementBounty = uint64(USD);
    }

    function giveQuoteTo(address to, uint256 amount) external {
        giveQuote(to, amount);
    }

    function giveBaseTo(address to, uint256 amount) external {
        baseToken.mint(to, amount);
    }

    function _expiries() private pure returns (uint32[] memory expiries) {
        expiries = new uint32[](6);
        for (uint256 i = 0; i < 6; ++i) {
            expiries[i] = uint32((20_007 + 7 * i) * 1 days + 8 hours);
        }
    }

    function invariant_theLedgerIsWhole() public view {
        assertEq(handler.claimsOnQuote(), quoteToken.balanceOf(address(ledger)), "1. claims on cash are cash held");
        assertEq(handler.ghostQuote(), int256(quoteToken.balanceOf(address(ledger))), "1. what came less what went");
        assertEq(handler.claimsOnBase(), baseToken.balanceOf(address(ledger)), "1. base");
        assertEq(handler.ghostBase(), int256(baseToken.balanceOf(address(ledger))), "1. base that came and went");
        assertEq(handler.unbalancedOption(), 0, "2. positions sum to zero");
        (, uint256 reserve) = pool.inventory();
        assertLe(int256(reserve), handler.impactCollected() - handler.impactReturned(), "3. R");
        assertEq(handler.requirementBelowTruth(), 0, "4. the requirement is never below the truth");
        for (uint256 i = 0; i < 6; ++i) {
            ExpiryWord word = ledger.expiryWord(MARKET, handler.expiries(i));
            assertLe(word.collected(), word.owed(), "5. nobody is paid more than he is due");
            uint256 bounties = word.openShortAccounts() * defaultMarket().settlementBounty;
            assertLe(ledger.pot(MARKET, handler.expiries(i)), word.collected() + bounties, "5. the pot");
        }
        assertEq(ledger.stressLoss(), handler.stressLosses(), "6. stress losses");
        assertEq(auction.totalProvision(), handler.provisions(), "6. provisions");
        assertEq(ledger.unpaidDebts(), handler.debtsBeforeFinality(), "6. debts");
        assertEq(handler.lastHarm(), "", "7. what made somebody else's account unhealthy");
        assertEq(handler.panics(), 0, string(handler.lastPanic()));
    }

    /// @dev The campaign is worth what it reaches: from one seed, every door of the ledger opens at least once.
    function test_theCampaignReachesEveryDoor() public {
        bytes4[27] memory doors = [
            handler.depositCash.selector,
            handler.withdrawCash.selector,
            handler.moveCash.selector,
            handler.depositBase.selector,
            handler.withdrawBase.selector,
            handler.trade.selector,
            handler.trade.selector,
            handler.close.selector,
            handler.transferOptions.selector,
            handler.depositOptions.selector,
            handler.withdrawOptions.selector,
            handler.report.selector,
            handler.passTime.selector,
            handler.stress.selector,
            handler.expire.selector,
            handler.settle.selector,
            handler.finalize.selector,
            handler.claim.selector,
            handler.redeem.selector,
            handler.withdrawFree.selector,
            handler.startAuction.selector,
            handler.bid.selector,
            handler.startAuction.selector,
            handler.endAuction.selector,
            handler.moveOptions.selector,
            handler.take.selector,
            handler.setBackstop.selector
        ];
        for (uint256 i = 0; i < 1600; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("campaign", i)));
            bytes memory arguments = abi.encode(seed, seed >> 224, uint256(uint32(seed >> 128)));
            bytes4 door = doors[i % 27];
            // Narrow arguments: each is cut to what its type holds.
            if (door == handler.trade.selector || door == handler.stress.selector) {
                arguments = abi.encode(seed, int256(int32(uint32(seed >> 64))), seed >> 128);
            } else if (door == handler.report.selector) {
                arguments = abi.encode(seed, int256(int16(uint16(seed >> 64))), uint16(seed >> 96));
            } else if (door == handler.expire.selector) {
                arguments = abi.encode(i % 270 == 14 ? seed / 3 * 3 : seed / 3 * 3 + 1, int256(int16(uint16(seed))));
            } else if (door == handler.passTime.selector) {
                arguments = abi.encode(uint16(seed));
            } else if (door == handler.setBackstop.selector) {
                arguments = abi.encode(uint40(seed));
            } else if (door == handler.depositCash.selector) {
                arguments = abi.encode(seed, (seed >> 64) % 1e12); // a million
            } else if (door == handler.depositBase.selector) {
                arguments = abi.encode(seed, (seed >> 64) % 50e18 + 1);
            }
            (bool success,) = address(handler).call(bytes.concat(door, arguments));
            assertTrue(success, "the handler itself never fails");
        }
        invariant_theLedgerIsWhole();
        string[27] memory doorsByName = [
            "depositCash",
            "withdrawCash",
            "moveCash",
            "depositBase",
            "withdrawBase",
            "trade",
            "close",
            "transfer",
            "depositOptions",
            "withdrawOptions",
            "mark",
            "stress",
            "startSettlement",
            "settleAccounts",
            "finalizeSettlement",
            "claimCredit",
            "redeemOptions",
            "mark",
            "trade",
            "close",
            "withdrawFree",
            "start",
            "bid",
            "end",
            "moveOptions",
            "take",
            "setBackstop"
        ];
        for (uint256 i = 0; i < 27; ++i) {
            assertGt(handler.succeeded(doorsByName[i]), 0, doorsByName[i]);
        }
        emit log_named_uint("trades", handler.succeeded("trade"));
        emit log_named_uint("closes", handler.succeeded("close"));
        emit log_named_uint("claims", handler.succeeded("claimCredit"));
        emit log_named_uint("redemptions", handler.succeeded("redeemOptions"));
        emit log_named_uint("finalised", handler.succeeded("finalizeSettlement"));
        afterInvariant();
    }

    function afterInvariant() public {
        handler.unwindEverything();
        invariant_theLedgerIsWhole();
        uint256 dust;
        for (uint256 i = 0; i < 6; ++i) {
            dust += ledger.pot(MARKET, handler.expiries(i));
        }
        assertLe(dust, 6 * 40, "what rounding keeps is less than a unit a claim");
    }
}
