import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerSettings, start } from '../../broker/main.js';
import { checkSettings } from '../../schemas/settings.js';

const settingsOf = (raw: Record<string, unknown>) => checkSettings(brokerSettings, raw).settings;

test('an address that other machines reach is refused unless it is asked for', async () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.0.0.1.example.org'])
    await assert.rejects(start(settingsOf({ host, port: 0, wsPort: -1 })), {
      name: 'Refusal',
      message: /--insecure/,
    });
  const open = await start(settingsOf({ host: '0.0.0.0', port: 0, wsPort: -1, insecure: true }));
  await open.stop();
});

test('the broker starts on this machine only, with a WebSocket beside TCP', async () => {
  const broker = await start(settingsOf({ port: 0, wsPort: 0 }));
  assert.ok(broker.port > 0 && broker.wsPort > 0 && broker.port !== broker.wsPort);
  await broker.stop();
});

test('a web page that no browser would name so is refused, with the way to name it', async () => {
  for (const origin of ['x', 'example.org', 'https://example.org/'])
    await assert.rejects(start(settingsOf({ port: 0, wsPort: 0, origins: [origin] })), {
      name: 'Refusal',
      message: `--origins ${origin}: expected as https://example.org, and no more`,
    });
  const broker = await start(settingsOf({ port: 0, wsPort: 0, origins: ['https://example.org:8443'] }));
  await broker.stop();
});

test('a taken port is refused', async () => {
  const broker = await start(settingsOf({ port: 0, wsPort: -1 }));
  await assert.rejects(start(settingsOf({ port: broker.port, wsPort: -1 })), {
    name: 'Refusal',
    message: /is taken/,
  });
  await broker.stop();
  const again = await start(settingsOf({ port: broker.port, wsPort: -1 }));
  await again.stop();
});
