import {
  type Address,
  type Chain,
  type ContractFunctionParameters,
  erc20Abi,
  formatUnits,
  type PublicClient,
  parseEventLogs,
  type Transport,
} from "viem";
import { clearinghouseAbi } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployments.ts";
import { fromAccountId, fromOptionId, toAccountId } from "../chain/optionId.ts";
import { accountsNamed } from "./accountsNamed.ts";

/** Claims and tokens held at the last checked block by token symbol, in tokens, and how many blocks disagreed. */
export interface ConservationResult {
  readonly claims: Readonly<Record<string, string>>;
  readonly held: Readonly<Record<string, string>>;
  readonly checkedBlocks: number;
  readonly violations: number;
  /** The first blocks that disagreed, with both sums in the token's units. */
  readonly examples: readonly {
    readonly block: number;
    readonly token: string;
    readonly claims: bigint;
    readonly held: bigint;
  }[];
}

/** Blocks that are checked at once. */
const CONCURRENCY = 8;
const MAX_EXAMPLES = 5;

interface Token {
  readonly symbol: string;
  readonly address: Address;
  readonly decimals: number;
  readonly isQuote: boolean;
  readonly marketIds: readonly number[];
}

/**
 * Holds the ledger to its word at every block: the sum of all claims (cash of every account, pots of every expiry, base of
 * every account) equals the tokens it holds. Claims are read account by account from the chain's state at that block, accounts
 * and expiries found in events; nothing is taken from the ledger's own sums.
 */
export class ConservationChecker {
  private readonly client: PublicClient<Transport, Chain>;
  private readonly deployment: Deployment;
  private readonly accounts = new Set<bigint>();
  private readonly expiries = new Map<string, readonly [marketId: number, expiry: number]>();
  private readonly examples: ConservationResult["examples"][number][] = [];
  private nextBlock: bigint;
  private checkedBlocks = 0;
  private violations = 0;
  private claims: Record<string, string> = {};
  private held: Record<string, string> = {};

  constructor(client: PublicClient<Transport, Chain>, deployment: Deployment) {
    this.client = client;
    this.deployment = deployment;
    this.nextBlock = BigInt(deployment.deployedAtBlock);
    for (const { poolShares, optionPool } of deployment.pools) {
      this.accounts.add(toAccountId(optionPool, 1)).add(toAccountId(poolShares, 1)).add(toAccountId(poolShares, 2));
    }
    this.accounts.add(toAccountId(deployment.insuranceFund, 1));
  }

  /** Checks every block since the last call, up to the chain's head. */
  async check(): Promise<void> {
    const head = await this.client.getBlockNumber();
    if (head < this.nextBlock) return;
    await this.discover(this.nextBlock, head);
    for (let first = this.nextBlock; first <= head; first += BigInt(CONCURRENCY)) {
      const blocks = Array.from({ length: CONCURRENCY }, (_, i) => first + BigInt(i)).filter((block) => block <= head);
      await Promise.all(blocks.map((block) => this.checkBlock(block, block === head)));
    }
    this.nextBlock = head + 1n;
  }

  /** Every margin account that events have named so far: who may hold positions. */
  marginAccounts(): readonly bigint[] {
    return [...this.accounts].filter((account) => fromAccountId(account).sub !== 0);
  }

  result(): ConservationResult {
    const { claims, held, checkedBlocks, violations, examples } = this;
    return { claims, held, checkedBlocks, violations, examples };
  }

  /** Every token of the ledger, with the markets whose base it is; the quote token has no market. */
  private get tokens(): readonly Token[] {
    const { quoteToken, quoteSymbol, quoteDecimals, markets } = this.deployment;
    const tokens = new Map<string, Token>();
    tokens.set(quoteToken.toLowerCase(), {
      symbol: quoteSymbol,
      address: quoteToken,
      decimals: quoteDecimals,
      isQuote: true,
      marketIds: [],
    });
    for (const { symbol, baseToken, baseDecimals, marketId } of markets) {
      const key = baseToken.toLowerCase();
      const known = tokens.get(key);
      const token = known ?? { symbol, address: baseToken, decimals: baseDecimals, isQuote: false, marketIds: [] };
      tokens.set(key, { ...token, marketIds: [...token.marketIds, marketId] });
    }
    return [...tokens.values()];
  }

