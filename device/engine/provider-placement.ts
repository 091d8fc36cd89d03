import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How many of a graph's nodes ran where. */
export interface Placement {
  onProvider: number;
  /** By operation. */
  onCpu: Record<string, number>;
}

/** Runs `use` with a path for the runtime's profile, and reads from it which provider ran each node. */
export async function withPlacement<T>(
  use: (profile: string) => Promise<T>,
): Promise<{ result: T; placement: Placement }> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetune-profile-'));
  try {
    const result = await use(join(folder, 'profile'));
    const [file] = await readdir(folder);
    const events: unknown = file === undefined ? [] : JSON.parse(await readFile(join(folder, file), 'utf8'));
    return { result, placement: placementOf(events as Event[]) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An event of onnxruntime's profile, in Chrome's trace format. */
interface Event {
  cat?: string;
  name?: string;
  args?: { op_name?: string; provider?: string };
}

/** Copies between the two are not counted: they are no nodes of ours. */
export function placementOf(events: readonly Event[]): Placement {
  const placement: Placement = { onProvider: 0, onCpu: {} };
  const seen = new Set<string>();
  for (const { cat, name, args } of events) {
    const op = args?.op_name;
    if (cat !== 'Node' || !op || !name?.endsWith('_kernel_time') || op.startsWith('Memcpy')) continue;
    if (seen.has(name)) continue;
    seen.add(name);
    if (args.provider === 'CPUExecutionProvider') placement.onCpu[op] = (placement.onCpu[op] ?? 0) + 1;
    else placement.onProvider++;
  }
  return placement;
}
