/** Named sets of options, one a network or a role, in a file of the person at the terminal. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { readConfigFile } from "../src/runtime/configFile.ts";
import { MeniscusError } from "../src/runtime/errors.ts";
import { isFolder } from "./history.ts";

const profileSchema = z.strictObject({
  rpc: z.string().optional(),
  deployment: z.string().optional(),
  pool: z.string().optional(),
  as: z.string().optional(),
  keystore: z.string().optional(),
  passwordFile: z.string().optional(),
  database: z.string().optional(),
});
const fileSchema = z.strictObject({
  /** Used where --profile names none. */
  profile: z.string().optional(),
  profiles: z.record(z.string(), profileSchema),
});

export type Profile = z.infer<typeof profileSchema>;

/** Where the profiles are: `MENISCUS_CONFIG`, or `~/.meniscus/config.json`. */
export function configFileOf(environment: Readonly<Record<string, string | undefined>>): string {
  return environment.MENISCUS_CONFIG ?? join(environment.HOME ?? homedir(), ".meniscus", "config.json");
}

/**
 * The options of a profile; none where no file says otherwise. Paths in it count from the file's own folder.
 *
 * @param name Of the profile; the file's own choice where it is left out.
 * @throws MeniscusError `usage` where there is no such profile, `data` where the file is malformed.
 */
export function readProfile(
  environment: Readonly<Record<string, string | undefined>>,
  name: string | undefined,
): Profile {
  const file = configFileOf(environment);
  const isNamed = name !== undefined || environment.MENISCUS_CONFIG !== undefined;
  if (!isNamed && (environment.HOME === undefined || !existsSync(file))) return {};
  const { profile: standard, profiles } = readConfigFile(file, fileSchema);
  const wanted = name ?? standard;
  if (wanted === undefined) return {};
  const profile = Object.hasOwn(profiles, wanted) ? profiles[wanted] : undefined;
  if (!profile) {
    throw new MeniscusError("usage", `${file} has no profile "${wanted}".`, {
      hint: `It has ${Object.keys(profiles).join(", ") || "none"}; choose one with --profile NAME.`,
    });
  }
  const absolute = (path: string) => (isAbsolute(path) ? path : join(dirname(file), path));
  const { deployment, keystore, passwordFile, database } = profile;
  return {
    ...profile,
    ...(deployment !== undefined && { deployment: absolute(deployment) }),
    ...(keystore !== undefined && { keystore: absolute(keystore) }),
    ...(passwordFile !== undefined && { passwordFile: absolute(passwordFile) }),
    ...(database !== undefined && { database: isFolder(database) ? absolute(database) : database }),
  };
}
