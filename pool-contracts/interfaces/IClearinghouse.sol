// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccountId} from "../types/AccountId.sol";
import {ExpiryWord} from "../types/ExpiryWord.sol";
import {Leg} from "../types/Leg.sol";
import {OptionId} from "../types/OptionId.sol";
import {StrikeWord} from "../types/StrikeWord.sol";
import {Grid, IRiskEngine} from "./IRiskEngine.sol";

/// @title The ledger
/// @notice Holds every token, every account's cash, base collateral and positions, and checks margin. Makers compete on
/// price; solvency is guarded here. See `Clearinghouse` for the specification by topic.
interface IClearinghouse {
    /// @notice A market: one underlying, quoted in the ledger's quote token.
    /// @param baseToken The underlying; accepted as collateral.
    /// @param minSize Smallest size of a leg that opens, 6 decimals.
    /// @param strikeStepE6 Strikes are multiples of this, in 1e-6 of the quote token.
    /// @param insuranceFeeShareBps Part of each fee for the insurance fund where it holds its target; up to twice that below (at most
    /// what both parts are together), down to half above, see `insuranceTarget`.
    /// @param protocolFeeShareBps Part of each fee for the protocol where the fund holds its target: the rest of both. What stays with the
    /// maker never depends on the fund.
    /// @param baseCap Most base collateral the ledger takes, in the base token's units.
    /// @param settlementBounty What an account pays in advance for each expiry it is short of: to who settles it, quote units.
    /// @param stressAllowance How far the stress losses of all accounts may exceed what the insurance fund holds before new shorts
    /// post their own, quote units.
    struct Market {
        uint64 minSize;
        uint48 strikeStepE6;
        uint16 insuranceFeeShareBps;
        uint16 protocolFeeShareBps;
        uint64 settlementBounty;
        address baseToken;
        uint128 baseCap;
        uint128 stressAllowance;
    }

    /// @notice A swap as the taker states it.
    /// @param account Wallet (sub 0) or margin account that trades.
    /// @param maker Who is asked for the price.
    /// @param legs One market, at most `MAX_LEGS`, no option twice.
    /// @param limitCash The most the taker pays; negative: the least he receives, negated.
    /// @param deadline Last second at which the swap may happen.
    /// @param report A signed report to submit first, or empty.
    /// @param makerData Passed to the maker.
    struct Swap {
        AccountId account;
        address maker;
        Leg[] legs;
        int256 limitCash;
        uint40 deadline;
        bytes report;
        bytes makerData;
    }

    /// @notice What the owner of an account signed beside a swap: a Permit2 transfer of the quote token to the ledger until the swap's
    /// deadline.
    /// @param amount The most a wallet pays; exactly what a margin account pays in. Quote units.
    /// @param nonce A Permit2 nonce of his that is not used.
    /// @param signature Of the permit with the swap as its witness, see `PermittedTrades`; a contract answers by ERC-1271.
    struct PermitPayment {
        uint256 amount;
        uint256 nonce;
        bytes signature;
    }

    /// @notice What the auction takes from an account.
    /// @param account Who is liquidated.
    /// @param bidder Margin account that takes the share; healthy at initial margin afterwards.
    /// @param shareWad Share of all positions, base collateral and cash, 1e18 for everything; sizes are rounded down.
    /// @param price What the bidder pays for the share, quote units; negative: what the insurance fund pays him.
    /// @param penalty The part of a positive price that goes to the insurance fund; at most the price.
    struct Seizure {
        AccountId account;
        AccountId bidder;
        uint256 shareWad;
        int256 price;
        uint256 penalty;
    }

