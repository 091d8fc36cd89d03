import { decode } from './codec.js';
import { messageRules } from './message-rules.js';
import { Refusal } from './refusal.js';
import { presets, type RunSettings, runSettings } from './run-settings.js';
import { checkSettings } from './settings.js';

export interface ReadTrigger {
  /** The same id twice is one run; null: every such trigger is a new one. */
  id: string | null;
  settings: RunSettings;
}

/**
 * What a trigger asks for: nothing (the defaults), a JSON object, or a protobuf Trigger. Its keys are those
 * of the run's settings, `id`, and `preset`, whose values go before the defaults and after the trigger's own.
 * @param defaults raw values that stand where the trigger says nothing
 * @throws Refusal that lists every unknown key and bad value
 */
export function readTrigger(
  payload: Uint8Array,
  topic: string,
  defaults: Record<string, unknown>,
): ReadTrigger {
  const { id, preset, ...own } = rawTrigger(payload, topic);
  const problems: string[] = [];
  if (id != null && !(typeof id === 'string' && idPattern.test(id)))
    problems.push(`id: ${JSON.stringify(id)} is not 1 to 64 letters, digits, _ . : or -`);
  const known = typeof preset === 'string' && Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (preset != null && !known)
    problems.push(`preset: ${JSON.stringify(preset)} is not one of ${Object.keys(presets).join(', ')}`);
  const checked = checkSettings(runSettings, { ...defaults, ...known, ...own });
  problems.push(...checked.problems);
  if (problems.length > 0) throw new Refusal(`${topic}: ${problems.join('; ')}`);
  return { id: (id as string | undefined) ?? null, settings: checked.settings };
}

const idPattern = /^[A-Za-z0-9_.:-]{1,64}$/;

function rawTrigger(payload: Uint8Array, topic: string): Record<string, unknown> {
  if (payload.length === 0) return {};
  const { maxBytes } = messageRules.Trigger;
  if (payload.length > maxBytes)
    throw new Refusal(`${topic}: a trigger of ${payload.length} bytes, more than ${maxBytes}`);
  // A protobuf Trigger begins with field 1, a varint: the byte 8, which no JSON text begins with.
  if (payload[0] === 8) {
    const { id, settings } = decode('Trigger', payload, topic);
    return { ...(id === '' ? {} : { id }), ...settings };
  }
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8').trim();
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Refusal(`${topic}: a trigger is empty, a JSON object as {"rounds": 5}, or a protobuf Trigger`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(`${topic}: a trigger's JSON is an object as {"rounds": 5}, not ${text.slice(0, 60)}`);
  return value as Record<string, unknown>;
}
