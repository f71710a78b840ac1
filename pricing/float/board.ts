/**
 * Boards of the oracle and options on them in float64: what fixed/oracleTwin.ts and the pricing twins say, to about 1e-15 of the
 * forward. Objects are written in place, so that pricing allocates nothing.
 *
 * In this folder prices, volatility and reserve are plain numbers; cash, sizes and inventory are whole units (1e-6) kept in doubles, rounded
 * where the contracts round. Without that, rounding against takers alone would be 1e-8 of a pool within a month.
 */

import { millsOfPositive, normalPdf } from "../normal.ts";
import { AVERAGING_SECONDS } from "../surface.ts";
import { SECONDS_PER_YEAR } from "../units.ts";

const WINDOW = AVERAGING_SECONDS;
/** √(30/365): vega per standard deviation times this is vega·√(30 d/τ). */
export const ROOT_REFERENCE_YEARS = Math.sqrt(30 / 365);

/** One slice of a report, as numbers. */
export interface FloatSlice {
  readonly expiry: number;
  readonly theta: number;
  readonly psi: number;
  readonly rho: number;
  /** F/S − 1. */
  readonly basis: number;
  readonly residual: number;
}

/** An expiry at one moment. */
export class FloatBoard {
  expiry = 0;
  forward = 0;
  theta = 0;
  psi = 0;
  rho = 0;
  residual = 0;
  settled = false;
  /** τ_eff in whole seconds, rounded up. */
  effectiveSeconds = 0;
  /** √τ_eff, years. */
  rootYears = 0;
  /** Inside the averaging window the share of the average that is still open, else 1. */
  deltaShare = 1;
  /** elapsed·average/A, else 0. */
  fixed = 0;

  /** The settlement price is known. */
  settle(expiry: number, price: number): void {
    this.expiry = expiry;
    this.forward = price;
    this.theta = 0;
    this.psi = 0;
    this.rho = 0;
    this.residual = 0;
    this.settled = true;
    this.effectiveSeconds = 0;
    this.rootYears = 0;
    this.deltaShare = 1;
    this.fixed = 0;
  }

  /** A slice of `reportTime`, rolled down to `time`, at a forward. */
  draw(slice: FloatSlice, reportTime: number, time: number, forward: number): void {
    const left = slice.expiry - time;
    const scaled = scaledEffectiveTime(left);
    const share = scaled / scaledEffectiveTime(slice.expiry - reportTime);
    this.expiry = slice.expiry;
    this.forward = forward;
    this.theta = slice.theta * share;
    this.psi = slice.psi * share;
    this.rho = slice.rho;
    this.residual = slice.residual;
    this.settled = false;
    this.effectiveSeconds = Math.ceil(scaled / (3 * WINDOW * WINDOW));
    this.rootYears = Math.sqrt(this.effectiveSeconds / SECONDS_PER_YEAR);
    this.deltaShare = left >= 0 && left < WINDOW ? left / WINDOW : 1;
    this.fixed = 0;
  }
}

/** 3A²·τ_eff, exact: below 2^53 for expiries within a decade. */
function scaledEffectiveTime(left: number): number {
  return left < WINDOW ? left * left * left : (left - (2 * WINDOW) / 3) * (3 * WINDOW * WINDOW);
}

/** What one strike is worth on a board. */
export class StrikeValue {
  call = 0;
  put = 0;
  /** By the underlying. */
  callDelta = 0;
  /** By the standard deviation. */
  vega = 0;
  stdDev = 0;
}

/** √w(k) of a slice. */
export function essviStdDev(theta: number, psi: number, rho: number, k: number): number {
  const psiK = psi * k;
  const shifted = psiK + rho * theta;
  return Math.sqrt(0.5 * (theta + rho * psiK + Math.sqrt(shifted * shifted + (1 - rho * rho) * theta * theta)));
}

/**
 * Call, put, delta and vega of one strike, written to `out`. Domain: a live board whose θ is positive; strike and forward positive.
 * With a = |k|/v − v/2 and b = |k|/v + v/2, as design and `Black76.sol` have it.
 */
export function valueStrike(board: FloatBoard, strike: number, out: StrikeValue): void {
  const { forward } = board;
  const k = Math.log(strike / forward);
  const v = essviStdDev(board.theta, board.psi, board.rho, k);
  const h = Math.abs(k) / v;
  const a = h - 0.5 * v;
  const isNegative = a < 0;
  const isAbove = strike > forward;
  const smaller = isAbove ? forward : strike;
  const density = normalPdf(a);
  const millsA = millsOfPositive(isNegative ? -a : a);
  const millsB = millsOfPositive(h + 0.5 * v);
  const bell = smaller * density;
  const outside = isNegative ? smaller - bell * (millsA + millsB) : bell * (millsA - millsB);
  out.call = isAbove ? outside : outside + (forward - strike);
  out.put = isAbove ? outside + (strike - forward) : outside;
  const tail = (bell / forward) * (isAbove ? millsA : millsB);
  out.callDelta = (isAbove ? (isNegative ? 1 - tail : tail) : 1 - tail) * board.deltaShare;
  out.vega = bell;
  out.stdDev = v;
}

/**
 * otm − min(F, K) of a strike at a given standard deviation: adding F gives the call, adding K the put.
 */
export function excessOf(forward: number, strike: number, k: number, v: number): number {
  const h = Math.abs(k) / v;
  const a = h - 0.5 * v;
  const smaller = strike < forward ? strike : forward;
  const bell = smaller * normalPdf(a);
  const millsB = millsOfPositive(h + 0.5 * v);
  if (a < 0) return -bell * (millsOfPositive(-a) + millsB);
  return bell * (millsOfPositive(a) - millsB) - smaller;
}
