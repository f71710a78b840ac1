/** The Solidity pricing libraries on a local chain, many inputs to a call: shared by the differential and error tests. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { toFunctionSelector } from "viem";

export const root = path.join(import.meta.dirname, "../..");
export const binaries = path.join(root, "node_modules/.bin");
const address = "0x00000000000000000000000000000000000ba51c";
const callsPerBatch = 500;

/** What the harness answered to one input: the words returned, or the selector of the error. */
export type Answer = { readonly words: readonly bigint[] } | { readonly errorSelector: string };

export interface PricingHarness {
  /** Calls `signature`, whose arguments and results are static words, once for each row of `inputs`. */
  call(signature: string, outWords: number, inputs: readonly (readonly bigint[])[]): Promise<Answer[]>;
  stop(): void;
}

const word = (x: bigint) => BigInt.asUintN(256, x).toString(16).padStart(64, "0");
const batchSelector = toFunctionSelector("batch(bytes4,uint256,uint256,uint256[])");

/** Builds the harness, starts anvil and puts the code there. */
export async function startPricingHarness(): Promise<PricingHarness> {
  execFileSync(path.join(binaries, "forge"), ["build", "test/contracts/pricing/PricingHarness.sol"], { cwd: root });
  const artifact = JSON.parse(readFileSync(path.join(root, "out/PricingHarness.sol/PricingHarness.json"), "utf8"));
  const { anvil, url } = await startAnvil();
  const rpc = async (method: string, params: unknown[]): Promise<string> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const answer = (await response.json()) as { result?: string; error?: { message: string } };
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? "";
  };
  await rpc("anvil_setCode", [address, artifact.deployedBytecode.object]);

  const callBatch = async (signature: string, outWords: number, rows: readonly (readonly bigint[])[]) => {
    const inWords = rows[0]!.length;
    const flat = rows.flat();
    const head = [BigInt(toFunctionSelector(signature)) << 224n, BigInt(inWords), BigInt(outWords), 128n];
    const data = batchSelector + [...head, BigInt(flat.length), ...flat].map(word).join("");
    const gas = "0x3b9aca00";
    const result = (await rpc("eth_call", [{ to: address, data, gas }, "latest"])).slice(2 + 128);
    return rows.map((_, row): Answer => {
      const words = Array.from({ length: outWords + 1 }, (_, i) => {
        const at = (row * (outWords + 1) + i) * 64;
        return BigInt(`0x${result.slice(at, at + 64)}`);
      });
      const [success, ...values] = words;
      if (success === 1n) return { words: values };
      return { errorSelector: `0x${values[0]!.toString(16).padStart(8, "0")}` };
    });
  };

  return {
    async call(signature, outWords, inputs) {
      const answers: Answer[] = [];
      for (let at = 0; at < inputs.length; at += callsPerBatch) {
        answers.push(...(await callBatch(signature, outWords, inputs.slice(at, at + callsPerBatch))));
      }
      return answers;
    },
    stop: () => void anvil.kill(),
  };
}

export function startAnvil(): Promise<{ anvil: ChildProcess; url: string }> {
  const anvil = spawn(
    path.join(binaries, "anvil"),
    ["--port", "0", "--hardfork", "osaka", "--gas-limit", "1000000000"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  return new Promise((resolve, reject) => {
    anvil.once("exit", (code) => reject(new Error(`anvil ended with ${code}`)));
    anvil.stdout.on("data", (chunk) => {
      const port = /Listening on [^:]+:(\d+)/.exec(String(chunk))?.[1];
      if (port) resolve({ anvil, url: `http://127.0.0.1:${port}` });
    });
  });
}

/** A word as a signed number. */
export const signed = (x: bigint): bigint => BigInt.asIntN(256, x);