    event MarketCreated(uint16 indexed marketId, Market market);
    event MakerRegistered(AccountId indexed account);
    event OptionsMoved(AccountId indexed from, AccountId indexed to, OptionId indexed option, int256 size);
    event OperatorChanged(AccountId indexed account, address indexed operator, bool approved);
    event CashDeposited(AccountId indexed account, address indexed from, uint256 amount);
    event CashWithdrawn(AccountId indexed account, address indexed to, uint256 amount);
    event CashMoved(AccountId indexed from, AccountId indexed to, uint256 amount);
    event BaseDeposited(AccountId indexed account, uint16 indexed marketId, address indexed from, uint256 amount);
    event BaseWithdrawn(AccountId indexed account, uint16 indexed marketId, address indexed to, uint256 amount);
    event OptionsDeposited(AccountId indexed account, OptionId indexed option, uint256 amount);
    event OptionsWithdrawn(AccountId indexed account, OptionId indexed option, address indexed to, uint256 amount);
    /// @notice A swap was done: `cash` is what the taker paid (negative: received), `fee` the part of it that was split.
    event Traded(
        AccountId indexed taker, AccountId indexed maker, Leg[] legs, int256 cash, uint256 fee, uint256 insuranceFee
    );
    event Stressed(AccountId indexed account, int256 requirement);
    /// @notice A share of the account changed hands, see `Seizure`.
    event Liquidated(
        AccountId indexed account, AccountId indexed bidder, uint256 shareWad, int256 price, uint256 penalty
    );
    event SettlementStarted(uint16 indexed marketId, uint32 indexed expiry, uint256 priceWad);
    /// @notice An account's positions of the expiry were netted. `net` is due to it (positive: claimable once final) or was
    /// owed by it; `unpaid` is the part of a debt it could not pay.
    event AccountSettled(
        AccountId indexed account, uint16 indexed marketId, uint32 indexed expiry, int256 net, uint256 unpaid
    );
    /// @notice Who settled the account has what it had prepaid for it.
    event SettlementBountyPaid(
        AccountId indexed account, AccountId indexed keeper, uint16 indexed marketId, uint32 expiry, uint256 amount
    );
    /// @notice The payout ratio of the expiry is fixed: collected/owed. The fund covered `covered` of it, makers behind it `backed`.
    event SettlementFinal(
        uint16 indexed marketId, uint32 indexed expiry, uint256 owed, uint256 collected, uint256 covered, uint256 backed
    );
    /// @notice A maker stands behind the insurance fund with up to `cap`, quote units.
    event BackstopChanged(AccountId indexed account, uint16 indexed marketId, uint256 cap);
    /// @notice The maker paid for an expiry what the fund could not; late debtors repay it.
    event BackstopPaid(AccountId indexed account, uint16 indexed marketId, uint32 indexed expiry, uint256 amount);
    event BackstopRepaid(AccountId indexed account, uint16 indexed marketId, uint32 indexed expiry, uint256 amount);
    /// @notice A debt of an earlier settlement was paid, in part or whole, out of cash that came in since.
    event DebtCollected(
        AccountId indexed account, uint16 indexed marketId, uint32 indexed expiry, uint256 paid, uint256 unpaid
    );
    /// @notice After finality a debtor paid `amount` that creditors were not paid: what is there for them is now `collected`.
    event PayoutRaised(uint16 indexed marketId, uint32 indexed expiry, uint256 amount, uint256 collected);
    event CreditPaid(AccountId indexed account, uint16 indexed marketId, uint32 indexed expiry, uint256 amount);

    error Clearinghouse_Reentered();
    error Clearinghouse_NotAuthorized(AccountId account, address caller);
    error Clearinghouse_InvalidAccount(AccountId account);
    error Clearinghouse_InvalidMarket(uint16 marketId);
    error Clearinghouse_UnsupportedToken(address token, uint256 expected, uint256 received);
    error Clearinghouse_ZeroAmount();
    error Clearinghouse_InsufficientCash(AccountId account, uint256 needed, uint256 available);
    error Clearinghouse_InsufficientBase(AccountId account, uint256 needed, uint256 available);
    error Clearinghouse_BaseCapExceeded(uint256 total, uint256 cap);
    error Clearinghouse_InsufficientOptions(AccountId account, OptionId option, uint256 needed, int256 available);
    error Clearinghouse_DeadlinePassed(uint256 deadline, uint256 blockTime);
    error Clearinghouse_LimitExceeded(int256 cash, int256 limitCash);
    error Clearinghouse_InvalidFee(uint256 fee);
    error Clearinghouse_InvalidMaker(address maker, AccountId account);
    error Clearinghouse_InvalidLegs(uint256 count);
    error Clearinghouse_InvalidOption(OptionId option);
    error Clearinghouse_DuplicateLeg(OptionId option);
    error Clearinghouse_StrikeNotOnGrid(uint256 strikeE6, uint256 stepE6);
    error Clearinghouse_ExpiryNotListed(uint32 expiry);
    error Clearinghouse_SeriesExpired(uint32 expiry);
    error Clearinghouse_BelowMinimum(uint256 size, uint256 minSize);
    error Clearinghouse_TooManyStrikes(AccountId account, uint256 count, uint256 max);
    error Clearinghouse_MarketMismatch(AccountId account, uint16 marketId, uint16 accountMarketId);
    /// @notice After the call the account's worst value plus cash would be below zero by `shortfall` quote units.
    error Clearinghouse_Unhealthy(AccountId account, uint256 shortfall);
    error Clearinghouse_InvalidShare(uint256 shareWad);
    /// @notice Under stress the account would fail to pay `loss`, and all accounts together `total`, more than the fund,
    /// the market's allowance and the makers behind the fund, `limit`: new shorts post their own.
    error Clearinghouse_StressLimit(AccountId account, uint256 loss, uint256 total, uint256 limit);
    error Clearinghouse_TooManyBackstops(uint16 marketId, uint256 max);
    /// @notice Losses that are known may cost the maker `provision`: its cap stays above that until they are settled.
    error Clearinghouse_BackstopLiable(AccountId account, uint256 provision);
    error Clearinghouse_NotExpired(uint32 expiry);
    error Clearinghouse_NoSettlementPrice(uint32 expiry);
    error Clearinghouse_NotSettling(uint32 expiry);
    error Clearinghouse_NotFinal(uint32 expiry);
    error Clearinghouse_AlreadyFinal(uint32 expiry);
    error Clearinghouse_ShortAccountsRemain(uint32 expiry, uint256 count);
    error Clearinghouse_DebtsPending(uint32 expiry, uint256 until);
    error Clearinghouse_NothingToSettle(AccountId account, uint32 expiry);

