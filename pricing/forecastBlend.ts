/**
 * One forecast of variance over a horizon from two: f from past prices (log-HAR) and i from option quotes.
 *
 *     ln h = ln f + a·[ b + w·(ln i − ln f) ]
 *
 * w is the weight of implied, b corrects its premium (mostly negative: quotes lie above the variance that comes), and a = D/(D + m) the
 * trust in the quote: a quote that carries noise of variance m beside a disagreement of variance D tells a share a of what
 * a clean one would (errors in variables). A quote that is worthless, or none, leaves f.
 *
 * (b, w) minimise, over the days whose outcome RV is known, the very loss by which forecasts are judged, beside a prior that is
 * all there is on the first day:
 *
 *     Σ QLIKE(h, RV)/(H·φ)  +  ½·b²/0.1²  +  ½·(w − w₀)²/0.25²,     w₀ = ½·(1 + √(min(H, τ)/max(H, τ)))
 *
 * Forecasts over H days made daily overlap, so that each counts for 1/H; φ is twice the mean loss at the prior, the variance
 * of a logarithm to first order. w₀ says: half of each where the option's tenor τ has little to do with the horizon H (equal
 * weights are hard to beat: Timmermann 2006), all implied where it is the same period (there it is found to contain what past
 * prices say: Jiang & Tian 2005, Busch, Christensen & Nielsen 2011); √ratio is the correlation of two averages of one noise,
 * one over a part of the other's time. 0.1 is the size of variance premia: 3½ vol points at 70 %.
 *
 * For quoting, the truth is the market's variance now and not the one that will come: `quotedVariance` then uses a alone.
 */
import { PricingError } from "./errors.ts";
import { qlike } from "./forecastLoss.ts";
import { minimise } from "./minimise.ts";

/** What is known of a quoted volatility. */
export interface QuoteQuality {
  /** Since the quote was made or confirmed. */
  readonly ageSeconds: number;
  /** To expiry. */
  readonly tenorDays: number;
  /** Bid–ask width over the mid, both as volatility: 0.02 is a width of 1.4 vol points at 70 %. */
  readonly relativeWidth: number;
  /** How many venues quote it independently; 0 is no quote. */
  readonly venues: number;
}

/** Volatility of volatility at 30 days per √year, and how it falls with tenor (from the chains of early 2026). */
const VOL_OF_VOL = 0.5;
const VOL_OF_VOL_SLOPE = -0.57;
const VOL_OF_VOL_TENOR_DAYS = 30;
const SECONDS_PER_YEAR = 365 * 24 * 60 * 60;

/**
 * m: variance of the error of ln(implied variance), which is four times that of ln(volatility):
 *
 *     m = 4·[ ξ²·age + width²/(12·venues) ],     ξ = 0.5·(τ/30 d)^−0.57 per √year
 *
 * Since its time volatility has diffused, and the truth lies anywhere inside bid and ask (a uniform error has a twelfth of its
 * width squared), independently at each venue. ∞ without a venue.
 */
export function quoteNoise({ ageSeconds, tenorDays, relativeWidth, venues }: QuoteQuality): number {
  if (!(ageSeconds >= 0 && tenorDays > 0 && relativeWidth >= 0 && venues >= 0)) {
    throw new PricingError("OutOfDomain", "a quote has an age, a tenor and a width", {
      ageSeconds,
      tenorDays,
      relativeWidth,
      venues,
    });
  }
  if (venues === 0) return Infinity;
  const xi = VOL_OF_VOL * (tenorDays / VOL_OF_VOL_TENOR_DAYS) ** VOL_OF_VOL_SLOPE;
  return 4 * ((xi * xi * ageSeconds) / SECONDS_PER_YEAR + relativeWidth ** 2 / (12 * venues));
}

/** One day of the past: what was forecast then, and what came. */
export interface BlendObservation {
  /** f, over the horizon. */
  readonly realizedForecast: number;
  /** i, scaled to the horizon. */
  readonly impliedVariance: number;
  /** RV over the horizon; known by now. */
  readonly outcome: number;
  /** m of that day's quote; 0 when left out. */
  readonly noise?: number;
}

export interface BlendSettings {
  /** H. */
  readonly horizonDays: number;
  /** τ of the implied variance; the horizon itself where options of that expiry are at hand. */
  readonly tenorDays?: number;
}

/** How quotes usually lie against the forecast. */
export interface QuoteGap {
  /** Mean of ln i − ln f. */
  readonly gap: number;
  /** D, variance of ln i − ln f about its mean, less the noise of the quotes. */
  readonly disagreement: number;
}

export interface BlendModel extends QuoteGap {
  /** w. */
  readonly weight: number;
  /** b, a logarithm of variance. */
  readonly premiumCorrection: number;
}

const PRIOR_PREMIUM_DEVIATION = 0.1;
const PRIOR_WEIGHT_DEVIATION = 0.25;
/** D before any observation, a difference of 15 % in volatility, and for how many independent observations it counts. */
export const PRIOR_DISAGREEMENT = 0.09;
export const PRIOR_DISAGREEMENT_COUNT = 10;
/** 5 % in volatility: two ways to measure never agree better. */
export const LEAST_DISAGREEMENT = 0.01;
const LEAST_DISPERSION = 0.05;

