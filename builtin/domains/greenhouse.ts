import type { Domain } from '../domain.js';

/** Demo domain, in the convention of a shift handover: the place first, then what is open. */
export const greenhouse: Domain = {
  id: 'greenhouse',
  desk: 'Irrigation control',
  objects: [
    'the drip line',
    'the misting nozzle',
    'the nutrient mixer',
    'the dosing pump',
    'the roof sprinkler',
  ],
  places: ['in glasshouse #', 'over the tomatoes', 'in seedling bay ##', 'over the cucumbers', 'in tunnel #'],
  problems: [
    {
      stated: 'delivers no water',
      said: ['leaves the plants thirsty', 'has run dry'],
      causes: [
        ['algae in the strainer', 'scrub the strainer', 'site'],
        ['a kinked supply hose', 'reroute the supply hose', 'site'],
        ['a skipped schedule', 'rerun the schedule', 'remote'],
      ],
    },
    {
      stated: 'floods the beds',
      said: ['waters without end', 'has soaked the soil'],
      causes: [
        ['a jammed solenoid', 'swap the solenoid', 'site'],
        ['a false moisture value', 'recalibrate the moisture probe', 'remote'],
        ['a split manifold', 'glue the manifold', 'site'],
      ],
    },
    {
      stated: 'sprays unevenly',
      said: ['wets one side only', 'spits instead of misting'],
      causes: [
        ['chalky nozzles', 'soak the nozzles in vinegar', 'site'],
        ['a sagging pipe', 'prop up the pipe', 'site'],
      ],
    },
    {
      stated: 'overdoses fertiliser',
      said: ['gives too much fertiliser', 'burns the leaves with fertiliser'],
      causes: [
        ['a drifting acidity probe', 'rinse the acidity probe', 'site'],
        ['a mistyped recipe', 'overwrite the recipe', 'remote'],
        ['a swollen membrane', 'refit the membrane', 'site'],
      ],
    },
  ],
  stopgaps: ['water by hand', 'shade the seedlings', 'drain the trays'],
  chatter: [
    ['A: What is the humidity?', 'C: ## percent.'],
    ['C: The peppers look splendid, by the way.'],
    ['A: Have you seen any aphids?', 'C: Only a handful.'],
    ['C: The bumblebees arrived in crate #.'],
  ],
  delays: ['The grower association ships it by then.', 'The harvest keeps every hand busy.'],
  relief: ['The leaves recover.', 'The flow is steady.'],
  summary: {
    visit: 'Handover: {place}, {object} {problem}. Found: {cause}. Still open: {actor} to {action} {when}.',
    done: 'Handover: {place}, {object} {problem}. Found: {cause}. Settled: {agent} {acted}.',
    waiting: 'Handover: {place}, {object} {problem}. Still open: {action} {when}, {caller} to {stopgap}.',
  },
};
