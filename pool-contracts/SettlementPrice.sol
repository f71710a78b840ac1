// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {ISettlementPrice, IUniswapV3Pool} from "./interfaces/ISettlementPrice.sol";
import {RollDown} from "./libraries/pricing/RollDown.sol";
import {UniswapPrice} from "./libraries/uniswap/UniswapPrice.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title The price at which an expiry settles
/// @notice With A the oracle's average and M the pool's mean of the same 30 minutes,
///
///     A, where A and M differ by at most 3 %, where there is no M, or 4 hours after the expiry
///     M, where there is no A 3 days after the expiry
///
/// A pool can be pushed: so M alone decides nothing that the quorum has said, and delays it by hours at most. A quorum can be
/// gone for good: then M, which was for anyone to see for three days, lets everybody out.
contract SettlementPrice is ISettlementPrice, AccessManaged {
    /// @dev A share of M.
    uint256 internal constant TOLERANCE = 0.03e18;
    uint256 internal constant DISPUTE_DELAY = 4 hours;
    uint256 internal constant FALLBACK_DELAY = 3 days;

    /// @param isBaseFirst Whether the base token is the pool's token0: then ticks grow with the price.
    /// @param decimals Those of the base token less those of the quote token.
    struct Reference {
        IUniswapV3Pool pool;
        bool isBaseFirst;
        int8 decimals;
    }

    IMarketOracle public immutable oracle;
    address public immutable quoteToken;
    mapping(uint16 marketId => Reference) private _references;
    mapping(uint16 marketId => mapping(uint32 expiry => uint256)) private _recordedWad;

    constructor(IMarketOracle oracle_, address quoteToken_, address authority) AccessManaged(authority) {
        (oracle, quoteToken) = (oracle_, quoteToken_);
    }

    /// @notice The pool that a market's settlement prices are compared with; none where it is zero. Restricted.
    function setReference(uint16 marketId, IUniswapV3Pool pool, address baseToken) external restricted {
        Reference memory ref;
        if (address(pool) != address(0)) {
            (address first, address second) = (pool.token0(), pool.token1());
            ref.isBaseFirst = first == baseToken && second == quoteToken;
            bool isBaseSecond = first == quoteToken && second == baseToken;
            if (!ref.isBaseFirst && !isBaseSecond) revert SettlementPrice_WrongPool(pool);
            ref.pool = pool;
            // Tokens have at most 77 decimals that fit a word.
            ref.decimals = int8(IERC20Metadata(baseToken).decimals()) - int8(IERC20Metadata(quoteToken).decimals());
        }
        _references[marketId] = ref;
        emit ReferenceChanged(marketId, pool);
    }

    /// @inheritdoc ISettlementPrice
    function priceOf(uint16 marketId, uint32 expiry) external view returns (uint256 priceWad) {
        if (block.timestamp < expiry) return 0;
        uint256 averageWad = oracle.settlementPrice(marketId, expiry);
        uint256 waited = block.timestamp - expiry;
        if (averageWad == 0) return waited < FALLBACK_DELAY ? 0 : meanOf(marketId, expiry);
        if (waited >= DISPUTE_DELAY) return averageWad;
        uint256 meanWad = meanOf(marketId, expiry);
        if (meanWad == 0 || _isNear(averageWad, meanWad)) return averageWad;
        revert SettlementPrice_Disputed(marketId, expiry, averageWad, meanWad, expiry + DISPUTE_DELAY);
    }

    function _isNear(uint256 averageWad, uint256 meanWad) private pure returns (bool) {
        uint256 distance = averageWad > meanWad ? averageWad - meanWad : meanWad - averageWad;
        return distance <= FixedPointMathLib.mulDiv(meanWad, TOLERANCE, 1e18);
    }

    /// @inheritdoc ISettlementPrice
    function meanOf(uint16 marketId, uint32 expiry) public view returns (uint256 meanWad) {
        meanWad = _recordedWad[marketId][expiry];
        Reference memory ref = _references[marketId];
        if (meanWad != 0 || address(ref.pool) == address(0) || block.timestamp < expiry) return meanWad;
        uint32[] memory secondsAgos = new uint32[](2);
        // Expiries fit 32 bits, and so does the time since one.
        secondsAgos[1] = uint32(block.timestamp - expiry);
        secondsAgos[0] = secondsAgos[1] + uint32(RollDown.AVERAGING_WINDOW);
        try ref.pool.observe(secondsAgos) returns (int56[] memory cumulatives, uint160[] memory) {
            int256 sum = int256(cumulatives[1]) - cumulatives[0];
            return UniswapPrice.mean(sum, RollDown.AVERAGING_WINDOW, ref.isBaseFirst, ref.decimals);
        } catch {
            return 0; // the pool is younger than the window, or has forgotten it
        }
    }

    /// @inheritdoc ISettlementPrice
    function recordMean(uint16 marketId, uint32 expiry) external returns (uint256 meanWad) {
        meanWad = meanOf(marketId, expiry);
        if (meanWad == 0) revert SettlementPrice_NoMean(marketId, expiry);
        if (_recordedWad[marketId][expiry] != 0) return meanWad;
        _recordedWad[marketId][expiry] = meanWad;
        emit MeanRecorded(marketId, expiry, meanWad);
    }
}
