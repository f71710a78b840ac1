import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

/** Where each layer may reach besides itself. The first that matches a file is its layer. */
const layers: readonly { readonly folder: string; readonly mayImport: readonly string[] }[] = [
  { folder: "pricing", mayImport: [] },
  { folder: "src/runtime", mayImport: [] },
  { folder: "src/chain", mayImport: ["pricing", "src/runtime"] },
  {
    folder: "src/market-data",
    mayImport: [
      "pricing",
      "src/runtime",
      "src/chain",
      "src/market/world.ts",
      "src/market/random.ts",
      "src/market/listing.ts",
      "src/market/venuePricing.ts",
    ],
  },
  { folder: "src/sdk", mayImport: ["pricing", "src/runtime", "src/chain"] },
  { folder: "src/volatility-oracle", mayImport: ["pricing", "src/runtime", "src/chain", "src/market-data"] },
  { folder: "src", mayImport: ["pricing", "src"] },
  { folder: "lp-cli", mayImport: ["pricing", "src"] },
];

const sources = ["pricing", "src", "lp-cli"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file)),
);

/** Relative imports of a file, as paths from the root. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) =>
    relative(root, normalize(join(root, dirname(file), match[1] as string))),
  );
}

const inside = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

describe("layers", () => {
  test("there are files to look at, and they import each other", () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(80);
  });

  test("arrows point inwards only", () => {
    const wrong = sources.flatMap((file) => {
      const layer = layers.find(({ folder }) => inside(file, folder));
      const allowed = [layer?.folder ?? "", ...(layer?.mayImport ?? [])];
      return importsOf(file)
        .filter((target) => !allowed.some((place) => inside(target, place)))
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test("pricing has no clock, no chance, no network and no file", () => {
    const impure = sources
      .filter((file) => inside(file, "pricing"))
      .filter((file) =>
        /Date\.now|Math\.random|from "node:|from "viem|fetch\(/.test(readFileSync(join(root, file), "utf8")),
      );
    expect(impure).toEqual([]);
  });
});
