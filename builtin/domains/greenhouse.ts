import type { Domain } from '../domain.js';

/** Demo domain, in the convention of a shift handover: the place first, then what is still open. */
export const greenhouse: Domain = {
  id: 'greenhouse',
  desk: 'Greenhouse watering',
  objects: [
    'the drip line',
    'the mist nozzle',
    'the nutrient mixer',
    'the dosing pump',
    'the roof sprinkler',
  ],
  places: ['in glasshouse #', 'over the tomatoes', 'in seedling bed ##', 'over the cucumbers', 'in tunnel #'],
  problems: [
    {
      stated: 'gives no water',
      said: ['leaves the plants thirsty', 'has run dry'],
      causes: [
        ['algae in the strainer', 'scrub the strainer', 'site'],
        ['a kinked hose', 'stretch the hose', 'site'],
        ['a skipped schedule', 'rerun the schedule', 'remote'],
      ],
    },
    {
      stated: 'floods the beds',
      said: ['waters without end', 'has soaked the soil'],
      causes: [
        ['a clogged solenoid', 'swap the solenoid', 'site'],
        ['a false moisture value', 'calibrate the moisture probe', 'remote'],
        ['a split seam', 'glue the seam', 'site'],
      ],
    },
    {
      stated: 'sprays unevenly',
      said: ['wets one side only', 'spits instead of misting'],
      causes: [
        ['chalk in the jets', 'soak the jets in vinegar', 'site'],
        ['a sagging gutter', 'prop the gutter', 'site'],
        ['a lopsided spray plan', 'balance the spray plan', 'remote'],
      ],
    },
    {
      stated: 'overdoses fertiliser',
      said: ['adds too much fertiliser', 'burns the leaves with fertiliser'],
      causes: [
        ['a drifting acid probe', 'dip the acid probe', 'site'],
        ['a mistyped recipe', 'retype the recipe', 'remote'],
        ['a tired membrane', 'refit the membrane', 'site'],
      ],
    },
  ],
  stopgaps: ['water by hand', 'shade the seedlings', 'drain the tubs'],
  chatter: [
    ['A: What is the humidity?', 'C: ## percent.'],
    ['C: The peppers look splendid, by the way.'],
    ['A: Have you seen any aphids?', 'C: Only a handful.'],
    ['C: The bumblebees came in crate ##.'],
  ],
  delays: ['The growers ship it late.', 'The harvest keeps every hand busy.'],
  relief: ['The leaves recover.', 'The flow is steady.'],
  summary: {
    visit: 'Handover {place}: {object} {problem}. Still open {when}, {actor}: {action}.',
    done: 'Handover {place}: {object} {problem}. Settled, {agent}: {cause}.',
    waiting: 'Handover {place}: {caller} to {stopgap}. Still open {when}: {action}.',
  },
};
