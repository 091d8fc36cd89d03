import type { Domain } from '../domain.js';

export const heating: Domain = {
  id: 'heating',
  desk: 'Heating service',
  objects: [
    'the boiler',
    'the {brand} boiler',
    'the air heater',
    'the {brand} heater',
    'the old heater',
    'the oil stove',
  ],
  places: [
    'in flat ##',
    'at ## {street}',
    'in the sports hall',
    'in classroom #',
    'in the {brand} bakery',
    'in {town}',
  ],
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
    {
      stated: 'shows an error',
      said: ['displays an error code', 'blinks with an error'],
      causes: [
        ['a missing flame', 'light the flame', 'site'],
        ['an unread message', 'confirm the message', 'remote'],
        ['a short circuit', 'insulate the wires', 'site'],
      ],
    },
  ],
  stopgaps: ['use the electric heater', 'move to the next room', 'keep the windows shut', 'wear a coat'],
  chatter: [
    ['A: What is the temperature?', 'C: ## degrees.'],
    ['C: We have small children here.'],
    ['A: Is there water on the floor?', 'C: No, it is dry.'],
    ['C: Last winter it was the same story.'],
    ['A: Who installed it?', 'C: A company called {brand}.'],
    ['C: The manual says {code}, whatever that means.'],
  ],
  delays: ['The part is sold out.', 'All teams are on the road.', 'We need a permit for it.'],
  relief: ['It is better already.', 'Yes, I can feel it.', 'Good, I hear the difference.'],
  summary: {
    visit: '{object} {place} {problem} because of {cause}. {actor} will {action} {when}.',
    done: '{object} {place} {problem} because of {cause}. {agent} {acted} for {caller}.',
    waiting: 'Because of {cause}, {caller} will {stopgap} until {agent} can {action} {when}.',
  },
};
