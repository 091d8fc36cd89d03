import { Graph } from './graph.js';
import { weightedLoss } from './loss.js';
import { type Blueprint, ids, partsOf, sourceMask, sourcePositions, targetPositions } from './parts.js';
import { crossKeysValues, decoder, encoder } from './t5.js';
import { gradients } from './walk.js';

/**
 * One training step: source, target and labels in, `loss` and `d:<name>` for each trained tensor out. Trained is the
 * adapter, or all weights where the blueprint is open.
 */
export function trainingGraph(blueprint: Blueprint): Graph {
  const g = new Graph();
  const parts = partsOf(g, blueprint);
  const mask = sourceMask(g);
  const memory = encoder(parts, ids(g, 'source', 'S'), sourcePositions(g, mask));
  const hidden = decoder(
    parts,
    ids(g, 'target', 'T'),
    targetPositions(g),
    crossKeysValues(parts, memory),
    mask,
  );
  const loss = weightedLoss(parts, hidden, { openHead: blueprint.open ?? false });
  g.output('loss', loss);
  const names = [...parts.inputs.keys()];
  const found = gradients(g, loss, [...parts.inputs.values()], blueprint.recompute);
  for (const [i, gradient] of found.entries()) g.output(`d:${names[i]}`, gradient);
  return g;
}
