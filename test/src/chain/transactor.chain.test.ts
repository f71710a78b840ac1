import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localTokenAbi, localTokenBytecode } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import { MeniscusError } from "../../../src/runtime/errors.ts";

let anvil: Anvil;
let token: `0x${string}`;

beforeAll(async () => {
  anvil = await startAnvil();
  token = await transactor(0, false).deploy(localTokenAbi, localTokenBytecode, ["USD Coin", "USDC", 6]);
});
afterAll(() => anvil.stop());

const transactor = (index: number, unasked: boolean) =>
  new Transactor(anvil.publicClient, anvil.wallet(index), { sync: true, unasked });

describe("a transaction that is sent unasked", () => {
  test("does what one with an estimate does, one after another", async () => {
    const [address, deployer] = [anvil.address(0), transactor(0, true)];
    await deployer.write(token, localTokenAbi, "mint", [address, 5n]);
    await transactor(0, false).write(token, localTokenAbi, "mint", [address, 6n]);
    const { gasUsed } = await deployer.write(token, localTokenAbi, "mint", [address, 7n]);
    const balance = await anvil.publicClient.readContract({
      address: token,
      abi: localTokenAbi,
      functionName: "balanceOf",
      args: [address],
    });
    expect(balance).toBe(18n);
    expect(gasUsed).toBeGreaterThan(21_000n);
  });

  test("is refused by its receipt where it reverts, without the error's name", async () => {
    const stranger = [anvil.address(1), 1n] as const;
    const refused = transactor(1, true).write(token, localTokenAbi, "mint", stranger);
    await expect(refused).rejects.toThrow(MeniscusError);
    await expect(refused).rejects.toThrow(/reverted when it was mined/);
    const named = transactor(1, false).write(token, localTokenAbi, "mint", stranger);
    await expect(named).rejects.not.toThrow(MeniscusError);
  });
});
