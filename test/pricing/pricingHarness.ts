/** The Solidity pricing libraries on a local chain, many inputs to a call: shared by the differential and error tests. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { toFunctionSelector } from "viem";
import { z } from "zod";

export const root = path.join(import.meta.dirname, "../..");
export const binaries = path.join(root, "node_modules/.bin");
const address = "0x00000000000000000000000000000000000ba51c";
const meterAddress = "0x00000000000000000000000000000000000ba51d";
const callsPerBatch = 500;

/** What the harness answered to one input: the words returned, or the selector of the error. */
export type Answer = { readonly words: readonly bigint[] } | { readonly errorSelector: string };

/** One call of a meter: its gas, frame included, and the word it returned. */
export interface Metered {
  readonly gas: number;
  readonly result: bigint;
}

export interface PricingHarness {
  /** Calls `signature`, whose arguments and results are static words, once for each row of `inputs`. */
  call(signature: string, outWords: number, inputs: readonly (readonly bigint[])[]): Promise<Answer[]>;
  /** Runs a meter of test/contracts/pricing/PricingGas.sol or like it once for each row of five words. */
  measure(meterCode: string, inputs: readonly (readonly bigint[])[]): Promise<readonly Metered[]>;
  stop(): void;
}

const rpcAnswer = z.object({ result: z.unknown(), error: z.object({ message: z.string() }).optional() });

const word = (x: bigint) => BigInt.asUintN(256, x).toString(16).padStart(64, "0");
const measureSelector = toFunctionSelector("measure(uint256[5][])");
const batchSelector = toFunctionSelector("batch(bytes4,uint256,uint256,uint256[])");

/** Deployed bytecode of a contract that forge has built into `out`. */
export function codeOf(out: string, file: string, contract: string): string {
  const artifact = JSON.parse(readFileSync(path.join(root, out, `${file}.sol`, `${contract}.json`), "utf8"));
  return z.object({ deployedBytecode: z.object({ object: z.string() }) }).parse(artifact).deployedBytecode.object;
}

/** Builds the harness, starts anvil and puts the code there. */
export async function startPricingHarness(): Promise<PricingHarness> {
  execFileSync(path.join(binaries, "forge"), ["build", "test/contracts/pricing"], { cwd: root });
  const { anvil, url } = await startAnvil();
  const rpc = async (method: string, params: unknown[]): Promise<string> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const answer = rpcAnswer.parse(await response.json());
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return typeof answer.result === "string" ? answer.result : "";
  };
  await rpc("anvil_setCode", [address, codeOf("out", "PricingHarness", "PricingHarness")]);

  const callBatch = async (signature: string, outWords: number, rows: readonly (readonly bigint[])[]) => {
    const inWords = rows[0]!.length;
    const flat = rows.flat();
    const head = [BigInt(toFunctionSelector(signature)) << 224n, BigInt(inWords), BigInt(outWords), 128n];
    const data = batchSelector + [...head, BigInt(flat.length), ...flat].map(word).join("");
    const gas = "0x3b9aca00";
    const result = (await rpc("eth_call", [{ to: address, data, gas }, "latest"])).slice(2 + 128);
    return rows.map((_row, row): Answer => {
      const words = Array.from({ length: outWords + 1 }, (_word, i) => {
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
    async measure(meterCode, inputs) {
      await rpc("anvil_setCode", [meterAddress, meterCode]);
      const metered: Metered[] = [];
      for (let at = 0; at < inputs.length; at += callsPerBatch) {
        const rows = inputs.slice(at, at + callsPerBatch);
        const data = measureSelector + [32n, BigInt(rows.length), ...rows.flat()].map(word).join("");
        const answer = (await rpc("eth_call", [{ to: meterAddress, data, gas: "0x3b9aca00" }, "latest"])).slice(2);
        const wordAt = (i: number) => BigInt(`0x${answer.slice(i * 64, (i + 1) * 64)}`);
        // Two offsets, a length, a word of gas for each call, a length, a result for each call.
        for (let i = 0; i < rows.length; i++) {
          metered.push({ gas: Number(wordAt(3 + i)), result: wordAt(4 + rows.length + i) });
        }
      }
      return metered;
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
