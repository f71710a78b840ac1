import { createRequire } from "node:module";
import { type Abi, type Address, encodeFunctionData, erc20Abi, type Hex, maxUint256 } from "viem";
import { localTokenAbi, localTokenBytecode } from "./abis.ts";
import type { Deployment } from "./deployments.ts";
import type { Transactor } from "./transactor.ts";

const require = createRequire(import.meta.url);

interface Artifact {
  readonly abi: Abi;
  readonly bytecode: Hex;
}

const artifact = (path: string) => require(path) as Artifact;
const core = (name: string) => artifact(`@uniswap/v3-core/artifacts/contracts/${name}.sol/${name}.json`);
const periphery = (path: string) =>
  artifact(`@uniswap/v3-periphery/artifacts/contracts/${path}.sol/${path.split("/").at(-1)}.json`);

/** The pool's fee in hundredths of a basis point. */
const FEE_PIPS = 500;
/** The last tick on this fee's spacing of 10: the whole range. */
const MAX_TICK = 887_270;
const USDC_DECIMALS = 6;
const WETH_DECIMALS = 18;

const poolAbi = [
  {
    type: "function",
    name: "slot0",
    stateMutability: "view",
    inputs: [],
    outputs: [
      { name: "sqrtPriceX96", type: "uint160" },
      { name: "tick", type: "int24" },
      { name: "observationIndex", type: "uint16" },
      { name: "observationCardinality", type: "uint16" },
      { name: "observationCardinalityNext", type: "uint16" },
      { name: "feeProtocol", type: "uint8" },
      { name: "unlocked", type: "bool" },
    ],
  },
  {
    type: "function",
    name: "increaseObservationCardinalityNext",
    stateMutability: "nonpayable",
    inputs: [{ name: "next", type: "uint16" }],
    outputs: [],
  },
] as const satisfies Abi;

const factoryAbi = [
  {
    type: "function",
    name: "getPool",
    stateMutability: "view",
    inputs: [
      { name: "a", type: "address" },
      { name: "b", type: "address" },
      { name: "fee", type: "uint24" },
    ],
    outputs: [{ type: "address" }],
  },
] as const satisfies Abi;

/** A local Uniswap v3 with a WETH/USDC pool, made of the published bytecode. */
export interface UniswapV3 {
  readonly usdc: Address;
  readonly weth: Address;
  readonly pool: Address;
  readonly addresses: Deployment["uniswapV3"];
  /** Only the transactor that deployed may mint. */
  mintUsdc(to: Address, amount: bigint): Promise<void>;
  /** USDC per WETH in the pool now. */
  spot(): Promise<number>;
  /** Swaps until the pool stands at `price`, as an arbitrageur with enough of both tokens would. */
  swapToPrice(arbitrageur: Transactor, price: number): Promise<void>;
}

/**
 * Deploys Uniswap v3 (factory, position manager, router, quoter), WETH9 and a USDC of six decimals, opens the 0.05 % pool at
 * `price` and gives it 20 million USDC of liquidity over the whole range.
 */
