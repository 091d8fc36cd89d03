/** The only place where a topic is built or taken apart. Root: `fleetune/v1/<fleet>/`. */

/** A device, fleet or run name: one topic level that no broker or file system treats specially. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export type Topics = ReturnType<typeof topicsOf>;

/** Topics and filters of one fleet. */
export function topicsOf(fleet: string) {
  const root = `fleetune/v1/${fleet}`;
  const adapter = (run: string, version: number) => `${root}/adapters/${run}.${version}`;
  return {
    everything: `${root}/#`,
    presence: (device: string) => `${root}/devices/${device}/presence`,
    task: (device: string) => `${root}/devices/${device}/task`,
    update: (device: string, round: number) => `${root}/devices/${device}/update/${round}`,
    receipt: (device: string) => `${root}/devices/${device}/receipt`,
    telemetry: (device: string) => `${root}/devices/${device}/telemetry`,
    telemetryReceipt: (device: string) => `${root}/devices/${device}/telemetry-receipt`,
    updates: (device: string) => `${root}/devices/${device}/update/+`,
    allPresence: `${root}/devices/+/presence`,
    allUpdates: `${root}/devices/+/update/+`,
    allTelemetry: `${root}/devices/+/telemetry`,
    allManifests: `${root}/adapters/+/manifest`,
    allAdapterChunks: `${root}/adapters/+/chunk/+`,
    manifest: (run: string, version: number) => `${adapter(run, version)}/manifest`,
    adapterChunk: (run: string, version: number, index: number) => `${adapter(run, version)}/chunk/${index}`,
    roundsStart: `${root}/rounds/start`,
    roundsStop: `${root}/rounds/stop`,
    roundsStatus: `${root}/rounds/status`,
    roundsResult: `${root}/rounds/result`,
    roundsRefused: `${root}/rounds/refused`,
    roundsCoordinator: `${root}/rounds/coordinator`,
  };
}

type RoundsKind =
  | 'roundsStart'
  | 'roundsStop'
  | 'roundsStatus'
  | 'roundsResult'
  | 'roundsRefused'
  | 'roundsCoordinator';
type DeviceKind = 'presence' | 'task' | 'receipt' | 'telemetry' | 'telemetryReceipt';

export type TopicMatch =
  | { kind: DeviceKind; fleet: string; device: string }
  | { kind: 'update'; fleet: string; device: string; round: number }
  | { kind: 'manifest'; fleet: string; run: string; version: number }
  | { kind: 'adapterChunk'; fleet: string; run: string; version: number; index: number }
  | { kind: RoundsKind; fleet: string };

/** What a topic names, or undefined where it is none of ours. */
export function matchTopic(topic: string): TopicMatch | undefined {
  const [project, format, fleet, room, name, leaf, index, ...rest] = topic.split('/');
  if (project !== 'fleetune' || format !== 'v1' || rest.length > 0) return undefined;
  if (!fleet || !namePattern.test(fleet) || !name) return undefined;
  if (room === 'devices' && namePattern.test(name)) return matchDevice(fleet, name, leaf, index);
  if (room === 'adapters') return matchAdapter(fleet, name, leaf, index);
  if (room !== 'rounds' || leaf !== undefined) return undefined;
  const kind = Object.hasOwn(roundsKinds, name) ? roundsKinds[name] : undefined;
  return kind && { kind, fleet };
}

const roundsKinds: Record<string, RoundsKind> = {
  start: 'roundsStart',
  stop: 'roundsStop',
  status: 'roundsStatus',
  result: 'roundsResult',
  refused: 'roundsRefused',
  coordinator: 'roundsCoordinator',
};

function matchDevice(fleet: string, device: string, leaf?: string, index?: string): TopicMatch | undefined {
  if (leaf === 'update') {
    const round = wholeNumber(index);
    return round === undefined ? undefined : { kind: 'update', fleet, device, round };
  }
  if (index !== undefined || leaf === undefined) return undefined;
  const kind = Object.hasOwn(deviceKinds, leaf) ? deviceKinds[leaf] : undefined;
  return kind && { kind, fleet, device };
}

const deviceKinds: Record<string, DeviceKind> = {
  presence: 'presence',
  task: 'task',
  receipt: 'receipt',
  telemetry: 'telemetry',
  'telemetry-receipt': 'telemetryReceipt',
};

function matchAdapter(fleet: string, name: string, leaf?: string, index?: string): TopicMatch | undefined {
  const dot = name.lastIndexOf('.');
  const run = name.slice(0, dot);
  const version = wholeNumber(name.slice(dot + 1));
  if (dot < 1 || !namePattern.test(run) || version === undefined) return undefined;
  if (leaf === 'manifest' && index === undefined) return { kind: 'manifest', fleet, run, version };
  const chunk = wholeNumber(index);
  if (leaf === 'chunk' && chunk !== undefined)
    return { kind: 'adapterChunk', fleet, run, version, index: chunk };
  return undefined;
}

const wholeNumber = (text?: string) =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
