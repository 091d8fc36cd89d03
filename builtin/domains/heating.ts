import type { Domain } from '../domain.js';

export const heating: Domain = {
  id: 'heating',
  desk: 'Heating service',
  objects: ['the radiator', 'the boiler', 'the heat pump', 'the floor heating', 'the towel heater'],
  places: ['in flat ##', 'at ## {street}', 'in the sports hall', 'in classroom #', 'on floor #'],
  problems: [
    {
      stated: 'stays cold',
      said: ['does not get warm', 'is ice cold'],
      causes: [
        ['trapped air', 'bleed the pipes', 'site'],
        ['a closed valve', 'open the valve', 'site'],
        ['a holiday program', 'switch off the holiday program', 'remote'],
      ],
    },
    {
      stated: 'bangs at night',
      said: ['knocks all night', 'wakes everybody with its banging'],
      causes: [
        ['a loose bracket', 'fix the bracket', 'site'],
        ['too much pressure', 'lower the pressure', 'remote'],
        ['lime in the pipes', 'rinse the pipes', 'site'],
      ],
    },
    {
      stated: 'smells of oil',
      said: ['has a strong oil smell', 'stinks of oil'],
      causes: [
        ['a torn gasket', 'replace the gasket', 'site'],
        ['a blocked chimney', 'sweep the chimney', 'site'],
        ['a bad burner', 'exchange the burner', 'site'],
      ],
    },
    {
      stated: 'never turns off',
      said: ['heats day and night', 'runs without a break'],
      causes: [
        ['a broken thermostat', 'fit a new thermostat', 'site'],
        ['a wrong heating curve', 'correct the heating curve', 'remote'],
        ['a wrong clock', 'set the clock', 'remote'],
      ],
    },
  ],
  stopgaps: ['use the electric heater', 'move to the next room', 'keep the windows shut'],
  chatter: [
    ['A: What is the temperature?', 'C: ## degrees.'],
    ['C: We have small children here.'],
    ['A: Is there water on the floor?', 'C: No, it is dry.'],
    ['C: Last winter it was the same story.'],
  ],
  delays: ['The part is sold out.', 'All teams are on the road.'],
  relief: ['It is better already.', 'Yes, I can feel it.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} for {caller} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
