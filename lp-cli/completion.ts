/** Shell completion: scripts that know every command and option, made from the program itself. */
import type { Command } from "commander";
import { MeniscusError } from "../src/runtime/errors.ts";

/** A command by its path, `insurance stake`, with what may follow it. */
interface Known {
  readonly path: string;
  readonly commands: readonly Command[];
  readonly options: readonly string[];
}

const NAME = "meniscus";

function knownOf(program: Command): readonly Known[] {
  const globals = optionsOf(program);
  const walk = (command: Command, path: string): Known[] => [
    {
      path,
      commands: command.commands,
      options: path === "" ? globals : [...optionsOf(command), ...globals],
    },
    ...command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`.trim())),
  ];
  return walk(program, "");
}

function optionsOf(command: Command): readonly string[] {
  return [...command.options.flatMap(({ long, short }) => [long, short].filter((flag) => flag != null)), "--help"];
}

/**
 * The script for a shell; it goes where the shell looks for completions, or through `source`.
 *
 * @throws MeniscusError `usage` for a shell that is not known.
 */
export function completionScript(program: Command, shell: string): string {
  const known = knownOf(program);
  switch (shell) {
    case "bash":
      return bashScript(known);
    case "zsh":
      return ["autoload -U +X bashcompinit && bashcompinit", bashScript(known)].join("\n");
    case "fish":
      return fishScript(known);
    default:
      throw new MeniscusError("usage", `There is no completion for "${shell}".`, {
        hint: "Name bash, zsh or fish.",
      });
  }
}

/** The path is the command words typed so far; whatever else stands between them does not count. */
function bashScript(known: readonly Known[]): string {
  const groups = known.filter(({ path, commands }) => path !== "" && commands.length > 0).map(({ path }) => path);
  const cases = known.map(({ path, commands, options }) => {
    const words = [...commands.map((command) => command.name()), ...options].join(" ");
    return `    "${path}") words="${words}" ;;`;
  });
  return `_${NAME}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path" in
    "") case " ${namesOf(known, "")} " in *" $word "*) path="$word" ;; esac ;;
${groups.map((group) => `    "${group}") case " ${namesOf(known, group)} " in *" $word "*) path="${group} $word" ;; esac ;;`).join("\n")}
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _${NAME} ${NAME}`;
}

function namesOf(known: readonly Known[], path: string): string {
  return (known.find((candidate) => candidate.path === path)?.commands ?? [])
    .map((command) => command.name())
    .join(" ");
}

function fishScript(known: readonly Known[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = known.flatMap(({ path, commands, options }) => {
    const condition =
      path === ""
        ? "__fish_use_subcommand"
        : path
            .split(" ")
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join("; and ");
    const offered = `complete -c ${NAME} -f -n ${quoted(condition)}`;
    return [
      ...commands.map((command) => `${offered} -a ${command.name()} -d ${quoted(command.description())}`),
      ...options.filter((flag) => flag.startsWith("--")).map((flag) => `${offered} -l ${flag.slice(2)}`),
    ];
  });
  return lines.join("\n");
}
