// An owner of an outbox, in the test's process or, started as a program, in one of its own that can be killed.
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Address,
  type Chain,
  createPublicClient,
  encodeFunctionData,
  type Hex,
  http,
  type PublicClient,
  type Transport,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { NodeWatch } from "../../src/bots/nodeWatch.ts";
import { localTokenAbi } from "../../src/chain/abis.ts";
import { localChain } from "../../src/chain/anvil.ts";
import { type Intent, Outbox, type OutboxTerms } from "../../src/chain/outbox.ts";

/** What a provider that is a process is told. */
export interface ProviderOrder {
  readonly url: string;
  readonly chainId: number;
  readonly token: Hex;
  readonly owners: readonly Address[];
  readonly file: string;
  readonly terms: OutboxTerms;
}
type OrderText = Omit<ProviderOrder, "terms"> & { readonly terms: Record<keyof OutboxTerms, string> };

/** One token for somebody. */
export function giving(token: Hex, to: Address): Intent {
  const data = encodeFunctionData({ abi: localTokenAbi, functionName: "mint", args: [to, 1n] });
  return { to: token, data, gas: 100_000n };
}

/**
 * Looks, and gives a token to whoever has none, until all have one. What goes wrong is met by looking again.
 *
 * @returns Whether it came to its end in time.
 */
export async function provideOnce(
  box: Outbox,
  options: {
    readonly client: PublicClient<Transport, Chain>;
    readonly token: Hex;
    readonly owners: readonly Address[];
    readonly patienceMilliseconds: number;
  },
  say: (text: string) => void,
  watch?: NodeWatch,
): Promise<boolean> {
  const { client, token, owners, patienceMilliseconds } = options;
  const until = performance.now() + patienceMilliseconds;
  while (performance.now() < until) {
    try {
      await watch?.check();
      await box.settleOpen();
      let missing = 0;
      for (const owner of owners) {
        const call = { address: token, abi: localTokenAbi, functionName: "balanceOf", args: [owner] } as const;
        if ((await client.readContract(call)) > 0n) continue;
        missing += 1;
        await box.send(giving(token, owner));
      }
      if (missing === 0) return true;
    } catch (error) {
      say(String(error).split("\n")[0] ?? "");
      await sleep(20);
    }
  }
  return false;
}

/** An order as JSON takes it. */
export function toText({ terms, ...order }: ProviderOrder): OrderText {
  const { maxFee, priorityFee, replaceAfterMilliseconds, bids } = terms;
  const text = { maxFee: String(maxFee), priorityFee: String(priorityFee) };
  return {
    ...order,
    terms: { ...text, replaceAfterMilliseconds: String(replaceAfterMilliseconds), bids: String(bids) },
  };
}

const [, program, given] = process.argv;
if (program?.endsWith("provider.mjs") && given !== undefined) {
  const { url, chainId, token, owners, file, terms } = JSON.parse(given) as OrderText;
  const client = createPublicClient({
    chain: localChain(url, chainId),
    cacheTime: 0,
    transport: http(url, { retryCount: 0 }),
  });
  const account = privateKeyToAccount(process.env.MENISCUS_DRILL_KEY as Hex);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const { maxFee, priorityFee, replaceAfterMilliseconds, bids } = terms;
  const box = new Outbox(client, account, {
    terms: {
      maxFee: BigInt(maxFee),
      priorityFee: BigInt(priorityFee),
      replaceAfterMilliseconds: Number(replaceAfterMilliseconds),
      bids: Number(bids),
    },
    file,
    notice: say,
  });
  process.exitCode = (await provideOnce(box, { client, token, owners, patienceMilliseconds: 20_000 }, say)) ? 0 : 1;
}
