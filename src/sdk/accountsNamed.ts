/** Where the ledger's events name accounts; fields of these names that hold an address are none. */
const FIELDS = ["account", "from", "to", "taker", "maker", "bidder", "keeper"] as const;

/** Options that an event of the ledger says were traded. */
export function optionsTraded(args: Readonly<Partial<Record<string, unknown>>>): readonly bigint[] {
  const { legs } = args;
  if (!Array.isArray(legs)) return [];
  return legs.flatMap(({ option }: { readonly option?: unknown }) => (typeof option === "bigint" ? [option] : []));
}

/** Every account that an event of the ledger names, wallets' among them. */
export function accountsNamed(args: Readonly<Partial<Record<string, unknown>>>): readonly bigint[] {
  return FIELDS.flatMap((field) => {
    const value = args[field];
    return typeof value === "bigint" ? [value] : [];
  });
}
