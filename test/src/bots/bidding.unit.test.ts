import { describe, expect, test } from "vitest";
import { type AuctionLot, decideBid } from "../../../src/bots/bidding.ts";

const WAD = 10n ** 18n;
const usd = (amount: number) => BigInt(Math.round(amount * 1e6));
const solvent: AuctionLot = { gross: usd(5_000), price: usd(4_900), maxShareWad: WAD / 2n, margin: usd(4_000) };
const insolvent: AuctionLot = { gross: usd(-2_000), price: usd(-2_300), maxShareWad: WAD, margin: usd(4_000) };
const rules = { edge: 0.02, minProfit: usd(1) };

describe("a bid", () => {
  test("takes what is for sale at the price it saw", () => {
    expect(decideBid(solvent, rules)).toEqual({ shareWad: WAD / 2n, limitPrice: usd(4_900), gain: usd(50) });
    expect(decideBid(insolvent, rules)).toEqual({ shareWad: WAD, limitPrice: usd(-2_300), gain: usd(300) });
  });

  test("waits until the discount pays for the margin taken over", () => {
    expect(decideBid(solvent, { ...rules, edge: 0.03 })).toBeUndefined();
    expect(decideBid({ ...solvent, price: usd(4_880) }, { ...rules, edge: 0.03 })).toBeDefined();
    expect(decideBid({ ...insolvent, price: usd(-2_000) }, rules)).toBeUndefined();
  });

  test("is not worth less than its cost", () => {
    expect(decideBid(solvent, { ...rules, minProfit: usd(51) })).toBeUndefined();
    expect(decideBid(solvent, { ...rules, minProfit: usd(49) }, WAD / 4n)).toBeUndefined();
  });

  test("is for no less than the contract takes, but for the rest of a slice", () => {
    expect(decideBid(solvent, rules, WAD / 20n)).toBeUndefined();
    const rest = { ...solvent, maxShareWad: WAD / 20n };
    expect(decideBid(rest, rules)?.shareWad).toBe(WAD / 20n);
    expect(decideBid(rest, rules, WAD / 40n)).toBeUndefined();
  });

  test("is not made where nothing is for sale", () => {
    expect(decideBid({ ...solvent, maxShareWad: 0n }, rules)).toBeUndefined();
  });
});
