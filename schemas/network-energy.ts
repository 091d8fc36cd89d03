/**
 * Energy of the network for each bit of payload, nJ, beyond what the device's own sensors see: the equipment on the
 * way. Where each number is from, and which of them nobody could verify: docs/metrics.md.
 */
const ethernetSwitch = 31.7;
const accessPoint = 300;
const baseStation4g = { up: 82_820, down: 12_400 };
/** From the base station to the coordinator: the operator's edge router and one core router. */
const operator = 37 + 12.6;

/** Profile → nJ of a bit that the device sends, and of one that it receives. */
export const networkProfiles = {
  ethernet: { up: ethernetSwitch, down: ethernetSwitch },
  wifi: { up: accessPoint + ethernetSwitch, down: accessPoint + ethernetSwitch },
  '4g': { up: baseStation4g.up + operator, down: baseStation4g.down + operator },
  '5g': { up: baseStation4g.up / 10 + operator, down: baseStation4g.down / 10 + operator },
} as const;

export type NetworkProfile = keyof typeof networkProfiles;

/** Joules of payload by a profile; undefined where there is none, or not one that is known here. */
export function networkJoules(profile: string | undefined, bytesUp: number, bytesDown: number) {
  if (profile === undefined || !Object.hasOwn(networkProfiles, profile)) return undefined;
  const { up, down } = networkProfiles[profile as NetworkProfile];
  return (8 * (bytesUp * up + bytesDown * down)) / 1e9;
}
