import { ExponentialBackoff } from "cockatiel";
import { type RawData, WebSocket } from "ws";

export interface LiveSocketOptions {
  readonly url: string;
  /** What to say when the connection opens, each time. */
  readonly greetings: readonly unknown[];
  readonly onText: (text: string) => void;
  /** A peer that leaves a ping unanswered for this long is gone, whatever TCP believes. */
  readonly silenceMilliseconds?: number;
  readonly firstWaitMilliseconds?: number;
  readonly longestWaitMilliseconds?: number;
}

const MAX_PAYLOAD_BYTES = 1_000_000;

/** A WebSocket that comes back by itself, after waits that grow exponentially with jitter. Returns what ends it. */
export function keepConnected(options: LiveSocketOptions): () => void {
  const silence = options.silenceMilliseconds ?? 10_000;
  const waits = new ExponentialBackoff<unknown>({
    initialDelay: options.firstWaitMilliseconds ?? 50,
    maxDelay: options.longestWaitMilliseconds ?? 5_000,
  });
  let wait = waits.next();
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pulse: NodeJS.Timeout | undefined;
  let stopped = false;

  const connect = () => {
    let alive = true;
    const current = new WebSocket(options.url, { maxPayload: MAX_PAYLOAD_BYTES, handshakeTimeout: silence });
    socket = current;
    current.on("open", () => {
      for (const greeting of options.greetings) current.send(JSON.stringify(greeting));
      pulse = setInterval(() => {
        if (!alive) {
          current.terminate();
          return;
        }
        alive = false;
        current.ping();
      }, silence);
    });
    current.on("pong", () => {
      alive = true;
    });
    current.on("message", (data) => {
      alive = true;
      // Only a connection that says something is worth an early attempt after its end.
      wait = waits.next();
      options.onText(textOf(data));
    });
    current.on("error", () => {}); // "close" follows and reconnects
    current.on("close", () => {
      clearInterval(pulse);
      if (stopped) return;
      timer = setTimeout(connect, wait.duration);
      wait = wait.next(undefined);
    });
  };
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    clearInterval(pulse);
    socket?.terminate();
  };
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}
