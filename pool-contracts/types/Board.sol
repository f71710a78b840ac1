// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice A market's clocks and spot, in memory, as consumers of the oracle see them.
/// @param round Round of the last accepted surface report; 0 before the first.
/// @param surfaceTime Model time of that report, seconds.
/// @param surfaceAcceptedAt When the chain accepted it, seconds.
/// @param spotTime Model time of the freshest accepted spot, seconds; never before `surfaceTime`.
/// @param spotAcceptedAt When the chain accepted that spot.
/// @param spotWad The freshest accepted spot, quote per unit of the underlying.
/// @param surfaceSpotWad Spot in the last surface report: what marks use.
/// @param disagreementWad How far the reporters' volatilities differ, WAD of volatility.
/// @param unconfirmed A newer report moves the market further than one report may and waits for confirmation: no risk is
/// added, and what is held is worth the less of `Moment.Held` and `Moment.Unconfirmed`.
struct MarketState {
    uint32 round;
    uint40 surfaceTime;
    uint40 surfaceAcceptedAt;
    uint40 spotTime;
    uint40 spotAcceptedAt;
    uint256 spotWad;
    uint256 surfaceSpotWad;
    uint256 disagreementWad;
    bool unconfirmed;
}

/// @notice From which report, at which time and spot a board is drawn.
enum Moment {
    /// The last surface report at its own time and spot: marks and inventory.
    Report,
    /// The last surface rolled down to now, with the freshest spot: quotes and margin.
    Now,
    /// The surface and the spot before the last accepted ones, rolled down to now: `worseOf(previous, current)`.
    Previous,
    /// The surface and the spot that wait for confirmation, rolled down to now; where one does not wait, the confirmed one.
    Unconfirmed,
    /// As `Now`, for what is held: an expiry inside its averaging window of which no average is known yet counts as all open.
    /// That is no price to trade at; without it nobody who holds the expiry could be judged. `Unconfirmed` is as lenient.
    Held
}

/// @notice What pricing one expiry needs, in memory.
/// @param expiry Seconds since 1970.
/// @param effectiveSeconds τ_eff to the settlement average: τ − 2A/3 before the averaging window, τ³/(3A²) inside.
/// @param forwardWad Forward; inside the window the mean of the fixed and the open part of the average.
/// @param thetaWad At-the-money total variance θ.
/// @param psiWad Slope parameter ψ.
/// @param rhoWad Skew ρ, signed.
/// @param residualWad Fit residual of the slice, WAD of volatility.
/// @param fresh False where the last report's slice was refused: reduce only.
/// @param settled True where the settlement price is fixed; then `forwardWad` is that price and θ is 0.
struct Board {
    uint32 expiry;
    uint256 effectiveSeconds;
    uint256 forwardWad;
    uint256 thetaWad;
    uint256 psiWad;
    int256 rhoWad;
    uint256 residualWad;
    bool fresh;
    bool settled;
}
