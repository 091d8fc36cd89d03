export interface Answer {
  status: number;
  reason: string;
  /** Points of the batch that were not written, where it says so. */
  dropped?: number;
}

/** What a server said to a request that it did not fulfil; undefined where it said nothing. */
export function answerOf(error: unknown): Answer | undefined {
  const status = (error as { res?: { statusCode?: number } }).res?.statusCode;
  if (status === undefined) return undefined;
  const text = (error as Error).message.replace(/^A \d+ .*? error occurred: /, '').trim();
  let body: { error?: string; message?: string; data?: { error_message?: string }[] } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // A proxy's answer, as text or HTML.
  }
  const { error: told, message, data } = body; // 1.x and 3 say error, 2.x says message.
  const reason = [told ?? message ?? text, ...(data?.slice(0, 1) ?? []).map((d) => d.error_message)].join(
    ': ',
  );
  const dropped = /dropped=(\d+)/.exec(reason)?.[1] ?? data?.length;
  return {
    status,
    reason: reason.slice(0, 500),
    ...(dropped === undefined ? {} : { dropped: Number(dropped) }),
  };
}

/** Of a reason: the server holds as much as it may. */
export const isLimit = /max-series-per-database|max-values-per-tag/;

const remedies: readonly [RegExp, string][] = [
  [/max-series-per-database/, 'InfluxDB holds as many series as it may: see "Series" in docs/influx.md'],
  [/max-values-per-tag/, 'InfluxDB holds as many values of a tag as it may: see "Series" in docs/influx.md'],
  [/field type conflict|already exists as type/, 'a field has another type in InfluxDB'],
  [/retention policy/, 'they are older than what InfluxDB keeps'],
];

/** A reason with what it means for the one who reads the log. */
export function plainReason(reason: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(reason))?.[1];
  return remedy ? `${remedy} (${reason})` : reason;
}
