import assert from 'node:assert/strict';
import { test } from 'node:test';
import { powerModel, powerModelProblem } from '../../device/settings.js';

test('a machine does not draw more at rest than with all cores at work', () => {
  const problem = powerModelProblem({ tdpWatts: 10, idleWatts: 12 });
  assert.match(problem!, /^idleWatts: 12 at rest, but tdpWatts 10 .* expected/);
  assert.equal(powerModelProblem({ tdpWatts: 10, idleWatts: 10 }), undefined);
  assert.equal(powerModelProblem({ tdpWatts: 0, idleWatts: 0 }), undefined);
  assert.match(powerModelProblem({ tdpWatts: 0, idleWatts: 5 })!, /tdpWatts 0/);
});

test('without a TDP there is no model of the power', () => {
  assert.equal(powerModel({ tdpWatts: 0, idleWatts: 0 }), undefined);
  assert.deepEqual(powerModel({ tdpWatts: 60, idleWatts: 10 }), { tdpWatts: 60, idleWatts: 10 });
});
