import { ExponentialBackoff, handleWhen, retry } from "cockatiel";
import PQueue from "p-queue";
import type { z } from "zod";
import { describeError, MeniscusError } from "../runtime/errors.ts";

/** How hard a venue may be asked. */
export interface HttpLimits {
  /** Requests that may start in one second. */
  readonly requestsPerSecond: number;
  readonly concurrency: number;
  readonly timeoutMilliseconds: number;
  /** Further attempts after one that failed in a way that trying again can help. */
  readonly retries: number;
  /** The first wait between attempts; later ones grow exponentially, with decorrelated jitter, up to two seconds. */
  readonly firstWaitMilliseconds: number;
  /** Longer answers are not read to their end. */
  readonly maxBytes: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestsPerSecond: 20,
  concurrency: 6,
  timeoutMilliseconds: 3_000,
  retries: 2,
  firstWaitMilliseconds: 50,
  maxBytes: 8_000_000,
};

const LONGEST_WAIT_MILLISECONDS = 2_000;

const isRetryable = (error: Error): boolean => error instanceof MeniscusError && error.retryable;

/** JSON over HTTP from somebody who may be slow, gone, or talking nonsense: limited, timed out, tried again, parsed. */
export class HttpSource {
  private readonly base: string;
  private readonly limits: HttpLimits;
  private readonly queue: PQueue;
  private readonly policy;

  /** @param base URL without a trailing slash. */
  constructor(base: string, limits: Partial<HttpLimits> = {}) {
    this.base = base;
    this.limits = { ...defaultHttpLimits, ...limits };
    this.queue = new PQueue({
      concurrency: this.limits.concurrency,
      interval: 1_000,
      intervalCap: this.limits.requestsPerSecond,
    });
    this.policy = retry(handleWhen(isRetryable), {
      maxAttempts: this.limits.retries,
      backoff: new ExponentialBackoff({
        initialDelay: this.limits.firstWaitMilliseconds,
        maxDelay: LONGEST_WAIT_MILLISECONDS,
      }),
    });
  }

  /**
   * Asks for `path` and parses the answer.
   *
   * @throws MeniscusError `network` where nothing answers, `data` where the answer has another form.
   */
  async get<T>(path: string, parameters: Readonly<Record<string, string>>, schema: z.ZodType<T>): Promise<T> {
    const query = new URLSearchParams(parameters).toString();
    const where = `${this.base}${path}`;
    const url = query === "" ? where : `${where}?${query}`;
    return await this.policy.execute(() => this.queue.add(() => this.once(url, where, schema)));
  }

  private async once<T>(url: string, where: string, schema: z.ZodType<T>): Promise<T> {
    let text: string;
    let status: number;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(this.limits.timeoutMilliseconds) });
      status = response.status;
      text = await readLimited(response, this.limits.maxBytes);
    } catch (cause) {
      throw new MeniscusError("network", `No answer from ${where}: ${describeError(cause)}.`, {
        retryable: true,
        cause,
      });
    }
    if (status === 429 || status >= 500) {
      throw new MeniscusError("network", `${where} answers ${status}.`, { retryable: true });
    }
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new MeniscusError("data", `${where}: ${describeError(parsed.error)}.`, {
      // A garbled answer may be followed by a good one; a refusal will be repeated.
      retryable: status === 200,
    });
  }
}

async function readLimited(response: Response, maxBytes: number): Promise<string> {
  if (!response.body) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The value, or undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
