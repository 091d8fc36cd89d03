import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Values of a benchmark's flags. What is no flag of it, and --help, are answered with those that are, and end the process. */
export function readFlags<T extends Options>(options: T) {
  try {
    return parseArgs({ options, allowNegative: true }).values;
  } catch (error) {
    const known = Object.entries(options).map(
      ([name, { type, default: usual }]) => `  --${name}${type === 'string' ? ` ${String(usual)}` : ''}`,
    );
    const isAsked = process.argv.includes('--help');
    if (!isAsked) console.error((error as Error).message);
    console.error(['flags, as they are where none is given:', ...known].join('\n'));
    process.exit(isAsked ? 0 : 1);
  }
}
