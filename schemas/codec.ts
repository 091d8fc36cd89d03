import type { Writer } from 'protobufjs';
import { fleetune } from './generated/fleet.js';
import { firstProblem } from './message-check.js';
import { type MessageRule, messageRules, type Rule } from './message-rules.js';
import { type Messages, schemaNumber } from './messages.js';
import { Refusal } from './refusal.js';

type Kind = keyof Messages;
interface Wire {
  encode(message: object): Writer;
  decode(bytes: Uint8Array): object;
}

const wires = fleetune as unknown as Record<Kind, Wire>;

/** The bytes of a message. @throws Refusal that names the field where the message breaks its own rules */
export function encode<K extends Kind>(kind: K, message: Messages[K]): Uint8Array {
  const rule = messageRules[kind] as MessageRule<object>;
  const wire = { schema: schemaNumber, ...(toWire(rule, message) as object) };
  const problem = firstProblem(rule, fromWire(rule, wire), '');
  if (problem) throw new Refusal(`${kind} to send: ${problem}`);
  const bytes = wires[kind].encode(wire).finish();
  const { maxBytes } = messageRules[kind];
  if (bytes.length > maxBytes)
    throw new Refusal(`${kind} to send: ${bytes.length} bytes, more than ${maxBytes}`);
  return bytes;
}

/**
 * The message of a payload, checked: protobuf takes an absent field for 0 or '' and skips what it does not
 * know, so nothing it gives is believed. `data` fields are views of `bytes`.
 * @throws Refusal that names topic, message and field
 */
export function decode<K extends Kind>(kind: K, bytes: Uint8Array, topic: string): Messages[K] {
  const { maxBytes } = messageRules[kind];
  const bad = (what: string, cause?: unknown) => new Refusal(`${topic}: ${kind}: ${what}`, { cause });
  if (bytes.length > maxBytes) throw bad(`${bytes.length} bytes, more than ${maxBytes}`);
  let wire: object;
  try {
    wire = wires[kind].decode(bytes);
  } catch (cause) {
    throw bad(`${bytes.length} bytes are no whole message`, cause);
  }
  const { schema } = wire as { schema: number };
  if (schema !== schemaNumber) throw bad(`schema: ${schema} is not ${schemaNumber}, the one known here`);
  const rule = messageRules[kind] as MessageRule<object>;
  const message = fromWire(rule, wire);
  const problem = firstProblem(rule, message, '');
  if (problem) throw bad(problem);
  return message as Messages[K];
}

/**
 * What the wire holds, in our form, unchecked: words for enumerations, numbers for Longs, nothing for null.
 */
function fromWire(rule: Rule, value: unknown): unknown {
  switch (rule.kind) {
    case 'message': {
      if (typeof value !== 'object' || value === null) return undefined;
      const entries = Object.entries(rule.fields as Record<string, Rule>).map(([field, of]) => [
        field,
        fromWire(of, (value as Record<string, unknown>)[field]),
      ]);
      return Object.fromEntries(entries.filter(([, v]) => v !== undefined && v !== null));
    }
    case 'list':
      return Array.isArray(value) ? value.map((item) => fromWire(rule.of, item)) : undefined;
    case 'map':
      return Object.fromEntries(
        Object.entries((value ?? {}) as Record<string, unknown>).map(([k, v]) => [k, fromWire(rule.of, v)]),
      );
    case 'word':
      return rule.onWire === 'number' ? (rule.words[(value as number) - 1] ?? value) : value;
    case 'number':
      return isLong(value) ? value.toNumber() : value;
    default:
      return value;
  }
}

/** Ours in the form that protobufjs encodes. */
function toWire(rule: Rule, value: unknown): unknown {
  switch (rule.kind) {
    case 'message': {
      if (typeof value !== 'object' || value === null) return undefined;
      const entries = Object.entries(rule.fields as Record<string, Rule>).map(([field, of]) => [
        field,
        toWire(of, (value as Record<string, unknown>)[field]),
      ]);
      return Object.fromEntries(entries.filter(([, v]) => v !== undefined));
    }
    case 'list':
      return Array.isArray(value) ? value.map((item) => toWire(rule.of, item)) : value;
    case 'word':
      return rule.onWire === 'number' ? rule.words.indexOf(value as string) + 1 : value;
    case 'text':
      return rule.cut && typeof value === 'string' && value.length > rule.max
        ? `${value.slice(0, rule.max - 1)}…`
        : value;
    default:
      return value;
  }
}

const isLong = (value: unknown): value is { toNumber(): number } =>
  typeof value === 'object' && value !== null && 'toNumber' in value;
