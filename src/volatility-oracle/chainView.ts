import { type ChainOracle, type ChainState, NOTHING_REPORTED } from "./chainOracle.ts";
import type { NodeConfig } from "./config.ts";
import type { ReportKind } from "./consensus.ts";
import type { StoredMarket } from "./movement.ts";
import { quorumOf } from "./rounds.ts";

/** Who may sign, as the node has last seen it. */
export interface SignerView {
  readonly signerSet: number;
  /** Signatures that make a report. */
  readonly quorum: number;
  /** Why nothing can be signed under the contract's set; undefined where it is the configured one. */
  readonly trouble: string | undefined;
}

/** What of the contract is looked at. */
type ChainReader = Pick<ChainOracle, "state" | "signers" | "volatilities">;

/** What a node knows of its market's state on the chain, as of when it last looked. */
export class ChainView {
  private readonly chain: ChainReader;
  private readonly config: Pick<NodeConfig, "nodes">;
  private stored: (StoredMarket & { readonly round: number }) | undefined;
  state: ChainState = NOTHING_REPORTED;
  signers: SignerView;

  constructor(chain: ChainReader, config: Pick<NodeConfig, "nodes">) {
    this.chain = chain;
    this.config = config;
    this.signers = { signerSet: 0, quorum: quorumOf(config.nodes.length), trouble: undefined };
  }

  async refresh(): Promise<ChainState> {
    this.state = await this.chain.state();
    return this.state;
  }

  /** Follows the contract's signer set where it is still that of the configuration, whatever its number. */
  async refreshSigners(): Promise<SignerView> {
    const { nodes } = this.config;
    const { signerSet, signers, quorum } = await this.chain.signers();
    const isOurs =
      signers.length === nodes.length &&
      nodes.every(({ address, signer = address }, i) => signer.toLowerCase() === signers[i]?.toLowerCase());
    const trouble = isOurs
      ? undefined
      : `signer set ${signerSet} of the contract is not the configured nodes: update \`nodes\` and restart`;
    this.signers = { signerSet, quorum, trouble };
    return this.signers;
  }

  /** Model time of the last report of a kind that the chain has, be it confirmed or not. */
  lastTime(kind: ReportKind): number {
    const { surfaceTime, spotTime, waiting } = this.state;
    return kind === "surface" ? Math.max(surfaceTime, waiting.surfaceTime) : Math.max(spotTime, waiting.spotTime);
  }

  /** The last round that the chain has, be it confirmed or not. */
  get lastRound(): number {
    return Math.max(this.state.round, this.state.waiting.round);
  }

  /** The confirmed surface at the money, read once for each of its rounds. */
  async readStored(): Promise<StoredMarket> {
    const { round, surfaceTime, surfaceSpot } = this.state;
    if (this.stored?.round !== round) {
      const volatilities = round === 0 ? [] : await this.chain.volatilities(surfaceTime);
      this.stored = { round, time: surfaceTime, spot: surfaceSpot, volatilities };
    }
    return this.stored;
  }
}