    // Trading

    /// @notice Swaps the legs against a maker and settles the cash.
    /// @return cash What the taker paid, quote units; negative what he received.
    function trade(Swap calldata swap) external returns (int256 cash);

    /// @notice As `trade`, for whose account the owner has signed: he needs to send nothing and to approve nothing but Permit2. Anyone.
    /// A wallet pays what the swap costs, at most what it permitted; into a margin account all that is permitted is paid first.
    /// Reverts with Permit2's errors where the owner did not sign this swap (but for its report), or has used the nonce.
    /// @return cash As of `trade`.
    function tradeWithPermit(Swap calldata swap, PermitPayment calldata payment) external returns (int256 cash);

    /// @notice Recomputes a maker's requirement over its whole book. Anyone, any time; changes nothing else.
    function stress(AccountId account) external returns (int256 requirement);

    /// @notice Runs calls of this contract in order, as the caller's own; the margin of `account` is checked once, at the end,
    /// when it must be healthy. All or nothing.
    /// @param calls ABI-encoded calls, for example a permit, a deposit and two swaps with different makers.
    function batch(AccountId account, bytes[] calldata calls) external returns (bytes[] memory results);

    /// @notice Uses an EIP-2612 permit of the caller for the quote token: before a deposit in a batch. A permit that somebody else
    /// has used already is no failure.
    function permitQuote(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    // Cash, collateral, options

    /// @notice Takes `amount` quote tokens from the caller into the account. Anyone may pay in for anyone.
    function depositCash(AccountId account, uint256 amount) external;

    /// @notice As `depositCash`, with the tokens sent by the caller's `onPayment(token, amount, data)` callback.
    function depositCashWithCallback(AccountId account, uint256 amount, bytes calldata data) external;

    /// @notice Pays cash out of the account. Owner only; the account must be healthy afterwards.
    function withdrawCash(AccountId account, uint256 amount, address to) external;

    /// @notice Moves cash between accounts of the ledger. Owner of `from` only; `from` must be healthy afterwards.
    function moveCash(AccountId from, AccountId to, uint256 amount) external;

    function depositBase(AccountId account, uint16 marketId, uint256 amount) external;

    function withdrawBase(AccountId account, uint16 marketId, uint256 amount, address to) external;

    /// @notice Moves options from the caller's wallet (ERC-6909) into a margin account of the caller.
    function depositOptions(AccountId account, OptionId option, uint256 amount) external;

    /// @notice Moves longs of a margin account to a wallet as ERC-6909; the account must be healthy afterwards.
    function withdrawOptions(AccountId account, OptionId option, uint256 amount, address to) external;

    /// @notice Moves a position, long or short, between margin accounts of the caller; both must be healthy afterwards.
    /// @param size What `to` receives, 6 decimals; negative for a short.
    function moveOptions(AccountId from, AccountId to, OptionId option, int256 size) external;

    /// @notice Lets `operator` trade for the account, never withdraw.
    function setAccountOperator(AccountId account, address operator, bool approved) external;

    // Liquidation

    /// @notice Carries out a bid. The auction only, which has made sure that the account is to be liquidated and that the
    /// price is right; the ledger makes sure that nothing is lost and that the bidder is healthy.
    function liquidate(Seizure calldata seizure) external;

    // Settlement

    /// @notice Fixes the settlement of an expiry whose price is known, see `ISettlementPrice`. Anyone.
    function startSettlement(uint16 marketId, uint32 expiry) external;

    /// @notice Nets and settles accounts that hold strikes of the expiry. Anyone, any order, any batch.
    function settleAccounts(uint16 marketId, uint32 expiry, AccountId[] calldata accounts) external;

    /// @notice Stands behind the insurance fund: the calling registered maker pays what the fund cannot of a settlement's losses, up
    /// to `cap` in all, before holders are paid less. What is paid lowers the cap; 0 opts out. The cap does not fall below
    /// `backstopProvision`.
    function setBackstop(uint16 marketId, uint128 cap) external;

    /// @notice Fixes the payout ratio once no short account is left, covering what is missing from the insurance fund, then from
    /// the makers behind it.
    function finalizeSettlement(uint16 marketId, uint32 expiry) external;

    /// @notice Pays a settled account's credit of a final expiry into its cash; again, where debtors have paid since. Wallets that
    /// have redeemed options at a ratio below one claim so too. Anyone: it pays only the account.
    function claimCredit(AccountId account, uint16 marketId, uint32 expiry) external returns (uint256 paid);

    /// @notice Burns a wallet's options of final expiries and credits their payout to the wallet's cash, from where
    /// `withdrawCash` pays it. Anyone: it pays only the wallet.
    function redeemOptions(address wallet, OptionId[] calldata options) external returns (uint256 paid);

    // Views

    /// @notice The only one who may liquidate.
    function liquidationAuction() external view returns (address);
    function riskEngine() external view returns (IRiskEngine);
    function quoteToken() external view returns (address);
    function quoteDecimals() external view returns (uint8);
    function market(uint16 marketId) external view returns (Market memory);
    function cash(AccountId account) external view returns (uint256);
    function requirement(AccountId account) external view returns (int256);
    /// @notice Whether the account carries one requirement number instead of a check per swap.
    function isMaker(AccountId account) external view returns (bool);
    function base(AccountId account, uint16 marketId) external view returns (uint256);
    function strikes(AccountId account) external view returns (StrikeWord[] memory);
    function position(AccountId account, OptionId option) external view returns (int256);
    function expiryWord(uint16 marketId, uint32 expiry) external view returns (ExpiryWord);
    /// @notice What the account may still claim of this expiry, quote units: before it has claimed, the whole, which the payout ratio
    /// may lower; afterwards what late debtors have paid in since.
    function credit(AccountId account, uint16 marketId, uint32 expiry) external view returns (uint256);
    /// @notice What settlements still owe a registered maker, less what it owes them, quote units: its unclaimed credits at
    /// what each would be paid were its expiry final now, the fund covering them in turn, less its debts.
    function settlementBalance(AccountId account) external view returns (int256 balance);
    /// @notice What the account still owes to settlements, quote units; `health` has it deducted.
    function debt(AccountId account) external view returns (uint256);
    /// @notice What settlements owe the account at most, before payout ratios, quote units; in `health` for maintenance alone.
    function pendingCredit(AccountId account) external view returns (uint256);
    /// @notice Debts of all expiries that are not final, quote units: what the insurance fund may have to cover.
    function unpaidDebts() external view returns (uint256);
    /// @notice How much the maker still pays behind the insurance fund, quote units.
    function backstopCap(AccountId account, uint16 marketId) external view returns (uint256);
    /// @notice What it would pay if every loss that is known came true: its part, by caps, of what debts and accounts under
    /// liquidation may cost beyond what the fund holds. Losses of all markets count. Quote units, rounded up.
    function backstopProvision(AccountId account, uint16 marketId) external view returns (uint256);
    /// @notice What margin accounts would fail to pay under stress, each as of when it was last touched, quote units.
    function stressLoss() external view returns (uint256);
    /// @notice What the insurance fund should hold, quote units: twice the stress loss.
    function insuranceTarget() external view returns (uint256);
    function isAccountOperator(AccountId account, address operator) external view returns (bool);

    /// @notice Cash plus the worst (or present) value of everything the account holds, quote units.
    function health(AccountId account, Grid grid) external view returns (int256 worst, int256 equity);

    /// @notice Whether the ledger is inside a call: prices and values read now may be half-way.
    function isLocked() external view returns (bool);
}