export async function deployUniswapV3(deployer: Transactor, { price }: { readonly price: number }): Promise<UniswapV3> {
  const wethArtifact = artifact("canonical-weth/build/contracts/WETH9.json");
  const weth = await deployer.deploy(wethArtifact.abi, wethArtifact.bytecode, []);
  const usdc = await deployer.deploy(localTokenAbi, localTokenBytecode, ["USD Coin", "USDC", USDC_DECIMALS]);
  const deploy = async ({ abi, bytecode }: Artifact, args: readonly unknown[] = []) =>
    await deployer.deploy(abi, bytecode, args);
  const factory = await deploy(core("UniswapV3Factory"));
  // Descriptors draw pictures of positions; none is needed.
  const noDescriptor = "0x0000000000000000000000000000000000000000";
  const managerArtifact = periphery("NonfungiblePositionManager");
  const positionManager = await deploy(managerArtifact, [factory, weth, noDescriptor]);
  const routerArtifact = periphery("SwapRouter");
  const swapRouter = await deploy(routerArtifact, [factory, weth]);
  const quoter = await deploy(periphery("lens/QuoterV2"), [factory, weth]);

  const wethIsToken0 = BigInt(weth) < BigInt(usdc);
  const [token0, token1] = wethIsToken0 ? [weth, usdc] : [usdc, weth];
  const sqrtPriceX96 = (usdcPerWeth: number) => {
    // token1 per token0 in their smallest units.
    const ratio = usdcPerWeth * 10 ** (USDC_DECIMALS - WETH_DECIMALS);
    return BigInt(Math.round(Math.sqrt(wethIsToken0 ? ratio : 1 / ratio) * 2 ** 96)); // 53 bits of precision
  };

  const send = (transactor: Transactor, to: Address, abi: Abi, name: string, args: readonly unknown[]) =>
    sendRaw(transactor, to, encodeFunctionData({ abi, functionName: name, args: [...args] }));
  await send(deployer, positionManager, managerArtifact.abi, "createAndInitializePoolIfNecessary", [
    token0,
    token1,
    FEE_PIPS,
    sqrtPriceX96(price),
  ]);
  const pool = await deployer.client.readContract({
    address: factory,
    abi: factoryAbi,
    functionName: "getPool",
    args: [token0, token1, FEE_PIPS],
  });
  await deployer.write(pool, poolAbi, "increaseObservationCardinalityNext", [200]);

  const usdcAmount = 20_000_000n * 10n ** 6n;
  const wethAmount = BigInt(Math.round((20_000_000 / price) * 1e6)) * 10n ** 12n;
  await provide(deployer, weth, wethAmount);
  await deployer.write(usdc, localTokenAbi, "mint", [deployer.address, usdcAmount]);
  for (const token of [weth, usdc]) await deployer.write(token, erc20Abi, "approve", [positionManager, maxUint256]);
  const now = (await deployer.client.getBlock()).timestamp;
  await send(deployer, positionManager, managerArtifact.abi, "mint", [
    {
      token0,
      token1,
      fee: FEE_PIPS,
      tickLower: -MAX_TICK,
      tickUpper: MAX_TICK,
      amount0Desired: wethIsToken0 ? wethAmount : usdcAmount,
      amount1Desired: wethIsToken0 ? usdcAmount : wethAmount,
      amount0Min: 0n,
      amount1Min: 0n,
      recipient: deployer.address,
      deadline: now + 3_600n,
    },
  ]);

  const spot = async () => {
    const [current] = await deployer.client.readContract({ address: pool, abi: poolAbi, functionName: "slot0" });
    const ratio = (Number(current) / 2 ** 96) ** 2;
    return (wethIsToken0 ? ratio : 1 / ratio) * 10 ** (WETH_DECIMALS - USDC_DECIMALS);
  };
  const funded = new Set<Address>();
  return {
    usdc,
    weth,
    pool,
    addresses: { factory, positionManager, swapRouter, quoter },
    spot,
    async mintUsdc(to, amount) {
      await deployer.write(usdc, localTokenAbi, "mint", [to, amount]);
    },
    async swapToPrice(arbitrageur, target) {
      if (!funded.has(arbitrageur.address)) {
        await provide(arbitrageur, weth, 100_000n * 10n ** 18n);
        await deployer.write(usdc, localTokenAbi, "mint", [arbitrageur.address, 10n ** 15n]);
        for (const token of [weth, usdc]) await arbitrageur.write(token, erc20Abi, "approve", [swapRouter, maxUint256]);
        funded.add(arbitrageur.address);
      }
      const current = await spot();
      if (Math.abs(target / current - 1) < FEE_PIPS / 1e6) return; // not worth the fee
      const buysWeth = target > current;
      await send(arbitrageur, swapRouter, routerArtifact.abi, "exactInputSingle", [
        {
          tokenIn: buysWeth ? usdc : weth,
          tokenOut: buysWeth ? weth : usdc,
          fee: FEE_PIPS,
          recipient: arbitrageur.address,
          deadline: maxUint256,
          // More than enough: the price limit ends the swap.
          amountIn: buysWeth ? 10n ** 14n : 50_000n * 10n ** 18n,
          amountOutMinimum: 0n,
          sqrtPriceLimitX96: sqrtPriceX96(target),
        },
      ]);
    },
  };
}

/** Wraps development ether. */
async function provide(transactor: Transactor, weth: Address, amount: bigint): Promise<void> {
  await sendRaw(transactor, weth, "0xd0e30db0", amount); // deposit()
}

async function sendRaw(transactor: Transactor, to: Address, data: Hex, value = 0n): Promise<void> {
  const hash = await transactor.signer.sendTransaction({ to, data, value });
  const receipt = await transactor.client.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success") throw new Error(`transaction ${hash} to ${to} reverted`);
}
