import type { OptionKind } from "./world.ts";

// The venues' own arithmetic. It shares nothing with `pricing/`: were both sides of the market computed by one function, a
// mistake in it would cancel and every test on a quote would pass.

/**
 * Φ(x) by Hart's rational approximation as given by West, "Better approximations to cumulative normal functions" (2005).
 * Absolute error below 1e-15.
 */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  if (z > 37) return x > 0 ? 1 : 0;
  const density = Math.exp((-z * z) / 2);
  let tail: number;
  if (z < 7.07106781186547) {
    let p = 3.52624965998911e-2 * z + 0.700383064443688;
    p = p * z + 6.37396220353165;
    p = p * z + 33.912866078383;
    p = p * z + 112.079291497871;
    p = p * z + 221.213596169931;
    p = p * z + 220.206867912376;
    let q = 8.83883476483184e-2 * z + 1.75566716318264;
    q = q * z + 16.064177579207;
    q = q * z + 86.7807322029461;
    q = q * z + 296.564248779674;
    q = q * z + 637.333633378831;
    q = q * z + 793.826512519948;
    q = q * z + 440.413735824752;
    tail = (density * p) / q;
  } else {
    let fraction = z + 0.65;
    for (let n = 4; n >= 1; n--) fraction = z + n / fraction;
    tail = density / fraction / 2.5066282746310002;
  }
  return x > 0 ? 1 - tail : tail;
}

/** Undiscounted Black-76 out of the money, min(F,K)-sided, so that nothing cancels: the call for K ≥ F, the put below. */
export function outOfTheMoneyPrice(forward: number, strike: number, stdDev: number): number {
  if (stdDev <= 0) return 0;
  // d₁ = ln(F/K)/v + v/2,  d₂ = d₁ − v
  const d1 = Math.log(forward / strike) / stdDev + stdDev / 2;
  const d2 = d1 - stdDev;
  const price =
    strike >= forward
      ? forward * normalCdf(d1) - strike * normalCdf(d2)
      : strike * normalCdf(-d2) - forward * normalCdf(-d1);
  return Math.max(0, price);
}

/** Undiscounted Black-76 price in the unit of forward and strike; v = σ√τ. */
export function blackPrice(forward: number, strike: number, stdDev: number, kind: OptionKind): number {
  const intrinsic = kind === "call" ? forward - strike : strike - forward;
  return outOfTheMoneyPrice(forward, strike, stdDev) + Math.max(0, intrinsic);
}

/**
 * The v with which `outOfTheMoneyPrice` gives the price, by Newton's steps held inside a bracket; undefined when the price
 * carries no information (below a billionth of the smaller of F and K, or at least that smaller one).
 */
export function impliedStdDevOutOfTheMoney(forward: number, strike: number, price: number): number | undefined {
  const bound = Math.min(forward, strike);
  if (!(price > 1e-9 * bound) || price >= bound) return undefined;
  const k = Math.log(strike / forward);
  let low = 0;
  let high = 20;
  // Manaster & Koehler: from the inflection √(2|k|) Newton's steps go one way; at the money start from the linear price.
  let v = Math.max(Math.sqrt(2 * Math.abs(k)), (price / bound) * 2.5066282746310002);
  for (let i = 0; i < 60; i++) {
    const error = outOfTheMoneyPrice(forward, strike, v) - price;
    if (error > 0) high = v;
    else low = v;
    const d1 = -k / v + v / 2;
    const vega = (forward * Math.exp((-d1 * d1) / 2)) / 2.5066282746310002;
    const step = v - error / vega;
    const next = step > low && step < high ? step : (low + high) / 2;
    if (Math.abs(next - v) <= 1e-13 * v) return next;
    v = next;
  }
  return v;
}
