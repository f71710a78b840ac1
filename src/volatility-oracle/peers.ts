export interface Peer {
  readonly index: number;
  readonly url: string;
}

/** What a peer answered; undefined where it was silent, which is no error here. */
export interface PeerAnswer {
  readonly index: number;
  readonly ok: boolean;
  readonly body: unknown;
}

/** How a node reaches the others. */
export interface PeerTransport {
  post(peer: Peer, path: string, text: string): Promise<PeerAnswer | undefined>;
}

const PEER_MILLISECONDS = 1_000;
const MAX_ANSWER_BYTES = 10_000;

/** HTTP, a second of patience, no retries: who is silent is passed over and asked again at the next moment. */
export const httpTransport: PeerTransport = {
  async post({ index, url }, path, text) {
    try {
      const response = await fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: text,
        signal: AbortSignal.timeout(PEER_MILLISECONDS),
      });
      if (Number(response.headers.get("content-length") ?? Infinity) > MAX_ANSWER_BYTES) {
        await response.body?.cancel();
        return undefined;
      }
      return { index, ok: response.ok, body: await response.json() };
    } catch {
      return undefined;
    }
  },
};

/** Tells all peers, and waits for none of them. */
export function broadcast(transport: PeerTransport, peers: readonly Peer[], path: string, message: unknown): void {
  const text = JSON.stringify(message);
  for (const peer of peers) void transport.post(peer, path, text);
}

/** Asks all peers; resolves when `enough` says so, or when every peer has answered or been silent for a second. */
export function ask(
  transport: PeerTransport,
  peers: readonly Peer[],
  path: string,
  message: unknown,
  take: (answer: PeerAnswer) => void,
  enough: () => boolean,
): Promise<void> {
  const text = JSON.stringify(message);
  return new Promise((resolve, reject) => {
    let open = peers.length;
    if (open === 0) resolve();
    for (const peer of peers) {
      transport
        .post(peer, path, text)
        .then((answer) => {
          if (answer) take(answer);
          open -= 1;
          if (open === 0 || enough()) resolve();
        })
        .catch(reject);
    }
  });
}
