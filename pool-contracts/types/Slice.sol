// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice One eSSVI slice of the surface, for one expiry at one model time, as nodes sign it and the oracle stores it:
/// two to a word.
///
///     w(k) = ½·[ θ + ρψk + √((ψk + ρθ)² + (1−ρ²)θ²) ],   k = ln(K/F),  F = S·(1 + basis)
///
///     bits   88 … 127       52 … 87         36 … 51          12 … 35          0 … 11
///            θ (1e-11)      ψ (1e-10)       ρ (2^-15, int16) basis (1e-7)     residual (1e-4 of volatility)
///
/// Why the surface needs no second check until the next report: θ and ψ of a slice shrink together, by the factor
/// f = τ_eff(now)/τ_eff(report) ≤ 1, and f grows with the expiry, f₁ ≤ f₂. With θ′ = fθ, ψ′ = fψ:
/// ψ′(1+|ρ|) ≤ 4 and ψ′²(1+|ρ|) = f²ψ²(1+|ρ|) ≤ f²·4θ ≤ 4θ′;  θ₂′ = f₂θ₂ ≥ f₁θ₁ = θ₁′;
/// |ρ₂f₂ψ₂ − ρ₁f₁ψ₁| ≤ f₁|ρ₂ψ₂ − ρ₁ψ₁| + (f₂−f₁)|ρ₂|ψ₂ ≤ f₁(ψ₂ − ψ₁) + (f₂−f₁)ψ₂ = ψ₂′ − ψ₁′;
/// ψ₂′θ₁′ = f₁f₂ψ₂θ₁ ≤ f₁f₂ψ₁θ₂ = ψ₁′θ₂′. All five inequalities survive.
type Slice is uint128;

using {theta, psi, rho, basis, residual} for Slice global;

uint256 constant THETA_UNIT_WAD = 1e7; // one unit of θ is 1e-11
uint256 constant PSI_UNIT_WAD = 1e8; // one unit of ψ is 1e-10
int256 constant RHO_ONE = 2 ** 15; // ρ = 1 in units
int256 constant RHO_UNIT_WAD = 1e18 / RHO_ONE; // exact: 10^18 holds the factor 2^18
int256 constant BASIS_UNIT_WAD = 1e11; // one unit of the basis is 1e-7 of spot
uint256 constant RESIDUAL_UNIT_WAD = 1e14; // one unit of the residual is 0.01 volatility points

/// @dev Fields must fit: θ 40 bits, ψ 36, residual 12. Callers check, see `MarketOracle`.
function toSlice(uint256 theta_, uint256 psi_, int16 rho_, int24 basis_, uint256 residual_) pure returns (Slice) {
    // Masking the two signed fields removes their sign extension only.
    uint256 packed = theta_ << 88 | psi_ << 52 | uint256(uint16(rho_)) << 36 | uint256(uint24(basis_)) << 12 | residual_;
    return Slice.wrap(uint128(packed)); // 40 + 36 + 16 + 24 + 12 = 128 bits
}

function theta(Slice self) pure returns (uint256) {
    return Slice.unwrap(self) >> 88;
}

function psi(Slice self) pure returns (uint256) {
    return (Slice.unwrap(self) >> 52) & (2 ** 36 - 1);
}

function rho(Slice self) pure returns (int256) {
    return int16(uint16(Slice.unwrap(self) >> 36)); // keeps 16 bits, restores the sign
}

function basis(Slice self) pure returns (int256) {
    return int24(uint24(Slice.unwrap(self) >> 12)); // keeps 24 bits, restores the sign
}

function residual(Slice self) pure returns (uint256) {
    return Slice.unwrap(self) & (2 ** 12 - 1);
}