  /** Accounts and expiries that the new blocks' events name. */
  private async discover(fromBlock: bigint, toBlock: bigint): Promise<void> {
    const raw = await this.client.getLogs({ address: this.deployment.clearinghouse, fromBlock, toBlock });
    for (const { eventName, args } of parseEventLogs({ abi: clearinghouseAbi, logs: raw })) {
      for (const account of accountsNamed(args)) this.accounts.add(account);
      if (eventName === "Traded") {
        // Shorts prepay their settlement: the pot of a series holds money long before it expires.
        for (const { option } of args.legs) this.noteExpiry(fromOptionId(option));
      }
      if (eventName === "SettlementStarted") this.noteExpiry(args);
    }
    if (this.checkedBlocks > 0) return;
    const protocol = await this.client.readContract({ ...this.ledger, functionName: "protocolAccount" });
    this.accounts.add(protocol);
  }

  private noteExpiry({ marketId, expiry }: { readonly marketId: number; readonly expiry: number }): void {
    this.expiries.set(`${marketId}-${expiry}`, [marketId, expiry]);
  }

  private get ledger() {
    return { address: this.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  }

  private read(functionName: "cash" | "pot" | "base", args: readonly unknown[]): ContractFunctionParameters {
    return { ...this.ledger, functionName, args };
  }

  /** One call for the whole block: the ledger's balance of each token, then whatever claims it. */
  private async checkBlock(blockNumber: bigint, isLast: boolean): Promise<void> {
    const { tokens } = this;
    const reads = tokens.map((token) => [this.balanceOf(token), ...this.claimsOn(token)]);
    const values = await this.client.multicall({
      contracts: reads.flat(),
      allowFailure: false,
      deployless: true,
      batchSize: 0,
      blockNumber,
    });
    let from = 0;
    for (const [i, token] of tokens.entries()) {
      const end = from + (reads[i]?.length ?? 0);
      const [held = 0n, ...claims] = values.slice(from, end).map(amountOf);
      this.compare(token, blockNumber, { claims: claims.reduce((sum, claim) => sum + claim, 0n), held }, isLast);
      from = end;
    }
    this.checkedBlocks += 1;
  }

  private balanceOf({ address }: Token): ContractFunctionParameters {
    return { address, abi: erc20Abi, functionName: "balanceOf", args: [this.deployment.clearinghouse] };
  }

  private claimsOn({ isQuote, marketIds }: Token) {
    const accounts = [...this.accounts];
    const cash = isQuote ? accounts.map((account) => this.read("cash", [account])) : [];
    const pots = isQuote ? [...this.expiries.values()].map((expiry) => this.read("pot", expiry)) : [];
    const base = marketIds.flatMap((marketId) => accounts.map((account) => this.read("base", [account, marketId])));
    return [...cash, ...pots, ...base];
  }

  private compare(
    token: Token,
    block: bigint,
    sums: { readonly claims: bigint; readonly held: bigint },
    keep: boolean,
  ) {
    const { claims, held } = sums;
    if (claims !== held) {
      this.violations += 1;
      const example = { block: Number(block), token: token.symbol, claims, held };
      if (this.examples.length < MAX_EXAMPLES) this.examples.push(example);
    }
    if (!keep) return;
    this.claims[token.symbol] = formatUnits(claims, token.decimals);
    this.held[token.symbol] = formatUnits(held, token.decimals);
  }
}

/** What `cash`, `pot`, `base` and `balanceOf` return. */
function amountOf(value: unknown): bigint {
  if (typeof value !== "bigint") throw new TypeError(`an amount was expected, not ${String(value)}`);
  return value;
}
