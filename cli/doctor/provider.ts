import { Refusal } from '../../schemas/refusal.js';
import { type Check, note, ok, problem } from './check.js';

/** One execution provider of onnxruntime: whether the package brings it, and whether it opens here and computes. */
export const provider = (name: 'cpu' | 'webgpu' | 'cuda'): Check => ({
  apart: true,
  limitMs: 30_000,
  applies: ({ service }) => service !== 'broker' && service !== 'coordinator',
  async look({ settings }) {
    const { bundledProviders, tryProvider } = await import('../../device/engine/engine.js');
    const isMeant = settings.provider === name;
    const brought = bundledProviders().includes(name);
    const place = brought ? 'in the package' : 'not in the package';
    try {
      await tryProvider(name);
      return [ok(`${name}: ${place}, opens${isMeant ? '; it trains here' : ''}`)];
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const [reason, ...needs] = error.message.replace(`provider ${name}: `, '').split(': expected ');
      const remedy =
        needs.length > 0 ? `it needs ${needs.join(' ').replace(/; or use --provider cpu$/, '')}` : undefined;
      return [
        (isMeant ? problem : note)(
          `${name}: ${place}, does not open: ${reason}`,
          isMeant ? `${remedy}; or --provider cpu` : remedy,
        ),
      ];
    }
  },
});
