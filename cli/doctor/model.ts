import { familyOf } from '../model-family.js';
import { bytesText } from '../tables.js';
import { type Check, missing, ok } from './check.js';

/** The folder of the model, as `fleetune model check` looks at it. */
export const model: Check = {
  apart: true,
  applies: ({ service, given }) => service === 'device' || (service === undefined && given.includes('model')),
  async look(subject) {
    const folder = subject.settings.model;
    const { inspectModel } = await import('../../device/engine/engine.js');
    const { config, parameters, files, problems } = await inspectModel(folder);
    const wrong = missing(subject, 'model');
    if (problems.length > 0)
      return problems.map((text) =>
        wrong(text, `see \`fleetune model check ${folder}\`; \`fleetune model pull\` fetches one`),
      );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return [
      ok(
        `${folder}: ${familyOf(config!).split(' (')[0]}, ${(parameters / 1e6).toFixed(1)} million parameters, ${bytesText(bytes)}`,
      ),
    ];
  },
};
