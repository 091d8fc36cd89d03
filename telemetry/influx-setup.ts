import { told } from '../runtime/log.js';
import { Refusal } from '../schemas/refusal.js';
import { continuousQueries, type Keeping, type Retention } from './downsampling.js';
import { connectInflux, type InfluxDB, type InfluxSettings } from './influx.js';
import { answerOf } from './influx-answer.js';

export interface SetupSettings extends InfluxSettings {
  /** Days that points, means of a minute and means of an hour stay; 0: for ever. */
  rawDays: number;
  minuteDays: number;
  archiveDays: number;
  /** Points that are older may be deleted. */
  deleteOlder: boolean;
}

/** A part of the database and what became of it. */
export interface SetupStep {
  what: string;
  state: 'made' | 'changed' | 'unchanged';
}

const pingLimitMs = 5_000;
const dayMs = 86_400_000;

/**
 * Sets up a database of an InfluxDB 1.x: retention policies and continuous queries. Done again it changes
 * nothing.
 * @throws Refusal where no InfluxDB 1.x answers, it does not let us, or points would be deleted
 */
export async function setUpInflux(settings: SetupSettings): Promise<SetupStep[]> {
  const server = await connectInflux(settings);
  await requireVersion1(server, settings.influxUrl);
  try {
    return await setUp(server, settings);
  } catch (cause) {
    const status = answerOf(cause)?.status;
    const who = settings.influxUser || 'somebody without a name';
    if (status === 401 || status === 403)
      throw new Refusal(
        `InfluxDB does not let ${who} set up a database: give --influx-user and --influx-password of an administrator`,
        { cause },
      );
    if (cause instanceof Refusal) throw cause;
    throw new Refusal(`InfluxDB at ${settings.influxUrl}: ${told(cause)}`, { cause });
  }
}

async function requireVersion1(server: InfluxDB, url: string): Promise<void> {
  const [host] = await server.ping(pingLimitMs);
  if (!host?.res)
    throw new Refusal(`no InfluxDB answers at ${url}: start it, or give its address with --influx-url`);
  const version = String(host.version ?? '');
  if (/^v?1\./.test(version)) return;
  throw new Refusal(
    `${url} is ${version === '' ? 'no InfluxDB 1.x' : `InfluxDB ${version}`}: only 1.x has continuous queries; ` +
      'docs/influx.md says what to set up by hand',
  );
}

async function setUp(server: InfluxDB, settings: SetupSettings): Promise<SetupStep[]> {
  const { influxDatabase: database, rawDays, minuteDays, archiveDays } = settings;
  const steps: SetupStep[] = [];
  const isThere = (await server.getDatabaseNames()).includes(database);
  if (!isThere) await server.createDatabase(database);
  steps.push({ what: `database ${database}`, state: isThere ? 'unchanged' : 'made' });
  const policies = new Map((await server.showRetentionPolicies(database)).map((p) => [p.name, p]));
  // The policy that points go to already: a new default would hide them from every query.
  const raw = [...policies.values()].find((policy) => policy.default)?.name ?? 'raw';
  const keeping: Keeping = {
    raw: { name: raw, days: rawDays },
    minutes: { name: 'minutes', days: minuteDays },
    archive: { name: 'archive', days: archiveDays },
  };
  for (const policy of [keeping.raw, keeping.minutes, keeping.archive])
    steps.push(await setRetention(server, settings, policy, policies.get(policy.name)?.duration, raw));
  for (const step of await setQueries(server, database, keeping)) steps.push(step);
  return steps;
}

async function setRetention(
  server: InfluxDB,
  { influxDatabase: database, deleteOlder }: SetupSettings,
  { name, days }: Retention,
  duration: string | undefined,
  raw: string,
): Promise<SetupStep> {
  const what = `retention policy ${name}: ${days === 0 ? 'for ever' : `${days} d`}`;
  const set = (verb: 'CREATE' | 'ALTER') => {
    const times = `DURATION ${days === 0 ? 'INF' : `${days}d`} REPLICATION 1 SHARD DURATION ${shardOf(days)}`;
    const query = `${verb} RETENTION POLICY "${name}" ON "${database}" ${times}${name === raw ? ' DEFAULT' : ''}`;
    return server.query(query, { database, method: 'POST' });
  };
  if (duration === undefined) {
    await set('CREATE');
    return { what, state: 'made' };
  }
  const nowMs = durationMs(duration);
  if (nowMs === (days * dayMs || Number.POSITIVE_INFINITY)) return { what, state: 'unchanged' };
  if (nowMs > days * dayMs && days > 0 && !deleteOlder) await requireNoneOlder(server, database, name, days);
  await set('ALTER');
  return { what, state: 'changed' };
}

/** How much is deleted at a time: must be shorter than the retention. InfluxDB's own choices. */
const shardOf = (days: number) => (days === 0 || days > 180 ? '7d' : days < 2 ? '1h' : '1d');

/** @throws Refusal where a shorter retention would delete points */
async function requireNoneOlder(server: InfluxDB, database: string, policy: string, days: number) {
  const query = `SELECT * FROM "${database}"."${policy}"./.*/ WHERE time < now() - ${days}d LIMIT 1`;
  const [older] = await server.query<{ time: Date }>(query, { database });
  if (older === undefined) return;
  throw new Refusal(
    `${database} holds points older than ${days} d in ${policy}, which would be deleted: ` +
      'give more days, or --delete-older',
  );
}

async function setQueries(server: InfluxDB, database: string, keeping: Keeping): Promise<SetupStep[]> {
  const rows = await server.showContinousQueries(database);
  const known = new Map(rows.map(({ name, query }) => [name, query]));
  const steps: SetupStep[] = [];
  for (const { name, resample, select } of continuousQueries(database, keeping)) {
    const text = `CREATE CONTINUOUS QUERY ${name} ON ${database} ${resample} BEGIN ${select} END`;
    const before = known.get(name);
    const state = before === undefined ? 'made' : bare(before) === bare(text) ? 'unchanged' : 'changed';
    if (state === 'changed') await server.dropContinuousQuery(name, database);
    if (state !== 'unchanged') await server.createContinuousQuery(name, select, database, resample);
    steps.push({ what: `continuous query ${name}`, state });
  }
  return steps;
}

/** InfluxDB tells a query without the quotes that it needs not. */
const bare = (query: string) => query.replaceAll('"', '').toLowerCase();

/** Of InfluxDB's form, as 336h0m0s; 0s is for ever. */
function durationMs(text: string): number {
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000 };
  const parts = [...text.matchAll(/(\d+)([hms])/g)].map(([, count, unit]) => Number(count) * units[unit!]!);
  return parts.reduce((sum, ms) => sum + ms, 0) || Number.POSITIVE_INFINITY;
}
