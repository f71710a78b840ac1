import { expect, test } from "vitest";
import { deriveConstants, differences } from "../../scripts/deriveConstants.ts";

test("the constants in Solidity and TypeScript are those that Remez' algorithm finds", () => {
  const derivation = deriveConstants();
  expect(derivation.libraries.flatMap(({ constants }) => Object.keys(constants)).length).toBeGreaterThan(50);
  expect(differences(derivation)).toEqual([]);
  expect(derivation.errors.exp.toNumber()).toBeLessThan(4.5e-23);
  expect(derivation.errors.ln.toNumber()).toBeLessThan(7.9e-23);
  expect(derivation.errors.mills.toNumber()).toBeLessThan(4.1e-22);
  expect(derivation.errors.millsShort.toNumber()).toBeLessThan(5e-15);
  expect(derivation.errors.guess.toNumber()).toBeLessThan(0.013);
});

test("a constant that differs by one is found", () => {
  const derivation = deriveConstants();
  const [first, ...others] = derivation.libraries;
  const altered = { ...first!, constants: { ...first!.constants, G0: first!.constants.G0! + 1n } };
  expect(differences({ ...derivation, libraries: [altered, ...others] })).toHaveLength(2);
});
