/**
 * The normal distribution in double precision.
 *
 * Everything rests on two positive, decreasing functions of x ≥ 0 that never cancel:
 *
 *     M(x) = (1 − Φ(x))/φ(x)        Mills ratio
 *     N(x) = 1 − x·M(x) = −M′(x)    its slope
 *
 * Both are rational functions with positive coefficients, valid on the whole half line, derived by
 * scripts/derive/mills64.ts: truncation 2.2e-17 and 4.4e-17 relative; with rounding at most 3 and 4 units of 2⁻⁵³.
 */

export const SQRT_TWO_PI = 2.5066282746310002;
export const INVERSE_SQRT_TWO_PI = 0.3989422804014327;
export const LOG_SQRT_TWO_PI = 0.9189385332046728;
const SQRT_TWO = Math.SQRT2;

/** Beyond this, M(x) = 1/x and N(x) = 1/x² to the last bit, and powers of x would overflow. */
const ASYMPTOTE = 1e9;

/** M(x) for x ≥ 0. */
export function millsOfPositive(x: number): number {
  if (x > ASYMPTOTE) return 1 / x;
  const p =
    1452177.9512924564 +
    x *
      (2500212.1079785246 +
        x *
          (2125873.362160356 +
            x *
              (1157174.3514470374 +
                x *
                  (443001.7750264884 +
                    x *
                      (124181.26028740522 +
                        x *
                          (25799.620503677954 +
                            x * (3931.0985704395976 + x * (422.53692095894405 + x * (29.18937325268744 + x)))))))));
  const q =
    1158670.3668745863 +
    x *
      (2919365.836477477 +
        x *
          (3446183.2787131947 +
            x *
              (2521426.7949840557 +
                x *
                  (1273785.328478725 +
                    x *
                      (467966.32105330995 +
                        x *
                          (128053.98012536085 +
                            x *
                              (26220.157424433764 +
                                x *
                                  (3960.2879436940393 + x * (423.5369209589363 + x * (29.189373252687453 + x))))))))));
  return p / q;
}

/** N(x) = 1 − x·M(x) for x ≥ 0, without the cancellation. */
export function millsSlope(x: number): number {
  if (x > ASYMPTOTE) return 1 / (x * x);
  const p =
    3975617.022726793 +
    x *
      (5770624.184935527 +
        x *
          (4223991.115482487 +
            x *
              (2014056.9301337395 +
                x *
                  (685779.0583957883 +
                    x *
                      (173328.64173754296 +
                        x *
                          (32876.791631966626 +
                            x * (4627.680282137042 + x * (464.85999743145607 + x * (30.382894302087696 + x)))))))));
  const q =
    3975617.022726793 +
    x *
      (10753321.20407117 +
        x *
          (13725663.580912864 +
            x *
              (10954652.445621172 +
                x *
                  (6103175.326825746 +
                    x *
                      (2507552.946613442 +
                        x *
                          (781662.2706811671 +
                            x *
                              (187029.38527094308 +
                                x *
                                  (34265.37162356482 +
                                    x *
                                      (4718.828965048779 +
                                        x * (467.85999743143407 + x * (30.38289430208773 + x)))))))))));
  return p / q;
}

/**
 * φ(x) = e^(−x²/2)/√(2π), to about 2 units of 2⁻⁵³: x² is split so that its rounding, x²·2⁻⁵³ in the exponent, is not lost.
 */
export function normalPdf(x: number): number {
  if (x > 40 || x < -40) return 0;
  const head = Math.fround(x); // 24 bits: its square is exact
  const rest = 0.5 * (x - head) * (x + head); // |rest| ≤ 5e-5
  return INVERSE_SQRT_TWO_PI * Math.exp(-0.5 * head * head) * (1 - rest * (1 - rest * (0.5 - rest * (1 / 6))));
}

/** Mills ratio M(x) of any real x; +∞ where 1/φ(x) overflows (x < −38). */
export function mills(x: number): number {
  return x >= 0 ? millsOfPositive(x) : 1 / normalPdf(x) - millsOfPositive(-x);
}

/** Φ(x), with full relative precision in the left tail. */
export function normalCdf(x: number): number {
  return x <= 0 ? normalPdf(x) * millsOfPositive(-x) : 1 - normalPdf(x) * millsOfPositive(x);
}

/** erfcx(z) = e^(z²)·erfc(z) = √(2/π)·M(z√2). */
export function erfcx(z: number): number {
  return 2 * INVERSE_SQRT_TWO_PI * mills(z * SQRT_TWO);
}

/** The z ≥ 0 with Φ(−z) = p for p ≤ ½ and `steps` Halley steps on ln Φ(−z): one gives 1e-10, two the last digits. */
function upperQuantile(p: number, steps: 1 | 2): number {
  const logP = Math.log(p);
  const r = Math.sqrt(-2 * logP);
  // Hastings' start (Abramowitz & Stegun 26.2.23), good to 4.5e-4.
  let z = r - (2.515517 + r * (0.802853 + r * 0.010328)) / (1 + r * (1.432788 + r * (0.189269 + r * 0.001308)));
  for (let step = 0; step < steps; step += 1) {
    // f = ln Φ(−z) − ln p, f′ = −1/M, f″ = (zM − 1)/M²
    const m = mills(z);
    const f = Math.log(m) - 0.5 * z * z - LOG_SQRT_TWO_PI - logP;
    z += (f * m) / (1 - 0.5 * f * (z * m - 1));
  }
  return z;
}

/** Φ⁻¹(p) for 0 < p < 1; ∓∞ at the ends. */
export function inverseNormalCdf(p: number, steps: 1 | 2 = 2): number {
  if (p <= 0) return p === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (p >= 1) return p === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  return p <= 0.5 ? -upperQuantile(p, steps) : upperQuantile(1 - p, steps);
}
