import { ZodError } from "zod";

/** What kind of failure it is; decides the exit code and whether trying again can help. */
export type ErrorKind =
  | "usage" // the command or its input is wrong
  | "key" // a key is missing or wrong
  | "network" // a node, venue or port cannot be reached or is the wrong one
  | "funds" // balance, allowance or margin is missing
  | "market" // the market says no: price past the limit, stale surface, unlisted strike
  | "data" // a file or an answer does not have the expected form
  | "internal"; // a defect of ours

const exitCodes: Record<ErrorKind, number> = {
  usage: 2,
  key: 3,
  network: 4,
  funds: 5,
  market: 6,
  data: 7,
  internal: 70,
};

/**
 * An error a person reads: one line that says what happened, and one that says what to do.
 *
 * @example
 * throw new MeniscusError("network", "No answer from http://127.0.0.1:8545", {
 *   hint: "Start a local market with `npm start`, or pass --rpc URL.",
 *   retryable: true,
 * });
 */
export class MeniscusError extends Error {
  override readonly name = "MeniscusError";
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(
    kind: ErrorKind,
    message: string,
    options: { readonly hint?: string; readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** One line for a person, whatever was thrown. */
export function describeError(error: unknown): string {
  if (error instanceof MeniscusError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  if (error instanceof ZodError) return describeIssue(error);
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
}

/** The first field that does not have its form: `noise.buyers: Too big`. */
function describeIssue({ issues: [issue] }: ZodError): string {
  const message = issue?.message ?? "malformed";
  return issue && issue.path.length > 0 ? `${issue.path.join(".")}: ${message}` : message;
}