/** w₀ = ½·(1 + √(min(H, τ)/max(H, τ))). */
export function priorWeight({ horizonDays, tenorDays = horizonDays }: BlendSettings): number {
  if (!(horizonDays > 0 && tenorDays > 0 && horizonDays < Infinity && tenorDays < Infinity)) {
    throw new PricingError("OutOfDomain", "horizon and tenor must be positive", { horizonDays, tenorDays });
  }
  return 0.5 * (1 + Math.sqrt(Math.min(horizonDays, tenorDays) / Math.max(horizonDays, tenorDays)));
}

const logGap = ({
  realizedForecast,
  impliedVariance,
}: Pick<BlendObservation, "realizedForecast" | "impliedVariance">) => {
  if (!(realizedForecast > 0 && impliedVariance > 0 && realizedForecast < Infinity && impliedVariance < Infinity)) {
    throw new PricingError("OutOfDomain", "variances must be positive", { realizedForecast, impliedVariance });
  }
  return Math.log(impliedVariance / realizedForecast);
};

/** a = D/(D + m). */
export const quoteTrust = (disagreement: number, noise: number): number => disagreement / (disagreement + noise);

/** Fits (b, w) to what is known by now; with no observation it is the prior. */
export function fitBlend(past: readonly BlendObservation[], settings: BlendSettings): BlendModel {
  const prior = priorWeight(settings);
  const observations = past.filter(({ noise = 0 }) => noise < Infinity);
  const gaps = observations.map(logGap);
  const independent = observations.length / settings.horizonDays;
  const gap = gaps.length === 0 ? 0 : gaps.reduce((sum, d) => sum + d, 0) / gaps.length;
  // What is seen varies by D and by the quotes' own noise.
  const squares = gaps.reduce((sum, d, i) => sum + (d - gap) ** 2 - (observations[i]!.noise ?? 0), 0);
  const disagreement = Math.max(
    (PRIOR_DISAGREEMENT_COUNT * PRIOR_DISAGREEMENT + squares / settings.horizonDays) /
      (PRIOR_DISAGREEMENT_COUNT + independent),
    LEAST_DISAGREEMENT,
  );
  if (observations.length === 0) return { weight: prior, premiumCorrection: 0, gap, disagreement };

  const trusts = observations.map(({ noise = 0 }) => quoteTrust(disagreement, noise));
  const forecastAt = (i: number, premiumCorrection: number, weight: number): number =>
    observations[i]!.realizedForecast * Math.exp(trusts[i]! * (premiumCorrection + weight * gaps[i]!));
  const atPrior = observations.reduce((sum, { outcome }, i) => sum + qlike(forecastAt(i, 0, prior), outcome), 0);
  const dispersion = Math.max((2 * atPrior) / observations.length, LEAST_DISPERSION);
  const each = 1 / (settings.horizonDays * dispersion);

  const { at } = minimise(
    ([premiumCorrection, weight]) => {
      const b = premiumCorrection! / PRIOR_PREMIUM_DEVIATION;
      const w = (weight! - prior) / PRIOR_WEIGHT_DEVIATION;
      let value = (b * b + w * w) / 2;
      let byPremium = b / PRIOR_PREMIUM_DEVIATION;
      let byWeight = w / PRIOR_WEIGHT_DEVIATION;
      for (const [i, { outcome }] of observations.entries()) {
        const forecast = forecastAt(i, premiumCorrection!, weight!);
        // A long step of the search may leave the doubles.
        if (!(forecast > 0 && forecast < Infinity)) return { value: Infinity, gradient: [0, 0] };
        value += each * qlike(forecast, outcome);
        // ∂QLIKE/∂ln h = 1 − RV/h.
        const slope = each * trusts[i]! * (1 - outcome / forecast);
        byPremium += slope;
        byWeight += slope * gaps[i]!;
      }
      return { value, gradient: [byPremium, byWeight] };
    },
    [0, prior],
    { gradientTolerance: 1e-8, mostIterations: 200 },
  );
  return { weight: at[1]!, premiumCorrection: at[0]!, gap, disagreement };
}

/** The two variances over one horizon, and the noise of the quote. */
export interface BlendInput {
  readonly realizedForecast: number;
  /** Undefined where nothing is quoted. */
  readonly impliedVariance: number | undefined;
  /** m, from `quoteNoise`. */
  readonly noise: number;
}

/** The forecast of the variance that will come. */
export function blendedForecast(model: BlendModel, { realizedForecast, impliedVariance, noise }: BlendInput): number {
  if (impliedVariance === undefined) return realizedForecast;
  const gap = logGap({ realizedForecast, impliedVariance });
  return (
    realizedForecast * Math.exp(quoteTrust(model.disagreement, noise) * (model.premiumCorrection + model.weight * gap))
  );
}

/**
 * The market's variance now: ln v = a·ln i + (1 − a)·(ln f + gap). Fresh and tight quotes are believed almost wholly; a stale or wide one
 * gives way to what past prices say, at the usual distance from implied.
 */
export function quotedVariance(model: QuoteGap, { realizedForecast, impliedVariance, noise }: BlendInput): number {
  const usual = realizedForecast * Math.exp(model.gap);
  if (impliedVariance === undefined) return usual;
  const gap = logGap({ realizedForecast, impliedVariance });
  return usual * Math.exp(quoteTrust(model.disagreement, noise) * (gap - model.gap));
}
