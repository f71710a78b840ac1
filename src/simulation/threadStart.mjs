// A thread starts without the loader that reads TypeScript.
import { register } from "tsx/esm/api";

register();
await import("./thread.ts");
