import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** What a test does to an answer on its way: another text, another status, a wait, or nothing at all. */
export interface Mangled {
  readonly text?: string;
  readonly status?: number;
  readonly afterMilliseconds?: number;
  /** The connection is closed without an answer. */
  readonly cut?: boolean;
}

/** Stands between a source and a venue that speaks the real protocol, and breaks what comes through. */
export class FaultyVenue {
  readonly asked: string[] = [];
  /** How many WebSockets were opened so far. */
  opened = 0;
  /** What becomes of the answer to a path; the answer as it was where it returns nothing. */
  mangle: (path: string, text: string) => Mangled | undefined = () => undefined;
  /** What becomes of a notification: none, one or several texts. */
  mangleWord: (text: string) => readonly string[] = (text) => [text];
  private readonly target: string;
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({ noServer: true });
  private readonly connections = new Set<Socket>();

  private constructor(target: string) {
    this.target = target;
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.on("connection", (socket: Socket) => {
      this.connections.add(socket);
      socket.on("close", () => this.connections.delete(socket));
    });
    this.server.on("upgrade", (request, socket, head) => {
      this.sockets.handleUpgrade(request, socket, head, (client) => this.relay(client, request.url ?? ""));
    });
  }

  /** @param target The venue's URL, as `VenueServer.url` gives it. */
  static async start(target: string): Promise<FaultyVenue> {
    const venue = new FaultyVenue(target);
    venue.server.listen(0, "127.0.0.1");
    await once(venue.server, "listening");
    return venue;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get listeners(): number {
    return this.sockets.clients.size;
  }

  /** Ends every open WebSocket as a crash of the venue would. */
  dropSockets(): void {
    for (const client of this.sockets.clients) client.terminate();
  }

  close(): void {
    this.dropSockets();
    for (const socket of this.connections) socket.destroy();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.asked.push(path);
    const real = await fetch(`${this.target}${path}`);
    const text = await real.text();
    const mangled = this.mangle(path, text);
    if (mangled?.cut) {
      request.socket.destroy();
      return;
    }
    setTimeout(() => {
      response.writeHead(mangled?.status ?? real.status, { "content-type": "application/json" });
      response.end(mangled?.text ?? text);
    }, mangled?.afterMilliseconds ?? 0);
  }

  private relay(client: WebSocket, path: string): void {
    this.opened += 1;
    const venue = new WebSocket(`${this.target.replace(/^http/, "ws")}${path}`);
    const early: string[] = [];
    client.on("message", (data) => {
      if (venue.readyState === WebSocket.OPEN) venue.send(data.toString());
      else early.push(data.toString());
    });
    venue.on("open", () => {
      for (const text of early) venue.send(text);
    });
    venue.on("message", (data) => {
      for (const text of this.mangleWord(data.toString())) client.send(text);
    });
    venue.on("error", () => client.terminate());
    client.on("close", () => venue.close());
  }
}
