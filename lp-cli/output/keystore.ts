import type { KeystoreList } from "../commands/keystore.ts";
import type { KeystoreFile } from "../keys.ts";
import { heading, table } from "./table.ts";

/** `keystore create` and `keystore import`. */
export function renderKeystore({ name, file, address }: KeystoreFile): string {
  return [
    `${name}: ${address ?? "address unknown"}`,
    `Encrypted in ${file}. Keep a copy, and the password: neither can be recovered.`,
  ].join("\n");
}

/** `keystore list`. */
export function renderKeystores({ folder, keystores }: KeystoreList): string {
  if (keystores.length === 0) return `No keystores in ${folder}. Create one with \`meniscus keystore create NAME\`.`;
  return [
    heading(`Keystores in ${folder}`),
    table(
      [
        { title: "name", align: "left" },
        { title: "address", align: "left" },
      ],
      keystores.map(({ name, address, problem }) => [name, problem ?? address ?? "not in the file"]),
    ),
  ].join("\n");
}
