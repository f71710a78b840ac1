import type { Address } from "viem";
import { MeniscusError } from "../src/runtime/errors.ts";
import { type Connection, connect, findPool, type Pool, Sender } from "../src/sdk/client.ts";
import type { ProtocolHistory } from "../src/sdk/history.ts";
import { databaseLocation, readHistory } from "./history.ts";
import { type KeySources, signingAccount, watchedAddress } from "./keys.ts";
import { confirm } from "./prompt.ts";

/** What every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly profile?: string;
  readonly rpc: string;
  readonly deployment?: string;
  readonly pool?: string;
  readonly as?: string;
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly database?: string;
  readonly yes?: boolean;
}

/** What a command works with: the protocol, opened when it is asked for, and the person at the terminal. */
export class Session {
  readonly options: GlobalOptions;
  readonly keys: KeySources;
  private readonly show: (text: string) => void;
  private opened: Promise<Connection> | undefined;
  private read: Promise<ProtocolHistory> | undefined;

  /** @param show Where messages that are not the answer go. */
  constructor(options: GlobalOptions, environment: KeySources["environment"], show: (text: string) => void) {
    this.options = options;
    this.keys = { as: options.as, keystore: options.keystore, passwordFile: options.passwordFile, environment };
    this.show = show;
  }

  /** Says something that is not part of the answer. */
  say(text: string): void {
    this.show(text);
  }

  async connection(): Promise<Connection> {
    this.opened ??= connect({ rpcUrl: this.options.rpc, deploymentFile: this.options.deployment });
    return await this.opened;
  }

  async pool(): Promise<Pool> {
    return findPool(await this.connection(), this.options.pool);
  }

  /** Everything the protocol's contracts have said, as of the first call. */
  async history(): Promise<ProtocolHistory> {
    const connection = await this.connection();
    const location = databaseLocation(this.options.database, this.keys.environment, connection.deployment);
    this.read ??= readHistory(connection, location, (text) => this.say(text));
    return await this.read;
  }

  /** Opens the key and the connection that a transaction needs. */
  async sender(): Promise<Sender> {
    const connection = await this.connection();
    const account = await signingAccount(this.keys);
    return new Sender(connection, account, (text) => this.say(text));
  }

  /** Whose position is read; needs no key. */
  owner(): Address {
    const owner = watchedAddress(this.keys);
    if (owner) return owner;
    throw new MeniscusError("key", "Whose position? There is no key and no address.", {
      hint: "Pass --as 0x… or --as NAME, or set MENISCUS_PRIVATE_KEY.",
    });
  }

  /** The same, where it is only nice to know. */
  ownerIfKnown(): Address | undefined {
    return watchedAddress(this.keys);
  }

  /** Shows what is about to happen and asks. */
  async confirm(preview: string, question: string): Promise<void> {
    if (!this.options.yes) this.say(preview);
    await confirm(question, this.options.yes === true);
  }
}
