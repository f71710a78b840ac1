import { Decimal, exactly, ZERO } from "./decimal.ts";
import { cumulative, density, mills } from "./mills.ts";

/** Black's normalised function at x = −|ln(F/K)| and s, exactly as the doubles stand, with what decides its conditioning. */
export interface NormalisedBlack {
  /** b(x, s) = e^(x/2)·φ(h − t)·(M(h − t) − M(h + t)), h = |x|/s, t = s/2. */
  readonly price: Decimal;
  /** b/(s·b′), so that the attainable accuracy of s is (1 + b/(s·b′))·2⁻⁵². */
  readonly conditioning: Decimal;
}

export function normalisedBlack(x: number, s: number): NormalisedBlack {
  const magnitude = exactly(x).abs();
  const deviation = exactly(s);
  const h = magnitude.div(deviation);
  const t = deviation.div(2);
  const gap = mills(h.minus(t)).minus(mills(h.plus(t)));
  return {
    price: magnitude
      .div(-2)
      .exp()
      .times(density(h.minus(t)))
      .times(gap),
    conditioning: gap.div(deviation),
  };
}

/** Undiscounted Black-76 of the doubles given: F·Φ(d₁) − K·Φ(d₂) as written in the textbook, with digits to spare. */
export function black76Reference(forward: number, strike: number, stdDev: number, kind: "call" | "put"): Decimal {
  const f = exactly(forward);
  const k = exactly(strike);
  const difference = kind === "call" ? f.minus(k) : k.minus(f);
  if (forward === 0 || strike === 0 || stdDev === 0) return Decimal.max(difference, ZERO);
  const v = exactly(stdDev);
  const d1 = f.div(k).ln().div(v).plus(v.div(2));
  const d2 = d1.minus(v);
  return kind === "call"
    ? f.times(cumulative(d1)).minus(k.times(cumulative(d2)))
    : k.times(cumulative(d2.neg())).minus(f.times(cumulative(d1.neg())));
}
