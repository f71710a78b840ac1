import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { GAP_HORIZONS, GapBook } from "../../../src/volatility-oracle/gapBook.ts";

const HOUR = 3_600;
const DAY = 86_400;
const NOW = 1_770_000_000;
const folder = mkdtempSync(join(tmpdir(), "meniscus-gaps-"));
const file = join(folder, "gaps.json");
let troubles: string[] = [];
const open = (at = file) => new GapBook(at, (why) => troubles.push(why));
const gapAt = (days: number, gap: number, noise = 1e-4) => ({ tenor: days * DAY, gap, noise });

beforeEach(() => {
  rmSync(file, { force: true });
  troubles = [];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what is learnt", () => {
  test("is kept by horizon, each from quotes of about its tenor", () => {
    const book = open();
    book.learn(NOW, [gapAt(0.9, 0.4), gapAt(6, 0.2), gapAt(9, 0.3), gapAt(30, 0.1), gapAt(200, -0.2)]);
    const seen = GAP_HORIZONS.map((days) => book.usual(days * DAY).gap);
    expect(seen).toEqual([0.4, 0.25, 0.1, -0.2].map((gap) => expect.closeTo(gap, 12)));
  });

  test("is read between horizons by the logarithm of the tenor, and beyond them as at the last", () => {
    const book = open();
    book.learn(NOW, [gapAt(1, 0.4), gapAt(7, 0.2), gapAt(30, 0.1), gapAt(180, 0)]);
    expect(book.usual(Math.sqrt(7) * DAY).gap).toBeCloseTo(0.3, 12);
    expect([0.1, 365].map((days) => book.usual(days * DAY).gap)).toEqual([0.4, 0]);
  });

  test("comes once an hour, from tight quotes only, and not from tenors of no horizon", () => {
    const book = open();
    book.learn(NOW, [gapAt(1, 0.4), gapAt(7, 0.9, 0.05), gapAt(0.2, 0.9)]);
    book.learn(NOW + HOUR - 1, [gapAt(1, 0.8)]);
    expect(book.usual(DAY).gap).toBe(0.4);
    expect(book.usual(7 * DAY).gap).toBe(0);
    book.learn(NOW + HOUR, [gapAt(1, 0.8)]);
    expect(book.usual(DAY).gap).toBeCloseTo(0.6, 2);
  });
});

describe("its file", () => {
  test("keeps it from one run to the next, whole", () => {
    const book = open();
    for (let hour = 0; hour < 50; hour++) book.learn(NOW + hour * HOUR, [gapAt(7, 0.2 + hour / 100)]);
    expect(troubles).toEqual([`${file} is not there: the gap between quotes and forecast is learnt anew`]);
    troubles = [];
    const again = open();
    expect(again.usual(7 * DAY)).toEqual(book.usual(7 * DAY));
    expect(troubles).toEqual([]);
    again.learn(NOW + 49 * HOUR + 1, [gapAt(7, 9)]);
    expect(again.usual(7 * DAY)).toEqual(book.usual(7 * DAY));
    expect(existsSync(`${file}.draft`)).toBe(false);
  });

  test.for(["", "{", '{"horizons":[]}', '{"horizons":[{"time":1,"days":-1,"mean":0,"squares":0}]}'])(
    "damaged (%j), learning begins anew, which is said, and the next word mends it",
    (content) => {
      writeFileSync(file, content);
      const book = open();
      expect(troubles).toEqual([`${file} is damaged: the gap between quotes and forecast is learnt anew`]);
      expect(book.usual(7 * DAY)).toEqual({ gap: 0, disagreement: 0.09 });
      book.learn(NOW, [gapAt(7, 0.2)]);
      expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ horizons: { length: GAP_HORIZONS.length } });
      expect(open().usual(7 * DAY).gap).toBe(0.2);
    },
  );

  test("where it cannot be written, the node goes on and says so", () => {
    const book = open(join(folder, "nowhere", "gaps.json"));
    troubles = [];
    book.learn(NOW, [gapAt(7, 0.2)]);
    expect(troubles[0]).toMatch(/gaps\.json cannot be written: /);
    expect(book.usual(7 * DAY).gap).toBe(0.2);
  });
});
