/** A local chain on which contracts are put rather than deployed, and called at a time of the test's choice. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Abi, decodeFunctionResult, encodeFunctionData, type Hex, keccak256, stringToHex } from "viem";
import { binaries, root, startAnvil } from "./pricingHarness.ts";

/** A contract that was put on the chain. */
export interface PlacedContract {
  /** Decoded answer of a call in a block of this time, with more gas than a block has. */
  call(functionName: string, args: readonly unknown[], time?: number): Promise<unknown>;
}

export interface CodeChain {
  /** Puts a contract of a file of the same name, or of `file`, at an address. */
  place(address: Hex, contract: string, file?: string): Promise<PlacedContract>;
  /** Its code for deployment, linked to libraries that are put on the chain. */
  creationCode(contract: string): Promise<Hex>;
  stop(): void;
}

/** Builds the sources and starts anvil. */
export async function startCodeChain(...sources: readonly string[]): Promise<CodeChain> {
  execFileSync(path.join(binaries, "forge"), ["build", ...sources], { cwd: root });
  const artifactOf = (contract: string, file: string) =>
    JSON.parse(readFileSync(path.join(root, `out/${file}.sol/${contract}.json`), "utf8"));
  const { anvil, url } = await startAnvil();
  const rpc = async (method: string, params: unknown[]): Promise<Hex> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const answer = (await response.json()) as { result?: Hex; error?: { message: string; data?: string } };
    if (answer.error) throw new Error(`${method}: ${answer.error.message} ${answer.error.data ?? ""}`);
    return answer.result ?? "0x";
  };
  return {
    place: async (address, contract, file = contract) => {
      const artifact = artifactOf(contract, file);
      const abi = artifact.abi as Abi;
      await rpc("anvil_setCode", [address, artifact.deployedBytecode.object]);
      return {
        call: async (functionName, args, time = 1) => {
          const data = encodeFunctionData({ abi, functionName, args });
          const transaction = { to: address, data, gas: "0x3b9aca00" };
          const result = await rpc("eth_call", [transaction, "latest", {}, { time: `0x${time.toString(16)}` }]);
          return decodeFunctionResult({ abi, functionName, data: result });
        },
      };
    },
    creationCode: async (contract) => {
      const { object, linkReferences } = artifactOf(contract, contract).bytecode;
      let code: string = object;
      for (const libraries of Object.values<Record<string, readonly { start: number }[]>>(linkReferences)) {
        for (const [library, places] of Object.entries(libraries)) {
          const address = `0x${keccak256(stringToHex(library)).slice(-40)}` as const;
          await rpc("anvil_setCode", [address, artifactOf(library, library).deployedBytecode.object]);
          for (const { start } of places) {
            const at = 2 + 2 * start; // behind 0x, two digits a byte
            code = code.slice(0, at) + address.slice(2) + code.slice(at + 40);
          }
        }
      }
      return code as Hex;
    },
    stop: () => void anvil.kill(),
  };
}
