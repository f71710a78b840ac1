import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A wire between two nodes that can be cut: then nothing comes through and nobody is told. */
export class Link {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private cut = false;

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(targetPort: number): Promise<Link> {
    const server = createServer();
    const link = new Link(server);
    server.on("connection", (near) => link.relay(near, targetPort));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  set isCut(cut: boolean) {
    this.cut = cut;
    // What is on its way is lost too.
    if (cut) for (const socket of this.sockets) socket.pause();
    else for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private relay(near: Socket, targetPort: number): void {
    this.keep(near);
    if (this.cut) {
      near.pause();
      return;
    }
    const far = connect(targetPort, "127.0.0.1");
    this.keep(far);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
  }
}
