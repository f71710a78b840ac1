import type { OptionTerms } from "../../chain/optionId.ts";
import type { PlanKind } from "./plan.ts";

/** An option of a package, contracts bought (negative: sold) for one of it. */
export interface PackageLeg {
  readonly terms: OptionTerms;
  readonly contracts: number;
}

/**
 * Options, and underlying bought now (negative: sold), that together pay at least `floor` quote tokens whatever happens: at the last
 * expiry, with the underlying taken back at that price. Nothing but its price is uncertain, so it must not cost less.
 */
export interface Package {
  readonly kind: Exclude<PlanKind, "reference" | "spot" | "inventory" | "hedge">;
  readonly legs: readonly PackageLeg[];
  /** Units of the underlying. */
  readonly base: number;
  readonly floor: number;
}

/** Strikes that can be traded at an expiry, ascending, and its forward. */
export interface ListedExpiry {
  readonly marketId: number;
  readonly expiry: number;
  readonly forward: number;
  readonly strikes: readonly number[];
}

/** Every crossing, parity, vertical, butterfly, calendar and box of what is listed, in both directions where both have a floor. */
export function* packagesOf(listed: readonly ListedExpiry[]): Generator<Package> {
  for (const expiry of listed) {
    yield* crossings(expiry);
    yield* parities(expiry);
    yield* twoStrikes(expiry);
    yield* butterflies(expiry);
  }
  const byExpiry = listed.toSorted((a, b) => a.expiry - b.expiry);
  for (const [i, near] of byExpiry.entries()) for (const far of byExpiry.slice(i + 1)) yield* calendars(near, far);
}

const call = ({ marketId, expiry }: ListedExpiry, strike: number): OptionTerms => ({
  marketId,
  expiry,
  strike,
  kind: "call",
});
const put = ({ marketId, expiry }: ListedExpiry, strike: number): OptionTerms => ({
  marketId,
  expiry,
  strike,
  kind: "put",
});

function turned({ kind, legs, base, floor }: Package): Package {
  const other = legs.map(({ terms, contracts }) => ({ terms, contracts: -contracts }));
  return { kind, legs: other, base: 0 - base, floor: 0 - floor };
}

/** Bought of one maker and sold to another. */
function* crossings(listed: ListedExpiry): Generator<Package> {
  for (const strike of listed.strikes) {
    for (const terms of [call(listed, strike), put(listed, strike)]) {
      const legs = [1, -1].map((contracts) => ({ terms, contracts }));
      yield { kind: "crossing", legs, base: 0, floor: 0 };
    }
  }
}

/** C − P pays S − K: with the underlying sold, −K. Exact, so the other way round is a floor as well. */
function* parities(listed: ListedExpiry): Generator<Package> {
  for (const strike of listed.strikes) {
    const legs = [
      { terms: call(listed, strike), contracts: 1 },
      { terms: put(listed, strike), contracts: -1 },
    ];
    const bundle: Package = { kind: "parity", legs, base: -1, floor: -strike };
    yield bundle;
    yield turned(bundle);
  }
}

/** A vertical pays between 0 and its width; a box exactly its width. */
function* twoStrikes(listed: ListedExpiry): Generator<Package> {
  for (const [i, low] of listed.strikes.entries()) {
    for (const high of listed.strikes.slice(i + 1)) {
      const width = high - low;
      const calls = [
        { terms: call(listed, low), contracts: 1 },
        { terms: call(listed, high), contracts: -1 },
      ];
      const puts = [
        { terms: put(listed, high), contracts: 1 },
        { terms: put(listed, low), contracts: -1 },
      ];
      for (const legs of [calls, puts]) {
        const vertical: Package = { kind: "vertical", legs, base: 0, floor: 0 };
        yield vertical;
        yield { ...turned(vertical), floor: -width };
      }
      const box: Package = { kind: "box", legs: [...calls, ...puts], base: 0, floor: width };
      yield box;
      yield turned(box);
    }
  }
}

/** The wings weighted so that they meet the body: a payoff that is convex less one on its chord, so never negative. */
function* butterflies(listed: ListedExpiry): Generator<Package> {
  const { strikes } = listed;
  for (const [i, low] of strikes.entries()) {
    for (const [j, body] of strikes.entries()) {
      if (j <= i) continue;
      for (const high of strikes.slice(j + 1)) {
        const lowShare = (high - body) / (high - low);
        // The smallest leg is one contract.
        const unit = Math.min(lowShare, 1 - lowShare);
        for (const option of [call, put]) {
          const legs = [
            { terms: option(listed, low), contracts: lowShare / unit },
            { terms: option(listed, body), contracts: -1 / unit },
            { terms: option(listed, high), contracts: (1 - lowShare) / unit },
          ];
          yield { kind: "butterfly", legs, base: 0, floor: 0 };
        }
      }
    }
  }
}

/**
 * When the near option expires, the far one is worth at least its intrinsic value on its own forward, F₂/F₁ times spot as far as anybody
 * knows: more than the near one pays, but for what that ratio takes off, on what is in the money by then at most the strike (puts) or,
 * for calls, twice the present forward.
 */
function* calendars(near: ListedExpiry, far: ListedExpiry): Generator<Package> {
  const ratio = far.forward / near.forward;
  for (const strike of near.strikes) {
    if (!far.strikes.includes(strike)) continue;
    const pair = (option: typeof call) => [
      { terms: option(far, strike), contracts: 1 },
      { terms: option(near, strike), contracts: -1 },
    ];
    yield { kind: "calendar", legs: pair(call), base: 0, floor: 0 - 2 * near.forward * Math.max(0, 1 - ratio) };
    yield { kind: "calendar", legs: pair(put), base: 0, floor: 0 - strike * Math.max(0, ratio - 1) };
  }
}
