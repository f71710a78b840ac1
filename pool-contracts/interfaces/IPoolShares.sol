// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Mark} from "./IOptionPool.sol";

/// @notice A request as it stands. Zero where there is none.
/// @param requestId `epoch << 1 | direction`.
/// @param amount Asked for: assets of a deposit, shares of a redemption.
/// @param pending Of it, still waits.
/// @param claimableAssets Of a deposit, what shares can be claimed for; of a redemption, its money, advances included.
/// @param claimableShares Of a deposit, the shares; of a redemption, those that were paid and not yet counted as claimed.
/// @param back Of `amount`, what was not done and can be taken back.
/// @param maxCharge The bound that holds, WAD; `type(uint256).max` for none.
/// @param cutOff From when on a report may price it.
/// @param canceling Whether a cancelation waits for its mark.
struct RequestStatus {
    uint256 requestId;
    uint256 amount;
    uint256 pending;
    uint256 claimableAssets;
    uint256 claimableShares;
    uint256 back;
    uint256 maxCharge;
    uint256 cutOff;
    bool canceling;
}

/// @title The shares of one pool and the queue in front of it
/// @notice ERC-7540 in both directions, ERC-7887 for cancelations; the share is the vault (ERC-7575).
///
/// EPOCHS. An epoch is a minute of the clock in which somebody asks; its end is the cut-off. The first complete mark under a
/// report of the cut-off or later prices it: deposits at mid less the fresh part of the reserve, redemptions at their part of mid
/// less reserve, unwinding and provision. What somebody does later changes nothing of which report that is.
///
/// QUEUE. Redemptions are paid as far as the pool is liquid, pro rata within an epoch, older epochs first; the rest waits and is
/// priced when it is paid.
///
/// CHARGE. What an exit at a mark loses: of a redemption against mid, of a deposit against what it pays. A request may bound it;
/// the first mark that reaches it and charges more sends it back, or what is left of it.
///
/// CANCELING. Before the cut-off at once. Afterwards with a cut-off of its own: a mark under an earlier report still counts.
///
/// SILENCE. A deposit that no report of its grace time prices goes back; waiting redemptions are advanced money at the worst
/// scenario of maintenance margin, which counts at the next mark as payment for as many shares as it is worth there.
///
/// One request a direction and controller at a time. Its id is `epoch << 1 | direction`, direction 0 in and 1 out, epochs from 1.
interface IPoolShares {
    event DepositRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 assets
    );
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    /// @notice The request accepts no charge above `bound`, WAD: the largest of the contract's bounds that is not above what was named.
    event ChargeBounded(address indexed controller, uint256 indexed requestId, uint256 bound);
    event OperatorSet(address indexed controller, address indexed operator, bool approved);
    event CancelDepositRequest(address indexed controller, uint256 indexed requestId, address sender);
    event CancelRedeemRequest(address indexed controller, uint256 indexed requestId, address sender);
    /// @notice A deposit, or what was left of it, was taken back: canceled, charged too much, or not to be priced.
    event CancelDepositClaim(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 assets
    );
    event CancelRedeemClaim(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 shares
    );
    /// @notice Shares were claimed: `owner` is their receiver.
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    /// @notice Money was claimed by `owner`, the controller.
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    /// @notice An epoch was priced. `supply` is the share supply before, virtual shares included; `assetsIn` what takes part. Where
    /// `refunded`, the deposits go back: the pool has less than a millionth of par left for its holders, ends, or the report
    /// came after their grace time.
    event EpochPriced(
        uint256 indexed epoch,
        uint32 indexed round,
        Mark mark,
        uint256 supply,
        uint256 assetsIn,
        uint256 sharesMinted,
        uint256 sharesLeaving,
        bool refunded
    );
    /// @notice Requests left their epoch, `amount` as they were asked for: all of one bound (`lot` 1 to 7, from the tightest), all
    /// canceled ones of one bound (8 and the bound's number, 0 for none), or the one that was canceled just before (0).
    event SentBack(uint256 indexed requestId, uint256 lot, uint256 amount);
    /// @notice A part of an epoch's redemptions was paid, at `assets` for `shares`.
    event RedemptionPaid(uint256 indexed epoch, uint32 indexed round, uint256 shares, uint256 assets, uint256 unpaid);
    /// @notice Money was advanced to an epoch's redemptions while no report came.
    event RedemptionAdvanced(uint256 indexed epoch, uint256 assets);
    /// @notice What had been advanced counts as payment for `shares`.
    event AdvanceSettled(uint256 indexed epoch, uint32 indexed round, uint256 shares, uint256 assets);
    event WindDownStarted();

    error PoolShares_NotPool(address caller);
    error PoolShares_NotLedger(address caller);
    error PoolShares_NotAuthorized(address account, address caller);
    error PoolShares_BelowMinimum(uint256 amount, uint256 minimum);
    error PoolShares_TooLarge(uint256 amount, uint256 max);
    error PoolShares_ChargeTooTight(uint256 maxCharge, uint256 tightest);
    /// @notice The controller has a request in this direction that is not finished, and this one cannot join it.
    error PoolShares_RequestOpen(uint256 requestId);
    error PoolShares_NoRequest(uint256 requestId, address controller);
    error PoolShares_NothingToCancel(uint256 requestId);
    /// @notice Earlier cancelations of the epoch wait for a mark; this one may come after it.
    error PoolShares_CancelationsWait(uint256 requestId, uint256 cutOff);
    error PoolShares_ExceedsClaimable(uint256 asked, uint256 claimable);
    error PoolShares_ZeroClaim();
    error PoolShares_NoPreview();
    error PoolShares_LedgerLocked();
    error PoolShares_WrongPool(address pool);
    error PoolShares_WindingDown();
    /// @notice A report came not long ago: nothing is advanced before `from`.
    error PoolShares_NotSilent(uint256 from);
    error PoolShares_NothingToAdvance();

    /// @notice The pool marked its book: prices what waits and pays what can be paid. Pool only.
    function onMark(Mark calldata mark) external;

    /// @notice Asks for a deposit of `assets`, paid by `owner`, who is the caller or has made him operator; for another controller only
    /// as its operator. Joins an earlier request of the same minute.
    function requestDeposit(uint256 assets, address controller, address owner) external returns (uint256 requestId);
    /// @notice As above; goes back where a mark would charge more than `maxCharge`, WAD. Bounds are 0.1, 0.2, 0.5, 1, 2, 5 and
    /// 10 %, the largest not above `maxCharge` holds; 1e18 or more is no bound.
    function requestDeposit(uint256 assets, address controller, address owner, uint256 maxCharge)
        external
        returns (uint256 requestId);
    /// @notice Asks for the redemption of `shares` of `owner`, who is the caller, has made him operator or has approved them.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);
    function requestRedeem(uint256 shares, address controller, address owner, uint256 maxCharge)
        external
        returns (uint256 requestId);
    function pendingDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function claimableDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    /// @notice Takes a waiting deposit out: at once before its cut-off, else unless a mark prices it under a report earlier than
    /// the cancelation's own cut-off, the end of this minute. By the controller or its operator.
    function cancelDepositRequest(uint256 requestId, address controller) external;
    /// @notice As `cancelDepositRequest`; what was paid before stays paid.
    function cancelRedeemRequest(uint256 requestId, address controller) external;
    function pendingCancelDepositRequest(uint256 requestId, address controller) external view returns (bool);
    function pendingCancelRedeemRequest(uint256 requestId, address controller) external view returns (bool);
    /// @notice What can be taken back, for whatever reason the deposit was not done.
    function claimableCancelDepositRequest(uint256 requestId, address controller) external view returns (uint256 assets);
    function claimableCancelRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    /// @notice Takes back what was not done of a request. By the controller or its operator.
    function claimCancelDepositRequest(uint256 requestId, address receiver, address controller)
        external
        returns (uint256 assets);
    function claimCancelRedeemRequest(uint256 requestId, address receiver, address controller)
        external
        returns (uint256 shares);

    /// @notice Claims a priced deposit of `controller`: `assets` of it, for their shares, rounded down.
    function deposit(uint256 assets, address receiver, address controller) external returns (uint256 shares);
    function mint(uint256 shares, address receiver, address controller) external returns (uint256 assets);
    /// @notice Claims a paid redemption of `controller`: `shares` of it, for their money, rounded down.
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets);
    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares);

    /// @notice Pays everything claimable of `controller`, shares, money and what goes back, to the controller. Anyone.
    function claimFor(address controller) external returns (uint256 shares, uint256 assets);

    /// @notice Advances waiting redemptions their part of what the pool is worth in the worst scenario of maintenance margin, less
    /// reserve, unwinding, provision and credits, as far as it is liquid. Anyone, while no report has come for the grace time; for
    /// redemptions that have waited as long. At most once that price for a share in one silence.
    function advance() external returns (uint256 assets);

    /// @notice Ends the pool: no deposit is taken, waiting ones go back. For ever. Restricted by the pool's authority.
    function windDown() external;

    function setOperator(address operator, bool approved) external returns (bool);
    function isOperator(address controller, address operator) external view returns (bool);
    function asset() external view returns (address);
    function share() external view returns (address);
    function isWindingDown() external view returns (bool);
    function requestsOf(address controller)
        external
        view
        returns (RequestStatus memory deposit, RequestStatus memory redemption);
    /// @notice NAV at the last mark, quote units; 0 where it is negative. Waiting deposits are not in it.
    function totalAssets() external view returns (uint256);
    function convertToShares(uint256 assets) external view returns (uint256);
    function convertToAssets(uint256 shares) external view returns (uint256);
    function maxDeposit(address controller) external view returns (uint256 assets);
    function maxMint(address controller) external view returns (uint256 shares);
    function maxRedeem(address controller) external view returns (uint256 shares);
    function maxWithdraw(address controller) external view returns (uint256 assets);
}
