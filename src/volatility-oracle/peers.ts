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

const PEER_MILLISECONDS = 1_000;

/** Tells all peers, and waits for none of them. */
export function broadcast(peers: readonly Peer[], path: string, message: unknown): void {
  const text = JSON.stringify(message);
  for (const peer of peers) void post(peer, path, text);
}

/** Asks all peers; resolves when `enough` says so, or when every peer has answered or been silent for a second. */
export function ask(
  peers: readonly Peer[],
  path: string,
  message: unknown,
  take: (answer: PeerAnswer) => Promise<void>,
  enough: () => boolean,
): Promise<void> {
  const text = JSON.stringify(message);
  return new Promise((resolve, reject) => {
    let open = peers.length;
    if (open === 0) resolve();
    for (const peer of peers) {
      post(peer, path, text)
        .then(async (answer) => {
          if (answer) await take(answer);
          open -= 1;
          if (open === 0 || enough()) resolve();
        })
        .catch(reject);
    }
  });
}

async function post({ index, url }: Peer, path: string, text: string): Promise<PeerAnswer | undefined> {
  try {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: text,
      signal: AbortSignal.timeout(PEER_MILLISECONDS),
    });
    return { index, ok: response.ok, body: await response.json() };
  } catch {
    return undefined;
  }
}
