import { CurrencyAmount, Token } from "@uniswap/sdk-core";
import { Pool, type TickDataProvider } from "@uniswap/v3-sdk";
import { type Address, type Chain, getAddress, type PublicClient, type Transport } from "viem";
import { MeniscusError } from "../runtime/errors.ts";
import { uniswapV3PoolAbi } from "./uniswapV3.ts";

// Apart from the deployment, because the SDK takes a third of a second to load.

type Reader = PublicClient<Transport, Chain>;

/** What `amountIn` of one token buys of the other, computed here by Uniswap's SDK on the chain's state. */
export async function quoteExactInput(
  reader: Reader,
  pool: Address,
  tokenIn: Address,
  amountIn: bigint,
): Promise<bigint> {
  const read = { address: pool, abi: uniswapV3PoolAbi } as const;
  const [[sqrtPriceX96, tick], liquidity, fee, address0, address1] = await Promise.all([
    reader.readContract({ ...read, functionName: "slot0" }),
    reader.readContract({ ...read, functionName: "liquidity" }),
    reader.readContract({ ...read, functionName: "fee" }),
    reader.readContract({ ...read, functionName: "token0" }),
    reader.readContract({ ...read, functionName: "token1" }),
  ]);
  // Amounts go in and come out in the tokens' own units: what the SDK takes for their decimals does not matter.
  const [token0, token1] = [address0, address1].map((address) => new Token(reader.chain.id, address, 18));
  const input = [token0, token1].find((token) => token?.address === getAddress(tokenIn));
  if (!token0 || !token1 || !input) {
    throw new MeniscusError("usage", `${tokenIn} is not a token of the pool ${pool}.`);
  }
  const state = new Pool(
    token0,
    token1,
    fee,
    sqrtPriceX96.toString(),
    liquidity.toString(),
    tick,
    ticksOf(reader, pool),
  );
  const [output] = await state.getOutputAmount(CurrencyAmount.fromRawAmount(input, amountIn.toString()));
  return BigInt(output.quotient.toString());
}

/** The SDK walks from tick to tick; this reads the ones it comes by. */
function ticksOf(reader: Reader, address: Address): TickDataProvider {
  const words = new Map<number, Promise<bigint>>();
  const bitmap = (word: number) => {
    const known = words.get(word);
    if (known) return known;
    const asked = reader.readContract({ address, abi: uniswapV3PoolAbi, functionName: "tickBitmap", args: [word] });
    words.set(word, asked);
    return asked;
  };
  return {
    getTick: async (tick) => {
      const [, liquidityNet] = await reader.readContract({
        address,
        abi: uniswapV3PoolAbi,
        functionName: "ticks",
        args: [tick],
      });
      return { liquidityNet: liquidityNet.toString() };
    },
    // TickBitmap.sol: the nearest initialised tick at or below (lte), or above, inside the word of 256 ticks.
    nextInitializedTickWithinOneWord: async (tick, lte, spacing) => {
      const compressed = Math.floor(tick / spacing) + (lte ? 0 : 1);
      const word = compressed >> 8;
      const bits = await bitmap(word);
      const lastInWord = lte ? word << 8 : (word << 8) + 255;
      const step = lte ? -1 : 1;
      for (let index = compressed; lte ? index >= lastInWord : index <= lastInWord; index += step) {
        if ((bits >> BigInt(index - (word << 8))) & 1n) return [index * spacing, true];
      }
      return [lastInWord * spacing, false];
    },
  };
}
