import { afterEach, describe, expect, test, vi } from "vitest";
import { bold } from "../../lp-cli/output/colour.ts";
import { toCsv } from "../../lp-cli/output/csv.ts";
import { addingUp, amount, contracts, duration, orDash, percent, signed } from "../../lp-cli/output/format.ts";
import { toJson } from "../../lp-cli/output/json.ts";
import { facts, table } from "../../lp-cli/output/table.ts";

describe("numbers", () => {
  test("thousands, decimals, no negative zero", () => {
    expect(amount(1234567.891)).toBe("1,234,567.89");
    expect(amount(-0.001)).toBe("0.00");
    expect(signed(0.001)).toBe("0.00");
    expect(signed(1.5)).toBe("+1.50");
    expect(signed(-1.5)).toBe("-1.50");
  });

  test("rounded amounts add up to the rounded sum, or to what is shown", () => {
    expect(addingUp([0.333, 0.333, 0.334])).toEqual([0.33, 0.33, 0.34]);
    expect(addingUp([0.334, 0.333, 0.333])).toEqual([0.34, 0.33, 0.33]);
    expect(addingUp([0.005, 0.005, 0.005, -1.004])).toEqual([0, 0, 0.01, -1]);
    expect(addingUp([1.2, -0.2], 1.01)).toEqual([1.21, -0.2]);
    expect(addingUp([])).toEqual([]);
    for (let seed = 1; seed < 200; seed++) {
      const values = Array.from({ length: 17 }, (_, i) => Math.sin(seed * 97 + i * 31) * 10 ** (i % 6));
      const cents = addingUp(values).map((value) => Math.round(value * 100));
      const sum = values.reduce((total, value) => total + value, 0);
      expect(cents.reduce((total, value) => total + value, 0)).toBe(Math.round(sum * 100));
      for (const [i, value] of values.entries()) expect(Math.abs((cents[i] ?? 0) - value * 100)).toBeLessThan(1);
    }
  });

  test("shares, contracts, times, gaps", () => {
    expect(percent(0.6123)).toBe("61.2 %");
    expect(contracts(0.000001)).toBe("0.000001");
    expect(contracts(-12)).toBe("-12");
    expect([duration(59), duration(600), duration(86_400), duration(864_000)]).toEqual([
      "59 s",
      "10 min",
      "24 h",
      "10 d",
    ]);
    expect(orDash<number>(null, amount)).toBe("–");
  });
});

describe("tables", () => {
  test("numbers end in one column, and no line has blanks at its end", () => {
    const text = table(
      [{ title: "name", align: "left" }, { title: "USDC" }],
      [
        ["long name", "1.00"],
        ["b", "1,000.00"],
      ],
    );
    expect(text.split("\n")).toEqual(["name           USDC", "long name      1.00", "b          1,000.00"]);
  });

  test("facts align values and keep their notes", () => {
    expect(
      facts([
        ["a", "1.00", "USDC"],
        ["bb", "10.00"],
      ]).split("\n"),
    ).toEqual(["a    1.00  USDC", "bb  10.00"]);
  });
});

describe("colours", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("on a terminal only, and not where NO_COLOR is set", () => {
    const before = process.stdout.isTTY;
    try {
      process.stdout.isTTY = true;
      vi.stubEnv("NO_COLOR", "");
      vi.stubEnv("TERM", "xterm");
      expect(bold("x")).toBe("\u001b[1mx\u001b[22m");
      vi.stubEnv("NO_COLOR", "1");
      expect(bold("x")).toBe("x");
      vi.stubEnv("NO_COLOR", "");
      process.stdout.isTTY = false;
      expect(bold("x")).toBe("x");
    } finally {
      process.stdout.isTTY = before;
    }
  });
});

test("JSON keeps integers that a double cannot hold", () => {
  expect(JSON.parse(toJson({ id: 2n ** 100n, price: 1.5, bid: null }))).toEqual({
    id: "1267650600228229401496703205376",
    price: 1.5,
    bid: null,
  });
});

test("CSV has a header, nested columns, quotes where needed, and nothing for what is missing", () => {
  const rows = [
    { name: "a, b", parts: { fees: 1.5, gamma: null }, legs: [1], units: 12345678901234567890n },
    { name: 'say "x"', parts: { fees: -2 }, worst: true },
  ];
  expect(toCsv(rows).split("\n")).toEqual([
    "name,parts.fees,units,worst",
    '"a, b",1.5,12345678901234567890,',
    '"say ""x""",-2,,true',
  ]);
  expect(toCsv([])).toBe("");
});
