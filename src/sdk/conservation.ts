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
import { toAccountId } from "../chain/optionId.ts";

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

  result(): ConservationResult {
    const { claims, held, checkedBlocks, violations, examples } = this;
    return { claims, held, checkedBlocks, violations, examples };
  }

  private get tokens(): readonly (Token & { readonly marketId?: number })[] {
    const { quoteToken, quoteSymbol, quoteDecimals, markets } = this.deployment;
    return [
      { symbol: quoteSymbol, address: quoteToken, decimals: quoteDecimals },
      ...markets.map(({ symbol, baseToken, baseDecimals, marketId }) => ({
        symbol,
        address: baseToken,
        decimals: baseDecimals,
        marketId,
      })),
    ];
  }

  /** Accounts and expiries that the new blocks' events name. */
  private async discover(fromBlock: bigint, toBlock: bigint): Promise<void> {
    const raw = await this.client.getLogs({ address: this.deployment.clearinghouse, fromBlock, toBlock });
    for (const { eventName, args } of parseEventLogs({ abi: clearinghouseAbi, logs: raw })) {
      if ("account" in args && typeof args.account === "bigint") this.accounts.add(args.account);
      if (eventName === "CashMoved") this.accounts.add(args.from).add(args.to);
      if (eventName === "Traded") this.accounts.add(args.taker).add(args.maker);
      if (eventName === "SettlementStarted") {
        this.expiries.set(`${args.marketId}-${args.expiry}`, [args.marketId, args.expiry]);
      }
    }
    if (this.checkedBlocks > 0) return;
    const protocol = await this.client.readContract({ ...this.ledger, functionName: "protocolAccount" });
    this.accounts.add(protocol);
  }

  private get ledger() {
    return { address: this.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  }

  private read(functionName: "cash" | "pot" | "base", args: readonly unknown[]) {
    return { ...this.ledger, functionName, args };
  }

  private async checkBlock(blockNumber: bigint, isLast: boolean): Promise<void> {
    const accounts = [...this.accounts];
    const expiries = [...this.expiries.values()];
    const cash = accounts.map((account) => this.read("cash", [account]));
    const pots = expiries.map((expiry) => this.read("pot", expiry));
    for (const token of this.tokens) {
      const { marketId } = token;
      const parts =
        marketId === undefined ? [...cash, ...pots] : accounts.map((account) => this.read("base", [account, marketId]));
      const balance = {
        address: token.address,
        abi: erc20Abi,
        functionName: "balanceOf",
        args: [this.deployment.clearinghouse],
      };
      const contracts = [balance, ...parts] as unknown as readonly ContractFunctionParameters[];
      const [held, ...claims] = (await this.client.multicall({
        contracts,
        allowFailure: false,
        deployless: true,
        batchSize: 0,
        blockNumber,
      })) as bigint[];
      const total = claims.reduce((sum, claim) => sum + claim, 0n);
      if (total !== held) {
        this.violations += 1;
        const example = { block: Number(blockNumber), token: token.symbol, claims: total, held: held ?? 0n };
        if (this.examples.length < MAX_EXAMPLES) this.examples.push(example);
      }
      if (isLast) {
        this.claims[token.symbol] = formatUnits(total, token.decimals);
        this.held[token.symbol] = formatUnits(held ?? 0n, token.decimals);
      }
    }
    this.checkedBlocks += 1;
  }
}
